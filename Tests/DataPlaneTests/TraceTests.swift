import GatewayCore
import Loopback
import Testing

/// The caller's trace on its way to the provider.
@Suite struct TraceTests {
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    private func forwarded(_ bench: Bench, _ headers: [String]) throws -> UpstreamRequest {
        var seen: UpstreamRequest?
        try bench.exchange(request("/acme/v1/people/1", headers)) { call in
            seen = call.request
            call.answer(body: "{}")
        }
        return try #require(seen)
    }

    private func context(_ request: UpstreamRequest) throws -> TraceContext {
        #expect(request.headers.all("traceparent").count == 1)
        let value = try #require(request.headers.all("traceparent").first)
        return try #require(TraceContext(traceparent: Array(value.utf8)[...]))
    }

    @Test func itIsContinuedWithAStepOfTheGatewaysOwn() async throws {
        try await Bench.run { bench in
            let states = ["TraceState: congo=t61rcWkgMzE", "tracestate: rojo=00f067aa0ba902b7"]
            let request = try forwarded(bench, ["TRACEPARENT: \(Self.parent)"] + states)
            let sent = try context(request)
            #expect(sent.traceID == "4bf92f3577b34da6a3ce929d0e0e4736" && sent.isSampled && sent.spanID != "00f067aa0ba902b7")
            // As it came, in as many fields and in their order.
            #expect(request.headers.all("tracestate") == ["congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7"])
            let data = try #require(bench.log.settled.last?.requestData)
            #expect(data.contains(#""trace":"4bf92f3577b34da6a3ce929d0e0e4736""#), "\(data)")
            #expect(bench.log.held.last?.requestData?.contains(#""trace":"4bf92f3577b34da6a3ce929d0e0e4736""#) == true)
            let line = try #require(bench.calls.lines.last)
            #expect(line.contains(#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736""#) && line.contains(#""span_id":"\#(sent.spanID)""#))
            #expect(line.contains(#""parent_id":"00f067aa0ba902b7""#))
            let again = try context(forwarded(bench, ["traceparent: \(Self.parent)"]))
            #expect(again.spanID != sent.spanID)
        }
    }

    @Test(arguments: [
        [], ["traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"], ["traceparent: "],
        ["traceparent: \(parent)", "traceparent: \(parent)"],
    ])
    func anotherBeginsWhereThereIsNoneToContinue(headers: [String]) async throws {
        try await Bench.run { bench in
            let request = try forwarded(bench, headers + ["tracestate: congo=t61rcWkgMzE"])
            let sent = try context(request)
            #expect(sent.traceID != "4bf92f3577b34da6a3ce929d0e0e4736" && !sent.isSampled)
            // It belongs to a trace that has ended here.
            #expect(!request.headers.contains("tracestate"))
            #expect(bench.log.settled.last?.requestData?.contains("trace") == false)
            #expect(bench.calls.lines.last?.contains(#""trace_id":"\#(sent.traceID)""#) == true)
            #expect(bench.calls.lines.last?.contains("parent_id") == false)
        }
    }

    /// Every caller has another one: answers are found again all the same.
    @Test func aKeptAnswerIsFoundWhateverTheTrace() async throws {
        try await Bench.run(adapters: [try TestAdapter.keeper()]) { bench in
            let first = try bench.exchange(request("/keeper/v1/things/1", ["traceparent: \(Self.parent)", "tracestate: a=1"])) {
                $0.answer(body: "x")
            }
            let second = try bench.refused(request("/keeper/v1/things/1", ["tracestate: b=2"]))
            #expect(first["X-Gateway-Cache"] == "miss" && second["X-Gateway-Cache"] == "hit" && second.body == first.body)
        }
    }
}
