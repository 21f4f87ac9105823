import Foundation
import Loopback
import PostgresUnderTest
import Testing

/// A provider's true balance against the ledger of real gateways. What happens in seconds is moved to hours of the past, each piece to its own.
@Suite(.timeLimit(.minutes(3))) struct ReconciliationTests {
    private static let environment = ["ACME_API_KEY": "the-providers-secret"]
    private static let header = "{ header: x-credits-remaining, credits: { record: 20 } }"

    /// The start of an hour five hours ago.
    private let base = (Int64(Date().timeIntervalSince1970) / 3600 - 5) * 3600

    private func text(_ instant: Int64) -> String { ISO8601DateFormatter().string(from: Date(timeIntervalSince1970: Double(instant))) }

    /// Waits for the readings that have come since the last time, and moves them so that the first begins so many minutes after the hour.
    private func move(_ database: PostgresDatabase, _ count: Int, to minute: Int64) throws {
        let isFresh = #""startedAt" > now() - interval '1 hour'"#
        try eventually("\(count) readings are there") {
            try database.sql("SELECT count(*) FROM provider_readings WHERE \(isFresh)") == [["\(count)"]]
        }
        try database.sql(
            """
            WITH shift AS (SELECT min("startedAt") - to_timestamp(\(base + minute * 60)) AS past FROM provider_readings WHERE \(isFresh))
            UPDATE provider_readings SET "startedAt" = "startedAt" - past, "endedAt" = "endedAt" - past FROM shift WHERE \(isFresh)
            """)
    }

    private func hours(_ gateway: GatewayUnderTest, _ query: String = "") throws -> [[String: Any]] {
        try gateway.admin("GET", "/v1/reconciliation\(query)").json["hours"] as? [[String: Any]] ?? []
    }

    private func gateway(_ provider: CountingProvider, _ reconcile: String, _ configuration: String) throws -> GatewayUnderTest {
        try GatewayUnderTest(configuration: configuration, plugins: ["acme.yaml": provider.adapter(reconcile)], shippedPlugins: false)
    }

    @Test(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
    func twoGatewaysAKillAndATopUpAreNoDriftAndCallsBesideThemAreOneAlert() throws {
        let provider = try CountingProvider()
        let webhook = try WebhookUnderTest()
        let database = try PostgresServer.shared.database()
        let gateways = try (0..<2).map { _ in
            try gateway(
                provider, Self.header,
                "ledger: { url: \"\(database.url)\" }\nalerts: { webhooks: [ \(webhook.configuration("/ok")) ] }")
        }
        #expect(try gateways[0].command("migrate").status == 0)
        for gateway in gateways { try gateway.start(sandbox: false, environment: Self.environment) }
        func call(_ gateway: Int = 0) throws { #expect(try gateways[gateway].get("/acme/v1/1").status == 200) }

        try call()
        try move(database, 1, to: -10)
        // 32 callers at once, of both.
        let statuses = Gathered()
        let ports = gateways.map(\.port)
        DispatchQueue.concurrentPerform(iterations: 32) { number in
            let client = HTTPClient(port: ports[number % 2])
            for _ in 0..<4 { statuses.add((try? client.send("GET", "/acme/v1/1", ["X-Workspace-Id": "acme"]).status) ?? 0) }
        }
        #expect(statuses.all == [Int](repeating: 200, count: 128))
        try move(database, 128, to: 10)
        provider.change(by: 50_000)
        try call(1)
        try move(database, 1, to: 30)
        // Killed while calls are in flight, half of which have been counted.
        let hanging = try (0..<6).map { _ in try gateways[0].client() }
        for client in hanging { try client.send("GET /acme/v1/slow HTTP/1.1\r\nHost: g\r\nX-Workspace-Id: acme\r\n\r\n") }
        eventually("all are there") { provider.hanging == 6 }
        gateways[0].kill9()
        try gateways[0].start(sandbox: false, environment: Self.environment)
        try move(database, 6, to: 40)
        try call()
        try move(database, 1, to: 50)
        // In the next two hours somebody calls beside the gateways, and in the one after them nobody.
        for hour in 1...3 {
            try call()
            try move(database, 1, to: Int64(hour) * 60 + 20)
            if hour < 3 { provider.change(by: -500) }
            try call(1)
            try move(database, 1, to: Int64(hour) * 60 + 45)
        }

        // Each looks as soon as it starts.
        for gateway in gateways { #expect(gateway.stop() == 0) }
        for gateway in gateways { try gateway.start(sandbox: false, environment: Self.environment) }
        try eventually("the hours are compared") { try hours(gateways[1]).count == 4 }
        let all = try hours(gateways[1])
        #expect(all.map { $0["outcome"] as? String } == ["within", "beyond", "beyond", "top_up"])
        #expect(all.map { $0["hour"] as? String } == (0..<4).reversed().map { text(base + $0 * 3600) })
        let first = try #require(all.last)
        #expect(first["drift"] as? String == "0" && first["top_ups"] as? Int == 1 && (first["topped_up"] as? String ?? "").count == 5)
        // The calls at the kill may have been counted in it or in the hour after it, or never.
        let second = all[2]
        #expect(second["reported"] as? String == "540" && second["counted_low"] as? String == "40")
        #expect(second["counted_high"] as? String == "160" && second["drift"] as? String == "380" && second["bound"] as? String == "5.4")
        #expect(all[1]["drift"] as? String == "500" && all[0]["reported"] as? String == "40" && all[0]["drift"] as? String == "0")

        eventually("the alert arrives") { !webhook.posts(at: "/ok").isEmpty }
        let alert = try #require(webhook.posts(at: "/ok").first)
        #expect(alert.isVerified)
        #expect(
            Set(alert.alert.keys) == [
                "id", "scope", "provider", "level", "window", "from", "to", "counted", "reported", "drift", "bound", "top_ups",
            ])
        let texts = ["scope", "provider", "level", "window", "counted", "reported", "drift", "bound"].map { alert.alert[$0] as? String }
        #expect(texts == ["reconciliation", "acme", "warning", "hour", "160", "540", "380", "5.4"])
        let listed = try #require(try gateways[0].admin("GET", "/v1/alerts").json["alerts"] as? [[String: Any]])
        #expect(listed.count == 1 && listed[0]["id"] as? String == alert.id && listed[0]["deliveries"] != nil)
        let texted = gateways.flatMap(\.log).filter { $0.contains("own count") }
        #expect(texted.count == 1 && texted[0].contains("drift=380"), "\(texted)")

        // Once, over all gateways and restarts.
        gateways[0].kill9()
        try gateways[0].start(sandbox: false, environment: Self.environment)
        try eventually("it has looked") {
            try gateways[0].admin("GET", "/metrics").body.contains(#"gateway_reconciliation_reported{provider="acme",pool=""} 40"#)
        }
        let metrics = try gateways[0].admin("GET", "/metrics").body
        #expect(metrics.contains(#"gateway_reconciliation_drift{provider="acme",pool=""} 0"#))
        #expect(webhook.posts(at: "/ok").count == 1)
        #expect(try database.sql("SELECT count(*) FROM budget_alerts") == [["1"]])
        try pages(gateways[0])
        for gateway in gateways { #expect(gateway.stop() == 0) }
        #expect(!gateways.flatMap(\.log).joined().contains("the-providers-secret"))
        #expect(try database.sql("SELECT count(*), sum(cost) FROM api_cost_tracking") == [["143", "1.430000000"]])
    }

    private func pages(_ gateway: GatewayUnderTest) throws {
        var (cursor, seen) = ("", [String]())
        repeat {
            let page = try gateway.admin("GET", "/v1/reconciliation?limit=3\(cursor)").json
            seen += (page["hours"] as? [[String: Any]] ?? []).compactMap { $0["hour"] as? String }
            cursor = (page["next"] as? String).map { "&cursor=\($0)" } ?? ""
        } while !cursor.isEmpty
        #expect(seen.count == 4 && seen == seen.sorted(by: >))
        #expect(try hours(gateway, "?provider=other").isEmpty && hours(gateway, "?provider=acme&from=\(text(base + 7200))").count == 2)
        for wrong in ["limit=0", "cursor=x", "cursor=1.acme", "cursor=01.acme.", "cursor=1.ACME.", "from=soon", "provider=", "pool=x"] {
            #expect(try gateway.admin("GET", "/v1/reconciliation?\(wrong)").status == 400, "\(wrong)")
        }
    }

    /// With an SQLite ledger: a poll that fails is counted and told without secrets, and one that is answered becomes a reading.
    @Test func aUsageEndpointIsAskedWithTheProvidersCredentials() throws {
        let provider = try CountingProvider()
        let gateway = try gateway(
            provider, "{ usage: { path: /account/usage, remaining: $.credits.remaining }, credits: { record: 20 } }", "")
        provider.answerUsage("503 Service Unavailable", #"{"error": "the-providers-secret"}"#)
        try gateway.start(sandbox: false, environment: Self.environment)
        func polls(_ outcome: String) throws -> Bool {
            try gateway.admin("GET", "/metrics").body.contains("gateway_reconciliation_polls_total{outcome=\"\(outcome)\"} 1")
        }
        try eventually("it has been asked in vain") { try polls("failed") }
        #expect(try gateway.get("/acme/v1/1").status == 200)
        try eventually("the call is there") { try gateway.ledger("SELECT count(*) FROM provider_readings") == [["1"]] }
        #expect(gateway.stop() == 0)
        #expect(gateway.log.contains { $0.contains("does not tell its balance") && $0.contains("answered 503") })
        #expect(!gateway.log.joined().contains("the-providers-secret"))
        provider.answerUsageTruly()
        try gateway.start(sandbox: false, environment: Self.environment)
        try eventually("it has been answered") { try polls("answered") }
        let readings = #"SELECT "pool", "low", "high", "remaining" FROM provider_readings ORDER BY "remaining" IS NULL"#
        try eventually("the balance is there") {
            try gateway.ledger(readings) == [["", "0", "0", "999980000000"], ["", "20000000", "20000000", ""]]
        }
        #expect(provider.questions.count == 2)
        #expect(provider.questions.allSatisfy { $0.contains("GET /account/usage HTTP/1.1") && $0.contains("the-providers-secret") })
        // A poll is no call: no row and no budget.
        #expect(try gateway.ledger("SELECT count(*) FROM api_cost_tracking") == [["1"]])
        #expect(gateway.stop() == 0)
    }

    @Test func answersWithoutTheirBalanceAreCountedAndToldOnce() throws {
        let provider = try CountingProvider()
        let gateway = try gateway(provider, "{ header: x-credits-of-last-year, credits: { record: 20 } }", "")
        try gateway.start(sandbox: false, environment: Self.environment)
        for _ in 0..<3 { #expect(try gateway.get("/acme/v1/1").status == 200) }
        let metric = #"gateway_reconciliation_unreadable_balances_total{provider="acme"} 3"#
        #expect(try gateway.admin("GET", "/metrics").body.contains(metric))
        #expect(gateway.stop() == 0)
        let told = gateway.log.filter { $0.contains("answer does not tell its balance") }
        #expect(told.count == 1 && told[0].contains("x-credits-of-last-year"), "\(told)")
    }

    /// The sandbox answers with balances of examples, of which none follows from another.
    @Test func theSandboxComparesNothing() throws {
        let gateway = try GatewayUnderTest()
        try gateway.start()
        #expect(try gateway.get("/pdl/v5/person/enrich?email=ada@example.com").status == 200)
        try eventually("the row is there") { try gateway.ledger("SELECT count(*) FROM api_cost_tracking") == [["1"]] }
        #expect(try gateway.ledger("SELECT count(*) FROM provider_readings") == [["0"]] && hours(gateway).isEmpty)
        #expect(gateway.stop() == 0)
    }
}

/// What threads add to.
private final class Gathered: @unchecked Sendable {
    // The lock guards it.
    private let lock = NSLock()
    private var values: [Int] = []

    func add(_ value: Int) { lock.withLock { values.append(value) } }
    var all: [Int] { lock.withLock { values } }
}
