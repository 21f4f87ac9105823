import AdapterFiles
import GatewayCore
import JSONPath
import Testing
import TokenCounting

struct AdapterDecoderTests {
    @Test func theWholeFormat() throws {
        let (decoded, problems) = decodeAdapter(acmeAdapter)
        #expect(problems.isEmpty, "\(problems)")
        let adapter = try #require(decoded)
        #expect(adapter.title == "Acme Data")
        let route = adapter.upstream.route
        #expect(route.baseURL == "https://api.acmedata.example/base")
        #expect((route.timeout, route.total, route.http2) == (30_000, 600_000, false))
        #expect(route.retry == RetryPolicy(statuses: [502, 503], onConnect: true, attempts: 2))
        #expect(adapter.upstream.authentication == .header(name: "X-Api-Key", value: Secret("k")))
        #expect(adapter.upstream.headers == [UpstreamSettings.Header(name: "Acme-Version", value: Secret("2026-01-01"))])
        #expect(adapter.operations.map(\.name) == ["enrich_person", "chat"])
        #expect(adapter.operations[0].keeping?.ttl == 30 * 86_400 && adapter.operations[0].keeping?.headers == [])
        #expect(adapter.operations[1].keeping == nil)
        #expect(adapter.operations[1].usage.map(\.name) == ["prompt", "cached", "answer", "asked", "limit", "choices"])
        #expect(adapter.operations.map(\.tokenizer) == [.bytes, .o200k])
        #expect(adapter.prices.entries[0].rows.count == 5)
        #expect(adapter.prices.entries[0].rows[2].conditions == ["model": .prefix("big")])
        #expect(adapter.examples.map(\.location) == ["plugins/acmedata.yaml:72:5", "plugins/acmedata.yaml:76:5"])
        #expect(adapter.missingVariables.isEmpty)
    }

