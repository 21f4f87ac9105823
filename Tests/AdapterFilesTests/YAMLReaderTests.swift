import GatewayCore
import Testing

@testable import AdapterFiles

@Suite("Typed values from YAML")
struct YAMLReaderTests {
    private enum Mode: String, CaseIterable {
        case open
        case closed
        case half
    }

    /// The only problem that reading `text` with `body` gives, without the file's name.
    private func problem<Value>(_ text: String, _ body: (ValueReader) -> Value?) -> String? {
        let (value, problems) = read(text, body)
        guard value == nil, problems.count == 1, let problem = problems.first else { return "\(String(describing: value)) \(problems)" }
        return String(problem.dropFirst("a.yaml:".count))
    }

    @Test("values of every type")
    func values() {
        #expect(read("hello") { $0.string() }.value == "hello")
        #expect(read("'42'") { $0.string() }.value == "42")
        #expect(read("2026-01-01") { $0.string() }.value == "2026-01-01")
        #expect(read("0.10") { $0.text() }.value == "0.10")
        #expect(read("0.10 / 1M") { $0.text() }.value == "0.10 / 1M")
        #expect(read("0x10") { $0.text() }.value == "0x10")
        #expect(read("false") { $0.bool() }.value == false)
        #expect(read("-5") { $0.integer(in: -5...5) }.value == -5)
        #expect(read("0.280") { $0.decimal() }.value == "0.280")
        #expect(read("50") { $0.decimal() }.value == "50")
        #expect(read("half") { $0.word(Mode.self) }.value == .half)
        #expect(read("[1, 2]") { $0.list { $0.integer() } }.value == [1, 2])
        #expect(read("[a, b]") { $0.oneOrList { $0.string() } }.value == ["a", "b"])
        #expect(read("a") { $0.oneOrList { $0.string() } }.value == ["a"])
        #expect(read("{b: 1, a: 2}") { $0.entries { "\($0.text)=\($1.integer() ?? 0)" } }.value == ["b=1", "a=2"])
    }

    @Test(
        "durations",
        arguments: [
            ("500ms", .milliseconds(500)), ("30s", .seconds(30)), ("10m", .seconds(600)), ("2h", .seconds(7200)), ("7d", .seconds(604_800)),
            ("0s", .zero), ("36500d", .seconds(3_153_600_000)),
        ] as [(String, Duration)])
    func durations(text: String, expected: Duration) {
        let (value, problems) = read(text) { $0.duration() }
        #expect(value == expected)
        #expect(problems == [])
    }

    @Test(
        "sizes",
        arguments: [
            ("512B", 512), ("32KiB", 32768), ("10MiB", 10_485_760), ("1GiB", 1_073_741_824), ("0B", 0), ("2TiB", 2_199_023_255_552),
        ])
    func sizes(text: String, expected: Int) {
        let (value, problems) = read(text) { $0.byteSize() }
        #expect(value == expected)
        #expect(problems == [])
    }

