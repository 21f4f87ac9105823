import Foundation
import Testing

/// Prices and budgets that change while calls are made.
@Suite struct ReloadTests {
    @Test func anEditedPriceIsInTheNextCallsCostAndABrokenOneIsRefusedWithItsLine() throws {
        let gateway = try GatewayUnderTest(configuration: "budgets: { default: { daily: 100000, monthly: 100000 } }")
        try gateway.start()
        let person = "/pdl/v5/person/enrich?email=ada@example.com"
        let before = try gateway.get(person)
        #expect(before["X-Gateway-Cost"] == "0.28")
        let adapter = try gateway.read("plugins/pdl.yaml")
        // The examples are priced as well, so they change with the price.
        let dearer = adapter.replacing("person_match: 0.28", with: "person_match: 0.31")
        try gateway.write(dearer, to: "plugins/pdl.yaml")
        // Its own examples no longer hold: refused as a whole, and the old price stays.
        eventually("the refusal is reported") { gateway.log.contains { $0.contains("plugins/pdl.yaml:") && $0.contains("error") } }
        #expect(try gateway.get(person)["X-Gateway-Cost"] == "0.28")

        try gateway.write(adapter, to: "plugins/pdl.yaml")
        let config = try gateway.read("config.yaml")
        try gateway.write(config + "\nproviders: { pdl: { rates: [ { person_match: 0.31 } ] } }\n", to: "config.yaml")
        try eventually("the new price is charged") { try gateway.get(person)["X-Gateway-Cost"] == "0.31" }
        let after = try gateway.get(person)
        #expect(after["X-Gateway-Cost"] == "0.31")
        let version = try #require(after["X-Gateway-Price-Version"])
        #expect(version != before["X-Gateway-Price-Version"])
        let id = try #require(after["X-Gateway-Request-Id"])
        try eventually("the row names the new version") {
            try gateway.ledger("SELECT cost, priceVersion FROM api_cost_tracking WHERE id = '\(id)'") == [["0.31", version]]
        }
        #expect(try gateway.ledger("SELECT count(*) FROM price_versions WHERE version = '\(version)'") == [["1"]])

        try gateway.write(config + "\nproviders: { pdl: { rates: [ { person_match: many } ] } }\n", to: "config.yaml")
        let refused = try gateway.admin("POST", "/v1/reload")
        #expect(refused.status == 422)
        let problems = (refused.json["problems"] as? [String]) ?? []
        #expect(problems.contains { $0.contains(/config\.yaml:\d+:\d+: error:/) }, "\(problems)")
        #expect(try gateway.get(person)["X-Gateway-Cost"] == "0.31")
    }

    @Test func aSavedBudgetIsLiveAndSpendingIsKept() throws {
        let gateway = try GatewayUnderTest(configuration: "budgets: { workspaces: { acme: { daily: 0.30 } } }")
        try gateway.start()
        let person = "/pdl/v5/person/enrich?email=ada@example.com"
        #expect(try gateway.get(person).status == 200)
        let refused = try gateway.get(person)
        #expect(refused.status == 429)
        #expect(refused.json["reason"] as? String == "spent")
        #expect(refused["Retry-After"] != nil && refused["X-Should-Retry"] == "false")
        try gateway.write(
            try gateway.read("config.yaml").replacing("daily: 0.30", with: "daily: 0.60, timezone: Asia/Kolkata"), to: "config.yaml")
        try eventually("the raised budget is live") { try gateway.get("/_gateway/budget").body.contains("\"limit\":\"0.60\"") }
        try eventually("its books are loaded again") { try gateway.get("/_gateway/budget").json["state"] as? String != "unverified" }
        let after = try gateway.get(person)
        #expect(after.status == 200)
        #expect(after["X-Gateway-Spend-Daily"] == "0.56")
        #expect(after["X-Gateway-Reset-Daily"]?.hasSuffix("+05:30") == true)
        #expect(try gateway.get(person).status == 429)
    }

    @Test func anAdminTokenThatIsTakenAwayOpensNothingAnyMore() throws {
        let gateway = try GatewayUnderTest()
        try gateway.start()
        let bare = try gateway.read("config.yaml")
        func save(_ token: String) throws {
            try gateway.write(
                bare.replacing(/admin: \{ listen: (127\.0\.0\.1:\d+) \}/) { "admin: { listen: \($0.1), token: \(token) }" },
                to: "config.yaml")
        }
        func status(_ token: String) throws -> Int {
            try HTTPClient(port: gateway.adminPort).send("GET", "/v1/config", ["Authorization": "Bearer \(token)"]).status
        }
        try save("first")
        try eventually("the token is asked for") { try gateway.admin("GET", "/v1/config").status == 401 }
        #expect(try status("first") == 200)
        try save("second")
        try eventually("the new one opens") { try status("second") == 200 }
        #expect(try status("first") == 401)
    }

    @Test func theWatchCanBeTurnedOffAndOnAgain() throws {
        let gateway = try GatewayUnderTest(configuration: "reload: { watch: true }")
        try gateway.start()
        let watched = try gateway.read("config.yaml")
        func generation() throws -> Int { try gateway.admin("GET", "/v1/config").json["generation"] as? Int ?? 0 }
        try gateway.write(watched.replacing("watch: true", with: "watch: false"), to: "config.yaml")
        try eventually("it is off") { try generation() == 2 }
        try gateway.write(watched + "\non_tracker_error: closed\n", to: "config.yaml")
        let reloaded = try gateway.command("reload")
        #expect(reloaded.status == 0 && reloaded.output.contains("3"), "nobody else has taken it before: \(reloaded.output)")
        try gateway.write(watched, to: "config.yaml")
        try eventually("it is on again") { try generation() == 4 }
    }

    @Test func aRestartRemembersWhatWasSpent() throws {
        let gateway = try GatewayUnderTest(configuration: "budgets: { workspaces: { acme: { daily: 0.50 } } }")
        try gateway.start()
        #expect(try gateway.get("/pdl/v5/person/enrich?email=ada@example.com").status == 200)
        gateway.kill9()
        try gateway.write(
            try gateway.read("config.yaml").replacing(/listen: 127\.0\.0\.1:\d+/, with: "listen: 127.0.0.1:0"), to: "config.yaml")
        try gateway.start()
        let refused = try gateway.get("/pdl/v5/person/enrich?email=ada@example.com")
        #expect(refused.status == 429)
        #expect(refused["X-Gateway-Spend-Daily"] == "0.28")
        #expect(try gateway.ledger("SELECT count(*), sum(cost) FROM api_cost_tracking") == [["1", "0.28"]])
    }
}
