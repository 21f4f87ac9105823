import GatewayCore
import JSONPath
import Testing

/// Records out of whole answers.
@Suite struct RecordsTests {
    private let people = """
        entity: person
        root: "$.people[*]"
        fields: { fullName: $.name, companyName: { body: $.company } }
        confidence: { body: $.sure, scale: 10 }
        miss: { status: [404, 410], when: "$.error == 'none'" }
        """

    @Test func theWholeAnswer() throws {
        let answer = try normalized(
            """
            entity: person
            root: $.data
            fields: { fullName: $.full_name, email: "$.emails[0]", dataLastVerified: $.at }
            """, #"{"data":{"full_name":"Ada Example","emails":["ada@example.com"],"at":"2026-11-20"}}"#)
        let text = answer.serialized().map { String(decoding: $0, as: UTF8.self) }
        // (25 × 60 + 10 × 80 + 10 × 100) / 100
        #expect(
            text == """
                {"entity":"person","found":true,"records":[{"fullName":"Ada Example","email":"ada@example.com",\
                "dataLastVerified":"2026-11-20T00:00:00Z","dataSources":["acmedata"],"dataQualityScore":33,"dataQualityBreakdown":\
                {"email":60,"phone":0,"fullName":80,"jobTitle":0,"company":0,"linkedin":0,"freshness":100}}],\
                "provider":{"name":"acmedata","operation":"lookup","status":200}}
                """)
    }

