import Testing

@testable import JSONPath

@Suite("JSON documents")
struct JSONDocumentTests {
    @Test(
        "RFC 8259 texts are accepted",
        arguments: [
            "null", "true", "false", "0", "-0", "-1", "1.5", "1e5", "1E+5", "1e-5", "-0.0e-0", "123456789012345678901234567890", "1e400",
            "-1e-400",
            "\"\"", "\"a\"", #""\"\\\/\b\f\n\r\t""#, #""\u0000\u001f\uFFFF""#, #""\ud834\udd1e""#, #""\uD834\uDD1Ex""#,
            "\"\u{7F}\u{80}\u{10FFFF}\"",
            "[]", "{}", "[ ]", "{ }", " \t\r\n[\n]\r\t ", "[1]", "[1,2]", "[[],[]]", "[{},{}]", #"{"":0}"#, #"{"a":1,"a":2}"#,
            #"{"a":{"b":[{}]}}"#,
            "[\n                1,\n                \"x\"\n]", #"{ "a" : 1 , "b" : [ 1 , 2 ] }"#, "\u{FEFF}{}", #"{"\u0061":1}"#,
            "[\"\u{2028}\u{2029}\"]",
        ])
    func accepts(_ text: String) throws {
        let document = try JSONDocument(parsing: text)
        #expect(document.bytes == Array(text.utf8))
    }

