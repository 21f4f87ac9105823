import GatewayCore
import TestSupport
import Testing

@Suite struct RoutePatternTests {
    static func captures(_ pattern: String, _ path: String, method: String = "GET", methods: [String] = ["GET"]) throws -> [String: String]?
    {
        guard let canonical = RoutePattern.canonical(path: path) else { return nil }
        return try RoutePattern(methods: methods, path: pattern).captures(method: method, path: canonical)
    }

    @Test(
        arguments: [
            ("/v1/people/{id}", "/v1/people/42", ["id": "42"]), ("/v1/people/{id}", "/v1/people/a%2Fb", ["id": "a%2Fb"]),
            ("/{a}/{b}", "/1/2", ["a": "1", "b": "2"]),
            ("/{id}.json", "/7.json", ["id": "7"]), ("/{id}.json", "/7.json.json", ["id": "7.json"]),
            ("/m/{model}:generate", "/m/big-1:generate", ["model": "big-1"]),
            ("/m/{model}:generate", "/m/a:b:generate", ["model": "a:b"]), ("/v{n}/x", "/v12/x", ["n": "12"]),
            ("/{a}-{b}", "/1-2-3", ["a": "1-2", "b": "3"]),
            ("/{a}-{b}.x", "/-----.x", ["a": "---", "b": "-"]), ("/a{b}c{d}e", "/abcde", ["b": "b", "d": "d"]),
            ("/{a}--{b}", "/x---y", ["a": "x-", "b": "y"]),
            ("/", "/", [:]), ("/a/**", "/a", [:]), ("/a/**", "/a/", [:]), ("/a/**", "/a/b/c", [:]), ("/**", "/", [:]), ("/**", "/x/y", [:]),
            ("/{x}/**", "/q/r/s", ["x": "q"]),
            ("/a//b", "/a//b", [:]), ("/a/", "/a/", [:]), ("/v1/people", "/v1/%70eople", [:]), ("/%7Eme", "/~me", [:]),
            ("/{id}", "/%34%32", ["id": "42"]),
            ("/é", "/é", [:]), ("/{a}", "/é%20x", ["a": "é%20x"]), ("/a.b/{c}", "/a.b/...", ["c": "..."]),
        ] as [(String, String, [String: String])])
    func serves(_ pattern: String, _ path: String, _ captures: [String: String]) throws {
        #expect(try Self.captures(pattern, path) == captures)
    }

    @Test(arguments: [
        ("/v1/people/{id}", "/v1/people/"), ("/v1/people/{id}", "/v1/people"), ("/v1/people/{id}", "/v1/people/1/2"),
        ("/v1/people/{id}", "/v1/people/1/"), ("/v1/people/{id}", "/V1/people/1"),
        ("/{id}.json", "/.json"), ("/{id}.json", "/7.jso"), ("/{a}-{b}", "/-2"), ("/{a}-{b}", "/2-"), ("/{a}-{b}", "/-"),
        ("/{a}-{b}", "/--"), ("/{a}--{b}", "/x-y"), ("/", "/a"),
        ("/", ""), ("/a", "a"), ("/a/**", "/ab"), ("/a/**", "/"), ("/{x}/**", "/"), ("/{x}/**", "//r"), ("/a/b", "/a//b"), ("/a", "/a/"),
        ("/v1/people", "/v1/people%2F"),
        ("/**", "/a/../b"), ("/**", "/a/%2e%2E/b"), ("/**", "/a/./b"), ("/**", "/.."), ("/{x}", "/%2e"), ("/é", "/e\u{301}"),
    ])
    func servesNot(_ pattern: String, _ path: String) throws {
        #expect(try Self.captures(pattern, path) == nil)
    }

    @Test func methods() throws {
        #expect(try Self.captures("/x", "/x", method: "HEAD") == nil)
        #expect(try Self.captures("/x", "/x", method: "get") == nil)
        #expect(try Self.captures("/x", "/x", method: "HEAD", methods: ["GET", "HEAD"]) == [:])
    }

