import GatewayCore
import Testing

/// What becomes of whatever a provider puts where a value is expected.
@Suite struct FieldConversionTests {
    /// A field of a person, how it is mapped, the answer's `v`, and what the record has.
    @Test(
        arguments: [
            // Texts.
            ("headline", "$.v", #""a \"b\" \u00e9\n""#, #""a \"b\" é\n""#), ("headline", "$.v", "12.50", #""12.50""#),
            ("headline", "$.v", #""""#, nil),
            ("headline", "$.v", #"" \t ""#, nil), ("headline", "$.v", "null", nil), ("headline", "$.v", "true", nil),
            ("headline", "$.v", "false", nil), ("headline", "$.v", "{}", nil), ("headline", "$.v", #"["a"]"#, nil),
            // Domains.
            ("companyDomain", "$.v", #""https://www.Acme.example:443/about?x#y""#, #""acme.example""#),
            ("companyDomain", "$.v", #""acme.example""#, #""acme.example""#),
            ("companyDomain", "$.v", #""www.acme.example.""#, #""acme.example""#),
            ("companyDomain", "$.v", #""bücher.example""#, #""bücher.example""#), ("companyDomain", "$.v", #""Acme Inc.""#, nil),
            ("companyDomain", "$.v", #""a@acme.example""#, nil), ("companyDomain", "$.v", #""localhost""#, nil),
            ("companyDomain", "$.v", #""https://""#, nil),
            ("companyDomain", "$.v", "12.5", nil), ("companyDomain", "$.v", #""a..b""#, nil),
            // Counts.
            ("linkedinFollowers", "$.v", "12", "12"), ("linkedinFollowers", "$.v", "12.0", "12"),
            ("linkedinFollowers", "$.v", "1e3", "1000"),
            ("linkedinFollowers", "$.v", #""500""#, "500"), ("linkedinFollowers", "$.v", #"" 500 ""#, "500"),
            ("linkedinFollowers", "$.v", "12.5", "13"),
            ("linkedinFollowers", "$.v", "0", "0"), ("linkedinFollowers", "$.v", "-1", nil),
            ("linkedinFollowers", "$.v", #""201-500""#, nil),
            ("linkedinFollowers", "$.v", "2147483647", "2147483647"), ("linkedinFollowers", "$.v", "2147483648", nil),
            ("linkedinFollowers", "$.v", "1e400", nil), ("linkedinFollowers", "$.v", "1e-400", nil),
            ("linkedinFollowers", "$.v", "true", nil),
            ("linkedinFollowers", "$.v", "[500]", nil), ("linkedinFollowers", "$.v", #""5e""#, nil),
            ("linkedinFollowers", "$.v", #""0x10""#, nil),
            ("totalExperienceMonths", "{ from: $.v, times: 12 }", "12.25", "147"),
            ("totalExperienceMonths", "{ from: $.v, times: 12 }", #""2.3""#, "28"),
            ("totalExperienceMonths", "{ from: $.v, times: 12 }", "-1", nil),
            ("totalExperienceMonths", "{ from: $.v, times: 12 }", "null", nil),
            ("totalExperienceMonths", "{ from: $.v, times: 1 }", "170141183460469231731687303715884105727", nil),
            // Scores.
            ("phoneQualityScore", "$.v", "87.25", "87.25"), ("phoneQualityScore", "$.v", "100", "100"),
            ("phoneQualityScore", "$.v", "100.01", nil),
            ("phoneQualityScore", "$.v", "-0.1", nil), ("phoneQualityScore", "$.v", #""99.5""#, "99.5"),
            ("phoneQualityScore", "$.v", "12.34565", "12.3457"),
            ("phoneQualityScore", "{ from: $.v, scale: 100 }", "50", "50"), ("phoneQualityScore", "{ from: $.v, scale: 5 }", "4", "80"),
            ("phoneQualityScore", "{ from: $.v, scale: 1 }", "0.875", "87.5"),
            ("phoneQualityScore", "{ from: $.v, scale: 3 }", "2", "66.6667"),
            ("phoneQualityScore", "{ from: $.v, scale: 5 }", "5.1", nil),
            ("phoneQualityScore", "{ from: $.v, scale: 10, times: 2 }", "4", "80"),
            ("phoneQualityScore", "{ from: $.v, map: { mobile: 90, 2: 50, true: 10 } }", #""mobile""#, "90"),
            ("phoneQualityScore", "{ from: $.v, map: { mobile: 90, 2: 50, true: 10 } }", "2.0", "50"),
            ("phoneQualityScore", "{ from: $.v, map: { mobile: 90, 2: 50, true: 10 } }", "true", "10"),
            ("phoneQualityScore", "{ from: $.v, map: { mobile: 90, 2: 50, true: 10 } }", "false", nil),
            ("phoneQualityScore", "{ from: $.v, map: { mobile: 90, 2: 50, true: 10 } }", #""Mobile""#, nil),
            ("aiConfidence", "$.v", "0.8", "0.8"), ("aiConfidence", "$.v", "8", nil),
            ("aiConfidence", "{ from: $.v, scale: 100 }", "85", "0.85"),
            // Grades.
            ("emailQualityGrade", "$.v", #""A+""#, #""A+""#), ("emailQualityGrade", "$.v", #""b""#, #""B""#),
            ("emailQualityGrade", "$.v", #""E""#, nil),
            ("emailQualityGrade", "$.v", "null", nil), ("emailQualityGrade", "$.v", "95", nil),
            ("emailQualityGrade", "{ from: $.v, map: { high: A, medium: B, low: D } }", #""medium""#, #""B""#),
            ("emailQualityGrade", "{ from: $.v, ranges: [[95, A+], [85, A], [70, B], [50, C], [0, D]] }", "95", #""A+""#),
            ("emailQualityGrade", "{ from: $.v, ranges: [[0, D], [85, A], [70, B], [50, C], [95, A+]] }", "94.999", #""A""#),
            ("emailQualityGrade", "{ from: $.v, ranges: [[95, A+], [85, A], [70, B], [50, C], [0, D]] }", #""70""#, #""B""#),
            ("emailQualityGrade", "{ from: $.v, ranges: [[95, A+], [85, A], [70, B], [50, C], [0, D]] }", "0", #""D""#),
            ("emailQualityGrade", "{ from: $.v, ranges: [[95, A+], [85, A], [70, B], [50, C], [0, D]] }", "-1", nil),
            ("emailQualityGrade", "{ from: $.v, ranges: [[95, A+], [85, A], [70, B], [50, C], [0, D]] }", "true", nil),
            ("emailQualityGrade", "{ from: $.v, scale: 1, ranges: [[95, A+], [0, D]] }", "0.95", #""A+""#),
            ("seniority", "{ from: $.v, ranges: [[10, senior], [0, junior]] }", "12", #""senior""#),
            // Instants.
            ("dataLastVerified", "$.v", #""2026-10-12""#, #""2026-10-12T00:00:00Z""#),
            ("dataLastVerified", "$.v", #""2026-10-12T23:30:00.250-05:00""#, #""2026-10-13T04:30:00.25Z""#),
            ("dataLastVerified", "$.v", #""2024-07-27T01:56:27.000""#, #""2024-07-27T01:56:27Z""#),
            ("dataLastVerified", "$.v", #""2026-09-25 14:08:26""#, #""2026-09-25T14:08:26Z""#),
            ("dataLastVerified", "$.v", "1763900000", #""2025-11-23T12:13:20Z""#),
            ("dataLastVerified", "$.v", "1763900000123", #""2025-11-23T12:13:20.123Z""#),
            ("dataLastVerified", "$.v", #""1763900000""#, #""2025-11-23T12:13:20Z""#),
            ("dataLastVerified", "$.v", "1763900000.5", #""2025-11-23T12:13:20.5Z""#), ("dataLastVerified", "$.v", #""2026-02-29""#, nil),
            ("dataLastVerified", "$.v", #""Nov 10, 2021""#, nil), ("dataLastVerified", "$.v", #""2012""#, nil),
            ("dataLastVerified", "$.v", "20261012", nil),
            ("dataLastVerified", "$.v", "-1763900000", nil), ("dataLastVerified", "$.v", "1e30", nil),
            ("dataLastVerified", "$.v", "true", nil),
            ("dataLastVerified", "$.v", #""9999-12-31T23:59:59-01:00""#, nil),
            ("dataLastVerified", "$.v", #""0001-01-01T00:00:00+01:00""#, nil),
            // Lists.
            ("emails", "$.v[*]", #"["a","b",null,true,"",{"c":1},7]"#, #"["a","b","7"]"#), ("emails", "$.v", #"["a","b"]"#, #"["a","b"]"#),
            ("emails", "$.v", #""a""#, #"["a"]"#),
            ("emails", "$.v[*]", "[]", nil), ("emails", "$.v", "true", nil), ("emails", "$.v[*]", "[null]", nil),
            ("emails", #"{ from: ["$.v[*].a", "$.v[*].b"] }"#, #"[{"b":"x"}]"#, #"["x"]"#),
            ("careerTimeline", "$.v[*]", #"[{"t":null},null,false,"x",[1],{}]"#, #"[{"t":null},"x",1]"#),
            ("dataSources", "$.v", #"["other","acmedata"]"#, #"["acmedata","other"]"#),
            // JSON.
            ("aiIntelligence", "$.v", #"{ "a" : [1] }"#, #"{ "a" : [1] }"#), ("aiIntelligence", "$.v", "{}", nil),
            ("aiIntelligence", "$.v", "[1]", nil),
            ("aiIntelligence", "$.v", #""{}""#, nil), ("aiIntelligence", "{ json: $.v }", #""{\"wants\":[\"é\"]}""#, #"{"wants":["é"]}"#),
            ("aiIntelligence", "{ json: $.v }", #""Here:\n```json\n{\"a\":1}\n```\nDone""#, #"{"a":1}"#),
            ("aiIntelligence", "{ json: $.v }", #""prose""#, nil),
            ("aiIntelligence", "{ json: $.v }", #""[1]""#, nil), ("aiIntelligence", "{ json: $.v }", #""{\"a\":""#, nil),
            ("aiIntelligence", "{ json: $.v }", #"{"a":1}"#, nil),
            ("aiIntelligence", "{ json: $.v }", #""```json\n{""#, nil), ("skills", "{ json: $.v }", #""[\"a\",\"b\"]""#, #"["a","b"]"#),
            ("phoneQualityScore", "{ json: $.v, scale: 10 }", #""9""#, "90"),
            ("aiIntelligence", "{ object: { wants: $.v, none: $.w } }", #"["a"]"#, #"{"wants":["a"]}"#),
            (
                "salaryProjections", "{ object: { p25: $.v.a, median: { from: $.v.b, times: 12 }, currency: $.v.c } }",
                #"{"a":100.50,"b":"10.25","c":"USD"}"#, #"{"p25":100.50,"median":123,"currency":"USD"}"#
            ),
            ("salaryProjections", "{ object: { p25: $.v.a, p75: $.v.b } }", #"{"a":true,"b":null}"#, nil),
            ("salaryProjections", "$.v", #"{"p75":true,"median":"2","p25":1.0,"x":9}"#, #"{"p25":1.0,"median":2}"#),
            ("salaryProjections", "$.v", #"{"x":9}"#, nil), ("salaryProjections", "$.v", "[1]", nil),
        ] as [(String, String, String, String?)])
    func becomes(field: String, source: String, value: String, expected: String?) throws {
        let answer = try normalized(
            "entity: person\nfields:\n  \(field): \(source.hasPrefix("{") ? source : "\"\(source)\"")", #"{"v":\#(value)}"#)
        #expect(answer.records.count == 1)
        #expect(answer.records[0].json(field) == (expected ?? (field == "dataSources" ? #"["acmedata"]"# : nil)))
    }

    @Test func theFirstSourceThatHasAValueCountsInTheOrderWritten() throws {
        let answer = try normalized(
            """
            entity: person
            root: $.p
            fields:
              headline: { body: $.none, from: [$.masked, $.a], json: $.text }
              city: { json: $.text, from: $.a }
              email: { from: "$['masked', 'a']" }
            """, #"{"p":{"masked":true,"a":"A","text":"\"inside\""}}"#)
        // A scalar takes the first node that its path selects, and that is masked.
        #expect(answer.records[0].mapped == [#"headline "A""#, #"city "inside""#])
    }
}
