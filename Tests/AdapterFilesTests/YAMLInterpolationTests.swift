import Testing

@testable import AdapterFiles

@Suite("Environment variables in YAML strings")
struct YAMLInterpolationTests {
    private static let environment = Environment(["KEY": "s3cret", "_A1": "x", "EMPTY": "", "NESTED": "${KEY}: {a: 1}", "DAYS": "7d"])

    @Test(
        "values and fallbacks",
        arguments: [
            ("${KEY}", "s3cret"), ("Bearer ${KEY}!", "Bearer s3cret!"), ("${KEY}${_A1}", "s3cretx"), ("$${KEY}", "$s3cret"),
            ("${KEY:-other}", "s3cret"), ("${NONE:-other}", "other"), ("${NONE:-}", ""), ("${EMPTY:-other}", "other"), ("${EMPTY}", ""),
            ("${NONE:-a:-b $c}", "a:-b $c"), ("a}b${KEY}}", "a}bs3cret}"), ("é${KEY}日", "és3cret日"),
            ("${KEY}\u{301}", "s3cret\u{301}"),
            // A value is text: nothing in it is read again.
            ("${NESTED}", "${KEY}: {a: 1}"),
        ])
    func values(text: String, expected: String) throws {
        let result = try InterpolatedString(text, from: Self.environment)
        #expect(result.value == expected)
        #expect(result.isSecret)
        #expect(result.missing == [])
    }

    @Test("a '$' that no '{' follows is text", arguments: ["$.data[0]", "$", "a$", "$$", "$ {x}", "{$}", "$KEY", "", "cost: 5$"])
    func literal(text: String) throws {
        let result = try InterpolatedString(text, from: Self.environment)
        #expect(result == InterpolatedString(value: text))
        #expect(result.description == text)
    }

    @Test(
        "malformed references are refused",
        arguments: [
            ("a ${", "'${' is not closed; write ${NAME} or ${NAME:-fallback}"),
            ("${KEY", "'${' is not closed; write ${NAME} or ${NAME:-fallback}"),
            (String(repeating: "${KEY}", count: 101), "a string may name at most 100 variables"),
            ("${KEY:-${KEY}}", "a fallback cannot contain '${'; write ${NAME} or ${NAME:-fallback}"),
        ])
    func malformed(text: String, message: String) {
        #expect(throws: InterpolationError(message: message)) { try InterpolatedString(text, from: Self.environment) }
    }

    @Test(
        "names that are none are refused",
        arguments: ["${}", "${1A}", "${A B}", "${ KEY}", "${A-b}", "${KEY:+b}", "${KEY:}", "${É}", "${:-x}"])
    func names(text: String) {
        let message =
            "'\(text)' names no variable; write ${NAME} or ${NAME:-fallback}, a name being letters, digits and '_', no digit first"
        #expect(throws: InterpolationError(message: message)) { try InterpolatedString(text, from: Self.environment) }
    }

    @Test("a missing variable is an error at the string that names it")
    func missingRefused() {
        let (value, problems) = read("a:\n  - ok\n  - \"x ${NONE} ${ALSO} ${NONE}\"\n  - \"${}\"", environment: Self.environment) { root in
            root.mapping { $0.required("a")?.list { $0.string() } }
        }
        #expect(value == ["ok"])
        #expect(
            problems == [
                "a.yaml:3:5: error: the environment variable NONE is not set",
                "a.yaml:3:5: error: the environment variable ALSO is not set",
                "a.yaml:4:5: error: '${}' names no variable; write ${NAME} or ${NAME:-fallback}, a name being letters, digits and '_', no digit first",
            ])
    }

    @Test("missing variables are collected where the file may load without them")
    func missingCollected() throws {
        let diagnostics = Diagnostics()
        let document = DocumentReader(file: "a.yaml", environment: Environment(["B": "b"], missing: .collected), diagnostics: diagnostics)
        let root = try #require(document.root(of: Array("[\"${A}${B}\", \"${C}\", \"${A}\", \"${D:-d}\"]".utf8)))
        let values = root.list { $0.interpolated() }
        #expect(values?.map(\.value) == ["b", "", "", "d"])
        #expect(values?.map(\.missing) == [["A"], ["C"], ["A"], []])
        #expect(document.missingVariables == ["A", "C"])
        #expect(diagnostics.sorted == [])
    }

    @Test("a value cannot inject YAML, and plain strings are interpolated too")
    func noInjection() {
        let (value, problems) = read("a: ${NESTED}\nb: 1", environment: Self.environment) { root in
            root.mapping { map in
                #expect(map.required("b")?.integer() == 1)
                return map.required("a")?.string()
            }
        }
        #expect(value == "${KEY}: {a: 1}")
        #expect(problems == [])
    }

    @Test("durations and words may come from the environment; keys never do")
    func elsewhere() {
        #expect(read("\"${DAYS}\"", environment: Self.environment) { $0.duration() }.value == .seconds(604_800))
        #expect(read("{\"${KEY}\": 1}", environment: Self.environment) { $0.entries { key, _ in key.text } }.value == ["${KEY}"])
    }

    @Test("a secret shows in no description")
    func masked() throws {
        let secret = try InterpolatedString("Bearer ${KEY}", from: Self.environment)
        #expect("\(secret)" == "•••")
        #expect(String(reflecting: secret) == "•••")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("s3cret"))
    }

    @Test("problems quote what the file says, never the variable's value")
    func problemsKeepSecrets() {
        enum Word: String, CaseIterable { case only }
        let text = "[\"${KEY}\", \"${KEY}\", \"${KEY}\"]"
        let problems = read(text, environment: Self.environment) { root in
            var turn = 0
            return root.list { value -> Int? in
                turn += 1
                switch turn {
                case 1: _ = value.duration()
                case 2: _ = value.word(Word.self)
                default: _ = value.byteSize()
                }
                return nil
            }
        }.problems
        #expect(problems.count == 3)
        #expect(!problems.contains { $0.contains("s3cret") })
    }
}
