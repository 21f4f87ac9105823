import AdapterFiles
import GatewayCore
import JSONPath
import Testing

/// `cache` and `research` of an operation.
struct KeepingDecoderTests {
    private func decode(_ lines: String) -> (keeping: Keeping?, isLoaded: Bool, problems: [String]) {
        let adapter = """
            adapter: 1
            provider: acmedata
            upstream: { url: "https://api.acmedata.example" }
            prices: [ { effective: 2026-01-01, source: a letter, checked: 2026-11-01, rates: [ { unit: 1 } ] } ]
            operations:
              - name: get
                match: { method: GET, path: /v1/get }
                charge: { unit: 1 }
                estimate: { unit: 1 }
                \(lines)
            examples:
              - { name: one, request: { method: GET, path: /v1/get }, response: { status: 200 }, expect: { cost: 1 } }
            """
        let (decoded, problems) = decodeAdapter(adapter)
        return (decoded?.operations[0].keeping, decoded != nil, problems)
    }

    @Test func everyKeyIsRead() throws {
        let cache = decode("cache: { ttl: 90m, headers: [X-Version, Prefer] }")
        #expect(cache.keeping?.ttl == 5400 && cache.keeping?.headers == ["X-Version", "Prefer"] && cache.keeping?.research == nil)
        let both = decode(
            "cache: { headers: [X-Version] }\n    research: { type: web, content: $.a, sources: \"$.b[*]\", model: $.m, confidence: 0.85, ttl: 7d }"
        )
        #expect(both.problems.isEmpty, "\(both.problems)")
        let research = try #require(both.keeping?.research)
        #expect(both.keeping?.ttl == 7 * 86_400 && both.keeping?.headers == ["X-Version"])
        #expect(research.type == "web" && research.content.description == "$.a" && research.sources?.description == "$.b[*]")
        #expect(research.model?.description == "$.m" && research.confidence == "0.85")
        #expect(decode("research: { type: web, content: $.a, ttl: 1d }").keeping?.research?.confidence == nil)
        #expect(decode("cache: { ttl: 1d }\n    research: { type: web, content: $.a, ttl: 24h }").keeping?.ttl == 86_400)
        #expect(decode("").keeping == nil && decode("").isLoaded)
    }

    @Test(arguments: [
        ("cache: {}", "missing key 'ttl'"), ("cache: { ttl: 30 }", "expected a duration"),
        ("cache: { ttl: 0s }", "out of range: expected from 1s"),
        ("cache: { ttl: 1d, header: [a] }", "unknown key 'header'; did you mean 'headers'?"),
        ("cache: { ttl: 1d, headers: [\"a b\"] }", "no header's name"), ("cache: 30d", "expected a mapping"),
        ("research: { type: web, ttl: 1d }", "missing key 'content'"), ("research: { type: web, content: $.a }", "missing key 'ttl'"),
        ("research: { type: web, content: a, ttl: 1d }", "no JSONPath"), ("research: { content: $.a, ttl: 1d }", "missing key 'type'"),
        ("research: { type: web, content: $.a, ttl: 1d, confidence: 1.1 }", "a confidence is a number from 0 to 1"),
        ("research: { type: web, content: $.a, ttl: 1d, model: x }", "no JSONPath"),
        ("research: { type: \"\", content: $.a, ttl: 1d }", "1 to 50 characters"),
        ("cache: { ttl: 2d }\n    research: { type: web, content: $.a, ttl: 1d }", "leave this one out"),
    ])
    func everyMistakeIsSaidAndTheAdapterRefused(lines: String, problem: String) {
        let (_, isLoaded, problems) = decode(lines)
        #expect(!isLoaded && problems.count == 1 && problems[0].contains(problem), "\(problems)")
    }
}
