import Foundation
import Testing

/// The waterfall over the shipped adapters, through the executable, with an SQLite ledger.
@Suite(.timeLimit(.minutes(2)))
struct WaterfallTests {
    @Test func whatTheStepsSayIsInTheLedgerAndAnOrderThatCannotBeIsNotTaken() throws {
        let gateway = try GatewayUnderTest(configuration: "enrich: { person: [pdl, coresignal], company: [coresignal, pdl] }")
        try gateway.start()
        // Whose address it is, however it is encoded on its way: this match is free of charge, and says neither address nor number.
        let grace = try gateway.send(
            "POST", "/_gateway/enrich/person", ["X-Workspace-Id": "acme"],
            body: #"{"match": {"email": "grace@example.com"}, "want": ["email"], "maxCost": "0.30"}"#)
        #expect(grace.status == 200 && grace["X-Gateway-Cost"] == "0.00")
        #expect((grace.json["missing"] as? [String]) == ["email"] && grace.json["found"] as? Bool == true)
        let company = try gateway.send(
            "POST", "/_gateway/enrich/company", ["X-Workspace-Id": "acme"],
            body: #"{"match": {"website": "https://www.example.com/about"}, "want": ["employeeCount", "industry"], "minQuality": 90}"#)
        let steps = try #require(company.json["steps"] as? [[String: Any]])
        #expect(steps.map { $0["operation"] as? String } == ["enrich_company", "enrich_company"] && company["X-Gateway-Cost"] == "0.672")
        // In the ledger, each step is the row that it names.
        let rows = ["acme,coresignal,0.392", "acme,pdl,0.28"]
        eventually("the rows are there") {
            (try? gateway.ledger(
                #"SELECT "workspaceId" || ',' || "apiProvider" || ',' || cost FROM api_cost_tracking WHERE CAST(cost AS REAL) > 0 ORDER BY 1"#
            ))
            .map { $0.compactMap(\.first) } == rows
        }
        for step in steps {
            let id = try #require(step["id"] as? String)
            let row = try gateway.get("/_gateway/calls/\(id)")
            #expect(row.status == 200 && row.json["cost"] as? String == step["cost"] as? String)
        }
        let before = try gateway.read("config.yaml")
        try gateway.write(before.replacing("[pdl, coresignal]", with: "[pdl, perplexity]"), to: "config.yaml")
        let reload = try gateway.command("reload")
        #expect(reload.status == 1)
        #expect(
            (reload.output + reload.error).contains(
                "the adapter 'perplexity' has no 'enrich: { person: … }'; those of coresignal, lusha, pdl have one"))
    }
}
