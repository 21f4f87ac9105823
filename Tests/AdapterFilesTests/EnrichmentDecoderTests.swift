import AdapterFiles
import GatewayCore
import Testing

/// What is wrong with `enrich`, in adapters and in config.yaml, is said at its place.
@Suite struct EnrichmentDecoderTests {
    private static let operation = """
          - name: find
            match: { method: GET, path: "/v2/people/{id}" }
            entity: person
            charge: { credit: 1 }
            estimate: { credit: 1 }
            normalize: { fields: { email: $.email } }
          - name: search
            match: { method: POST, path: /v2/search }
            entity: person
            usage: { size: { request: $.size } }
            charge: { credit: size }
            estimate: { credit: size }
            normalize: { fields: { email: $.email } }
        """

    /// The section's own lines begin at line 37.
    private func decode(_ section: String) -> (adapter: Adapter?, problems: [String]) {
        decodeAdapter(smallAdapter.replacing(once: "examples:", with: Self.operation + "\n\(section)\nexamples:"))
    }

    private static func rule(
        operation: String = "find", when: String = "[[email]]", request: String = #"{ method: GET, path: "/v2/people/{email}" }"#
    ) -> String {
        "enrich:\n  person:\n    operation: \(operation)\n    when: \(when)\n    request: \(request)"
    }

    @Test func aRuleIsReadWhole() throws {
        let (adapter, problems) = decode(
            """
            enrich:
              person:
                - operation: find
                  when: [[linkedinSlug], [domain, fullName]]
                  request:
                    method: GET
                    path: /v2/people/x
                    query: { q: "{fullName} at {domain}", n: 5 }
                    headers: { X-Slug: "{linkedinSlug}" }
                - operation: search
                  when: [[email]]
                  request: { method: POST, path: /v2/search, body: { size: 1, terms: [ { mail: "{email}" }, "{phone}", true, null ] } }
            """)
        #expect(problems == [])
        let rules = try #require(adapter?.enrichment[.person])
        #expect(rules.map(\.operation) == ["find", "search"] && adapter?.enrichment[.company] == nil)
        #expect(rules[0].alternatives == [[.linkedinSlug], [.companyDomain, .fullName]])
        let ada = EntityMatch([.fullName: "Ada Example", .companyDomain: "example.com", .email: "a@b.example"], of: .person)
        #expect(rules[0].request(for: ada)?.target == "/v2/people/x?q=Ada%20Example%20at%20example.com&n=5")
        let body = try #require(rules[1].request(for: ada)?.body)
        #expect(String(decoding: body, as: UTF8.self) == #"{"size":1,"terms":[{"mail":"a@b.example"},true,null]}"#)
    }

