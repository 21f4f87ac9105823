import Testing

@testable import JSONPath

@Suite("JSON nodes")
struct JSONNodeTests {
    private static let text = #"{"o":{"x":1},"a":[1,"two",null],"s":"caf\u00e9 \ud834\udd1e","n":-1.50e2,"t":true,"f":false,"z":null}"#

    @Test("tell their kind and value")
    func kindsAndValues() throws {
        let root = try JSONDocument(parsing: Self.text).root
        #expect(root.members.map(\.value.kind) == [.object, .array, .string, .number, .true, .false, .null])
        #expect(root.members.map(\.name) == ["o", "a", "s", "n", "t", "f", "z"])
        #expect(root.children.count == 7)
        #expect(root["s"]?.string == "café 𝄞")
        #expect(root["n"]?.number?.text == "-1.50e2")
        #expect(root["n"]?.number?.int64 == -150)
        #expect(root["t"]?.bool == true)
        #expect(root["f"]?.bool == false)
        #expect(root["z"]?.isNull == true)
        #expect(root["s"]?.number == nil)
        #expect(root["n"]?.string == nil)
        #expect(root["z"]?.bool == nil)
        #expect(root["a"]?.members.isEmpty == true)
        #expect(root["a"]?["x"] == nil)
        #expect(root["o"]?[0] == nil)
        #expect(root["a"]?[-1] == nil)
        #expect(root["missing"] == nil)
    }

    @Test("give their own text back")
    func raw() throws {
        let root = try JSONDocument(parsing: " { \"a\" : [ 1 , {} ] , \"b\" : \"x\\n\" } ").root
        #expect(root.raw.elementsEqual("{ \"a\" : [ 1 , {} ] , \"b\" : \"x\\n\" }".utf8))
        #expect(root["a"]?.raw.elementsEqual("[ 1 , {} ]".utf8) == true)
        #expect(root["b"]?.raw.elementsEqual("\"x\\n\"".utf8) == true)
        #expect(root["a"]?[0]?.raw.elementsEqual("1".utf8) == true)
    }

    @Test("resolve every escape")
    func escapes() throws {
        let node = try JSONDocument(parsing: #""\"\\\/\b\f\n\r\t\u0000\u0041\u00e9\u20AC\uD83D\uDE00.""#).root
        #expect(node.string == "\"\\/\u{8}\u{C}\n\r\t\0Aé€😀.")
    }

    @Test(
        "lend the UTF-8 of strings alone",
        arguments: [
            (#""café 𝄞""#, "café 𝄞"), (#""""#, ""), (#""\ud83d\ude00\u0041\n""#, "😀A\n"), ("17", nil), ("null", nil), (#"["a"]"#, nil),
            (#"{"a":"b"}"#, nil),
        ] as [(String, String?)])
    func utf8(_ text: String, _ expected: String?) throws {
        let node = try JSONDocument(parsing: text).root
        let lent = node.withUTF8 { bytes in bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) } }
        #expect(lent == expected)
    }

    @Test("of members with one name, the last counts; escapes do not make names differ")
    func duplicateNames() throws {
        let root = try JSONDocument(parsing: #"{"a":{"lost":1},"b":2,"\u0061":3,"a":[4]}"#).root
        #expect(root.count == 2)
        #expect(root["a"]?[0]?.number?.int64 == 4)
        #expect(root.members.map(\.name) == ["b", "a"])
        #expect(try JSONPath("$.*").nodes(in: root).map { String(decoding: $0.raw, as: UTF8.self) } == ["2", "[4]"])
        #expect(try JSONPath("$..*").nodes(in: root).map(\.normalizedPath) == ["$['b']", "$['a']", "$['a'][0]"])
        #expect(try JSONPath("$..lost").nodes(in: root).isEmpty)
        #expect(try JSONLogical("length($) == 2").holds(at: root))
        #expect(try JSONValue(root).serialized.elementsEqual(#"{"b":2,"a":[4]}"#.utf8))
    }

    @Test("a hundred thousand members with one name or many are no trouble")
    func manyNames() throws {
        let one = try JSONDocument(parsing: "{" + (0..<100_000).map { "\"a\":\($0)" }.joined(separator: ",") + "}").root
        #expect(one.count == 1)
        #expect(one["a"]?.number?.int64 == 99_999)
        #expect(try JSONPath("$..*").nodes(in: one).count == 1)
        let twice = "{" + (0..<100_000).map { "\"k\($0 % 50_000)\":\($0)" }.joined(separator: ",") + "}"
        let many = try JSONDocument(parsing: twice).root
        #expect(many.count == 50_000)
        #expect(many.children.first?.number?.int64 == 50_000)
        #expect(many.isEqual(to: try JSONDocument(parsing: twice).root))
    }

    @Test(
        "are equal by value",
        arguments: [
            ("1", "1.0", true), ("1", "10e-1", true), ("1", "2", false), ("1", "\"1\"", false), ("null", "false", false),
            ("true", "true", true),
            (#""\u0061""#, #""a""#, true), (#""é""#, "\"e\u{301}\"", false), ("[]", "{}", false), ("[1,[2]]", "[1.0,[2e0]]", true),
            ("[1,2]", "[2,1]", false),
            (#"{"a":1,"b":2}"#, #"{"b":2,"a":1}"#, true), (#"{"a":1}"#, #"{"a":1,"b":2}"#, false), (#"{"a":1}"#, #"{"b":1}"#, false),
            (#"{"a":0,"a":1}"#, #"{"a":1}"#, true), (#"{"a":[{}]}"#, #"{"\u0061":[{}]}"#, true), (#"{"a":[{}]}"#, #"{"a":[[]]}"#, false),
        ])
    func equality(_ left: String, _ right: String, _ equal: Bool) throws {
        let (a, b) = (try JSONDocument(parsing: left).root, try JSONDocument(parsing: right).root)
        #expect(a.isEqual(to: b) == equal)
        #expect(b.isEqual(to: a) == equal)
    }

    @Test("say where they are")
    func normalizedPaths() throws {
        let root = try JSONDocument(parsing: #"{"a'b\\":[0,{"\n\u000b":{}}],"c":1}"#).root
        let paths = try JSONPath("$..*").nodes(in: root).map(\.normalizedPath)
        #expect(paths == [#"$['a\'b\\']"#, "$['c']", #"$['a\'b\\'][0]"#, #"$['a\'b\\'][1]"#, #"$['a\'b\\'][1]['\n\u000b']"#])
        #expect(root.normalizedPath == "$")
        for path in paths { #expect(try JSONPath(path).first(in: root)?.normalizedPath == path) }
    }
}
