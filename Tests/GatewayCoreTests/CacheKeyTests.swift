import GatewayCore
import JSONPath
import Testing

/// Which requests are the same to a cache.
@Suite struct CacheKeyTests {
    private static let question = CacheQuestion(
        workspace: "w", provider: "p", operation: "o", method: "POST", path: "/a", query: "x=1&y=2",
        body: Array(#"{"a":1,"b":[true,"é"]}"#.utf8),
        headers: [("accept", ["application/json"]), ("x-variant", [])])

    private func changed(_ change: (inout CacheQuestion) -> Void) -> [UInt8] {
        var question = Self.question
        change(&question)
        return question.canonicalBytes
    }

    @Test(arguments: [
        #"{"b":[true,"é"],"a":1}"#, #" { "a" : 1.0 , "b" : [ true , "\u00e9" ] } "#, #"{"\u0061":10e-1,"b":[true,"é"]}"#,
    ])
    func oneBodyInManySpellingsIsOne(body: String) {
        #expect(changed { $0.body = Array(body.utf8) } == Self.question.canonicalBytes)
    }

    @Test(arguments: [
        #"{"a":1,"b":["é",true]}"#, #"{"a":"1","b":[true,"é"]}"#, #"{"a":1.0000000000000000000001,"b":[true,"é"]}"#,
        #"{"a":1,"b":[true,"e"]}"#,
        #"{"a":1}"#, #"{"a":1,"b":[true,"é"],"c":null}"#, "", "{}", "a=1", #"{"a":2,"a":1,"b":[true,"é"]}"#,
    ])
    func anotherBodyIsAnother(body: String) {
        #expect(changed { $0.body = Array(body.utf8) } != Self.question.canonicalBytes)
    }

    /// Parsers differ in which of two members of one name counts.
    @Test func repeatedNamesAreComparedAsTheyStand() {
        let texts = [
            #"{"a":1,"a":2}"#, #"{"a":2}"#, #"{"a":2,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"[{"b":{"a":1,"a":2}}]"#, #"[{"b":{"a":2}}]"#,
        ]
        let keys = texts.map { text in changed { $0.body = Array(text.utf8) } }
        #expect(Set(keys).count == texts.count)
    }

    /// Deeper than values are copied: by its bytes.
    @Test func aBodyOfAnyDepthHasAKey() {
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 600) + [UInt8](repeating: UInt8(ascii: "]"), count: 600)
        #expect(changed { $0.body = deep } == changed { $0.body = deep })
        #expect(changed { $0.body = deep } != changed { $0.body = [UInt8(ascii: " ")] + deep })
    }

    @Test func theOrderOfParametersIsNothingAndThatOfOneNameIsSomething() {
        #expect(changed { $0.query = "y=2&x=1" } == Self.question.canonicalBytes)
        #expect(changed { $0.query = "x=1&x=2" } != changed { $0.query = "x=2&x=1" })
        #expect(changed { $0.query = "a&b=1&a=2" } == changed { $0.query = "b=1&a&a=2" })
        let queries: [String?] = [nil, "", "x", "x=", "x=1", "x=1&", "x=1&y=2&z", "xy=12"]
        #expect(Set(queries.map { query in changed { $0.query = query } }).count == queries.count)
    }

    /// Nothing of one part can pass for a piece of the next.
    @Test func partsDoNotRunIntoEachOther() {
        let others = [
            changed {
                $0.workspace = "wp"; $0.provider = ""
            },
            changed {
                $0.workspace = ""; $0.provider = "wp"
            }, changed { $0.workspace = "v" },
            changed { $0.provider = "q" }, changed { $0.operation = "n" }, changed { $0.method = "GET" }, changed { $0.path = "/A" },
            changed { $0.headers = [("accept", []), ("x-variant", ["application/json"])] },
            changed { $0.headers = [("accept", ["application/json", ""]), ("x-variant", [])] },
            changed { $0.headers = [("accept", ["application/json"])] },
        ]
        #expect(Set(others + [Self.question.canonicalBytes]).count == others.count + 1)
        #expect(changed { $0.headers.reverse() } == Self.question.canonicalBytes)
    }

    @Test func headerLinesComeBackAsTheyWere() {
        let answers = [
            WholeAnswer(status: 200, headers: HeaderList(), body: []),
            WholeAnswer(status: 299, headers: HeaderList([("A", ""), ("a", ": b"), ("X-Ünï", "\u{9}c: d ")]), body: [0, 255, 13, 10]),
        ]
        for answer in answers {
            #expect(WholeAnswer(status: answer.status, headerLines: answer.headerLines, body: answer.body) == answer)
        }
        for broken in ["A", "A: b", "A: b\n", "A:b\r\n", ": b\r\n", "A: b\r\n\r\n", "A: b\r"] {
            #expect(WholeAnswer(status: 200, headerLines: Array(broken.utf8), body: []) == nil, "\(broken)")
        }
        #expect(WholeAnswer(status: 404, headerLines: [], body: []) == nil)
    }

    @Test func hexadecimalDigitsAreReadAsTheyAreWritten() {
        let bytes = (0...255).map { UInt8($0) }
        #expect(Hexadecimal.bytes(Hexadecimal.text(bytes)) == bytes)
        #expect(["0", "0g", "é", "0x"].allSatisfy { Hexadecimal.bytes($0) == nil })
    }
}
