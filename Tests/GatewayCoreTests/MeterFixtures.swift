import GatewayCore
import JSONPath

/// A number, for tests.
func exact(_ text: String) -> Exact {
    let parts = text.split(separator: "/").map { (try? Exact(decimal: $0)) ?? Exact(-987_654_321) }
    return parts.count == 2 ? (try? parts[0] / parts[1]) ?? Exact(-987_654_321) : parts[0]
}

func dollars(_ text: String) -> Money {
    Money(text) ?? Money(nanos: -987_654_321)
}

func row(_ conditions: [String: String] = [:], _ rates: [String: String], override: Bool = false) -> PriceRow {
    PriceRow(
        conditions: conditions.mapValues { $0.hasSuffix("*") ? .prefix(String($0.dropLast())) : .exactly($0) },
        rates: rates.compactMapValues { Rate($0) }, isOverride: override)
}

func entry(_ rows: [PriceRow], effective: String = "2026-01-01", checked: String = "2026-11-01") -> PriceEntry {
    PriceEntry(
        effective: Timestamp(effective) ?? Timestamp(seconds: 0), source: "https://prices.example",
        checked: Timestamp(checked) ?? Timestamp(seconds: 0),
        rows: rows, version: "\(effective)+00000000", canonical: "{}")
}

/// A request with a JSON body, if any.
func request(_ body: String? = nil, query: String? = nil, captures: [String: String] = [:]) -> RequestFacts {
    RequestFacts(captures: captures, query: query, body: RequestFacts.body(body.map { Array($0.utf8) }))
}

func response(_ body: String, status: Int = 200, headers: [(String, String)] = []) -> ResponseFacts {
    ResponseFacts(status: status, headers: HeaderList(headers), body: ResponseFacts.body(Array(body.utf8)))
}

extension Quantity {
    static func body(_ path: String, default fallback: String? = nil) throws -> Quantity {
        Quantity(sources: [.body(try JSONPath(path))], fallback: fallback.map(exact))
    }

    static func request(_ path: String, default fallback: String? = nil) throws -> Quantity {
        Quantity(sources: [.request(try JSONPath(path))], fallback: fallback.map(exact))
    }
}

extension Operation.Line {
    static func line(_ unit: String, _ expression: String) throws -> Operation.Line {
        Operation.Line(unit: unit, amount: .expression(try Expression(expression)))
    }
}

/// The contract's adapter for an invented provider.
enum Acme {
    static let prices = entry([
        row([:], ["credit": "0.10"]),
        row(["model": "small"], ["input_token": "0.25 / 1M", "cached_token": "0.10 / 1M", "output_token": "2.50 / 1M"]),
        row(["model": "big*"], ["input_token": "3 / 1M", "cached_token": "1 / 1M", "output_token": "15 / 1M"]),
        row(["depth": "low"], ["search": "5.00 / 1k"]),
        row(["depth": "high"], ["search": "14.00 / 1k"]),
    ])

    static func enrich() throws -> Operation {
        Operation(
            name: "enrich_person", match: try RoutePattern(methods: ["GET"], path: "/v1/people/{id}"), entity: "person",
            usage: [("spent", Quantity(sources: [.header("x-credits-spent")], fallback: .one))],
            charge: [try .line("credit", "spent")],
            billable: Billable(statuses: [200], unless: try JSONLogical("!$.data || $.data == null")),
            estimate: [try .line("credit", "1")],
            reported: try .body("$.cost.total"))
    }

    static func chat() throws -> Operation {
        Operation(
            name: "chat", match: try RoutePattern(methods: ["POST"], path: "/v1/chat/completions"),
            dimensions: [
                "model": .first([.body(try JSONPath("$.model")), .request(try JSONPath("$.model"))], fallback: nil),
                "depth": .first([.request(try JSONPath("$.depth"))], fallback: "low"),
            ],
            usage: [
                ("prompt", try .body("$.usage.prompt_tokens")),
                ("cached", try .body("$.usage.prompt_tokens_details.cached_tokens", default: "0")),
                ("answer", try .body("$.usage.completion_tokens")),
                ("asked", Quantity(sources: [.tokens([try JSONPath("$.messages[*].content")], each: nil)])),
                ("limit", try .request("$.max_tokens", default: "4096")),
                ("choices", try .request("$.n", default: "1")),
            ],
            charge: [
                try .line("input_token", "prompt - cached"), try .line("cached_token", "cached"), try .line("output_token", "answer"),
                try .line("search", "1"),
            ],
            estimate: [
                try .line("input_token", "asked"), try .line("cached_token", "0"), try .line("output_token", "limit * choices"),
                try .line("search", "1"),
            ])
    }

    static func adapter(operations: [Operation]? = nil, prices: [PriceEntry] = [Acme.prices], examples: [Example]? = nil) throws -> Adapter
    {
        Adapter(
            provider: "acmedata", title: "Acme Data",
            upstream: UpstreamSettings(route: UpstreamRoute(provider: "acmedata", baseURL: "https://api.acmedata.example")),
            dimensions: ["model", "depth"], prices: PriceTable(entries: prices), operations: try operations ?? [enrich(), chat()],
            examples: examples ?? [found])
    }

    static let found = Example(
        name: "a person who is found", request: Example.Request(method: "GET", path: "/v1/people/42"),
        response: Example.Response(
            status: 200, headers: HeaderList([("x-credits-spent", "1")]), body: Array(#"{"data":{"full_name":"Ada Example"}}"#.utf8)),
        expectation: Example.Expectation(operation: "enrich_person", estimate: dollars("0.10"), cost: dollars("0.10")),
        location: "plugins/acmedata.yaml:60:5")
}
