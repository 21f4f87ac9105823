import GatewayCore
import JSONPath
import Testing

@Suite struct ExampleTests {
    @Test func passes() throws {
        let adapter = try Acme.adapter()
        #expect(adapter.problems() == [])
        #expect(adapter.runExamples() == [])
        let outcome = adapter.run(Acme.found)
        #expect(outcome.quote?.operation == "enrich_person")
        #expect(outcome.quote?.charge?.lines.map(\.description) == ["credit: 1 × 0.10 = 0.1"])
        #expect(outcome.quote?.priceVersion == "2026-01-01+00000000")
    }

    @Test func saysWhatDiffers() throws {
        var example = Acme.found
        example.expectation = Example.Expectation(
            operation: "chat", estimate: dollars("1"), cost: dollars("2"), basis: .estimate, reported: dollars("3"), priceVersion: "x")
        #expect(
            try Acme.adapter().run(example).differences == [
                "operation: expected chat, found enrich_person", "estimate: expected 1.00, found 0.10 (credit: 1 × 0.10 = 0.1)",
                "cost: expected 2.00, found 0.10 (credit: 1 × 0.10 = 0.1)", "basis: expected estimate, found table",
                "reported: expected 3.00, found none",
                "price version: expected x, found 2026-01-01+00000000",
            ])
        example.request.path = "/v2/unknown"
        #expect(try Acme.adapter().run(example).differences == ["no operation serves GET /v2/unknown"])
        let problems = try Acme.adapter(examples: [Acme.found, example]).runExamples()
        #expect(problems.map(\.element) == [.example(1)])
        #expect(problems.first?.message == "example 'a person who is found': no operation serves GET /v2/unknown")
    }

    /// Priced as of the newest day that somebody looked, or its own.
    @Test func asOf() throws {
        let adapter = try Acme.adapter(prices: [
            entry([row([:], ["credit": "0.10"])], effective: "2026-01-01", checked: "2026-05-01"),
            entry([row([:], ["credit": "0.20"])], effective: "2026-06-01", checked: "2026-05-20"),
        ])
        #expect(adapter.run(Acme.found).quote?.estimate.cost == dollars("0.10"))
        var later = Acme.found
        later.at = Timestamp("2026-06-01")
        #expect(adapter.run(later).quote?.estimate.cost == dollars("0.20"))
        later.at = Timestamp("2025-06-01")
        #expect(adapter.run(later).differences == ["no price is in force on 2025-06-01"])
    }

    @Test func quotes() throws {
        let adapter = try Acme.adapter()
        let now = try #require(Timestamp("2026-11-23"))
        let body = Array(#"{"model":"small","max_tokens":10,"messages":[]}"#.utf8)
        let call = Example.Request(method: "POST", path: "/v1/chat/completions?x=1", query: [("y", "a b&c")], body: body)
        let quote = try adapter.quote(call, response: nil, at: now)
        #expect(quote.estimate.cost == dollars("0.005025") && quote.charge == nil)
        let stream = Example.Response(
            status: 200, headers: HeaderList([("Content-Type", "text/event-stream; charset=utf-8")]), body: Array("data: {}\n\n".utf8))
        #expect(try adapter.quote(call, response: stream, at: now).charge?.basis == .estimate)
        let named = try adapter.quote(Example.Request(method: "PUT", path: "/else"), response: nil, operation: "enrich_person", at: now)
        #expect(named.estimate.cost == dollars("0.10"))
        let unknown = #expect(throws: QuoteError.self) { try adapter.quote(call, response: nil, operation: "talk", at: now) }
        #expect(unknown?.description == "there is no operation 'talk'; there are enrich_person, chat")
        let unpriced = #expect(throws: QuoteError.self) {
            try adapter.quote(
                Example.Request(method: "POST", path: "/v1/chat/completions", body: Array(#"{"model":"x"}"#.utf8)), response: nil, at: now)
        }
        #expect(unpriced?.isUnpriced == true)
    }

    /// A query of the request, whichever way it is written down.
    @Test func queries() throws {
        let operation = Operation(
            name: "op", match: try RoutePattern(methods: ["GET"], path: "/x"), usage: [("n", Quantity(sources: [.query("the n")]))],
            charge: [try .line("credit", "n")], estimate: [try .line("credit", "n")])
        let adapter = try Acme.adapter(operations: [operation])
        let now = try #require(Timestamp("2026-11-23"))
        for call in [
            Example.Request(method: "GET", path: "/x?the+n=3"), Example.Request(method: "GET", path: "/x?a=1", query: [("the n", "3")]),
        ] {
            #expect(try adapter.quote(call, response: nil, at: now).estimate.cost == dollars("0.30"))
        }
    }
}