    @Test(arguments: [
        "", "x", "/{", "/}", "/a}b{c}", "/{}", "/{1a}", "/{a b}", "/{a}/{a}", "/{a}{b}", "/*", "/**/a", "/a**", "/a*{b}", "/{a}*", "/a?b=c",
        "/a/../b", "/./a", "/a#b",
    ])
    func refuses(_ pattern: String) {
        #expect(throws: RoutePattern.PatternError.self) { try RoutePattern(methods: ["GET"], path: pattern) }
    }

    /// The greedy choice from the right against trying every division of the text.
    @Test func agreesWithTryingEverything() throws {
        func divisions(_ pieces: ArraySlice<RoutePattern.Piece>, _ text: Substring) -> [[String]] {
            guard let piece = pieces.first else { return text.isEmpty ? [[]] : [] }
            switch piece {
            case .literal(let literal): return text.hasPrefix(literal) ? divisions(pieces.dropFirst(), text.dropFirst(literal.count)) : []
            case .capture:
                // The longest first.
                return stride(from: text.count, to: 0, by: -1).flatMap { count in
                    divisions(pieces.dropFirst(), text.dropFirst(count)).map { [String(text.prefix(count))] + $0 }
                }
            }
        }
        var random = SplitMix64(seed: 5)
        let patterns = ["/{a}", "/{a}-{b}", "/{a}-{b}-{c}", "/-{a}--{b}", "/{a}x-{b}-", "/x{a}x{b}x{c}x", "/{a}-x-{b}"]
        for _ in 0..<3_000 {
            let pattern = try RoutePattern(methods: ["GET"], path: patterns.randomElement(using: &random) ?? "/{a}")
            let text = (0..<Int.random(in: 0...9, using: &random)).map { _ in ["-", "x", "y"].randomElement(using: &random) ?? "-" }
                .joined()
            let expected = divisions(pattern.segments[0][...], text[...]).first.map {
                Dictionary(zip(pattern.captureNames, $0)) { first, _ in first }
            }
            #expect(pattern.captures(method: "GET", path: "/" + text) == expected, "\(pattern.path) \(text)")
        }
    }

    /// A segment that invites backtracking costs one pass.
    @Test func hostileSegment() throws {
        let path = "/" + String(repeating: "-", count: 60_000)
        #expect(try Self.captures("/{a}-{b}-{c}-{d}.json", path) == nil)
        #expect(try Self.captures("/{a}-{b}-{c}-{d}", path)?.count == 4)
    }

    @Test(arguments: [
        ("/a", "/a", true), ("/{x}", "/a", true), ("/a", "/{x}", false), ("/{x}", "/{y}", true), ("/{x}", "/a/b", false),
        ("/**", "/a/{b}", true), ("/a/**", "/a", true),
        ("/a/**", "/a/b/**", true), ("/a/b/**", "/a/**", false), ("/**", "/**", true), ("/{x}.json", "/a.json", true),
        ("/{x}.json", "/{y}.json", true), ("/{x}.json", "/{y}.xml", false),
        ("/{x}.json", "/.json", false), ("/{x}", "/{y}.json", true), ("/v{x}", "/v1-{y}", true), ("/v{x}", "/{y}", false),
        ("/{x}-{z}", "/{p}-{q}", true), ("/{x}", "/", false),
        ("/", "/", true), ("/a/{x}", "/a/", false), ("/a{x}b", "/ab", false), ("/a{x}b", "/a{y}-{z}b", true), ("/a", "/b", false),
    ])
    func coverage(_ first: String, _ second: String, _ covers: Bool) throws {
        let earlier = try RoutePattern(methods: ["GET", "POST"], path: first)
        let later = try RoutePattern(methods: ["GET"], path: second)
        #expect(earlier.serves(allOf: later, method: "GET") == covers)
        #expect(!earlier.serves(allOf: later, method: "POST"))
    }
}
