import GatewayCore
import Loopback
import Testing

/// Callers who send requests faster than they read answers.
@Suite struct SlowReaderTests {
    private let people = "/acme/v1/people/1"
    private static let piece = [UInt8](repeating: 1, count: 1 << 20)

    /// Plays an answer of so many pieces, more than the kernel's buffers take, and returns when all of it waits for its caller.
    private func answer(_ call: ScriptedCall, pieces: Int, on bench: Bench) throws {
        call.head(200, [("Content-Length", "\(pieces * Self.piece.count)")])
        for _ in 0..<pieces { call.emit(.body(Self.piece)) }
        call.end()
        _ = try bench.log.waitForSettled()
        try bench.settleLoop()
    }

    /// The kernel's buffers take some answers. The others are not even asked for before the caller reads.
    @Test(arguments: [false, true])
    func answersDoNotPileUp(hasFinishedSending: Bool) async throws {
        try await Bench.run { bench in
            bench.upstream.play { call in
                call.emit(.head(UpstreamHead(status: 200, headers: HeaderList())), .body(Self.piece), .end)
            }
            let client = try bench.client(receiveBuffer: 16 << 10)
            try client.send(String(repeating: request(people), count: 40))
            if hasFinishedSending { client.finishSending() }
            for _ in 0..<50 { try bench.settleLoop() }
            #expect(bench.upstream.count < 20)
            for _ in 0..<40 { #expect(try client.response().body.count == Self.piece.count) }
            if hasFinishedSending { #expect(client.endsHere()) }
        }
    }

    /// It reads less than it could, for longer than the idle timeout: it has its answer, and its next request is served.
    @Test func whoReadsSlowlyIsNotClosed() async throws {
        try await Bench.run(limits: Limits(idleTimeout: 1000)) { bench in
            let client = try bench.client(receiveBuffer: 16 << 10)
            try client.send(request(people) + request(people))
            try answer(try bench.upstream.next(), pieces: 16, on: bench)
            #expect(try client.head().status == 200)
            // The end of a connection that is idle from now on tells that the time is over.
            let isOver = Watched(false)
            async let idle: Bool = {
                defer { isOver.change { $0 = true } }
                return try bench.client().endsHere()
            }()
            var left = 16 * Self.piece.count
            try eventually("the time is over") {
                if let bytes = try? client.read(4096) { left -= bytes.count }
                return isOver.current
            }
            #expect(try await idle)
            #expect(bench.upstream.count == 1, "the next request waits")
            while left > 0 { left -= try client.read(min(left, Self.piece.count)).count }
            try bench.upstream.next().answer(body: "next")
            #expect(try client.response().text == "next")
        }
    }

    @Test func whoHasStoppedReadingIsClosedAndItsNextRequestNeverBegins() async throws {
        try await Bench.run(limits: Limits(idleTimeout: 500)) { bench in
            let client = try bench.client(receiveBuffer: 16 << 10)
            try client.send(request(people) + request(people))
            try answer(try bench.upstream.next(), pieces: 16, on: bench)
            try eventually("the connection is closed") { (try? client.send("x")) == nil }
            #expect(bench.upstream.count == 1)
        }
    }

    @Test func whatWaitsForItsCallerAtShutdownIsServed() async throws {
        try await Bench.run { bench in
            let client = try bench.client(receiveBuffer: 16 << 10)
            try client.send(request(people) + request(people))
            try answer(try bench.upstream.next(), pieces: 16, on: bench)
            async let stopped: Void = bench.stop(grace: .seconds(30))
            try eventually("nobody is let in any more") { (try? bench.client()) == nil }
            #expect(try client.response().body.count == 16 * Self.piece.count)
            try bench.upstream.next().answer(body: "last")
            #expect(try client.response().text == "last")
            #expect(client.endsHere())
            client.close()
            await stopped
        }
    }
}