    @Test("durations that are none")
    func badDurations() {
        let example = "a duration such as 500ms, 30s, 10m, 2h or 7d"
        #expect(problem("30") { $0.duration() } == "1:1: error: expected \(example), found the number 30")
        #expect(problem("[30s]") { $0.duration() } == "1:1: error: expected \(example), found a list")
        #expect(problem("-3s") { $0.duration() } == "1:1: error: expected \(example), found the string '-3s'")
        #expect(problem("1.5h") { $0.duration() } == "1:1: error: expected \(example), found the string '1.5h'")
        #expect(problem("10 s") { $0.duration() } == "1:1: error: expected \(example), found the string '10 s'")
        #expect(problem("s") { $0.duration() } == "1:1: error: expected \(example), found the string 's'")
        #expect(problem("3w") { $0.duration() } == "1:1: error: unknown unit 'w'; known: ms, s, m, h or d")
        #expect(problem("36501d") { $0.duration() } == "1:1: error: out of range: expected from 0s to 36500d, found 36501d")
        #expect(
            problem("99999999999999999999d") { $0.duration() }
                == "1:1: error: out of range: expected from 0s to 36500d, found 99999999999999999999d")
        #expect(
            problem("9223372036854775807d") { $0.duration(in: .seconds(1) ... .seconds(90)) }
                == "1:1: error: out of range: expected from 1s to 90s, found 9223372036854775807d")
    }

    @Test("sizes that are none")
    func badSizes() {
        #expect(problem("10") { $0.byteSize() } == "1:1: error: expected a size such as 512B, 32KiB, 10MiB or 1GiB, found the number 10")
        #expect(problem("10MB") { $0.byteSize() } == "1:1: error: unknown unit 'MB'; known: B, KiB, MiB, GiB or TiB")
        #expect(
            problem("9999999TiB") { $0.byteSize(in: 1024 ... .max) } == "1:1: error: out of range: expected at least 1KiB, found 9999999TiB"
        )
        #expect(problem("2GiB") { $0.byteSize(in: 1...(1 << 30)) } == "1:1: error: out of range: expected from 1B to 1GiB, found 2GiB")
    }

    @Test("wrong types say what was expected and what stands there")
    func wrongTypes() {
        #expect(problem("[1]") { $0.decimal() } == "1:1: error: expected a number, found a list")
        #expect(problem("'1'") { $0.decimal() } == "1:1: error: expected a number, found the string '1'; remove the quotes")
        #expect(problem("abc") { $0.decimal() } == "1:1: error: expected a number, found the string 'abc'")
        #expect(problem(".nan") { $0.decimal() } == "1:1: error: expected a finite number of at most 100 digits, found the number .nan")
        #expect(problem(".inf") { $0.integer() } == "1:1: error: expected a whole number, found the number .inf")
        #expect(
            problem("'${N}'") { $0.integer() }
                == "1:1: error: expected a whole number, found the string '${N}'; an environment variable gives a string")
        #expect(problem("1.0") { $0.integer(in: 1...9) } == "1:1: error: expected a whole number from 1 to 9, found the number 1.0")
        #expect(
            problem("70000") { $0.integer(in: 1...65535) } == "1:1: error: expected a whole number from 1 to 65535, found the number 70000")
        #expect(problem("-1") { $0.integer(in: 0 ... .max) } == "1:1: error: expected a whole number from 0, found the number -1")
        #expect(
            problem("99999999999999999999") { $0.integer() } == "1:1: error: expected a whole number, found the number 99999999999999999999"
        )
        #expect(problem("42") { $0.string() } == "1:1: error: expected a string, found the number 42; put it in quotes")
        #expect(problem("true") { $0.string() } == "1:1: error: expected a string, found true; put it in quotes")
        #expect(problem("~") { $0.string() } == "1:1: error: expected a string, found nothing")
        #expect(problem("yes") { $0.bool() } == "1:1: error: expected true or false, found the string 'yes'")
        #expect(problem("a: 1") { $0.list { $0.string() } } == "1:1: error: expected a list, found a mapping")
        #expect(problem("- a") { $0.mapping { _ in 1 } } == "1:1: error: expected a mapping, found a list")
        #expect(problem("x") { $0.entries { _, _ in 1 } } == "1:1: error: expected a mapping, found the string 'x'")
        #expect(
            problem("opne") { $0.word(Mode.self) }
                == "1:1: error: expected open, closed or half, found the string 'opne'; did you mean 'open'?")
        #expect(problem("sesame") { $0.word(Mode.self) } == "1:1: error: expected open, closed or half, found the string 'sesame'")
        #expect(problem("3") { $0.word(Mode.self) } == "1:1: error: expected open, closed or half, found the number 3")
    }

    @Test("a mapping's keys: required, optional, unknown, empty")
    func keys() {
        let (_, problems) = read("prise: 1\nzzz: 2\nempty:\nneeded:\ntitle: x") { root in
            root.mapping { map in
                _ = map.required("price")
                #expect(map.optional("empty") == nil)
                #expect(map.value("empty")?.isNull == true)
                #expect(map.optional("absent") == nil)
                _ = map.required("needed")
                #expect(map.key("title")?.mark == SourceMark(line: 5, column: 1))
                return map.required("title")?.string()
            }
        }
        #expect(
            problems == [
                "a.yaml:1:1: error: missing key 'price'",
                "a.yaml:1:1: error: unknown key 'prise'; did you mean 'price'?",
                "a.yaml:2:1: error: unknown key 'zzz'; known: absent, empty, needed, price, title",
                "a.yaml:4:8: error: the key 'needed' has no value",
            ])
    }

    @Test("a key that is still free is suggested before one that is there already")
    func suggestsFreeKeys() {
        let problems = read("rate: 1\nrat: 2") { root in
            root.mapping { map in
                _ = map.optional("rate")
                return map.optional("rats")?.integer()
            }
        }.problems
        #expect(problems == ["a.yaml:2:1: error: unknown key 'rat'; did you mean 'rats'?"])
    }

    @Test("the keys that are left are data for who asks for them")
    func remainder() {
        let (value, problems) = read("model: big\ninput: 1\noutput: 2") { root in
            root.mapping { map in
                _ = map.optional("model")
                return map.remainder().map { "\($0.key.text)@\($0.key.mark.line)" }
            }
        }
        #expect(value == ["input@2", "output@3"])
        #expect(problems == [])
    }

    @Test("a flood of unknown keys is summed up")
    func manyUnknown() {
        let text = (1...500).map { "key\($0): 1\n" }.joined()
        let problems = read(text) { root in root.mapping { $0.optional("other")?.string() } }.problems
        #expect(problems.count == 21)
        #expect(problems.last == "a.yaml:21:1: error: 480 more unknown keys from here on")
    }

    @Test("all problems of a file come at once, in file order, and each once")
    func allAtOnce() {
        let text = """
            shared: &s { timeout: 5 }
            a: { <<: *s, size: 1MB }
            b: *s
            list: [1, x, 2]
            """
        func limits(_ value: ValueReader) -> Int? {
            value.mapping { map in
                _ = map.optional("timeout")?.duration()
                return map.optional("size")?.byteSize()
            }
        }
        let (value, problems) = read(text) { root in
            root.mapping { map in
                let list = map.required("list")?.list { $0.integer() }
                for key in ["b", "a", "shared"] { _ = map.required(key).flatMap(limits) }
                return list
            }
        }
        #expect(value == [1, 2])
        #expect(
            problems == [
                "a.yaml:1:23: error: expected a duration such as 500ms, 30s, 10m, 2h or 7d, found the number 5",
                "a.yaml:2:20: error: unknown unit 'MB'; known: B, KiB, MiB, GiB or TiB",
                "a.yaml:4:11: error: expected a whole number, found the string 'x'",
            ])
    }

    @Test("what was reported by the parser is not reported again by readers")
    func unreadable() {
        let (_, problems) = read("a: *x") { root in root.mapping { $0.required("a")?.integer() } }
        #expect(problems == ["a.yaml:1:4: error: no anchor '&x' stands above this alias; if '*x' is text, put it in quotes"])
    }

    @Test("warnings are no errors; several files sort by name")
    func diagnostics() {
        let diagnostics = Diagnostics()
        let document = DocumentReader(file: "b.yaml", environment: Environment([:]), diagnostics: diagnostics)
        document.root(of: Array("x: 1".utf8))?.warn("odd")
        #expect(!diagnostics.hasErrors)
        diagnostics.report(Diagnostic(file: "a.yaml", mark: SourceMark(line: 2, column: 3), message: "bad"))
        #expect(diagnostics.hasErrors)
        #expect(diagnostics.sorted.map(\.description) == ["a.yaml:2:3: error: bad", "b.yaml:1:1: warning: odd"])
    }

    @Test(
        "the nearest word",
        arguments: [
            ("prise", "price"), ("pirce", "price"), ("pric", "price"), ("maxConcurrent", "max_concurrent"),
            ("max_concurent", "max_concurrent"),
            ("xyz", nil), ("a", nil), ("on_tracker_errors", "on_tracker_error"), (String(repeating: "p", count: 100), nil),
        ] as [(String, String?)])
    func suggestions(word: String, expected: String?) {
        #expect(nearest(to: word, among: ["price", "max_concurrent", "url", "on_tracker_error"]) == expected)
    }

    @Test(
        "edit distance", arguments: [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("ab", "ba", 1), ("ca", "abc", 3)])
    func distance(left: String, right: String, expected: Int) {
        #expect(Spelling.distance(Array(left.unicodeScalars), Array(right.unicodeScalars)) == expected)
    }
}
