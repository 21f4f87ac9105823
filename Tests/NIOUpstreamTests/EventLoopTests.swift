import Dispatch
import GatewayCore
import Loopback
import NIOCore
import NIOPosix
import NIOUpstream
import Synchronization
import Testing
import UpstreamSupport

/// Calls of an event loop stay there.
@Suite struct EventLoopTests {
    private let eventLoop = MultiThreadedEventLoopGroup.singleton.next()

    /// Sends on the event loop and waits for the outcome. `isFine` says whether all events came there, and after `send` had returned.
    private func outcome(_ request: UpstreamRequest, over upstream: NIOUpstream) async throws -> (Outcome, isFine: Bool) {
        let witness = Witness(eventLoop)
        let call = try await eventLoop.submit {
            let call = upstream.send(request, to: witness)
            witness.isSent.store(true, ordering: .sequentiallyConsistent)
            return call
        }.get()
        let outcome = await witness.recorder.outcome(acknowledging: call)
        return (outcome, !witness.sawSomethingOdd.load(ordering: .sequentiallyConsistent))
    }

    @Test func eventsComeOnItAndNeverWithinSend() async throws {
        let server = try ScriptedServer { _ in response("200 OK", "x") }
        let closed = try ReservedPort()
        let upstream = NIOUpstream()
        let silent = try ScriptedServer { $0.waitForClose() }
        let full = silent.route(maximumConcurrent: 1, maximumQueued: 0)
        let running = try await eventLoop.submit { upstream.send(get(full), to: Recorder()) }.get()
        for (request, status, kind) in [
            (get(server.route()), 200, nil), (get(server.route()), 200, nil), (get("no target", server.route()), nil, .unreachable),
            (get(UpstreamRoute(provider: "p", baseURL: "http://127.0.0.1:\(closed.number)")), nil, .unreachable),
            (get(full), nil, .overloaded),
        ] as [(UpstreamRequest, Int?, UpstreamError.Kind?)] {
            let (outcome, isFine) = try await outcome(request, over: upstream)
            #expect(outcome.status == status && outcome.error?.kind == kind && isFine)
        }
        running.cancel()
        #expect(server.accepted == 1)
    }

    @Test func eachHasConnectionsOfItsOwn() async throws {
        let server = try ScriptedServer { _ in response() }
        let upstream = NIOUpstream()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        for _ in 0..<3 {
            for eventLoop in group.makeIterator() {
                let recorder = Recorder()
                _ = try await eventLoop.submit { upstream.send(get(server.route()), to: recorder) }.get()
                #expect(await recorder.outcome().hasEnded)
            }
        }
        #expect(server.accepted == 3 && upstream.snapshot().connectionsOpened == 3)
        // The connections go with their event loops, and nothing is asked of those afterwards.
        try await group.shutdownGracefully()
        while server.openConnections > 0 { await Task.yield() }
        upstream.shutdown()
    }

    /// What the event loop has not been told of yet counts as well.
    @Test(arguments: ["", response("200 OK", "forged")])
    func neverSendsOnAConnectionThatHasChangedMeanwhile(_ leftover: String) async throws {
        let (cue, isDone) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send(response("200 OK", "own"))
            guard connection.index == 0 else { return connection.waitForClose() }
            cue.wait()
            if leftover.isEmpty { connection.close() } else { connection.send(leftover) }
            isDone.signal()
            connection.waitForClose()
        }
        let upstream = NIOUpstream()
        let (first, second) = (Recorder(), Recorder())
        _ = try await eventLoop.submit { upstream.send(post(.bytes([1]), server.route()), to: first) }.get()
        #expect(await first.outcome().bodyText == "own")
        _ = try await eventLoop.submit {
            // While this runs the event loop hears nothing.
            cue.signal()
            isDone.wait()
            return upstream.send(post(.bytes([1]), server.route()), to: second)
        }.get()
        #expect(await second.outcome().bodyText == "own")
        #expect(server.accepted == 2 && server.requests.count == 2)
    }

    /// A connection that ends is read to its end at once, whether the receiver has kept up or not.
    @Test(arguments: ["", "Content-Length: 400000\r\n"])
    func aResponseOutlivesItsConnection(_ field: String) async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\n\(field)\r\n" + String(repeating: "x", count: 400_000))
        }
        var settings = NIOUpstreamSettings()
        settings.window = 50_000
        let upstream = NIOUpstream(settings: settings)
        let recorder = Recorder()
        let call = upstream.send(get(server.route(timeout: 1000)), to: recorder)
        var outcome = Outcome()
        var deliveries = recorder.deliveries.makeAsyncIterator()
        while !outcome.isOver, outcome.body.count < settings.window, let events = await deliveries.next() {
            for event in events { outcome.add(event) }
        }
        while server.openConnections > 0 { await Task.yield() }
        var acknowledged = 0
        while !outcome.isOver {
            #expect(outcome.body.count - acknowledged <= settings.window)
            call.acknowledge(outcome.body.count - acknowledged)
            acknowledged = outcome.body.count
            guard let events = await deliveries.next() else { break }
            for event in events { outcome.add(event) }
        }
        #expect(outcome.hasEnded && outcome.body.count == 400_000, "\(String(describing: outcome.error))")
    }

    /// A receiver may do anything with its call, and with others, while it is told something.
    @Test func aReceiverMayCallBack() async throws {
        let server = try ScriptedServer { connection in
            while true {
                _ = try connection.readRequest()
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            }
        }
        let upstream = NIOUpstream()
        let canceller = Canceller(upstream, server.route())
        try await eventLoop.submit { canceller.start() }.get()
        let (first, second) = (await canceller.recorder.outcome(), await canceller.second.outcome())
        #expect(first.heads.count == 1 && first.bodyText == "hello" && first.error?.kind == .cancelled && first.error?.wasSent == true)
        #expect(second.error?.kind == .cancelled && second.heads.isEmpty)
        #expect(upstream.snapshot().active == 0)
    }
}

/// Notes where and when events come, and hands them on.
private final class Witness: UpstreamReceiver {
    let recorder = Recorder()
    let isSent = Atomic<Bool>(false)
    let sawSomethingOdd = Atomic<Bool>(false)
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func receive(_ events: [UpstreamEvent]) {
        let isFine = eventLoop.inEventLoop && isSent.load(ordering: .sequentiallyConsistent)
        if !isFine { sawSomethingOdd.store(true, ordering: .sequentiallyConsistent) }
        recorder.receive(events)
    }
}

/// Sends and cancels calls in the middle of a delivery. Unchecked because it is confined to its event loop.
private final class Canceller: UpstreamReceiver, @unchecked Sendable {
    let recorder = Recorder()
    let second = Recorder()
    private let upstream: NIOUpstream
    private let route: UpstreamRoute
    private var call: (any UpstreamCall)?

    init(_ upstream: NIOUpstream, _ route: UpstreamRoute) {
        self.upstream = upstream
        self.route = route
    }

    func start() {
        call = upstream.send(get(route), to: self)
    }

    func receive(_ events: [UpstreamEvent]) {
        recorder.receive(events)
        guard let call else { return }
        self.call = nil
        call.acknowledge(5)
        upstream.send(get(route), to: second).cancel()
        call.cancel()
        call.cancel()
    }
}
