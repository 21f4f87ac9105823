import Testing

@testable import AdapterFiles

@Suite("YAML that is refused")
struct YAMLRefusalTests {
    private static let tag = "as a tag, and tags are not supported; if it is text, put"

    private static let ambiguousBreak =
        "U+0085, U+2028 and U+2029 could be read as line breaks; write '\\N', '\\L' or '\\P' in double quotes"

    @Test(
        "structures are refused with place and reason",
        arguments: [
            ("a: 1\nb: 2\na: 3", ["3:1: error: duplicate key 'a'; it is first at line 1, column 1"]),
            ("{ a: 1, 'a': 2 }", ["1:9: error: duplicate key 'a'; it is first at line 1, column 3"]),
            ("<<: {a: 1}\n<<: {b: 1}", ["2:1: error: duplicate key '<<'; it is first at line 1, column 1"]),
            ("a: !!str 1", ["1:4: error: YAML reads '!!str' \(tag) the whole value in quotes"]),
            ("a: !foo {b: 1}", ["1:4: error: YAML reads '!foo' \(tag) the whole value in quotes"]),
            (
                "- !x\n- ! y",
                [
                    "1:3: error: YAML reads '!x' \(tag) the whole value in quotes",
                    "2:3: error: YAML reads '!' \(tag) the whole value in quotes",
                ]
            ),
            ("a: 1\n---\nb: 2", ["2:1: error: a second document starts here; a file holds one"]),
            ("a: *b", ["1:4: error: no anchor '&b' stands above this alias; if '*b' is text, put it in quotes"]),
            ("a: &a [1, *a]", ["1:11: error: the alias '*a' stands inside the very node that it names"]),
            ("a: &a\n  b: {c: *a}", ["2:10: error: the alias '*a' stands inside the very node that it names"]),
            ("{a: 1}: b", ["1:1: error: a key cannot be a mapping; a text that starts with '{' needs quotes"]),
            ("? [a, b]\n: c", ["1:3: error: a key cannot be a list; a text that starts with '[' needs quotes"]),
            ("key: {{ name }}", ["1:7: error: a key cannot be a mapping; a text that starts with '{' needs quotes"]),
            ("a: &l [1]\nb: {*l : 2}", ["2:5: error: a key cannot be a list; a text that starts with '[' needs quotes"]),
            ("<<: 3", ["1:5: error: '<<' takes a mapping, an alias of one, or a list of these, found the number 3"]),
            ("<<: [{a: 1}, [b]]", ["1:14: error: '<<' takes a mapping, an alias of one, or a list of these, found a list"]),
            (#"a: "x\0y""#, ["1:4: error: the character U+0000 is not allowed in a string"]),
            ("a: b\u{0}c", ["1:5: error: the control character U+0000 is not allowed in YAML"]),
            ("a: 1\nb: é\u{7}", ["2:5: error: the control character U+0007 is not allowed in YAML"]),
            ("a: 1\r\nb: é\u{9F}", ["2:5: error: this character is not allowed in YAML"]),
            ("a: é\u{85}", ["1:5: error: \(ambiguousBreak)"]),
            ("a: 1\nb: x\u{2028}y", ["2:5: error: \(ambiguousBreak)"]),
            ("a: &a {", ["1:8: error: expected a value, found the end of the line"]),
            ("a: 1\nb: {", ["2:5: error: expected a value, found the end of the line"]),
            ("%TAG !a! x\n---\nb: 1", ["1:1: error: a line that starts with '%TAG' declares tags, and tags are not supported"]),
            ("a: 1\n...\n%TAG !a! x\n", ["3:1: error: a line that starts with '%TAG' declares tags, and tags are not supported"]),
            ("", ["1:1: error: the file has no content"]),
            ("# only a comment\n", ["1:1: error: the file has no content"]),
        ])
    func structure(text: String, expected: [String]) {
        #expect(parse(text).problems == expected.map { "a.yaml:\($0)" })
    }

    @Test(
        "text that needs quotes is recognised",
        arguments: [
            ("{ token: ${X:-} }", "1:11: error: inside { } and [ ] a '${…}' needs quotes: \"${X:-}\""),
            ("[ Bearer ${X} ]", "1:11: error: inside { } and [ ] a '${…}' needs quotes: \"${X}\""),
            ("a:\n  b: { t: ${X", "2:12: error: inside { } and [ ] a '${…}' needs quotes: \"${X\""),
            ("url: ${HOST}: x", "1:13: error: an unquoted value cannot contain ': '; put the whole value in quotes"),
            ("a: 1\r\n\r\nb: {x: ${Y}}", "3:9: error: inside { } and [ ] a '${…}' needs quotes: \"${Y}\""),
            ("a: 1\r\nu: !$.x || y", "2:4: error: YAML reads '!$.x' \(tag) the whole value in quotes"),
            ("- a: b: c", "1:7: error: an unquoted value cannot contain ': '; put the whole value in quotes"),
            ("{ body: $.a[0] }", "1:12: error: inside { } and [ ] an unquoted value ends at '['; put the whole value in quotes"),
            ("{ path: /v1/{id} }", "1:13: error: inside { } and [ ] an unquoted value ends at '{'; put the whole value in quotes"),
            ("path: {id}/x", "1:11: error: text follows what YAML reads as a mapping; a text that starts with '{' needs quotes"),
            ("path: [id]/x", "1:11: error: text follows what YAML reads as a list; a text that starts with '[' needs quotes"),
            ("path: 'a' + b", "1:11: error: text follows the closing quote; put the whole value in one pair of quotes"),
            ("a: *", "1:4: error: a value that starts with '*' is read as an alias; if it is text, put it in quotes"),
            ("a: *x.y", "1:4: error: a value that starts with '*' is read as an alias; if it is text, put it in quotes"),
            ("a: & b", "1:4: error: a value that starts with '&' is read as an anchor; if it is text, put it in quotes"),
            ("a: %x", "1:4: error: a value cannot start with '%'; put the whole value in quotes"),
            ("a: @x", "1:4: error: a value cannot start with '@'; put the whole value in quotes"),
            ("a: `x`", "1:4: error: a value cannot start with '`'; put the whole value in quotes"),
            ("a: }", "1:4: error: expected a value, found '}'; if it is text, put the whole value in quotes"),
            ("unless: !$.data || $.data == null", "1:9: error: YAML reads '!$.data' \(tag) the whole value in quotes"),
            ("unless: !$.data", "1:9: error: YAML reads '!$.data' \(tag) the whole value in quotes"),
            ("unless: !($.a)", "1:9: error: YAML reads '!($.a)' \(tag) the whole value in quotes"),
            ("u: { unless: ![a] }", "1:14: error: YAML reads '![a]' \(tag) the whole value in quotes"),
            ("a: !b!c d", "1:4: error: YAML reads '!b!c' \(tag) the whole value in quotes"),
            (
                "a: |x\n b",
                "1:5: error: a value that starts with '|' or '>' is read as a block of text on the lines below; if it is text, put it in quotes"
            ),
            (
                "{ a: x #b }\nc: 1",
                "2:1: error: expected ',' or '}' in the mapping that starts at line 1, column 1; ' #' starts a comment: a value that contains it needs quotes"
            ),
        ])
    func quoting(text: String, expected: String) {
        #expect(parse(text).problems == ["a.yaml:\(expected)"])
    }

    @Test(
        "syntax errors say what to change",
        arguments: [
            ("a: 1\n  b: 2", "2:4: error: a key cannot stand here; check the indentation of this line and of the one above"),
            ("a:\n  b: 1\n c: 2", "3:2: error: expected a key of the mapping that starts at line 1, column 1; check the indentation"),
            ("- a\nb: 1", "2:1: error: expected a '- ' entry of the list that starts at line 1, column 1; check the indentation"),
            ("a: 1\nb\nc: 2", "2:1: error: expected 'key: value', found no ': ' after this"),
            ("a:\n\tb: 1", "2:1: error: a tab cannot stand here; indent with spaces"),
            ("a: \"x\nb: 1\n", "1:4: error: this quote is never closed"),
            ("a: 'x\n---\n'", "1:4: error: this quote is never closed"),
            ("a: \"\\q\"", "1:5: error: '\\q' is no escape; write '\\\\' for a backslash, or use single quotes"),
            ("a: [1, 2", "1:9: error: expected ',' or ']' in the list that starts at line 1, column 4"),
            (
                "a: - b",
                "1:4: error: a list entry '- ' cannot stand here; start it on a line of its own, or put the value in quotes if it is text"
            ),
            ("a: 1\n...\nb: 2", "3:1: error: the document ends above, and nothing may follow it"),
            ("%FOO\na: 1", "1:5: error: found unknown directive name, while scanning a directive"),
        ])
    func syntax(text: String, expected: String) {
        #expect(parse(text).problems == ["a.yaml:\(expected)"])
    }

    @Test("bytes that are no UTF-8 text are refused where they stand")
    func encoding() {
        #expect(parse(bytes: [0xFF, 0xFE, 0x61, 0]).problems == ["a.yaml:1:1: error: the file is encoded as UTF-16; save it as UTF-8"])
        #expect(parse(bytes: [0xFE, 0xFF, 0, 0x61]).problems == ["a.yaml:1:1: error: the file is encoded as UTF-16; save it as UTF-8"])
        #expect(parse(bytes: Array("a: 1\nb: é".utf8) + [0xFF]).problems == ["a.yaml:2:5: error: this is not UTF-8 (byte 0xFF)"])
        #expect(parse(bytes: Array("a: ".utf8) + [0xC3]).problems == ["a.yaml:1:4: error: this is not UTF-8 (byte 0xC3)"])
        #expect(parse(bytes: Array("a: ".utf8) + [0xED, 0xA0, 0x80]).problems == ["a.yaml:1:4: error: this is not UTF-8 (byte 0xED)"])
    }

    @Test("a file over 4 MiB is refused, one of exactly 4 MiB is read")
    func size() {
        let limit = 4 << 20
        let comment = [UInt8](repeating: UInt8(ascii: "#"), count: limit - 5)
        #expect(parse(bytes: Array("a: 1\n".utf8) + comment).problems == [])
        #expect(
            parse(bytes: Array("a: 11\n".utf8) + comment).problems
                == ["a.yaml:1:1: error: the file has \(limit + 1) bytes; at most \(limit) are read"])
    }

