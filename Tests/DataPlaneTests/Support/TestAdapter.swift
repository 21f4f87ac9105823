import GatewayCore
import JSONPath

/// A provider with one operation for each way in which an answer is metered. A credit is 0.10, a token 0.001.
enum TestAdapter {
    static let priceVersion = "2026-01-01+0a1b2c3d"

    private static func records(root: JSONPath? = nil, miss: Normalization.Miss) throws -> Normalization {
        func at(_ path: String) throws -> FieldSource { .value(ValueSource(places: [.record(try JSONPath(path))])) }
        return Normalization(
            entity: .person, root: root,
            fields: [.init(field: .fullName, source: try at("$.name")), .init(field: .dataLastVerified, source: try at("$.seen"))],
            miss: miss)
    }

    static func acme(
        authentication: UpstreamSettings.Authentication? = .header(name: "X-Api-Key", value: Secret("provider-secret")),
        effective: Timestamp = Timestamp(seconds: 1_767_225_600)
    ) throws -> Adapter {
        func line(_ unit: String, _ sources: [Quantity.Source], default fallback: Exact? = nil) -> Operation.Line {
            Operation.Line(unit: unit, amount: .quantity(Quantity(sources: sources, fallback: fallback)))
        }
        let one = line("credit", [.number(Exact(1))])
        let person = Operation(
            name: "person", match: try RoutePattern(methods: ["GET", "HEAD"], path: "/v1/people/{id}"), entity: "person",
            charge: [line("credit", [.header("x-credits")], default: Exact(1))], billable: Billable(statuses: [200]),
            estimate: [line("credit", [.number(Exact(3))])],
            normalization: try records(miss: Normalization.Miss(statuses: [404])))
        let search = Operation(
            name: "search", match: try RoutePattern(methods: ["GET"], path: "/v1/search"),
            charge: [line("credit", [.body(try JSONPath("$.credits"))])],
            estimate: [line("credit", [.number(Exact(5))])],
            normalization: try records(root: JSONPath("$.people[*]"), miss: Normalization.Miss(when: JSONLogical("$.error == 'none'"))))
        let chat = Operation(
            name: "chat", match: try RoutePattern(methods: ["POST"], path: "/v1/chat"),
            dimensions: ["model": .first([.request(try JSONPath("$.model"))], fallback: "small")],
            charge: [line("token", [.body(try JSONPath("$.usage.tokens"))])],
            estimate: [line("token", [.request(try JSONPath("$.max_tokens"))], default: Exact(1000))])
        let upload = Operation(
            name: "upload", match: try RoutePattern(methods: ["POST"], path: "/v1/upload"), charge: [one], estimate: [one])
        let job = Operation(
            name: "job", match: try RoutePattern(methods: ["GET"], path: "/v1/jobs/{jobId}"),
            charge: [line("credit", [.body(try JSONPath("$.credits"))])],
            estimate: [line("credit", [.number(Exact(2))])], once: "jobId")
        let report = Operation(
            name: "report", match: try RoutePattern(methods: ["GET"], path: "/v1/reports/{jobId}"), charge: [one], estimate: [one],
            once: "jobId")
        let base = Operation(name: "base", match: try RoutePattern(methods: ["GET"], path: "/v1/base/**"), charge: [one], estimate: [one])
        func rate(_ text: String) -> Rate { Rate(text) ?? Rate(value: .zero, text: "0") }
        let prices = PriceEntry(
            effective: effective, source: "https://acme.example/pricing", checked: effective,
            rows: [
                PriceRow(rates: ["credit": rate("0.10")]),
                PriceRow(conditions: ["model": .exactly("small")], rates: ["token": rate("0.001")]),
            ], version: priceVersion, canonical: "{}")
        return Adapter(
            provider: "acme", title: "Acme",
            upstream: UpstreamSettings(
                route: UpstreamRoute(provider: "acme", baseURL: "https://api.acme.example"), authentication: authentication,
                headers: [.init(name: "Acme-Version", value: Secret("2026-01-01"))]),
            dimensions: ["model"], prices: PriceTable(entries: [prices]), operations: [person, search, chat, upload, job, report, base])
    }
}
