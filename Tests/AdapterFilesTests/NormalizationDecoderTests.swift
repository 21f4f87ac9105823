import GatewayCore
import Testing

/// What is wrong with a `normalize` section is said at its place. The section's own lines begin at line 20, column 7.
@Suite struct NormalizationDecoderTests {
    @Test(arguments: [
        ("emial: $.a", "22:9: error: unknown field 'emial'; did you mean 'email'?"),
        ("fullname: $.a", "22:9: error: unknown field 'fullname'; did you mean 'fullName'?"),
        ("foundedYear: $.a", "22:9: error: 'foundedYear' is no field of a person"),
        ("dataQualityScore: $.a", "22:9: error: 'dataQualityScore' is worked out by the gateway from the other fields"),
        ("email: $.a[", "22:16: error: '$.a[' is no JSONPath: "),
        ("email: [$.a]", "22:16: error: expected a path, or a mapping with from, body, json or object, found "),
        ("email: 5", "22:16: error: expected a path, or a mapping with from, body, json or object, found the number 5"),
        ("email: { form: $.a }", "22:18: error: unknown key 'form'; did you mean 'from'?"),
        ("email: { times: 2 }", "22:16: error: 'email' has no source: from, body, json or object"),
        ("email: { from: $.a, times: 2 }", "22:29: error: 'times' is for numbers, and without 'ranges' 'email' is a text"),
        ("email: { from: $.a, scale: 2 }", "22:29: error: 'scale' is the full mark of a score, and 'email' is a text"),
        (
            "totalExperienceMonths: { from: $.a, scale: 2 }",
            "22:45: error: 'scale' is the full mark of a score, and 'totalExperienceMonths' is a count"
        ),
        (
            "emailQualityGrade: { from: $.a, scale: 2 }",
            "22:41: error: 'scale' is for numbers, and without 'ranges' 'emailQualityGrade' is a grade: A+, A, B, C, D"
        ),
        ("phoneQualityScore: { from: $.a, scale: 0 }", "22:48: error: expected a number above 0, found 0"),
        ("phoneQualityScore: { from: $.a, scale: high }", "22:48: error: expected a number, found the string 'high'"),
        (
            "phoneQualityScore: { from: $.a, map: { a: 101 } }",
            "22:51: error: expected a score from 0 to 100 for 'phoneQualityScore', found the number 101"
        ),
        (
            "emailQualityGrade: { from: $.a, map: { high: E } }",
            "22:54: error: expected a grade: A+, A, B, C, D for 'emailQualityGrade', found the string 'E'"
        ),
        ("emailQualityGrade: { from: $.a, ranges: [[95, A+], [95, A]] }", "22:49: error: two ranges begin at the same number"),
        (
            "emailQualityGrade: { from: $.a, ranges: [95, A+] }",
            "22:50: error: expected a pair: where the range begins, and its value, as in [95, A+], found the number 95"
        ),
        ("emailQualityGrade: { from: $.a, ranges: [] }", "22:49: error: it has no ranges"),
        (
            "emailQualityGrade: { from: $.a, map: { a: A }, ranges: [[1, A]] }",
            "22:56: error: 'map' and 'ranges' are two ways to the value: only one of them can stand here"
        ),
        (
            "phoneQualityScore: { from: $.a, map: { a: 1 }, scale: 10 }",
            "22:56: error: 'map' gives the value itself: 'scale' does nothing beside it"
        ),
        ("skills: { from: $.a, map: { a: b } }", "22:30: error: 'map' is for single values, and 'skills' is a list"),
        ("skills: { object: { a: $.b } }", "22:19: error: 'skills' is a list, not an object"),
        ("email: { object: { a: $.b } }", "22:18: error: 'email' is a text, not an object"),
        ("salaryProjections: { object: { p52: $.b } }", "22:40: error: unknown part 'p52'; did you mean 'p25'?"),
        ("salaryProjections: { object: {} }", "22:38: error: 'object' has at least one part"),
        (
            "salaryProjections: { object: { p25: { from: $.a, scale: 2 } } }",
            "22:58: error: 'scale' is the full mark of a score, and 'p25' is a number"
        ),
        ("dataLastVerified: { from: [$.a, 5] }", "22:41: error: expected a string, found the number 5"),
    ])
    func aField(line: String, expected: String) throws {
        let problems = decodeAdapter(recordsAdapter("entity: person\nfields:\n  \(line)")).problems
        #expect(problems.contains { $0.hasPrefix("plugins/acmedata.yaml:\(expected)") }, "\(problems)")
        #expect(Set(problems.map { $0.prefix { $0 != " " } }).count == problems.count, "one problem a place: \(problems)")
    }

