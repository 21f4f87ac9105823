import Foundation
import GatewayCore
import Loopback
import Synchronization
import Testing
import UpstreamSupport

/// Bodies that are larger than what may be held, both ways.
@Suite(.everyTransport) struct FlowTests {
    @Test(arguments: [true, false])
    func holdsAtMostAWindow(_ isChunked: Bool) async throws {
        let size = 12 << 20
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            let piece = [UInt8](repeating: 0x78, count: 1 << 16)
            connection.send(
                isChunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            for _ in 0..<size / piece.count {
                if isChunked { connection.send("10000\r\n") }
                connection.send(piece)
                if isChunked { connection.send("\r\n") }
            }
            if isChunked { connection.send("0\r\n\r\n") }
            connection.waitForClose()
        }
        let window = 100_000
        let upstream = try makeUpstream(window: window)
        // Its slowness does not count as the provider's silence.
        let recorder = Recorder()
        let call = upstream.send(get(server.route()), to: recorder)
        var outcome = Outcome()
        var unacknowledged = 0
        for await events in recorder.deliveries {
            for event in events {
                outcome.add(event)
                guard case .body(let bytes) = event else { continue }
                unacknowledged += bytes.count
                #expect(unacknowledged <= window + 16 * 1024)
            }
            if outcome.isOver { break }
            // Late, and in parts, the last of which makes the transport go on.
            guard unacknowledged > window / 2 else { continue }
            while unacknowledged > 0 {
                let count = min(unacknowledged, 30_000)
                call.acknowledge(count)
                unacknowledged -= count
            }
        }
        #expect(outcome.hasEnded && outcome.body.count == size)
    }

    @Test func aPausedReceiverIsNotAProvidersSilence() async throws {
        let server = try ScriptedServer { _ in response("200 OK", String(repeating: "x", count: 400_000)) }
        let window = 50_000
        let upstream = try makeUpstream(window: window)
        let recorder = Recorder()
        let call = upstream.send(get(server.route(timeout: 1500)), to: recorder)
        var deliveries = recorder.deliveries.makeAsyncIterator()
        var outcome = Outcome()
        while !outcome.isOver, outcome.body.count < window, let events = await deliveries.next() {
            for event in events { outcome.add(event) }
        }
        // Another call's silence is noticed meanwhile, long after this one's time would have been over as well.
        let silent = try ScriptedServer { $0.waitForClose() }
        #expect(await upstream.outcome(get(silent.route(timeout: 2200))).error?.kind == .timeout)
        call.acknowledge(outcome.body.count)
        while !outcome.isOver, let events = await deliveries.next() {
            for event in events {
                outcome.add(event)
                if case .body(let bytes) = event { call.acknowledge(bytes.count) }
            }
        }
        #expect(outcome.hasEnded && outcome.body.count == 400_000, "\(String(describing: outcome.error))")
    }