    @Test func eachNodeThatTheRootSelectsIsARecord() throws {
        let answer = try normalized(people, #"{"people":[{"name":"A"},{},null,true,false,{"name":"B"}],"company":"C","sure":9}"#)
        #expect(
            answer.records.map(\.mapped) == [
                [#"fullName "A""#, #"companyName "C""#], [#"companyName "C""#], [#"fullName "B""#, #"companyName "C""#],
            ])
        #expect(answer.records.allSatisfy { $0.json("dataQualityBreakdown")?.contains(#""company":90"#) == true })
    }

    @Test(arguments: [#"{"people":[]}"#, "{}", "[]", "null", #"{"people":null}"#, #"{"people":[null]}"#, #""text""#])
    func noNodeIsNotFound(body: String) throws {
        let answer = try normalized(people, body)
        #expect(answer.records.isEmpty && answer.shownStatus == 200)
        #expect(
            String(decoding: try #require(answer.serialized()), as: UTF8.self).hasPrefix(
                #"{"entity":"person","found":false,"records":[],"provider":"#))
    }

    @Test func aDeclaredMissIsNotFoundAndNoError() throws {
        let answer = try normalized(people, #"{"error":"none"}"#, status: 404)
        #expect(answer.records.isEmpty && answer.status == 404 && answer.shownStatus == 200)
        #expect(String(decoding: try #require(answer.serialized()), as: UTF8.self).hasSuffix(#""status":404}}"#))
        let inside = try normalized(
            "entity: person\nfields: { fullName: $.name }\nmiss: { when: \"$.code == 3\" }", #"{"code":3,"name":"EMPTY_DATA"}"#)
        #expect(inside.records.isEmpty)
        for body in ["", "<html>", "{}"] {
            #expect(
                try normalized("entity: person\nfields: { fullName: $.name }\nmiss: { status: 404 }", body, status: 404).records.isEmpty)
        }
    }

    @Test func whatIsNoMissIsTheProvidersError() throws {
        for (status, body) in [(404, #"{"error":"other"}"#), (400, #"{"error":"none"}"#), (500, "{}"), (302, "{}")] {
            #expect(throws: Normalization.Refusal.providersError(status)) { try normalized(people, body, status: status) }
        }
        #expect(throws: Normalization.Refusal.self) { try normalized(people, "no JSON", status: 404) }
        #expect(throws: Normalization.Refusal.self) { try normalized(people, "<html>") }
        #expect(throws: Normalization.Refusal.self) { try normalized(people, "{}", headers: [("Content-Type", "text/event-stream")]) }
    }

    @Test(arguments: [
        ("{ body: $.c, scale: 10 }", "9", "90"), ("{ body: $.c, scale: 10 }", "11", "80"), ("{ body: $.c, scale: 10 }", "true", "80"),
        ("$.c", "0.5", "50"), ("$.c", "5", "80"), ("$.c", "0", "0"), ("{ from: $.c, scale: 3 }", "2", "66.6667"),
        ("{ from: $.c, map: { very high: 0.95 } }", #""very high""#, "95"), ("{ from: $.c, map: { very high: 0.95 } }", #""odd""#, "80"),
        ("{ from: $.c, ranges: [[5, 0.75], [0, 0.25]] }", "4", "25"),
    ])
    func confidenceWeighsAWholeRecord(confidence: String, value: String, score: String) throws {
        let answer = try normalized(
            "entity: company\nfields: { name: $.n }\nconfidence: \(confidence)", #"{"n":"x","c":\#(value)}"#)
        #expect(answer.records[0].json("dataQualityBreakdown")?.hasPrefix(#"{"name":\#(score),"domain":0,"#) == true)
    }

    @Test func withoutAnEntityTheCallerSaysWhatItIsAbout() throws {
        let map = "fields: { aiIntelligence: $.a, country: $.c }"
        let body = #"{"a":{"wants":1},"c":"Chile"}"#
        #expect(try normalized(map, body).records[0].json("dataQualityBreakdown")?.hasPrefix(#"{"email":"#) == true)
        let company = try normalized(map, body, entity: "company")
        #expect(company.entity == .company)
        #expect(company.records[0].json("dataQualityBreakdown")?.contains(#""location":80"#) == true)
        #expect(try normalized(map, body, entity: "planet").entity == .person)
        #expect(try normalized("entity: company\nfields: { name: $.n }", #"{"n":"x"}"#, entity: "person").entity == .company)
    }

    @Test func deepValuesStandAsTheyAre() throws {
        let deep = String(repeating: "[", count: 20_000) + String(repeating: "]", count: 20_000)
        let answer = try normalized("entity: company\nfields: { revenueRange: $.r, name: $.r, technologies: $.r }", #"{"r":\#(deep)}"#)
        #expect(answer.records[0].json("revenueRange") == deep)
        #expect(answer.records[0].mapped.count == 1)
    }

    @Test func anAnswerThatWouldTakeTooLongIsRefused() throws {
        let many = "[" + Array(repeating: "{}", count: 300_000).joined(separator: ",") + "]"
        #expect(throws: Normalization.Refusal.tooMuch) { try normalized(people, #"{"people":\#(many)}"#) }
        // A path that visits everything, for every record: the allowance is one for all.
        let costly = "entity: person\nroot: \"$[*]\"\nfields: { fullName: { body: \"$..x\" } }"
        #expect(throws: Normalization.Refusal.tooMuch) {
            try normalized(costly, "[" + Array(repeating: "{}", count: 1000).joined(separator: ",") + "]")
        }
        // A long text that every record repeats.
        let company = String(repeating: "x", count: 200_000)
        let employees = Array(repeating: "{}", count: 1000).joined(separator: ",")
        #expect(throws: Normalization.Refusal.tooMuch) { try normalized(people, #"{"company":"\#(company)","people":[\#(employees)]}"#) }
        let nested = #"""# + String(repeating: " ", count: 1_000_000) + #"1""#
        #expect(throws: Normalization.Refusal.tooMuch) {
            try normalized(
                "entity: person\nroot: \"$.p[*]\"\nfields: { aiIntelligence: { json: $.t } }",
                #"{"p":["# + Array(repeating: #"{"t":\#(nested)}"#, count: 10).joined(separator: ",") + "]}")
        }
    }

    @Test func whatComesOfItCanBeBounded() throws {
        let answer = try normalized(people, #"{"people":[{"name":"A"},{"name":"B"}]}"#)
        let whole = try #require(answer.serialized())
        #expect(answer.serialized(limit: whole.count) == whole)
        #expect(answer.serialized(limit: whole.count - 1) == nil)
    }

    @Test func ofAMemberThatIsRepeatedTheLastCounts() throws {
        #expect(try normalized("entity: person\nfields: { city: $.c }", #"{"c":"a","c":"b"}"#).records[0].mapped == [#"city "b""#])
    }
}
