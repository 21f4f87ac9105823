import Testing

@testable import JSONPath

@Suite("I-Regexp")
struct IRegexpTests {
    private func matches(_ pattern: String, _ text: String, whole: Bool) throws -> Bool {
        let expression = try Array(pattern.utf8).withUnsafeBufferPointer { (bytes) throws(IRegexpError) in try IRegexp(bytes) }
        return Array(text.utf8).withUnsafeBufferPointer { expression.matches($0, whole: whole) { _ in } }
    }

    @Test(
        "matches whole texts",
        arguments: [
            ("", "", true), ("", "a", false), ("a", "a", true), ("a", "ab", false), ("a|b", "b", true), ("a|b|", "", true),
            ("a||b", "", true), ("()", "", true),
            ("a*", "aaaa", true), ("a+", "", false), ("a?b", "b", true), ("a{3}", "aaa", true), ("a{3}", "aa", false),
            ("a{2,}", "aaaaa", true),
            ("a{2,}", "a", false), ("a{2,3}", "aaaa", false), ("a{0}", "", true), ("a{0}", "a", false), ("a{0,0}b", "b", true),
            ("(ab|c){2}", "cab", true),
            (".", "\n", false), (".", "\r", false), (".", "\u{2028}", true), (".", "😀", true), ("..", "😀", false), ("é", "é", true),
            ("[abc]", "b", true), ("[^abc]", "b", false), ("[^abc]", "\n", true), ("[a-c]+", "abcabc", true), ("[-a]", "-", true),
            ("[a-]", "-", true),
            ("[a-c-]", "-", true), ("[\\-x]", "-", true), ("[.]", "x", false), ("[\\]]", "]", true), ("[{|}]", "|", true),
            ("[^^]", "^", false),
            ("[\\n\\t]", "\t", true), ("\\.", ".", true), ("\\\\", "\\", true), ("\\^\\|", "^|", true), ("[日-本]", "旦", true),
            ("\\p{L}+", "Straße", true), ("\\p{Lu}", "a", false), ("\\P{Lu}", "a", true), ("[\\p{Nd}\\p{Lu}]+", "A1", true),
            ("[^\\p{L}]", "1", true),
            ("[\\P{L}]", "a", false), ("\\p{Zs}", " ", true), ("\\p{So}", "😀", true), ("\\p{Cn}", "\u{378}", true), ("\\p{C}", "\0", true),
            ("\\p{Sc}", "€", true),
            ("/:,-!#%&=~@_`\"'<>;", "/:,-!#%&=~@_`\"'<>;", true), ("(a|b)*abb", "ababb", true), ("((a*)*)*", "aaab", false),
            ("(a{2}){3}", "aaaaaa", true),
            ("^ab$", "ab", true), ("^ab$", "^ab$", true), ("a^b", "ab", false), ("a$b", "a$b", true), ("(^a|b)c", "bc", true),
        ])
    func wholeMatches(_ pattern: String, _ text: String, _ expected: Bool) throws {
        #expect(try matches(pattern, text, whole: true) == expected)
    }

    @Test(
        "finds parts of texts",
        arguments: [
            ("", "", true), ("", "abc", true), ("b", "abc", true), ("bc", "abc", true), ("d", "abc", false), ("b+c", "abbbcd", true),
            ("[0-9]{3}", "a12b345", true),
            ("[0-9]{4}", "a12b345", false), ("^b", "abc", false), ("^a", "abc", true), ("c$", "abc", true), ("b$", "abc", false),
            ("a.c", "xxa\ncaXc", true),
        ])
    func parts(_ pattern: String, _ text: String, _ expected: Bool) throws {
        #expect(try matches(pattern, text, whole: false) == expected)
    }

    @Test(
        "what RFC 9485 does not have is refused",
        arguments: [
            "(", ")", "(a", "a)", "[", "]", "[]", "[^]", "[a", "[b-a]", "[a-\\p{L}]", "[a--b]", "[a-b-c]", "[[]", "*", "+a", "?", "a**",
            "a+?", "a{", "a{}", "a{,2}",
            "a{2,1}", "a{x}", "a{2", "{", "}", "\\", "\\d", "\\w", "\\s", "\\b", "\\u0041", "\\1", "\\/", "\\p", "\\p{", "\\p{X}",
            "\\p{Lx}", "\\p{LU}", "\\p{Cs}",
            "\\p{IsGreek}", "\\p{}", "(?:a)", "(?=a)", "[\\d]", "[a&&[b]]",
        ])
    func refuses(_ pattern: String) {
        #expect(throws: IRegexpError.invalid) { try matches(pattern, "", whole: true) }
    }

    @Test(
        "expressions that would be huge are refused",
        arguments: [
            "(a{1000}){1000}", "((a{100}){100}){100}", "a{99999999999999999999}", "((a{0,300}){0,300})*",
            String(repeating: "(", count: 100_000),
            String(repeating: "a", count: 20_000),
        ])
    func refusesHuge(_ pattern: String) {
        #expect(throws: IRegexpError.tooLarge) { try matches(pattern, "", whole: true) }
    }

    @Test(
        "nothing, repeated without end, is still nothing",
        arguments: ["(){1000000}", "((){99999}){99999}", "(((){9999}){9999}){9999}", "(()*)*"])
    func repeatedNothing(_ pattern: String) throws {
        #expect(try matches(pattern, "", whole: true))
        #expect(try !matches(pattern, "a", whole: true))
    }

    @Test(
        "the work is bounded by text times expression",
        arguments: ["(a*)*b", "(a|a)*b", "(a|aa)+b", "(.*)(.*)(.*)(.*)(.*)b", "((a{0,5}){0,5})*b", "a?a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaab"])
    func pathological(_ pattern: String) throws {
        let expression = try Array(pattern.utf8).withUnsafeBufferPointer { (bytes) throws(IRegexpError) in try IRegexp(bytes) }
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: 2_000)
        var work = 0
        #expect(!text.withUnsafeBufferPointer { expression.matches($0, whole: false) { work += $0 } })
        #expect(work > 0 && work <= text.count * (1 + expression.program.count))
    }
}
