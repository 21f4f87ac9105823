import Foundation
import Loopback
import Testing

/// The suggested order of providers, over real sockets: three whose hit rates and prices are known.
@Suite(.timeLimit(.minutes(2))) struct WaterfallOrderTests {
    private struct Provider {
        var name: String
        var price: String
        /// Whether it knows a person, so that what one knows says nothing of what another knows.
        var knows: @Sendable (Int) -> Bool
    }

    private static let providers = [
        Provider(name: "dear", price: "0.50") { ($0 / 20) % 10 < 9 }, Provider(name: "middling", price: "0.10") { ($0 / 4) % 5 < 3 },
        Provider(name: "cheap", price: "0.02") { $0 % 4 == 0 },
    ]
    private static let people = 200

    /// Each call is charged, whether anybody is found or not.
    private static func adapter(_ provider: Provider, url: String) -> String {
        """
        adapter: 1
        provider: \(provider.name)
        title: \(provider.name)
        upstream: { url: "\(url)/\(provider.name)" }
        prices:
          - { effective: 2026-01-01, source: "https://\(provider.name).example/pricing", checked: 2026-01-01, rates: [ { call: \(provider.price) } ] }
        operations:
          - name: find
            match: { method: GET, path: "/people/{id}" }
            entity: person
            charge: { call: 1 }
            estimate: { call: 1 }
            normalize: { entity: person, root: $.person, fields: { email: $.email, emailQualityGrade: $.grade } }
        enrich:
          person: { operation: find, when: [[email]], request: { method: GET, path: "/people/{email}" } }
        examples:
          - name: one
            request: { method: GET, path: /people/1 }
            response: { status: 200, body: {} }
            expect: { operation: find, cost: "\(provider.price)" }
        """
    }

    private func waterfall(_ gateway: GatewayUnderTest, _ query: String) throws -> [String: Any] {
        let reply = try gateway.admin("GET", "/v1/waterfall?\(query)")
        #expect(reply.status == 200, "\(reply.body)")
        return reply.json
    }

    private func order(_ answer: [String: Any], _ name: String) -> [String] {
        (answer[name] as? [String: Any])?["order"] as? [String] ?? []
    }

    private func expected(_ answer: [String: Any], _ name: String) throws -> Double {
        let order = answer[name] as? [String: Any]
        return try #require(Double(order?["expected_cost"] as? String ?? ""))
    }

    /// Asks for everybody; returns what it costs in cents, and how many are found.
    private func askForAll(_ gateway: GatewayUnderTest) throws -> (cents: Int, found: Int) {
        var (cents, found) = (0, 0)
        for person in 0..<Self.people {
            let reply = try gateway.send(
                "POST", "/_gateway/enrich/person",
                body: #"{"match": {"email": "\#(person)@x.example"}, "want": ["email"], "minQuality": 80}"#)
            cents += Int(((reply["X-Gateway-Cost"].flatMap(Double.init) ?? 0) * 100).rounded())
            if reply.json["satisfied"] as? Bool == true { found += 1 }
        }
        return (cents, found)
    }

    @Test func theCheapestOrderIsSaidAndCostsLess() throws {
        let server = try ScriptedServer { request in
            let path = request.head.split(separator: " ")[1].split(separator: "/").map(String.init)
            let person = path.last.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
            let knows = Self.providers.first { $0.name == path.first }?.knows(person) == true
            return response(
                "200 OK", knows ? #"{"person": {"email": "x@x.example", "grade": "A"}}"# : "{}", "Content-Type: application/json")
        }
        let plugins = Dictionary(uniqueKeysWithValues: Self.providers.map { ("\($0.name).yaml", Self.adapter($0, url: server.url)) })
        let gateway = try GatewayUnderTest(
            configuration: """
                enrich: { person: [dear, middling, cheap] }
                budgets: { default: { daily: 100000, monthly: 1000000 } }
                """, plugins: plugins, shippedPlugins: false)
        try gateway.start(sandbox: false)
        #expect(try gateway.admin("GET", "/v1/waterfall?entity=company").status == 404)

        // Nothing is known yet: nothing is changed.
        let nothing = try waterfall(gateway, "entity=person&want=email")
        #expect(order(nothing, "suggested") == ["dear", "middling", "cheap"] && nothing["rows"] as? Int == 0)

        // Calls made directly, of which some ask for records and some do not.
        for person in 0..<Self.people {
            for provider in Self.providers {
                let headers = ["X-Workspace-Id": "acme"].merging(person % 2 == 0 ? ["X-Gateway-Normalize": "true"] : [:]) { $1 }
                #expect(try gateway.get("/\(provider.name)/people/\(person)", headers).status == 200)
            }
        }
        try eventually("all rows") { try gateway.ledger("SELECT count(*) FROM api_cost_tracking") == [["600"]] }
        let answer = try waterfall(gateway, "entity=person&want=email&minQuality=80&days=1")
        #expect(
            order(answer, "configured") == ["dear", "middling", "cheap"] && order(answer, "suggested") == ["cheap", "middling", "dear"])
        #expect(answer["rows"] as? Int == 600 && answer["complete"] as? Bool == true && answer["min_quality"] as? Int == 80)
        #expect(answer["yaml"] as? String == "enrich: { person: [cheap, middling, dear] }")
        let providers = try #require(answer["providers"] as? [[String: Any]])
        #expect(providers.map { $0["satisfied"] as? Int } == [50, 120, 180] && providers.map { $0["calls"] as? Int } == [200, 200, 200])
        #expect(providers.map { $0["rate"] as? String } == ["0.2500", "0.6000", "0.9000"])
        #expect(providers.map { $0["mean_cost"] as? String } == ["0.02", "0.10", "0.50"])
        #expect(providers[1]["reason"] as? String == "answers 60 % at $0.10: $0.1669 a hit")
        #expect(providers.allSatisfy { $0["confidence"] as? String == "fair" && $0["standing"] as? String == "ranked" })
        // An address is graded A, which is 85: nobody has better ones, nor any other field.
        for query in ["want=email&minQuality=86", "want=phone", "want=email,phone"] {
            let none = try waterfall(gateway, query)
            #expect(order(none, "suggested") == ["dear", "middling", "cheap"])
            #expect((none["providers"] as? [[String: Any]])?.allSatisfy { $0["standing"] as? String == "never_satisfied" } == true)
        }
        for (query, problem) in [
            ("entity=persn", "did you mean 'person'?"), ("want=emial", "did you mean 'email'?"), ("minQuality=101", "from 0 to 100"),
            ("days=0", "from 1 to 366"), ("wants=email", "did you mean 'want'?"),
        ] {
            let reply = try gateway.admin("GET", "/v1/waterfall?\(query)")
            #expect(reply.status == 400 && (reply.json["detail"] as? String)?.contains(problem) == true, "\(reply.body)")
        }
        let table = try gateway.command("waterfall", "--want", "email", "--min-quality", "80").output
        #expect(table.contains("middling    200     120  60.00 %       0.10  0.166942149"), "\(table)")
        #expect(table.hasSuffix("\n\nenrich: { person: [cheap, middling, dear] }\n"), "\(table)")
        #expect(try gateway.command("waterfall", "--want", "emial").status == 1)

        // Everybody is asked for in both orders.
        let now = try askForAll(gateway)
        let before = try gateway.read("config.yaml")
        try gateway.write(before.replacing("[dear, middling, cheap]", with: "[cheap, middling, dear]"), to: "config.yaml")
        #expect(try gateway.command("reload").status == 0)
        let suggested = try askForAll(gateway)
        // 0.50 + 0.1 × 0.10 + 0.04 × 0.02, and 0.02 + 0.75 × 0.10 + 0.3 × 0.50, of 200.
        #expect(now.cents == 10_216 && suggested.cents == 4_900 && now.found == 194 && suggested.found == 194)
        for (name, spent) in [("configured", now), ("suggested", suggested)] {
            #expect(abs(try expected(answer, name) * 100 * Double(Self.people) - Double(spent.cents)) < 0.03 * Double(spent.cents))
        }
        #expect(gateway.stop() == 0)
    }
}