    @Test("nesting stops at 64, in flow, in blocks and through aliases")
    func depth() {
        func flow(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        #expect(parse(flow(64)).problems == [])
        #expect(parse(flow(65)).problems == ["a.yaml:1:65: error: lists and mappings are nested more than 64 deep"])
        #expect(
            parse(String(repeating: "[", count: 500_000)).problems == [
                "a.yaml:1:65: error: lists and mappings are nested more than 64 deep"
            ])
        #expect(
            parse(String(repeating: "- ", count: 100_000)).problems == [
                "a.yaml:1:129: error: lists and mappings are nested more than 64 deep"
            ])
        let chain = "l0: &l0 [x]\n" + (1...70).map { "l\($0): &l\($0) [*l\($0 - 1)]\n" }.joined()
        #expect(parse(chain).problems == ["a.yaml:64:12: error: lists and mappings are nested more than 64 deep"])
    }

    @Test("an alias bomb is stopped before it grows")
    func aliasBomb() {
        let laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        let bomb =
            laughs
            + (1...9).map { level in
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ") + "]\n"
            }.joined()
        #expect(parse(bomb).problems == ["a.yaml:6:10: error: with its aliases expanded, the file has more than 100000 values"])
        let merging = "a0: &a0 {k0: 1}\n" + (1...30).map { "a\($0): &a\($0) {<<: [*a\($0 - 1), *a\($0 - 1)], k\($0): 1}\n" }.joined()
        #expect(parse(merging).node == nil)
        #expect(parse("[" + String(repeating: "1,", count: 99_999) + "]").problems == [])
        #expect(
            parse("[" + String(repeating: "1,", count: 100_000) + "]").problems == [
                "a.yaml:1:200000: error: the file has more than 100000 values"
            ])
    }

    @Test("problems that leave the structure clear are reported together, in file order, with the syntax error that ends it")
    func severalAtOnce() {
        let text = "a: !x 1\nb: *none\na: 2\n<<: 1\n[k]: v\nc: d: e\n"
        #expect(
            parse(text).problems == [
                "a.yaml:1:4: error: YAML reads '!x' \(Self.tag) the whole value in quotes",
                "a.yaml:2:4: error: no anchor '&none' stands above this alias; if '*none' is text, put it in quotes",
                "a.yaml:3:1: error: duplicate key 'a'; it is first at line 1, column 1",
                "a.yaml:4:5: error: '<<' takes a mapping, an alias of one, or a list of these, found the number 1",
                "a.yaml:5:1: error: a key cannot be a list; a text that starts with '[' needs quotes",
                "a.yaml:6:5: error: an unquoted value cannot contain ': '; put the whole value in quotes",
            ])
    }
}
