import Foundation
import Testing

/// Records from outside: over HTTP, from the commands, and after an edit.
@Suite struct RecordsTests {
    private let asks = ["X-Workspace-Id": "acme", "X-Gateway-Normalize": "true"]
    private let person = "/pdl/v5/person/enrich?email=ada@example.com"

    private func record(_ reply: Reply) throws -> [String: Any] {
        try #require((reply.json["records"] as? [[String: Any]])?.first, "\(reply.body)")
    }

    @Test func aCallerWhoAsksGetsRecordsAndPaysTheSame() throws {
        let gateway = try GatewayUnderTest(configuration: "quality: { person: { freshness: 0 } }")
        try gateway.start()
        let plain = try gateway.get(person)
        let reply = try gateway.get(person, asks)
        #expect(plain.json["data"] != nil && plain["X-Gateway-Normalized"] == nil)
        #expect(reply["X-Gateway-Normalized"] == "true" && reply["Content-Type"] == "application/json")
        #expect(reply["Content-Length"] == "\(reply.body.utf8.count)")
        #expect(reply["X-Gateway-Cost"] == plain["X-Gateway-Cost"] && reply["X-Gateway-Cost"] == "0.28")
        #expect(reply.json["entity"] as? String == "person" && reply.json["found"] as? Bool == true)
        let provider = try #require(reply.json["provider"] as? [String: Any])
        #expect(
            provider["name"] as? String == "pdl" && provider["operation"] as? String == "enrich_person" && provider["status"] as? Int == 200
        )
        let found = try record(reply)
        #expect(found["fullName"] as? String == "ada example" && found["email"] as? String == "ada@example.com")
        #expect(found["totalExperienceMonths"] as? Int == 144)
        // Without freshness: (25 × 60 + 20 × 60 + (10 + 15 + 10 + 10) × 90) / 90 = 75
        #expect(found["dataQualityScore"] as? Double == 75)

        let miss = try gateway.get("/pdl/v5/person/enrich?email=nobody@example.com", asks)
        #expect(miss.status == 200 && miss.json["found"] as? Bool == false && miss["X-Gateway-Cost"] == "0.00")
        let error = try gateway.get("/pdl/v5/person/enrich?email=broke@example.com", asks)
        #expect(error.status == 402 && error["X-Gateway-Normalized"] == "false")
        #expect((error.json["error"] as? [String: Any])?["type"] as? String == "payment_required")
        try eventually("the ledger has the provider's statuses") {
            try gateway.ledger("SELECT status FROM api_cost_tracking ORDER BY createdAt, id") == [["200"], ["200"], ["404"], ["402"]]
        }
    }

    @Test func anEditedMapIsLiveAndABadOneKeepsTheOld() throws {
        let gateway = try GatewayUnderTest(configuration: "budgets: { default: { daily: 100000, monthly: 100000 } }")
        try gateway.start()
        let adapter = try gateway.read("plugins/pdl.yaml")
        #expect(try record(gateway.get(person, asks))["city"] == nil)
        let edited = adapter.replacing("        city: $.data.location_locality\n", with: "        city: $.data.full_name\n")
        try gateway.write(edited.replacing("fullName: $.data.full_name", with: "fullNme: $.data.full_name"), to: "plugins/pdl.yaml")
        eventually("the refusal is reported") {
            gateway.log.contains { $0.contains(/plugins\/pdl\.yaml:\d+:9: error: unknown field 'fullNme'; did you mean 'fullName'\?/) }
        }
        let kept = try record(gateway.get(person, asks))
        #expect(kept["city"] == nil && kept["fullName"] as? String == "ada example")
        try gateway.write(edited, to: "plugins/pdl.yaml")
        try eventually("the new map is live") { try record(gateway.get(person, asks))["city"] as? String == "ada example" }
    }

    @Test func normalizePrintsWhatACallerWouldGet() throws {
        let adapter = try String(contentsOf: GatewayUnderTest.repository.appendingPathComponent("plugins/pdl.yaml"), encoding: .utf8)
        let gateway = try GatewayUnderTest(plugins: ["pdl.yaml": adapter], shippedPlugins: false)
        func file(_ status: Int, _ body: String) throws {
            try gateway.write(#"{"status": \#(status), "headers": {}, "body": \#(body)}"#, to: "response.json")
        }
        try file(200, #"{"status":200,"likelihood":9,"data":{"full_name":"ada example","work_email":"ada@example.com"}}"#)
        let named = try gateway.command("normalize", "pdl", "--operation", "enrich_person", "--response", "response.json")
        #expect(named.status == 0, "\(named.error)")
        #expect(named.output.hasPrefix(#"{"entity":"person","found":true,"records":[{"fullName":"ada example","email":"ada@example.com","#))
        #expect(named.output.hasSuffix(#""provider":{"name":"pdl","operation":"enrich_person","status":200}}"# + "\n"))
        // Without a name it is the operation that finds most.
        #expect(try gateway.command("normalize", "pdl", "--response", "response.json").output == named.output)
        try file(404, "{}")
        let miss = try gateway.command("normalize", "pdl", "--operation", "enrich_person", "--response", "response.json")
        #expect(miss.output.hasPrefix(#"{"entity":"person","found":false,"records":[],"#))
        try file(500, "{}")
        let error = try gateway.command("normalize", "pdl", "--response", "response.json")
        #expect(error.status == 1 && error.error == "gateway: the provider's error (500) is passed on unchanged\n")
        try file(200, #""<html>""#)
        let html = try gateway.command("normalize", "pdl", "--response", "response.json")
        #expect(html.status == 1 && html.error.contains("there is nothing to normalize: the answer's body is not JSON"))
        let unknown = try gateway.command("normalize", "pdl", "--operation", "clean", "--response", "response.json")
        #expect(
            unknown.status == 1
                && unknown.error.contains("the adapter has no operation 'clean' with 'normalize'; there are enrich_person, "))
        let nobody = try gateway.command("normalize", "nobody", "--response", "response.json")
        #expect(nobody.status == 1 && nobody.error.contains("there is no adapter 'nobody'; there are pdl"))
        #expect(try gateway.command("normalize", "pdl").status == 64)
    }

    @Test func aNewAdapterPassesItsCheckAndServes() throws {
        let gateway = try GatewayUnderTest(shippedPlugins: false)
        let made = try gateway.command("new-adapter", "acme-data2")
        #expect(made.status == 0, "\(made.error)")
        #expect(made.output.hasSuffix("/plugins/acme-data2.yaml\n"))
        let checked = try gateway.command("check")
        #expect(checked.status == 0 && checked.output == "ok: 1 adapters, 3 examples\n", "\(checked.error)")
        #expect(checked.error.contains("warning: the environment variable ACME_DATA2_API_KEY is not set"))
        #expect(!checked.error.contains("error"))
        let again = try gateway.command("new-adapter", "acme-data2")
        #expect(again.status == 1 && again.error.contains("is there already, and stays as it is"))
        for name in ["Acme", "_gateway", "a/b", "..", "a b", ""] { #expect(try gateway.command("new-adapter", name).status == 64) }
        try gateway.start()
        let reply = try gateway.get("/acme-data2/v1/people/42", asks)
        #expect(try record(reply)["emailQualityGrade"] as? String == "A")
        #expect(reply["X-Gateway-Cost"] == "0.10")
    }
}
