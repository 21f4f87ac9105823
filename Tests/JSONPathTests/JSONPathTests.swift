import Testing

@testable import JSONPath

@Suite("JSONPath queries")
struct JSONPathTests {
    private func select(_ query: String, _ text: String, limit: Int = JSONPath.defaultStepLimit) throws -> [String] {
        try JSONPath(query).nodes(in: JSONDocument(parsing: text).root, limit: limit).map { String(decoding: $0.raw, as: UTF8.self) }
    }

    @Test(
        "what is wrong is said, with its place",
        arguments: [
            ("", 0, "expected '$' at the start of the query, found the end"), ("a", 0, "expected '$' at the start of the query, found 'a'"),
            ("$.", 2, "expected a member name or '*', found the end"),
            ("$ ", 1, "expected '.', '..', '[' or the end of the query, found ' '"),
            ("$.é.1", 4, "expected a member name or '*', found '1'"),
            ("$[", 2, "expected a selector: a quoted name, '*', an index, a slice or a filter, found the end"),
            ("$[1", 3, "expected ',' or ']', found the end"), ("$[01]", 2, "an integer has no leading zero and is not -0"),
            ("$[-0]", 2, "an integer has no leading zero and is not -0"),
            ("$[9007199254740992]", 2, "an integer is between -(2^53)+1 and 2^53-1"),
            ("$['a]", 2, "the string that starts here is not closed"),
            ("$['\\x']", 4, "expected an escape: one of b f n r t / \\ ' or u and four hexadecimal digits, found 'x'"),
            ("$['\\ud800']", 3, "a surrogate without its other half"),
            ("$['\u{1}']", 3, "expected an escape for a control character, found U+1"),
            ("$[?@.a=1]", 6, "expected ',' or ']', found '='"), ("$[?@.* == 1]", 3, "expected a query that selects one node at most"),
            ("$[?1]", 4, "expected a comparison after a literal, found ']'"),
            ("$[?!@.a == 1]", 7, "expected parentheses around a comparison that '!' negates"),
            ("$[?(@.a]", 7, "expected '&&', '||' or ')', found ']'"),
            ("$[?nope(@)]", 3, "expected one of the functions length, count, match, search, value"),
            ("$[?True == 1]", 3, "expected a query, a literal, a function, '!' or '(', found 'T'"),
            ("$[?yes == 1]", 3, "expected true, false, null or a function's call"),
            ("$[?count(1) == 1]", 9, "expected a query"), ("$[?length(@.*) == 1]", 10, "expected a query that selects one node at most"),
            ("$[?match(@.a, 'x') == true]", 3, "expected a value, found a function whose result is true or false only"),
            ("$[?count(@.*)]", 13, "expected a comparison after a function that has a value, found ']'"),
            ("$[?match(@)]", 10, "expected ',' and a regular expression, found ')'"),
            ("$[?search(@, '(a{1000}){1000}')]", 13, "the regular expression is too large"),
            ("$[?@ == 01]", 8, "a number has no leading zero"),
        ])
    func errors(_ query: String, _ offset: Int, _ message: String) {
        #expect(throws: JSONPathError(offset: offset, message: message)) { try JSONPath(query) }
    }

    @Test("nesting in a query has a limit", arguments: ["(", "!(", "length(", "@[?", "$[?("])
    func nestingLimit(_ opening: String) throws {
        let error = #expect(throws: JSONPathError.self) { try JSONPath("$[?" + String(repeating: opening, count: 100_000)) }
        #expect(error?.message == "nested deeper than 64 levels")
        _ = try JSONPath("$[?" + String(repeating: "(", count: 63) + "@" + String(repeating: ")", count: 63) + "]")
    }

    @Test("length in a query has none")
    func longQueries() throws {
        let names = try JSONPath("$" + String(repeating: ".a", count: 100_000))
        #expect(names.isSingular)
        #expect(try names.first(in: JSONDocument(parsing: #"{"a":1}"#).root) == nil)
        let wildcards = try JSONPath("$" + String(repeating: "[*]", count: 10_000))
        let depth = 10_000
        let deep = try JSONDocument(parsing: String(repeating: "[", count: depth) + "7" + String(repeating: "]", count: depth))
        #expect(try wildcards.nodes(in: deep.root).map(\.number?.int64) == [7])
        let conditions = try JSONPath("$[?" + Array(repeating: "@ == 1", count: 10_000).joined(separator: " || ") + "]")
        #expect(try conditions.nodes(in: JSONDocument(parsing: "[2,1]").root).count == 1)
    }

    @Test(
        "an evaluation that explodes ends in an error",
        arguments: [
            "$..*..*..*..*", "$[?count($..*) > count(@..*)]..*..*..*", "$..[*,*,*,*,*,*]..[*,*,*,*,*,*]..*", "$..[?$..[?$..[?@ == 1]]]",
        ])
    func stepLimit(_ query: String) throws {
        let row = "[" + (0..<30).map { "{\"a\":[\($0),[1,[2]]]}" }.joined(separator: ",") + "]"
        let text = "[" + Array(repeating: row, count: 30).joined(separator: ",") + "]"
        #expect(throws: JSONPathEvaluationError.tooManySteps(limit: 100_000)) { try select(query, text, limit: 100_000) }
    }

    @Test("the limit is for the whole evaluation, and a query within it is whole")
    func stepLimitIsExact() throws {
        #expect(throws: JSONPathEvaluationError.tooManySteps(limit: 3)) { try select("$[*]", "[1,2,3,4]", limit: 3) }
        #expect(try select("$[*]", "[1,2,3,4]", limit: 4).count == 4)
    }

