import Testing

@testable import JSONPath

@Suite("JSON values")
struct JSONValueTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("are written compactly, in the order given")
    func serialized() {
        let value: JSONValue = ["z": nil, "a": [true, false, -1, "x"], "e": [:], "f": []]
        #expect(text(value.serialized) == #"{"z":null,"a":[true,false,-1,"x"],"e":{},"f":[]}"#)
        #expect(value["a"] == [true, false, -1, "x"])
        #expect(value["b"] == nil)
    }

    @Test("escape what must be escaped and nothing else")
    func escapes() throws {
        let string = String(String.UnicodeScalarView((0..<0x80).compactMap { Unicode.Scalar($0) })) + "é\u{2028}日😀\u{10FFFF}/"
        var bytes: [UInt8] = []
        JSONText.appendString(string, to: &bytes)
        #expect(text(bytes).hasPrefix(#""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f\u0010"#))
        #expect(text(bytes).contains(##"\u001f !\"#$%"##))
        #expect(text(bytes).contains(#"[\\]"#))
        #expect(try JSONDocument(parsing: bytes).root.string?.unicodeScalars.elementsEqual(string.unicodeScalars) == true)
    }

    @Test("come out of documents as they went in")
    func roundTrip() throws {
        let source = #"{"b":[1.50,1e400,-0,"\u0041\n",{}],"a":null,"":true}"#
        let value = try JSONValue(JSONDocument(parsing: source).root)
        #expect(text(value.serialized) == #"{"b":[1.50,1e400,-0,"A\n",{}],"a":null,"":true}"#)
        #expect(try JSONValue(JSONDocument(parsing: value.serialized).root) == value)
    }

    @Test(
        "have one canonical text",
        arguments: [
            (#"{ "b":1.0, "a":[10e-1, "\u0041\/"] }"#, #"{"a":[1,"A/"],"b":1}"#),
            (
                #"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#,
                "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{FB33}\":3}"
            ),
            (#"{"a":1,"a":2}"#, #"{"a":2}"#), ("1E2", "100"), ("-0.0", "0"),
            ("123456789012345678901234567890", "1.2345678901234567890123456789e+29"),
        ])
    func canonical(_ source: String, _ expected: String) throws {
        let value = try JSONValue(JSONDocument(parsing: source).root)
        #expect(text(value.canonical) == expected)
        #expect(try JSONValue(JSONDocument(parsing: value.canonical).root).canonical == value.canonical)
    }

    @Test("keep the last of members with one name when canonical")
    func duplicates() {
        let value = JSONValue.object([.init("a", 1), .init("b", 2), .init("a", 3)])
        #expect(text(value.canonical) == #"{"a":3,"b":2}"#)
        #expect(value["a"] == 3)
    }

    @Test("are equal by number values and exact strings")
    func equality() {
        #expect(JSONValue.number(JSONNumber(1)) == JSONNumber("1.0").map(JSONValue.number))
        #expect(JSONValue.string("\u{E9}") != .string("e\u{301}"))
        #expect(JSONValue.object([.init("\u{E9}", 1)]) != .object([.init("e\u{301}", 1)]))
    }

    @Test("have a greatest depth")
    func depth() throws {
        let fits = try JSONDocument(parsing: String(repeating: "[", count: 512) + String(repeating: "]", count: 512))
        #expect(try text(JSONValue(fits.root).canonical).utf8.elementsEqual(fits.bytes))
        let deeper = try JSONDocument(parsing: String(repeating: "[", count: 513) + String(repeating: "]", count: 513))
        #expect(throws: JSONDepthError()) { try JSONValue(deeper.root) }
    }
}
