import GatewayCore
import Testing

/// An alert's text, its signature, and when a delivery is tried again.
@Suite struct AlertPostingTests {
    private func sighting(_ scope: BudgetScope = .workspace, _ name: String = "", offset: Int = 0) -> AlertSighting {
        let window = Window(kind: .daily, start: monday, end: monday.adding(seconds: 86_400), offsetAtEnd: offset)
        return AlertSighting(
            account: AccountKey(workspace: "acme", scope: scope, name: name, start: window.start, end: window.end), window: window,
            level: .critical, threshold: Exact(95), limit: .cents(100), spent: Money(nanos: 956_000_001),
            runsOutAt: monday.adding(seconds: 3 * 3600 + 59))
    }

    @Test func whatAWebhookGets() {
        let id = CallID(high: 1, low: 2)
        let top = (0..<7).map { ProviderSpending(provider: "p\($0)", spent: .cents(9 - $0)) }
        let alert = BudgetAlert(sighting(offset: -18_000), id: id, top: Array(top[..<2]), at: monday)
        #expect(
            alert.body
                == """
                {"id":"00000000000000G0000000002","workspace":"acme","scope":"workspace","window":"daily","level":"critical",\
                "threshold":95,"limit":"1.00","spent":"0.956000001","refused":false,"resets_at":"2026-11-24T00:20:00-05:00",\
                "top":[{"provider":"p0","spent":"0.09"},{"provider":"p1","spent":"0.08"}],"runs_out_at":"2026-11-23T03:00:00-05:00"}
                """.replacing("00000000000000G0000000002", with: id.description))
        var other = sighting(.user, "ada \"l\"")
        other.runsOutAt = nil
        let body = BudgetAlert(other, id: id, top: top, at: monday).body
        #expect(body.contains(#""scope":"user","name":"ada \"l\"","window""#) && body.hasSuffix(#""runs_out_at":null}"#))
        #expect(body.contains(#""p4""#) && !body.contains(#""p5""#), "five at the most")
    }

    @Test func whatWasSpentGoesToProvidersTheMostFirst() {
        let account = sighting(.user, "ada").account
        func row(_ provider: String, _ user: String, _ cents: Int64) -> SpendRow {
            SpendRow(workspace: "acme", provider: provider, user: user, sums: CallSums(calls: 1, cost: .cents(cents)))
        }
        func record(_ workspace: String, _ provider: String, _ user: String?, _ cents: Int64, at instant: Timestamp) -> CostRecord {
            CostRecord(
                id: CallID(high: 1, low: 1), workspace: workspace, user: user, provider: provider, cost: .cents(cents), basis: .table,
                estimate: .zero, success: true, createdAt: instant, day: monday)
        }
        let sums = [row("p", "ada", 5), row("q", "ada", 7), row("r", "bob", 9), row("s", "ada", 0)]
        let recent = [
            record("acme", "p", "ada", 3, at: monday), record("acme", "p", "bob", 50, at: monday),
            record("beta", "p", "ada", 50, at: monday), record("acme", "p", "ada", 50, at: account.end),
            record("acme", "p", nil, 50, at: monday),
        ]
        #expect(
            ProviderSpending.top(of: account, sums, recent: recent) == [
                ProviderSpending(provider: "p", spent: .cents(8)), ProviderSpending(provider: "q", spent: .cents(7)),
            ])
    }

    /// `hmac.new(b"s3cret", b"1795411200." + body, "sha256").hexdigest()`, by Python.
    @Test func theSignatureIsThatOfTheInstantAndTheBody() {
        #expect(
            AlertSignature.value(of: Array(#"{"id":"x"}"#.utf8), secret: Secret("s3cret"), at: monday)
                == "t=1795411200,v1=c5577de2837272ccf9930c28b06afa4189b5d4de09386e8bb51033a6643b250b")
    }

    @Test(arguments: [
        ("https://hooks.example.com/x?y=1", "https://hooks.example.com", "/x?y=1", "hooks.example.com"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000", "/", "127.0.0.1:9000"),
        ("https://[::1]:9/a//b/", "https://[::1]:9", "/a//b/", "[::1]:9"),
        ("https://hooks.example.com?key=1", "https://hooks.example.com", "/?key=1", "hooks.example.com"),
    ])
    func aWebhooksAddressBecomesARequest(_ url: String, _ base: String, _ target: String, _ place: String) {
        let webhook = AlertSettings.Webhook(url: Secret(url), secret: Secret("k"))
        let request = webhook.request("{}", at: monday)
        #expect(request.route.baseURL == base && request.target == target && webhook.place == place && request.method == "POST")
        #expect(request.headers.first("content-type") == "application/json")
        #expect(request.headers.first("x-gateway-signature")?.hasPrefix("t=1795411200,v1=") == true)
        #expect(request.route.total < DeliveryRetry.claim * 1000, "a try ends before its claim")
    }

    @Test func triesComeLaterAndLater() {
        func pause(_ attempts: Int, _ chance: Double) -> Int64 {
            DeliveryRetry.instant(after: attempts, chance: chance, at: monday).microseconds - monday.microseconds
        }
        #expect((1...4).map { pause($0, 0) } == [1_000_000, 2_000_000, 4_000_000, 8_000_000])
        #expect((1...4).map { pause($0, 1) } == [500_000, 1_000_000, 2_000_000, 4_000_000])
        #expect([12, 13, 1000, .max].map { pause($0, 0) } == [2_048_000_000, 3_600_000_000, 3_600_000_000, 3_600_000_000])
        #expect(pause(0, 0) == 1_000_000 && pause(1, -1) == 1_000_000 && pause(1, 7) == 500_000)
    }
}