    @Test func cancelWhilePausedClosesTheConnection() async throws {
        let (closed, hasClosed) = AsyncStream<Void>.makeStream()
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\n\r\n")
            while !connection.isPeerGone { connection.send([UInt8](repeating: 0, count: 65536)) }
            hasClosed.yield()
        }
        let window = 50_000
        let upstream = try makeUpstream(window: window)
        let recorder = Recorder()
        let call = upstream.send(get(server.route()), to: recorder)
        var deliveries = recorder.deliveries.makeAsyncIterator()
        var outcome = Outcome()
        while !outcome.isOver, outcome.body.count < window, let events = await deliveries.next() {
            for event in events { outcome.add(event) }
        }
        call.cancel()
        while !outcome.isOver, let events = await deliveries.next() { for event in events { outcome.add(event) } }
        #expect(outcome.error?.kind == .cancelled)
        for await _ in closed { break }
    }

    // MARK: Up

    @Test(arguments: [nil, 1_000_000] as [Int64?])
    func streamsABody(_ length: Int64?) async throws {
        let server = try ScriptedServer { response("200 OK", "\($0.body.count)") }
        let upstream = try makeUpstream()
        let pieces = (0..<10).map { [UInt8](repeating: UInt8($0), count: 100_000) }
        for _ in 0..<2 {
            let outcome = await upstream.outcome(post(.stream(length: length), server.route()), pieces: pieces)
            #expect(outcome.hasEnded && outcome.status == 200)
        }
        #expect(server.accepted == 1)
        let request = try #require(server.requests.last)
        if length != nil {
            #expect(request.head == "POST / HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nContent-Length: 1000000\r\n")
            #expect(request.body == pieces.flatMap { $0 })
        } else {
            #expect(request.head == "POST / HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nTransfer-Encoding: chunked\r\n")
        }
    }

    @Test func asksForNoMoreThanTheProviderTakes() async throws {
        let mayRead = DispatchSemaphore(value: 0)
        let server = try ScriptedServer { connection in
            _ = try connection.readHead()
            mayRead.wait()
            _ = try connection.readBytes(64 << 20)
            connection.send(response())
        }
        let silent = try ScriptedServer { $0.waitForClose() }
        let upstream = try makeUpstream()
        let recorder = Recorder()
        let call = upstream.send(post(.stream(length: 64 << 20), server.route()), to: recorder)
        let piece = [UInt8](repeating: 1, count: 1 << 20)
        let sent = Mutex(0)
        let sentUnread = Task {
            // While nobody reads, this much time is enough to send all of it many times over.
            _ = await upstream.outcome(get(silent.route(timeout: 500)))
            defer { mayRead.signal() }
            return sent.withLock { $0 }
        }
        var outcome = Outcome()
        for await events in recorder.deliveries {
            for event in events {
                outcome.add(event)
                guard case .wantsBody = event, sent.withLock({ $0 }) < 64 else { continue }
                call.sendBody(piece)
                if sent.withLock({
                    $0 += 1; return $0
                }) == 64 {
                    call.finishBody()
                }
            }
            if outcome.isOver { break }
        }
        #expect(outcome.status == 200 && sent.withLock { $0 } == 64)
        // The kernel's buffers hold a few.
        #expect(await (1..<32).contains(sentUnread.value))
    }

    @Test func aSlowCallerIsNotAProvidersSilence() async throws {
        let server = try ScriptedServer { response("200 OK", "\($0.bodyText)") }
        let silent = try ScriptedServer { $0.waitForClose() }
        let upstream = try makeUpstream()
        let recorder = Recorder()
        let call = upstream.send(post(.stream(length: 2), server.route(timeout: 1500)), to: recorder)
        call.sendBody([0x61])
        #expect(await upstream.outcome(get(silent.route(timeout: 2200))).error?.kind == .timeout)
        call.sendBody([0x62])
        call.finishBody()
        let outcome = await recorder.outcome()
        #expect(outcome.bodyText == "ab" && outcome.hasEnded)
    }

    @Test(arguments: [[1], [1, 2, 3]] as [[UInt8]])
    func refusesABodyOfAnotherLength(_ bytes: [UInt8]) async throws {
        let server = try ScriptedServer { _ in response() }
        let upstream = try makeUpstream()
        let outcome = await upstream.outcome(post(.stream(length: 2), server.route()), pieces: [bytes])
        #expect(outcome.error?.kind == .broken && outcome.heads.isEmpty && server.requests.allSatisfy(\.isCut))
    }

    @Test(
        arguments: [
            response("413 Too Large", "no"), response("200 OK", "no"),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
        ], [false, true])
    func deliversAnEarlyAnswer(_ wire: String, http2: Bool) async throws {
        // The caller sends nothing after its first piece; the provider does not wait for the rest.
        let (closed, hasClosed) = AsyncStream<Void>.makeStream()
        let server = try ScriptedServer { connection in
            _ = try connection.readHead()
            _ = try connection.readBytes(1)
            connection.send(wire)
            connection.waitForClose()
            hasClosed.yield()
        }
        let upstream = try makeUpstream()
        for length in [nil, 1_000_000] as [Int64?] {
            let recorder = Recorder()
            let call = upstream.send(post(.stream(length: length), server.route(http2: http2)), to: recorder)
            call.sendBody([0x61, 0x62])
            let outcome = await recorder.outcome(acknowledging: call)
            #expect(outcome.heads.count == 1 && outcome.bodyText == "no" && outcome.hasEnded)
            for await _ in closed { break }
        }
        #expect(server.accepted == 2)
    }

    @Test func deliversAnEarlyAnswerToAHugeBody() async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readHead()
            connection.send(response("200 OK", "enough"))
            connection.waitForClose()
        }
        let outcome = try await makeUpstream().outcome(post(.bytes([UInt8](repeating: 0, count: 64 << 20)), server.route()))
        #expect(outcome.bodyText == "enough" && outcome.hasEnded)
    }

    // MARK: Bounds

    @Test func keepsToTheBoundAndTheOrder() async throws {
        let server = try ScriptedServer { response("200 OK", String($0.line.split(separator: " ")[1])) }
        let upstream = try makeUpstream()
        let route = server.route(maximumConcurrent: 3)
        await withTaskGroup(of: Outcome.self) { group in
            for index in 0..<50 {
                let recorder = Recorder()
                _ = upstream.send(get("/\(index)", route), to: recorder)
                group.addTask { await recorder.outcome() }
            }
            for await outcome in group { #expect(outcome.hasEnded) }
        }
        #expect(server.accepted <= 3 && server.requests.count == 50)
        #expect(upstream.snapshot().queued.isEmpty && upstream.snapshot().active == 0)
    }

    @Test func refusesWhatTheQueueDoesNotHold() async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\n\r\n")
            connection.waitForClose()
        }
        let upstream = try makeUpstream()
        let route = server.route(maximumConcurrent: 1, maximumQueued: 1)
        let first = Recorder()
        let running = upstream.send(get(route), to: first)
        var deliveries = first.deliveries.makeAsyncIterator()
        _ = await deliveries.next()
        let second = Recorder()
        let waiting = upstream.send(get("/second", route), to: second)
        let refused = await upstream.outcome(get(route))
        #expect(refused.error?.kind == .overloaded && refused.error?.wasSent == false)
        #expect(upstream.snapshot().queued == ["provider": 1])
        running.cancel()
        var next = second.deliveries.makeAsyncIterator()
        guard case .head = await next.next()?.first else {
            Issue.record("the next in the queue was not served")
            return
        }
        waiting.cancel()
    }
}