    @Test(
        "filters compare exactly",
        arguments: [
            ("$[?@ == 1]", ["1", "1.0", "1e0"]), ("$[?@ > 1e399]", ["1e400"]), ("$[?@ >= 1e400]", ["1e400"]),
            ("$[?@ == 9007199254740993]", ["9007199254740993"]),
            ("$[?@ < 9007199254740993 && @ > 1]", ["9007199254740992"]), ("$[?@ < 'b']", ["\"a\\u0062\"", "\"a\""]),
            ("$[?@ == 'ab']", ["\"a\\u0062\""]),
            ("$[?@ >= '\\uD83D\\uDE00']", ["\"😀\""]), ("$[?@ == true]", ["true"]), ("$[?@ == null]", ["null"]), ("$[?@ == @.x]", []),
            ("$[?@.x == @.y]", nil),
            ("$[?@ == $[10]]", ["[1,{\"k\":2}]", "[1.0,{\"k\":20e-1}]"]), ("$[?length(@) == 1]", ["\"a\"", "\"😀\""]),
            ("$[?length(@) == 2]", ["\"a\\u0062\"", "[1,{\"k\":2}]", "[1.0,{\"k\":20e-1}]"]),
        ] as [(String, [String]?)])
    func comparisons(_ query: String, _ expected: [String]?) throws {
        let values = [
            "1", "1.0", "1e0", "1e400", "9007199254740992", "9007199254740993", "\"a\\u0062\"", "\"a\"", "\"😀\"", "true", "[1,{\"k\":2}]",
            "[1.0,{\"k\":20e-1}]", "null",
        ]
        #expect(try select(query, "[" + values.joined(separator: ",") + "]") == expected ?? values)
    }

    @Test("the root need not be the whole document")
    func subtrees() throws {
        let root = try JSONDocument(parsing: #"{"a":{"b":[1,2]},"c":3}"#).root
        let inner = try #require(root["a"])
        #expect(try JSONPath("$.b[-1]").first(in: inner)?.number?.int64 == 2)
        #expect(try JSONPath("$..*").nodes(in: inner).count == 3)
        #expect(try JSONPath("$.c").first(in: inner) == nil)
        #expect(try JSONPath("$.b[?@ == $.b[0]]").nodes(in: inner).count == 1)
    }

    @Test("queries are equal when their texts are, code by code")
    func equality() throws {
        #expect(try JSONPath("$.a") == JSONPath("$.a"))
        #expect(try JSONPath("$.a") != JSONPath("$['a']"))
        #expect(try JSONPath("$.\u{E9}") != JSONPath("$.e\u{301}"))
        #expect(try JSONPath("$.a").description == "$.a")
        #expect(try JSONPath("$.a[0]['b'][-1]").isSingular)
        #expect(try !JSONPath("$.a[0:1]").isSingular)
        #expect(try !JSONPath("$..a").isSingular)
        #expect(try !JSONPath("$['a','b']").isSingular)
    }

    @Test(
        "conditions on a document",
        arguments: [
            ("!$.data || $.data == null", #"{}"#, true, true), ("!$.data || $.data == null", #"{"data":null}"#, true, true),
            ("!$.data || $.data == null", #"{"data":{}}"#, false, true),
            ("$.matches[0].score > 5", #"{"matches":[{"score":5.01}]}"#, true, false),
            ("$.matches[0].score > 5", #"{"matches":[]}"#, false, false), ("count($.results[*]) == 0", #"{"results":[]}"#, true, true),
            (" @.status == 'done'\n", #"{"status":"done"}"#, true, false), ("$ == @", "1", true, true),
            ("match('ab', 'a.') && !$", "1", false, true),
            ("length($.name) >= 3", #"{"name":"Ada"}"#, true, false), ("value($..x) == 1", #"{"y":{"x":1}}"#, true, false),
            ("search($.x, $.y)", #"{"x":"abc","y":"b."}"#, true, false), ("search($.x, $.y)", #"{"x":"abc","y":"("}"#, false, false),
            ("$.a == $.b", #"{}"#, true, true), ("$.a <= $.b", #"{}"#, true, true), ("$.a < $.b", #"{}"#, false, false),
        ])
    func conditions(_ text: String, _ document: String, _ holds: Bool, _ holdsOnNothing: Bool) throws {
        let condition = try JSONLogical(text)
        #expect(try condition.holds(at: JSONDocument(parsing: document).root) == holds)
        #expect(condition.holdsOnNothing == holdsOnNothing)
        #expect(condition.description == text)
    }

    @Test(
        "conditions that are none are refused",
        arguments: [("", 0), ("  ", 2), ("$.a ==", 6), ("$.a $.b", 4), ("1 == 1)", 6), ("$.a == 1 &&", 11)])
    func notConditions(_ text: String, _ offset: Int) {
        let error = #expect(throws: JSONPathError.self) { try JSONLogical(text) }
        #expect(error?.offset == offset)
    }

    @Test("an expression in the document may be too large, or too much work")
    func hostileExpressions() throws {
        let condition = try JSONLogical("search($.text, $.expression)")
        let large = try JSONDocument(parsing: #"{"text":"a","expression":"(a{1000}){1000}"}"#)
        #expect(throws: JSONPathEvaluationError.patternTooLarge) { try condition.holds(at: large.root) }
        let text = String(repeating: "a", count: 100_000)
        let slow = try JSONDocument(parsing: "{\"text\":\"\(text)\",\"expression\":\"(a*)*(a{0,1000})*b\"}")
        #expect(throws: JSONPathEvaluationError.tooManySteps(limit: 1_000_000)) { try condition.holds(at: slow.root, limit: 1_000_000) }
    }
}