    @Test(arguments: [
        (rule(when: "[[emial]]"), "40:13: error: unknown field 'emial'; did you mean 'email'?"),
        (rule(when: "[[skills]]"), "40:13: error: unknown field 'skills'; known: linkedinUrl, "),
        (rule(when: "[]"), "40:11: error: it has no alternative: [[linkedinUrl], [email]]"),
        (rule(when: "[[]]"), "40:12: error: an alternative names at least one field"),
        (rule(when: "[email]"), "40:12: error: expected a list, found the string 'email'"),
        (
            rule(request: #"{ method: GET, path: "/v2/people/{emial}" }"#),
            "41:35: error: unknown placeholder '{emial}'; did you mean 'email'?"
        ),
        (rule(request: #"{ method: GET, path: "/v2/people/{email" }"#), "41:35: error: '{' without '}'"),
        (rule(request: #"{ method: GET, path: "v2/{email}" }"#), "41:35: error: a path begins with '/'"),
        (rule(request: #"{ method: GET, path: "/v2/people/x?y={email}" }"#), "41:35: error: a path has no query or fragment"),
        (
            rule(request: #"{ method: get, path: "/v2/people/{email}" }"#),
            "41:24: error: expected a method such as GET, found the string 'get'"
        ),
        (rule(request: #"{ method: GET, path: /v2/people/x, qeury: {} }"#), "41:49: error: unknown key 'qeury'; did you mean 'query'?"),
        (rule(request: #"{ method: GET, path: /v2/people/x, query: { a: "{x}" } }"#), "41:61: error: unknown placeholder '{x}'"),
        (
            rule(request: #"{ method: GET, path: /v2/people/x, headers: { X-Gateway-Cache: refresh } }"#),
            "41:60: error: 'X-Gateway-Cache' is no header"
        ),
        (
            rule(request: #"{ method: GET, path: /v2/people/x, headers: { A: "a\nb" } }"#),
            "41:63: error: control characters can stand in no path"
        ),
        (rule(request: #"{ method: GET, path: /v2/people/x, body: { a: ["{x}"] } }"#), "41:61: error: unknown placeholder '{x}'"),
        ("enrich:\n  persons: {}", "38:3: error: unknown key 'persons'; did you mean 'person'?"),
        ("enrich:\n  person: []", "38:11: error: expected how a person is found: operation, when and request, found a list"),
        ("enrich:\n  person: { operation: find }", "38:11: error: missing key 'when'"),
        (rule(operation: "fnid"), "39:5: error: there is no operation 'fnid'; did you mean 'find'?"),
        (rule(operation: "lookup"), "39:5: error: the operation 'lookup' has no 'normalize' of a person, so nothing could be found by it"),
        (
            rule(request: #"{ method: GET, path: "/v1/{email}" }"#),
            "39:5: error: with [email] its request reaches the operation 'lookup', not 'find'"
        ),
        (
            rule(request: #"{ method: GET, path: "/v3/{email}" }"#),
            "39:5: error: with [email] its request is refused: no operation serves GET /v3/"
        ),
        (
            rule(when: "[[email], [phone]]"), "39:5: error: with [phone] its path has a placeholder that has no value"
        ),
        (
            rule(operation: "search", request: #"{ method: POST, path: /v2/search, body: { size: many } }"#),
            "39:5: error: with [email] its request is refused: "
        ),
    ])
    func whatIsWrongIsSaidAtItsPlace(section: String, problem: String) {
        let (adapter, problems) = decode(section)
        #expect(adapter == nil)
        #expect(problems.contains { $0.hasPrefix("plugins/acmedata.yaml:\(problem)") }, "\(problems)")
    }

    // MARK: config.yaml

    private func load(_ enrich: String) throws -> (configuration: Configuration?, problems: [String]) {
        let finder = smallAdapter.replacing(once: "examples:", with: Self.operation + "\n\(Self.rule())\nexamples:")
        let folder = try TemporaryFolder([
            "config.yaml": "gateway: 1\n\(enrich)", "plugins/acmedata.yaml": smallAdapter,
            "plugins/finder.yaml": finder.replacing(once: "provider: acmedata", with: "provider: finder"), "plugins/broken.yaml": "x",
        ])
        let loaded = GenerationLoader(folder.options(environment: ["ACMEDATA_API_KEY": "k"])).load(number: 1, at: Timestamp(seconds: 0))
        return (loaded.generation?.configuration, folder.short(loaded.diagnostics).filter { $0.hasPrefix("config.yaml") })
    }

    @Test func anOrderIsRead() throws {
        let (configuration, problems) = try load("enrich: { person: [finder, broken], timeout: 1500ms }")
        // An adapter that cannot be read may well have a rule.
        #expect(problems == [])
        #expect(configuration?.enrichment == EnrichmentSettings(order: [.person: ["finder", "broken"]], timeout: 1500))
        #expect(try load("").configuration?.enrichment == EnrichmentSettings(order: [:], timeout: 60_000))
    }

    @Test(arguments: [
        ("person: [findr]", "2:20: error: there is no adapter 'findr'; did you mean 'finder'?"),
        ("person: [acmedata]", "2:20: error: the adapter 'acmedata' has no 'enrich: { person: … }'; those of finder have one"),
        ("company: [finder]", "2:21: error: the adapter 'finder' has no 'enrich: { company: … }'; no adapter has one"),
        ("person: [finder, finder]", "2:28: error: 'finder' is asked before already"),
        ("person: finder", "2:19: error: expected a list, found the string 'finder'"),
        ("timeout: 5", "2:20: error: expected a duration"),
        ("timeout: 1ms", "2:20: error: out of range: expected from 100ms to 1h, found 1ms"),
        ("persons: [finder]", "2:11: error: unknown key 'persons'; did you mean 'person'?"),
    ])
    func whatIsWrongWithAnOrderIsSaidAtItsPlace(entry: String, problem: String) throws {
        let (configuration, problems) = try load("enrich: { \(entry) }")
        #expect(configuration == nil)
        #expect(problems.count == 1 && problems[0].hasPrefix("config.yaml:\(problem)"), "\(problems)")
    }
}
