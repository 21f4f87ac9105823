import GatewayCore
import JSONPath

/// A provider whose answers are event streams. A token costs 0.01, and an answer has 50 at the most.
enum StreamAdapter {
    static func talker(onDisconnect: Streaming.Departure = .cancel) throws -> Adapter {
        func quantity(_ path: String) throws -> Quantity { Quantity(sources: [.body(try JSONPath(path))]) }
        let talk = Operation(
            name: "talk", match: try RoutePattern(methods: ["POST"], path: "/v1/talk"),
            usage: [("answer", try quantity("$.usage.tokens"))],
            charge: [Operation.Line(unit: "token", amount: .expression(try Expression("answer")))],
            estimate: [Operation.Line(unit: "token", amount: .quantity(Quantity(sources: [.number(Exact(50))])))],
            streaming: Streaming(
                when: try JSONLogical("$.stream == true"),
                request: [.init("stream_options", .object([.init("include_usage", .bool(true))]))],
                omit: try JSONLogical("$.usage && !$.choices[0]"),
                text: Streaming.Text(name: "answer", paths: [try JSONPath("$.choices[*].text")]), onDisconnect: onDisconnect))
        let prices = PriceEntry(
            effective: Timestamp(seconds: 1_767_225_600), source: "https://talker.example", checked: Timestamp(seconds: 1_767_225_600),
            rows: [PriceRow(rates: ["token": Rate("0.01") ?? Rate(value: .zero, text: "0")])], version: "2026-01-01+0a1b2c3d",
            canonical: "{}")
        return Adapter(
            provider: "talker", title: "Talker",
            upstream: UpstreamSettings(route: UpstreamRoute(provider: "talker", baseURL: "https://api.talker.example")),
            prices: PriceTable(entries: [prices]), operations: [talk])
    }

    /// Four bytes are a token.
    static func word(_ text: String = "four") -> String { "data: {\"choices\":[{\"text\":\"\(text)\"}]}\n\n" }
    static func usage(_ tokens: Int) -> String { "data: {\"choices\":[],\"usage\":{\"tokens\":\(tokens)}}\n\n" }
    static let done = "data: [DONE]\n\n"
}
