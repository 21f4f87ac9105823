import Foundation
import Loopback
import PostgresUnderTest
import Testing

/// Alerts from the call that crosses a threshold to the receiver that verifies their signature, on the real executable.
@Suite(.timeLimit(.minutes(2))) struct AlertTests {
    private static let person = "/pdl/v5/person/enrich?email=ada@example.com"

    /// Calls that cost 0.28 each.
    private func spend(_ gateway: GatewayUnderTest, calls: Int, workspace: String = "acme") throws {
        for _ in 0..<calls { #expect(try gateway.get(Self.person, ["X-Workspace-Id": workspace]).status == 200) }
    }

    /// The other gateway may have leased what is left, and gives it back when it is asked.
    private func spendShared(_ gateway: GatewayUnderTest) throws {
        try eventually("there is room") {
            let reply = try gateway.get(Self.person)
            #expect(reply.status == 200 || reply.body.contains(#""reason":"held""#), "\(reply.body)")
            return reply.status == 200
        }
    }

    private func alerts(_ gateway: GatewayUnderTest, _ query: String = "") throws -> [[String: Any]] {
        try gateway.admin("GET", "/v1/alerts\(query)").json["alerts"] as? [[String: Any]] ?? []
    }

    private func levels(_ gateway: GatewayUnderTest, _ query: String = "") throws -> [String] {
        try alerts(gateway, query).map { $0["level"] as? String ?? "" }
    }

    private func deliveries(_ alert: [String: Any]?) -> [[String: Any]] { alert?["deliveries"] as? [[String: Any]] ?? [] }

    /// Warnings about budgets in the log.
    private func lines(_ gateway: GatewayUnderTest) -> [String] {
        gateway.log.filter { $0.contains(" warning ") && $0.contains("resets_at=") }
    }

    @Test func eachThresholdOnceSignedAndShownAndARaisedLimitArmsAgain() throws {
        let webhook = try WebhookUnderTest()
        let gateway = try GatewayUnderTest(
            configuration: """
                budgets: { default: { daily: 1, monthly: 100, timezone: Asia/Tokyo, users: { ada: { daily: 0.29 } } } }
                alerts: { webhooks: [ \(webhook.configuration("/ok?key=hidden")) ] }
                """)
        try gateway.start()
        try spend(gateway, calls: 2)
        // From 56 to 84 per cent, and for a user of hers from nothing to 97.
        #expect(try gateway.get(Self.person, ["X-Workspace-Id": "acme", "X-User-Id": "ada"]).status == 200)
        eventually("both arrive") { webhook.posts(at: "/ok?key=hidden").count == 2 }
        let posts = webhook.posts(at: "/ok?key=hidden")
        #expect(posts.allSatisfy { $0.isVerified && $0.type == "application/json" })
        let warning = try #require(posts.first { $0.level == "warning" }?.alert)
        #expect(
            Set(warning.keys) == [
                "id", "workspace", "scope", "window", "level", "threshold", "limit", "spent", "refused", "resets_at", "top", "runs_out_at",
            ])
        let texts = ["workspace", "scope", "window", "limit", "spent"].map { warning[$0] as? String }
        #expect(texts == ["acme", "workspace", "daily", "1.00", "0.84"] && warning["threshold"] as? Int == 80)
        #expect(warning["top"] as? [[String: String]] == [["provider": "pdl", "spent": "0.84"]])
        #expect((warning["resets_at"] as? String)?.hasSuffix("T00:00:00+09:00") == true)
        let users = try #require(posts.first { $0.level == "critical" }?.alert)
        #expect(users["scope"] as? String == "user" && users["name"] as? String == "ada" && users["spent"] as? String == "0.28")
        #expect(users["top"] as? [[String: String]] == [["provider": "pdl", "spent": "0.28"]])

        // The next does not fit into what is left: the first refusal is an emergency, and those after it are none.
        for _ in 0..<3 { #expect(try gateway.get(Self.person).status == 429) }
        eventually("the emergency arrives") { webhook.posts(at: "/ok?key=hidden").count == 3 }
        let emergency = try #require(webhook.posts(at: "/ok?key=hidden").first { $0.level == "emergency" }?.alert)
        #expect(emergency["refused"] as? Bool == true && emergency["spent"] as? String == "0.84" && emergency["threshold"] as? Int == 100)

        // 84 of 120 is 70 per cent; the next call brings it to 93.
        try gateway.write(try gateway.read("config.yaml").replacing("daily: 1,", with: "daily: 1.20,"), to: "config.yaml")
        try eventually("reloaded") { try gateway.admin("GET", "/v1/workspaces/acme/budget").body.contains(#""limit":"1.20""#) }
        try spend(gateway, calls: 1)
        eventually("armed again") { webhook.posts(at: "/ok?key=hidden").count == 4 }
        let again = try #require(webhook.posts(at: "/ok?key=hidden").last?.alert)
        #expect(again["level"] as? String == "warning" && again["limit"] as? String == "1.20" && again["spent"] as? String == "1.12")

        try eventually("all are acknowledged") {
            try alerts(gateway).allSatisfy { deliveries($0).map { $0["state"] as? String } == ["acknowledged"] }
        }
        #expect(
            try levels(gateway) == ["warning", "emergency", "critical", "warning"]
                || levels(gateway) == ["warning", "emergency", "warning", "critical"])
        let newest = try #require(try alerts(gateway, "?limit=1").first)
        #expect(newest["id"] as? String == again["id"] as? String && newest["created_at"] != nil && newest["top"] != nil)
        let delivery = try #require(deliveries(newest).first)
        #expect(delivery["attempts"] as? Int == 1 && delivery["host"] as? String == "127.0.0.1:\(webhook.port)")
        #expect(delivery["next_attempt_at"] is NSNull && delivery["acknowledged_at"] is String)
        try filters(gateway)
        #expect(lines(gateway).count == 4, "\(gateway.log)")
        let metrics = try gateway.admin("GET", "/metrics").body
        #expect(metrics.contains(#"gateway_alerts_total{level="emergency",scope="workspace",window="daily"} 1"#))
        #expect(metrics.contains(#"gateway_alerts_total{level="critical",scope="user",window="daily"} 1"#))
        #expect(metrics.contains(#"gateway_alert_deliveries_total{outcome="acknowledged"} 4"#))
        let shown = try gateway.admin("GET", "/v1/config").body
        #expect(shown.contains(#""thresholds":{"warning":80,"critical":95,"emergency":100}"#) && shown.contains(#""secret":"•••""#))
        let everywhere = shown + metrics + gateway.log.joined() + (try gateway.admin("GET", "/v1/alerts").body)
        #expect(!everywhere.contains(webhook.secret) && !everywhere.contains("key=hidden"))
        #expect(gateway.stop() == 0)
    }

    private func filters(_ gateway: GatewayUnderTest) throws {
        var (cursor, seen) = ("", [String]())
        repeat {
            let page = try gateway.admin("GET", "/v1/alerts?limit=3\(cursor)").json
            seen += (page["alerts"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
            cursor = (page["next"] as? String).map { "&cursor=\($0)" } ?? ""
        } while !cursor.isEmpty
        #expect(seen.count == 4 && seen == seen.sorted(by: >))
        #expect(try levels(gateway, "?level=emergency&workspace=acme") == ["emergency"])
        #expect(try levels(gateway, "?workspace=other") == [] && levels(gateway, "?from=2999-01-01") == [])
        #expect(try levels(gateway, "?from=2020-01-01T00:00:00Z").count == 4)
        for wrong in ["limit=0", "limit=1001", "limit=x", "level=fatal", "from=yesterday", "cursor=x", "level=", "workspace="] {
            let reply = try gateway.admin("GET", "/v1/alerts?\(wrong)")
            #expect(reply.status == 400 && reply["Content-Type"] == "application/problem+json", "\(wrong)")
        }
    }

    @Test func aWebhookThatMisbehavesHarmsAndDelaysNoOther() throws {
        let webhook = try WebhookUnderTest()
        let nobody = try ReservedPort()
        let gateway = try GatewayUnderTest(
            configuration: """
                budgets: { default: { daily: 0.28 } }
                alerts:
                  webhooks:
                    - { url: "http://127.0.0.1:\(nobody.number)/?key=hidden", secret: x }
                    - { url: "https://127.0.0.1:\(webhook.port)/ok", secret: x }
                    - \(webhook.configuration("/hang"))
                    - \(webhook.configuration("/garbage"))
                    - \(webhook.configuration("/redirect"))
                    - \(webhook.configuration("/500"))
                    - \(webhook.configuration("/endless"))
                    - \(webhook.configuration("/wrong", signedWith: "another secret"))
                    - \(webhook.configuration("/ok"))
                """)
        try gateway.start()
        // More than there is room for at the webhook that hangs.
        for number in 0..<12 { try spend(gateway, calls: 1, workspace: "w\(number)") }
        eventually("the good one has all of them") { Set(webhook.posts(at: "/ok").map(\.id)).count == 12 }
        #expect(webhook.posts(at: "/ok").allSatisfy(\.isVerified) && webhook.posts(at: "/hang").count < 12)
        try eventually("an endless answer is an acknowledgement, and others fail and are tried again") {
            try alerts(gateway).allSatisfy { alert in
                let states = deliveries(alert).map { $0["state"] as? String }
                return states.count { $0 == "acknowledged" } == 3 && states.count { $0 == "waiting" } == 6
            } && webhook.posts(at: "/500").count > 12
        }
        let errors = Set(try alerts(gateway).flatMap { deliveries($0) }.compactMap { ($0["last_error"] as? String)?.prefix(11) })
        #expect(errors.isSuperset(of: ["answered 50", "answered 30", "unreachable"]), "\(errors)")
        #expect(!(try gateway.admin("GET", "/v1/alerts").body + gateway.log.joined()).contains("hidden"))
        #expect(webhook.posts(at: "/stolen").isEmpty, "a redirect is not followed")
        #expect(webhook.posts(at: "/wrong").allSatisfy { !$0.isVerified } && !webhook.posts(at: "/wrong").isEmpty)
        // Calls go on as ever, and the gateway stops at once.
        try spend(gateway, calls: 1, workspace: "another")
        #expect(gateway.stop() == 0)
    }

    @Test func whatIsNotDeliveredSurvivesKillsAndIsDeliveredWhenTheWebhookIsBack() throws {
        let webhook = try WebhookUnderTest()
        try webhook.answer(503)
        let gateway = try GatewayUnderTest(
            configuration: """
                budgets: { default: { daily: 1.12 } }
                alerts: { webhooks: [ \(webhook.configuration("/switch")) ] }
                """)
        try gateway.start()
        try spend(gateway, calls: 4)
        // Killed at once: whether it has been raised or not, it is raised once.
        gateway.kill9()
        try gateway.start()
        try eventually("raised") { try levels(gateway) == ["emergency"] }
        eventually("tried in vain") { webhook.posts(at: "/switch").count > 1 }
        gateway.kill9()
        webhook.stop()
        try gateway.start()
        try eventually("nobody is there") {
            let error = deliveries(try alerts(gateway).first).first?["last_error"] as? String
            return error?.hasPrefix("unreachable") == true
        }
        try webhook.answer(200)
        try webhook.start()
        try eventually("delivered", within: 40) { deliveries(try alerts(gateway).first).first?["state"] as? String == "acknowledged" }
        let posts = webhook.posts(at: "/switch")
        #expect(Set(posts.map(\.id)).count == 1 && posts.allSatisfy(\.isVerified))
        #expect(Set(posts.map { "\($0.alert)" }).count == 1, "the same text with every try")
        try gateway.write(try gateway.read("config.yaml") + "\n# saved", to: "config.yaml")
        #expect(try levels(gateway) == ["emergency"] && gateway.stop() == 0)
        try gateway.start()
        try spend(gateway, calls: 1, workspace: "other")
        try eventually("a look later") { try gateway.ledger("SELECT count(*) FROM api_cost_tracking") == [["5"]] }
        #expect(try levels(gateway) == ["emergency"], "a restart raises nothing anew")
    }

    @Test(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
    func gatewaysThatShareABudgetRaiseOneAlertTogether() throws {
        let webhook = try WebhookUnderTest()
        let database = try PostgresServer.shared.database()
        let gateways = try (0..<2).map { _ in
            try GatewayUnderTest(
                configuration: """
                    ledger: { url: "\(database.url)" }
                    budgets: { default: { daily: 2.80, monthly: 500 } }
                    alerts: { webhooks: [ \(webhook.configuration("/ok")) ] }
                    """)
        }
        let (first, second) = (gateways[0], gateways[1])
        #expect(try first.command("migrate").status == 0)
        for gateway in gateways { try gateway.start() }
        // Neither has spent as much as 80 per cent; both together have.
        for _ in 0..<4 { for gateway in gateways { try spendShared(gateway) } }
        eventually("the warning arrives") { webhook.posts(at: "/ok").map(\.level) == ["warning"] }
        let warning = try #require(webhook.posts(at: "/ok").first)
        #expect(warning.isVerified && warning.alert["spent"] as? String == "2.24")
        #expect(warning.alert["top"] as? [[String: String]] == [["provider": "pdl", "spent": "2.24"]])
        for gateway in gateways { #expect(try levels(gateway) == ["warning"]) }
        for gateway in gateways { try spendShared(gateway) }
        eventually("the emergency arrives") { webhook.posts(at: "/ok").map(\.level) == ["warning", "emergency"] }
        for gateway in gateways { #expect(try gateway.get(Self.person).status == 429) }

        // A gateway has spent and is gone for good: another one raises what it could not.
        first.kill9()
        try database.sql(
            """
            INSERT INTO budget_accounts SELECT 'gone', "scope", "scopeId", "windowStart", "windowEnd", 2700000000, 2700000000
            FROM budget_accounts WHERE "workspaceId" = 'acme' AND "windowEnd" - "windowStart" < '2 days'
            """)
        eventually("its alert arrives") { webhook.posts(at: "/ok").contains { $0.alert["workspace"] as? String == "gone" } }
        try first.start()
        try spend(first, calls: 1, workspace: "other")
        #expect(try levels(second, "?workspace=acme") == ["emergency", "warning"] && levels(first, "?workspace=gone") == ["critical"])
        let posts = webhook.posts(at: "/ok")
        #expect(posts.count == 3 && Set(posts.map(\.id)).count == 3)
        for gateway in gateways { #expect(gateway.stop() == 0) }
        #expect(gateways.map { lines($0).count }.reduce(0, +) == 3)
        #expect(try database.sql("SELECT count(*) FROM budget_alerts") == [["3"]])
    }

    @Test(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed")) func alertsWaitForALedgerThatIsAway() throws {
        let webhook = try WebhookUnderTest()
        let server = try PostgresServer()
        let database = try server.database()
        let gateway = try GatewayUnderTest(
            configuration: """
                ledger: { url: "\(database.url)" }
                budgets: { default: { daily: 2.80 } }
                alerts: { thresholds: { warning: 15 }, webhooks: [ \(webhook.configuration("/ok")) ] }
                """)
        #expect(try gateway.command("migrate").status == 0)
        try gateway.start()
        try spend(gateway, calls: 1)
        try eventually("the row arrives") { try database.sql("SELECT count(*) FROM api_cost_tracking") == [["1"]] }
        server.stop()
        // Over one threshold, then over all of them.
        try spend(gateway, calls: 9)
        try eventually("it is noticed") { try gateway.admin("GET", "/readyz").body.contains(#""ledger":{"status":"failing""#) }
        #expect(try gateway.admin("GET", "/v1/alerts").status == 503)
        #expect(webhook.posts(at: "/ok").isEmpty)
        try server.start()
        eventually("raised and delivered, once", within: 40) { webhook.posts(at: "/ok").map(\.level) == ["emergency"] }
        #expect(webhook.posts(at: "/ok").first?.alert["spent"] as? String == "2.80")
        #expect(gateway.stop() == 0)
        server.stop()
    }
}
