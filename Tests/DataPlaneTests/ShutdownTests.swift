import GatewayCore
import Loopback
import Testing

/// The end of a data plane: calls in flight finish, nothing new begins.
@Suite struct ShutdownTests {
    @Test func callsInFlightFinish() async throws {
        try await Bench.run { bench in
            let (idle, busy, flowing, partial) = (try bench.client(), try bench.client(), try bench.client(), try bench.client())
            try busy.send(request("/acme/v1/search") + request("/acme/v1/search"))
            let held = try bench.upstream.next()
            try flowing.send(request("/acme/v1/people/1"))
            let flow = try bench.upstream.next()
            flow.head(200, [("Content-Length", "4")])
            let head = try flowing.head()
            #expect(head["Connection"] == nil)
            try partial.send("GET /acme/v1/people/1 HTTP/1.1\r\nHost: g\r\nX-Work")
            try bench.settleLoop()
            async let stopped: Void = bench.stop(grace: .seconds(30))
            #expect(idle.endsHere())
            held.answer(body: #"{"credits": 1}"#)
            let last = try busy.response()
            #expect(last.status == 200 && last["Connection"] == "close")
            #expect(busy.endsHere(), "what waited behind it does not begin")
            flow.emit(.body(Array("abcd".utf8)), .end)
            #expect(try flowing.read(4) == Array("abcd".utf8))
            #expect(flowing.endsHere())
            try partial.send("space-Id: w1\r\n\r\n")
            try bench.upstream.next().answer(body: "last")
            let lastHead = try partial.response()
            #expect(lastHead["Connection"] == "close" && lastHead.text == "last")
            busy.close()
            flowing.close()
            partial.close()
            await stopped
            #expect(throws: RawClient.Failure.self) { try bench.client() }
        }
    }

    @Test func aCallWithoutACallerIsAwaitedToo() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/search"))
            let call = try bench.upstream.next()
            client.reset()
            try bench.settleLoop()
            async let stopped: Void = bench.stop(grace: .seconds(30))
            call.answer(body: #"{"credits": 1}"#)
            await stopped
            #expect(bench.log.settled.map(\.cost) == [Money("0.1")], "it was settled before the end")
        }
    }

    @Test func graceEnds() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/search"))
            let call = try bench.upstream.next()
            await bench.stop(grace: .zero)
            #expect(client.endsHere())
            // The transport still tells of its end, and somebody listens.
            call.fail(.cancelled)
            #expect(try bench.log.waitForSettled()[0].cost == .zero)
        }
    }
}
