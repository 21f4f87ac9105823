import GatewayCore
import JSONPath
import Loopback
import Testing

extension TestAdapter {
    /// A provider whose answers are kept: things for an hour, research for a day. A credit is 0.10, a token 0.001.
    static func keeper() throws -> Adapter {
        var adapter = try acme()
        adapter.provider = "keeper"
        adapter.upstream.route.provider = "keeper"
        let credit = Operation.Line(unit: "credit", amount: .quantity(Quantity(sources: [.number(Exact(1))])))
        let thing = Operation(
            name: "thing", match: try RoutePattern(methods: ["GET", "HEAD"], path: "/v1/things/{id}"), charge: [credit],
            billable: Billable(statuses: [200, 204]), estimate: [credit], keeping: Keeping(ttl: 3600, headers: ["X-Variant"]))
        let research = Keeping.Research(
            type: "web", content: try JSONPath("$.text"), sources: try JSONPath("$.sources[*]"), model: try JSONPath("$.model"),
            confidence: "0.8")
        let ask = Operation(
            name: "ask", match: try RoutePattern(methods: ["POST"], path: "/v1/ask"),
            charge: [.init(unit: "token", amount: .quantity(Quantity(sources: [.body(try JSONPath("$.tokens"))])))],
            estimate: [.init(unit: "token", amount: .quantity(Quantity(sources: [.number(Exact(1000))])))],
            keeping: Keeping(ttl: 86_400, research: research))
        adapter.operations = [thing, ask]
        adapter.prices.entries[0].rows[1].conditions = [:]
        return adapter
    }
}

extension Bench {
    /// Sends a request that is answered without the provider.
    func free(_ request: String) throws -> RawClient.Response {
        let before = upstream.count
        let client = try client()
        try client.send(request)
        let response = try client.response(to: String(request.prefix { $0 != " " }))
        #expect(upstream.count == before, "the provider was asked")
        return response
    }

    var kept: [KeptAnswer] { log.entries.compactMap { if case .kept(let answer) = $0 { answer } else { nil } } }
}