    @Test(arguments: [
        ("fields: { a: $.a }", "20:17: error: unknown field 'a'; known: fullName, "),
        (
            "fields: { email: $.a }",
            "20:17: error: 'email' is no field of both persons and companies; say 'entity: person' or 'entity: company'"
        ),
        ("entity: planet\nfields: { country: $.a }", "20:15: error: expected person or company, found the string 'planet'"),
        ("entity: person", "20:7: error: missing key 'fields'"), ("fields: {}", "20:7: error: 'fields' names at least one field"),
        ("root: data\nfields: { country: $.a }", "20:13: error: 'data' is no JSONPath: "),
        ("rot: $.data\nfields: { country: $.a }", "20:7: error: unknown key 'rot'; did you mean 'root'?"),
        ("fields: { country: $.a }\nmiss: {}", "21:13: error: a miss is told by its 'status', by 'when', or by both"),
        ("fields: { country: $.a }\nmiss: { status: 40 }", "21:23: error: expected a whole number from 100 to 599, found the number 40"),
        ("fields: { country: $.a }\nmiss: { when: \"$.a ==\" }", "21:21: error: '$.a ==' is no condition: "),
        ("fields: { country: $.a }\nconfidence: { from: $.a, scale: -1 }", "21:39: error: expected a number above 0, found -1"),
        (
            "fields: { country: $.a }\nconfidence: { from: $.a, map: { high: 2 } }",
            "21:45: error: expected a number from 0 to 1 for 'confidence', found the number 2"
        ),
        ("fields: { country: $.a }\nstore: { raw: 1 }", "21:21: error: expected a string, found the number 1"),
        ("fields: { country: $.a }\nstore: { row: a }", "21:16: error: unknown key 'row'; did you mean 'raw'?"),
    ])
    func theSection(lines: String, expected: String) throws {
        let problems = decodeAdapter(recordsAdapter(lines)).problems
        #expect(problems.count == 1 && problems[0].hasPrefix("plugins/acmedata.yaml:\(expected)"), "\(problems)")
    }

    @Test func theOperationsEntityCountsWhereTheSectionSaysNothing() throws {
        let text = recordsAdapter("fields: { foundedYear: $.y }").replacing(
            once: "    usage:\n", with: "    entity: company\n    miss: { status: 404 }\n    usage:\n")
        let operation = try #require(decodeAdapter(text).adapter).operations[0]
        #expect(operation.normalization?.entity == .company)
        #expect(operation.normalization?.covers(status: 404) == true)
        let alone = smallAdapter.replacing(once: "    usage:\n", with: "    miss: { status: 404 }\n    usage:\n")
        #expect(
            decodeAdapter(alone).problems == [
                "plugins/acmedata.yaml:17:5: error: 'miss' says which answers are normalized as not found, and there is no 'normalize'"
            ])
    }

    /// The example's body is `{ id: 42 }`.
    @Test(
        arguments: [
            ("{ headline: \"42\" }", nil), ("{ headline: \"42\", city: null }", nil),
            ("{ dataQualityScore: 5, dataSources: [acmedata] }", nil),
            ("[ { headline: \"42\" } ]", nil), ("{ headline: 42 }", "normalized.headline: expected 42, found \"42\""),
            ("{ headline: null }", "normalized.headline: expected none, found \"42\""),
            ("{ city: Austin }", "normalized.city: expected \"Austin\", found none"),
            ("[]", "normalized: expected 0 records, found 1"), ("[ { headline: \"42\" }, {} ]", "normalized: expected 2 records, found 1"),
            ("[ { city: x } ]", "normalized[0].city: expected \"x\", found none"),
        ] as [(String, String?)])
    func anExamplesRecords(expected: String, difference: String?) throws {
        let text = recordsAdapter("entity: person\nfields: { headline: $.id }").replacing(
            once: "cost: \"0.20\" }", with: "cost: \"0.20\", normalized: \(expected) }")
        let problems = decodeAdapter(text).problems
        #expect(problems == (difference.map { ["plugins/acmedata.yaml:28:5: error: example 'found': \($0)"] } ?? []))
    }

    @Test func anExampleOfAnOperationThatNormalizesNothing() {
        let text = smallAdapter.replacing(once: "cost: \"0.20\" }", with: "cost: \"0.20\", normalized: { city: x } }")
        #expect(
            decodeAdapter(text).problems == [
                "plugins/acmedata.yaml:25:5: error: example 'found': normalized: the operation 'lookup' has no 'normalize'"
            ])
        let unknown = smallAdapter.replacing(once: "cost: \"0.20\" }", with: "cost: \"0.20\", normalized: { citty: x } }")
        #expect(decodeAdapter(unknown).problems.first?.hasSuffix("error: unknown field 'citty'; did you mean 'city'?") == true)
    }
}