    @Test(
        "anything else is refused, where it goes wrong",
        arguments: [
            ("", 0, .unexpectedEnd), (" \n", 2, .unexpectedEnd), ("\u{FEFF}", 3, .unexpectedEnd), ("nul", 3, .unexpectedEnd),
            ("nulL", 3, .expectedValue),
            ("True", 0, .expectedValue), ("NaN", 0, .expectedValue), ("-Infinity", 1, .invalidNumber), ("'a'", 0, .expectedValue),
            ("+1", 0, .expectedValue),
            (".5", 0, .expectedValue), ("1.", 2, .unexpectedEnd), ("1.e1", 2, .invalidNumber), ("01", 1, .invalidNumber),
            ("-01", 2, .invalidNumber),
            ("-", 1, .unexpectedEnd), ("1e", 2, .unexpectedEnd), ("1e+", 3, .unexpectedEnd), ("1ee1", 2, .invalidNumber),
            ("0x10", 1, .trailingBytes),
            ("1 2", 2, .trailingBytes), ("{}}", 2, .trailingBytes), ("[]\0", 2, .trailingBytes), ("null//", 4, .trailingBytes),
            ("\u{A0}1", 0, .expectedValue),
            ("[", 1, .unexpectedEnd), ("[1", 2, .unexpectedEnd), ("[1,", 3, .unexpectedEnd), ("[1,]", 3, .expectedValue),
            ("[,1]", 1, .expectedValue),
            ("[1 2]", 3, .expectedCommaOrBracket), ("[1}", 2, .expectedCommaOrBracket), ("]", 0, .expectedValue),
            ("[1:2]", 2, .expectedCommaOrBracket),
            ("{", 1, .unexpectedEnd), ("{]", 1, .expectedName), ("{a:1}", 1, .expectedName), ("{1:1}", 1, .expectedName),
            (#"{"a"}"#, 4, .expectedColon),
            (#"{"a" 1}"#, 5, .expectedColon), (#"{"a":}"#, 5, .expectedValue), (#"{"a":1,}"#, 7, .expectedName),
            (#"{"a":1 "b":2}"#, 7, .expectedCommaOrBrace),
            (#"{"a":1]"#, 6, .expectedCommaOrBrace), (#"{,}"#, 1, .expectedName), (#"{"a"::1}"#, 5, .expectedValue),
            ("\"", 1, .unexpectedEnd), ("\"abcdefghijk", 12, .unexpectedEnd), ("\"\n\"", 1, .controlCharacter),
            ("\"aaaaaaaaa\t\"", 10, .controlCharacter),
            ("\"\0\"", 1, .controlCharacter), (#""\x""#, 2, .invalidEscape), (#""\'""#, 2, .invalidEscape), (#""\u12""#, 5, .invalidEscape),
            (#""\u00g0""#, 5, .invalidEscape), (#""\U0041""#, 2, .invalidEscape), (#""\"#, 2, .unexpectedEnd),
            (#""\u00"#, 5, .unexpectedEnd),
            (#""\ud800""#, 1, .loneSurrogate), (#""\udc00""#, 1, .loneSurrogate), (#""\ud800\ud800""#, 1, .loneSurrogate),
            (#""\ud800\u0041""#, 1, .loneSurrogate), (#""\ud800x""#, 1, .loneSurrogate), (#""\ud800\n""#, 1, .loneSurrogate),
            (#""\ud800\u00""#, 11, .invalidEscape), (#"{"\udfff":1}"#, 2, .loneSurrogate),
        ] as [(String, Int, JSONError.Reason)])
    func refuses(_ text: String, offset: Int, reason: JSONError.Reason) {
        #expect(throws: JSONError(offset: offset, reason: reason)) { try JSONDocument(parsing: text) }
    }

    @Test(
        "bytes that are not UTF-8 are refused",
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x20], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xE2, 0x82],
            [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x92], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE],
            [0xFF],
            [0xE6, 0xBC, 0xA2, 0xFF],
        ] as [[UInt8]])
    func refusesBadUTF8(_ bytes: [UInt8]) {
        for padding in [0, 5, 8, 13] {
            let text = Array("[\"".utf8) + Array(repeating: UInt8(ascii: "a"), count: padding) + bytes + Array("\"]        ".utf8)
            #expect(throws: JSONError.self) { try JSONDocument(parsing: text) }
        }
        #expect(throws: JSONError.self) { try JSONDocument(parsing: bytes) }
    }

    @Test("UTF-16 and half a byte order mark are refused")
    func refusesOtherEncodings() {
        #expect(throws: JSONError.self) { try JSONDocument(parsing: [0xFF, 0xFE, 0x31, 0x00]) }
        #expect(throws: JSONError.self) { try JSONDocument(parsing: [0x31, 0x00]) }
        #expect(throws: JSONError.self) { try JSONDocument(parsing: [0xEF, 0xBB]) }
        #expect(throws: JSONError.self) { try JSONDocument(parsing: [0xEF, 0xBB, 0xBF, 0xEF, 0xBB, 0xBF, 0x31]) }
    }

    @Test("errors name a position and never quote the text")
    func errorsQuoteNothing() {
        let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: #"{"password":"hunter2" oops}"#) }
        #expect(error?.description == "not JSON: expected a comma or the end of the object at byte 22")
    }

    @Test("a valid text cut short anywhere is refused")
    func refusesTruncation() throws {
        let text = Array(
            #" {"a": [1.5e3, -0, "x\u00e9\ud834\udd1ey", "日本語 long enough for a chunk"], "b": {"": null, "t": true, "f": false}}"#.utf8)
        _ = try JSONDocument(parsing: text)
        for count in 0..<text.count {
            let error = #expect(throws: JSONError.self) { try JSONDocument(parsing: Array(text[..<count])) }
            #expect(error?.reason == .unexpectedEnd && error?.offset == count, "cut to \(count)")
        }
    }

    @Test("nesting costs no call stack", arguments: [10_000, 1_000_000])
    func parsesDeepNesting(_ depth: Int) throws {
        let opening = Array(String(repeating: "[", count: depth).utf8)
        let closing = Array(String(repeating: "]", count: depth).utf8)
        #expect(throws: JSONError(offset: depth, reason: .unexpectedEnd)) { try JSONDocument(parsing: opening) }
        let document = try JSONDocument(parsing: opening + closing)
        #expect(document.root.isEqual(to: try JSONDocument(parsing: opening + closing).root))
        #expect(document.root.raw.count == 2 * depth)
        #expect(try JSONPath("$..*").nodes(in: document.root, limit: 10 * depth).count == depth - 1)
        #expect(throws: JSONDepthError.self) { try JSONValue(document.root) }
        let members = String(repeating: "{\"a\":", count: depth) + "1" + String(repeating: "}", count: depth)
        let object = try JSONDocument(parsing: members)
        #expect(try JSONPath("$..[?@ == 1]").first(in: object.root, limit: 100 * depth)?.number?.int64 == 1)
        #expect(try JSONPath("$[?$ == @]").nodes(in: object.root, limit: 100 * depth).isEmpty)
    }

    @Test("counts of children survive nesting between them")
    func countsChildren() throws {
        let root = try JSONDocument(parsing: #"[1,[2,[3,3],2],{"a":[4],"b":{}},[],5]"#).root
        #expect(root.count == 5)
        #expect(root[1]?.count == 3)
        #expect(root[1]?[1]?.count == 2)
        #expect(root[2]?.count == 2)
        #expect(root[3]?.count == 0)
        #expect(root[4]?.count == 0)
        #expect(root[5] == nil)
    }
}
