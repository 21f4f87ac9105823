import Testing

@testable import AdapterFiles

@Suite("YAML documents")
struct YAMLNodeTests {
    @Test(
        "structures, aliases and merge keys",
        arguments: [
            ("a: 1\nb: [x, 'y', {c: d}]", #"{a: 1, b: [x, "y", {c: d}]}"#),
            ("a: &x {p: 1}\nb: *x\nc: [*x, *x]", "{a: {p: 1}, b: {p: 1}, c: [{p: 1}, {p: 1}]}"),
            ("&k key: 1\nother: *k", "{key: 1, other: key}"),
            ("a: &k name\nb: {*k : 1}", "{a: name, b: {name: 1}}"),
            ("a: &x 1\nb: &x 2\nc: *x", "{a: 1, b: 2, c: 2}"),
            // Written keys win wherever they stand; merged ones come in at the place of `<<`.
            ("a: &a {x: 1, y: 2}\nb: {y: 9, <<: *a, z: 3}", "{a: {x: 1, y: 2}, b: {y: 9, x: 1, z: 3}}"),
            ("a: &a {x: 1}\nb: {<<: *a, x: 9}", "{a: {x: 1}, b: {x: 9}}"),
            ("<<: {x: 1}\ny: 2", "{x: 1, y: 2}"),
            // Of several merged mappings the earlier one wins.
            ("<<: [{x: 1}, {x: 2, y: 3}]", "{x: 1, y: 3}"),
            ("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: [*b, {z: 3}]}", "{a: {x: 1}, b: {x: 1, y: 2}, c: {x: 1, y: 2, z: 3}}"),
            (#""<<": 1"#, "{<<: 1}"),
            ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{a: \"x\ny\n\", b: \"x y\"}"),
            ("---\na: 1\n...\n", "{a: 1}"),
            ("%YAML 1.2\n---\na: 1", "{a: 1}"),
            ("\u{FEFF}a: 1", "{a: 1}"),
            ("a:", "{a: }"),
            (#"a: "\x41\u00e9\n""#, "{a: \"Aé\n\"}"),
            (
                "unless: \"!$.data\"\nfrom: $.emails[0].address\ntoken: ${X:-}",
                #"{unless: "!$.data", from: $.emails[0].address, token: ${X:-}}"#
            ),
        ])
    func structure(text: String, expected: String) {
        let (node, problems) = parse(text)
        #expect(problems == [])
        #expect(node?.compact == expected)
    }

    @Test(
        "every scalar knows its line and column, in characters",
        arguments: [
            ("a: 1\n\nlist:\n  - x\n  -   y: z", ["a@1:1", "1@1:4", "list@3:1", "x@4:5", "y@5:7", "z@5:10"]),
            ("m: { a: 1, b: [x, yz] }", ["m@1:1", "a@1:6", "1@1:9", "b@1:12", "x@1:16", "yz@1:19"]),
            ("a: |\n  text\nb: c", ["a@1:1", "text\n@1:4", "b@3:1", "c@3:4"]),
            ("a: 1\r\nb:\r\n  c: \"x\"\r\n", ["a@1:1", "1@1:4", "b@2:1", "c@3:3", "x@3:6"]),
            ("é: 日本\n\"𝄞\": {ü: ö}", ["é@1:1", "日本@1:4", "𝄞@2:1", "ü@2:7", "ö@2:10"]),
            ("\u{FEFF}a: 1", ["a@1:1", "1@1:4"]),
            ("a:\nb: 1", ["a@1:1", "@1:3", "b@2:1", "1@2:4"]),
            ("a: &x 1\nb: *x", ["a@1:1", "1@1:4", "b@2:1", "1@1:4"]),
        ])
    func places(text: String, expected: [String]) {
        #expect(parse(text).node?.places == expected)
    }

    @Test("a mapping's place is that of its first key; a flow collection's that of its bracket")
    func collectionPlaces() throws {
        let node = try #require(parse("a:\n  b: 1\nc: {d: 1}\ne: [1]").node)
        #expect(node.mark == SourceMark(line: 1, column: 1))
        #expect(node["a"]?.mark == SourceMark(line: 2, column: 3))
        #expect(node["c"]?.mark == SourceMark(line: 3, column: 4))
        #expect(node["e"]?.mark == SourceMark(line: 4, column: 4))
        #expect(node["x"] == nil)
    }

    @Test(
        "plain scalars resolve by the core schema of YAML 1.2",
        arguments: [
            ("", .null), ("~", .null), ("null", .null), ("Null", .null), ("NULL", .null), ("nULL", .string),
            ("true", .bool(true)), ("True", .bool(true)), ("TRUE", .bool(true)), ("tRUE", .string),
            ("false", .bool(false)), ("False", .bool(false)), ("FALSE", .bool(false)),
            ("yes", .string), ("no", .string), ("on", .string), ("off", .string), ("y", .string),
            ("0", .integer("0")), ("-0", .integer("0")), ("+12", .integer("12")), ("-12", .integer("-12")), ("007", .integer("7")),
            ("0x1F", .integer("31")), ("0xff", .integer("255")), ("0o17", .integer("15")), ("0o8", .string), ("0x", .string),
            ("-0x1", .string),
            ("0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", .integer("340282366920938463463374607431768211455")),
            ("0x100000000000000000000000000000000", .unrepresentable),
            ("123456789012345678901234567890", .integer("123456789012345678901234567890")),
            ("0.10", .decimal("0.10")), (".5", .decimal("0.5")), ("5.", .decimal("5")), ("-.5", .decimal("-0.5")),
            ("00.5", .decimal("0.5")),
            ("-0.0", .decimal("0.0")), ("1e3", .decimal("1000")), ("1.5E+2", .decimal("150")), ("15e-3", .decimal("0.015")),
            ("1.25e1", .decimal("12.5")), ("0.001e2", .decimal("0.1")), ("0.000000001", .decimal("0.000000001")),
            (".inf", .unrepresentable), ("-.INF", .unrepresentable), ("+.Inf", .unrepresentable), (".NaN", .unrepresentable),
            ("1e101", .unrepresentable), ("1e99999999999999999999", .unrepresentable), ("1e-200", .unrepresentable),
            (String(repeating: "9", count: 100), .integer(String(repeating: "9", count: 100))),
            (String(repeating: "9", count: 101), .unrepresentable),
            (".", .string), ("-", .string), ("+", .string), ("e3", .string), ("1e", .string), ("1e+", .string), ("1.2.3", .string),
            ("1_000", .string), ("0b1", .string), ("2026-01-01", .string), ("12:30", .string), ("10MiB", .string), ("+.inF", .string),
            ("١", .string), ("1 ", .string),
        ] as [(String, YAMLScalar.Value)])
    func coreSchema(text: String, expected: YAMLScalar.Value) {
        #expect(YAMLScalar(text: text, isPlain: true).value == expected)
        #expect(YAMLScalar(text: text, isPlain: false).value == .string)
    }
}