    @Test func aMissingKeyTurnsTheAdapterOff() throws {
        for environment in [[:], ["ACMEDATA_API_KEY": ""]] {
            let (adapter, problems) = decodeAdapter(smallAdapter, environment: environment)
            #expect(try #require(adapter).missingVariables == ["ACMEDATA_API_KEY"])
            #expect(
                problems == [
                    "plugins/acmedata.yaml:5:37: warning: the environment variable ACMEDATA_API_KEY is not set: the adapter is loaded but off"
                ])
        }
    }

    @Test func sourcesAreTriedInTheOrderWritten() throws {
        let text = smallAdapter.replacing(
            once: "{ header: x-spent, default: 1 }", with: "{ default: 1, query: q, path: id, header: x-spent, body: $.n }"
        )
        .replacing(once: "cost: \"0.20\"", with: "cost: \"4.20\"")
        let operation = try #require(decodeAdapter(text).adapter).operations[0]
        let kinds = operation.usage[0].quantity.sources.map { source in
            switch source {
            case .query: "query"
            case .path: "path"
            case .header: "header"
            case .body: "body"
            default: "other"
            }
        }
        // The example's own header is behind the capture, which is 42.
        #expect(kinds == ["query", "path", "header", "body"])
    }

    @Test(arguments: [
        ("adapter: 1", "adapter: 2", "1:10: error: expected adapter: 1, the only version of this format; found the number 2"),
        (
            "provider: acmedata", "provider: acme",
            "2:11: error: the provider of this file is called like the file: write 'acmedata', or name the file 'acme.yaml'"
        ),
        ("provider: acmedata", "provider: _gateway", "2:11: error: '_gateway' is the gateway's own path; a provider's name is another"),
        (
            "provider: acmedata", "provider: Acme",
            "2:11: error: 'Acme' is no provider's name: a letter a–z, then letters, digits and '-', at most 64"
        ),
        (
            "https://api.acmedata.example", "ftp://api.acmedata.example",
            "4:8: error: 'ftp://api.acmedata.example' is no base URL: it begins with https:// or http://"
        ),
        (
            "https://api.acmedata.example", "https://me@api.acmedata.example",
            "4:8: error: the value is no base URL: it has a user or password"
        ),
        (
            "https://api.acmedata.example", "https://api.acmedata.example?a=1",
            "4:8: error: the value is no base URL: it has a query"
        ),
        (
            "https://api.acmedata.example", "https://api.acmedata.example:70000",
            "4:8: error: 'https://api.acmedata.example:70000' is no base URL: its port is none"
        ),
        ("header: X-Api-Key", "header: Host", "5:19: error: the header 'Host' belongs to the transport and cannot be set"),
        ("header: X-Api-Key, ", "", "5:9: error: 'auth' names where the key goes: 'header' or 'query'"),
        (
            "effective: 2026-01-01", "effective: 2026-02-30",
            "8:16: error: expected a date such as 2026-01-31 or an instant such as 2026-01-31T08:00:00Z, found '2026-02-30'"
        ),
        ("    checked: 2026-11-01\n", "", "8:5: error: missing key 'checked'"),
        ("credit: 0.10", "credit: -1", "12:19: error: expected a price such as 0.10 or 0.25 / 1M, found the number -1"),
        (
            "model: small", "modle: small",
            "13:18: error: expected a price such as 0.10 or 0.25 / 1M, found the string 'small'; 'modle' is not among the dimensions; did you mean 'model'?"
        ),
        ("    billable: {", "    bilable: {", "21:5: error: unknown key 'bilable'; did you mean 'billable'?"),
        (
            "    billable: {", "    tokenizer: o200k-base\n    billable: {",
            "21:16: error: expected cl100k_base, o200k_base or bytes/4, found the string 'o200k-base'; did you mean 'o200k_base'?"
        ),
        (
            "method: GET, path: \"/v1/{id}\"", "method: get, path: \"/v1/{id}\"",
            "16:22: error: 'get' is no method: GET, POST, …, in capital letters"
        ),
        ("path: \"/v1/{id}\"", "path: \"/v1/{id\"", "16:33: error: '{' without '}' in '{id'"),
        (
            "header: x-spent, default: 1", "header: x-spent, default: \"1\"",
            "18:42: error: expected a number, found the string '1'; remove the quotes"
        ),
        ("header: x-spent, default: 1", "body: \"$.[\"", "18:22: error: '$.[' is no JSONPath: "),
        ("credit: spent", "credit: spnt", "20:15: error: 'spnt' is not in usage; there are spent"),
        ("credit: spent", "credit: spent +", "20:15: error: 'spent +' is no expression: "),
        ("status: [200]", "status: [2000]", "21:26: error: expected a whole number from 100 to 599, found the number 2000"),
        ("status: [200]", "when: \"$.a =\"", "21:23: error: '$.a =' is no condition: "),
        ("      credit: 1\n", "", "20:15: error: 'credit' is charged and has no estimate"),
        ("cost: \"0.20\"", "cost: \"0.21\"", "25:5: error: example 'found': cost: expected 0.21, found 0.20"),
        (
            "expect: { operation: lookup", #"expect: { operation: "look\nup""#,
            #"25:5: error: example 'found': operation: expected look\nup, found lookup"#
        ),
        (
            "cost: \"0.20\"", "cost: much",
            "28:58: error: expected an amount in US dollars, not negative and with at most nine fraction digits, found much"
        ),
        ("status: 200, headers", "stauts: 200, headers", "27:15: error: missing key 'status'"),
    ])
    func everyMistakeAtItsPlace(_ old: String, _ new: String, _ expected: String) {
        let (adapter, problems) = decodeAdapter(smallAdapter.replacing(once: old, with: new))
        #expect(adapter == nil)
        #expect(problems.contains { $0.hasPrefix("plugins/acmedata.yaml:\(expected)") }, "\(problems)")
    }

    @Test func allMistakesAtOnceInFileOrder() {
        let text = smallAdapter.replacing(once: "adapter: 1", with: "adapter: one").replacing(once: "credit: 0.10", with: "credit: ten")
            .replacing(once: "status: 200, ", with: "")
        let lines = decodeAdapter(text).problems.map { $0.split(separator: ":")[1] }
        #expect(lines == ["1", "12", "27"])
    }

    @Test func bodiesKeepNumbersAndOrder() throws {
        let text = smallAdapter.replacing(
            once: "body: { id: 42 }", with: "body: { z: 1.10, a: [ 123456789012345678901234567890, true, null, \"x\" ], é: -0.5 }")
        let body = try #require(decodeAdapter(text).adapter).examples[0].response.body
        #expect(String(decoding: body, as: UTF8.self) == #"{"z":1.10,"a":[123456789012345678901234567890,true,null,"x"],"é":-0.5}"#)
    }

    @Test func aBodyThatIsAStringStandsAsItIs() throws {
        let text = smallAdapter.replacing(once: "body: { id: 42 }", with: "body: \"data: {}\\n\\n\"")
        #expect(try #require(decodeAdapter(text).adapter).examples[0].response.body == Array("data: {}\n\n".utf8))
    }
}
