import Foundation
import PostgresUnderTest
import Testing

/// Records that become rows of people, and kept answers that become records, through the executable.
@Suite(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"), .timeLimit(.minutes(2)))
struct StoringTests {
    private static let adapter = """
        adapter: 1
        provider: acmedata
        title: Acme Data
        upstream: { url: https://api.acmedata.example }
        prices:
          - { effective: 2026-01-01, source: https://acmedata.example/pricing, checked: 2026-11-01, rates: [ { credit: 0.10 } ] }
        operations:
          - name: enrich_person
            match: { method: GET, path: "/v1/people/{id}" }
            entity: person
            charge: { credit: 1 }
            estimate: { credit: 1 }
            cache: { ttl: 1h }
            normalize:
              root: $.data
              fields: { fullName: $.name, email: $.mail, skills: "$.skills[*]", dataLastVerified: $.seen }
              store: { raw: coresignalData }
        examples:
          - name: a person
            request: { method: GET, path: /v1/people/42 }
            response: { status: 200, body: { data: { name: Ada Example, mail: ada@example.com, skills: [a, b], seen: 2026-11-01 } } }
            expect: { operation: enrich_person, cost: "0.10" }
          - name: the same person with less
            request: { method: GET, path: /v1/people/43 }
            response: { status: 200, body: { data: { mail: ada@example.org } } }
            expect: { operation: enrich_person, cost: "0.10" }
          - name: nobody
            request: { method: GET, path: /v1/people/44 }
            response: { status: 200, body: { data: null } }
            expect: { operation: enrich_person, cost: "0.10" }
        """

    @Test func aRecordIsStoredForTheCallersEntityAndAKeptAnswerBecomesARecord() throws {
        let database = try PostgresServer.shared.database()
        let gateway = try GatewayUnderTest(
            configuration: "ledger: { url: \"\(database.url)\" }", plugins: ["acmedata.yaml": Self.adapter], shippedPlugins: false)
        #expect(try gateway.command("migrate").status == 0)
        try gateway.start()
        let ada = ["X-Workspace-Id": "acme", "X-Entity-Type": "person", "X-Entity-Id": "ada"]
        let plain = try gateway.get("/acmedata/v1/people/42", ada)
        #expect(plain["X-Gateway-Cache"] == "miss" && plain["X-Gateway-Normalized"] == nil)
        let row = #"SELECT "fullName", email, skills, "dataSources", "coresignalData"->'data'->>'name' FROM people"#
        try eventually("it is stored") {
            try database.sql(row) == [["Ada Example", "ada@example.com", "{a,b}", "{acmedata}", "Ada Example"]]
        }

        // Kept as the provider sent it, for those who ask for records and those who do not.
        let hit = try gateway.get("/acmedata/v1/people/42", ada.merging(["X-Gateway-Normalize": "true"]) { $1 })
        #expect(hit["X-Gateway-Cache"] == "hit" && hit["X-Gateway-Normalized"] == "true" && hit["X-Gateway-Cost"] == "0.00")
        let records = try #require(hit.json["records"] as? [[String: Any]])
        #expect(records.count == 1 && records[0]["fullName"] as? String == "Ada Example")
        let again = try gateway.get("/acmedata/v1/people/42", ada)
        #expect(again["X-Gateway-Cache"] == "hit" && again.body == plain.body)

        // What the next answer does not say stays. Nobody is nobody's row, and without an entity nothing is stored.
        #expect(try gateway.get("/acmedata/v1/people/43", ada).status == 200)
        try eventually("the address is new") {
            try database.sql(#"SELECT "fullName", email FROM people"#) == [["Ada Example", "ada@example.org"]]
        }
        #expect(
            try gateway.get("/acmedata/v1/people/44", ["X-Workspace-Id": "acme", "X-Entity-Type": "person", "X-Entity-Id": "no"]).status
                == 200)
        #expect(try gateway.get("/acmedata/v1/people/42", ["X-Workspace-Id": "other"]).status == 200)
        try eventually("six rows") { try database.sql("SELECT count(*) FROM api_cost_tracking") == [["6"]] }
        #expect(try database.sql("SELECT count(*) FROM people") == [["1"]])
        #expect(try database.sql("SELECT count(*) FROM rejected_records") == [["0"]])
    }
}
