import GatewayCore
import Loopback
import Testing
import UpstreamSupport

/// Providers that are absent, silent or slow; callers that go away.
@Suite(.everyTransport) struct FailureTests {
    private let upstream: any TestedUpstream

    init() throws {
        upstream = try makeUpstream(retryBackOff: 1)
    }

    // MARK: Unreachable

    @Test func nobodyListens() async throws {
        let port = try ReservedPort()
        let outcome = await upstream.outcome(get(UpstreamRoute(provider: "p", baseURL: "http://127.0.0.1:\(port.number)")))
        #expect(outcome.error?.kind == .unreachable && outcome.error?.wasSent == false)
        #expect(outcome.error?.detail.isEmpty == false)
    }

    @Test func theNameDoesNotExist() async throws {
        let outcome = await upstream.outcome(get(UpstreamRoute(provider: "p", baseURL: "http://nowhere.invalid")))
        #expect(outcome.error?.kind == .unreachable && outcome.error?.wasSent == false)
    }

    @Test func theHandshakeIsNotAnswered() async throws {
        let server = try ScriptedServer { $0.waitForClose() }
        let route = UpstreamRoute(provider: "p", baseURL: "https://127.0.0.1:\(server.port)", connectTimeout: 50)
        let outcome = await upstream.outcome(get(route))
        #expect(outcome.error?.kind == .unreachable && outcome.error?.wasSent == false)
    }

    @Test func theHandshakeIsNotTLS() async throws {
        let server = try ScriptedServer { connection in
            connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.waitForClose()
        }
        let outcome = await upstream.outcome(get(UpstreamRoute(provider: "p", baseURL: "https://127.0.0.1:\(server.port)")))
        #expect(outcome.error?.kind == .unreachable && outcome.error?.wasSent == false)
    }

    // MARK: Time

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nA: b", "HTTP/1.1 100 Continue\r\n\r\n"])
    func theHeadDoesNotCome(_ beginning: String) async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send(beginning)
            connection.waitForClose()
        }
        let outcome = await upstream.outcome(get(server.route(timeout: 50)))
        #expect(outcome.error?.kind == .timeout && outcome.error?.wasSent == true && outcome.heads.isEmpty)
    }

    @Test func theNextByteDoesNotCome() async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            connection.waitForClose()
        }
        let outcome = await upstream.outcome(get(server.route(timeout: 400)))
        #expect(outcome.bodyText == "hello" && outcome.error?.kind == .timeout && outcome.error?.wasSent == true)
    }

    @Test func theWholeTakesTooLong() async throws {
        // A byte each time the receiver has one: never silent, never done.
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\n\r\n")
            while !connection.isPeerGone { connection.send("x") }
        }
        let outcome = await upstream.outcome(get(server.route(total: 500)))
        #expect(outcome.error?.kind == .timeout && outcome.error?.wasSent == true && !outcome.body.isEmpty)
    }

    @Test func waitingForAPlaceCountsInTheTotal() async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.waitForClose()
        }
        let first = upstream.send(get(server.route(maximumConcurrent: 1)), to: Recorder())
        let outcome = await upstream.outcome(get(server.route(timeout: 10, total: 60, maximumConcurrent: 1)))
        #expect(outcome.error?.kind == .timeout && outcome.error?.wasSent == false)
        first.cancel()
    }

    @Test func absurdLimitsAreLimits() async throws {
        let server = try ScriptedServer { _ in response() }
        var route = server.route(timeout: .max, total: .max)
        route.connectTimeout = .max
        #expect(await upstream.outcome(get(route)).hasEnded)
        route = server.route(timeout: .min, total: .min)
        route.connectTimeout = .min
        #expect(await upstream.outcome(get(route)).isOver)
    }

    // MARK: Retries

    private let policy = RetryPolicy(statuses: [502, 503], onConnect: true, attempts: 3)

    @Test func triesAgainUntilTheStatusIsAnother() async throws {
        let server = try ScriptedServer { connection in
            for status in ["503 Busy", "502 Bad Gateway", "200 OK"] {
                let request = try connection.readRequest()
                connection.send(response(status, "\(status) \(request.bodyText)"))
            }
            connection.waitForClose()
        }
        let outcome = await upstream.outcome(post(.bytes(Array("ping".utf8)), server.route(retry: policy)))
        #expect(outcome.heads.map(\.status) == [200] && outcome.bodyText == "200 OK ping" && outcome.hasEnded)
        #expect(server.requests.count == 3 && server.accepted == 1)
    }

    @Test func deliversTheLastTry() async throws {
        let server = try ScriptedServer { _ in response("503 Busy", "busy") }
        let outcome = await upstream.outcome(get(server.route(retry: policy)))
        #expect(outcome.heads.map(\.status) == [503] && outcome.bodyText == "busy" && server.requests.count == 3)
    }

    @Test func closesTheConnectionOfALongAnswerThatNobodyWants() async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            if connection.index > 0 { return connection.send(response("200 OK", "done")) }
            connection.send("HTTP/1.1 503 Busy\r\n\r\n")
            while !connection.isPeerGone { connection.send([UInt8](repeating: 0, count: 8192)) }
        }
        let outcome = await upstream.outcome(get(server.route(retry: policy)))
        #expect(outcome.bodyText == "done" && server.accepted == 2)
    }

    @Test func doesNotTryStreamsAgain() async throws {
        let server = try ScriptedServer { _ in response("503 Busy") }
        let outcome = await upstream.outcome(post(.stream(length: nil), server.route(retry: policy)), pieces: [[1]])
        #expect(outcome.heads.map(\.status) == [503] && server.requests.count == 1)
    }

    @Test func doesNotTryAgainWhatWasSent() async throws {
        let server = try ScriptedServer { connection in _ = try connection.readRequest() }
        let outcome = await upstream.outcome(get(server.route(retry: policy)))
        #expect(outcome.error?.kind == .broken && server.accepted == 1)
    }

    @Test func triesToConnectAgain() async throws {
        // A handshake that ends at once is as good as no connection.
        let server = try ScriptedServer { _ = $0.receive() }
        let route = UpstreamRoute(provider: "p", baseURL: "https://127.0.0.1:\(server.port)", retry: policy)
        let outcome = await upstream.outcome(get(route))
        #expect(outcome.error?.kind == .unreachable && outcome.error?.wasSent == false && server.accepted == 3)
    }

    // MARK: Cancellation

    @Test func cancelBeforeAnything() async throws {
        let server = try ScriptedServer { _ in response() }
        let recorder = Recorder()
        upstream.send(get(server.route()), to: recorder).cancel()
        let outcome = await recorder.outcome()
        #expect(outcome.error?.kind == .cancelled || outcome.hasEnded)
    }

    @Test func cancelWhileConnecting() async throws {
        let server = try ScriptedServer { $0.waitForClose() }
        let recorder = Recorder()
        let call = upstream.send(get(UpstreamRoute(provider: "p", baseURL: "https://127.0.0.1:\(server.port)")), to: recorder)
        call.cancel()
        call.cancel()
        let outcome = await recorder.outcome()
        #expect(outcome.error?.kind == .cancelled && outcome.error?.wasSent == false && outcome.deliveries == 1)
    }

    @Test func cancelInTheMiddleOfTheBodyClosesTheConnection() async throws {
        let (closed, hasClosed) = AsyncStream<Void>.makeStream()
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\n\r\nbeginning")
            connection.waitForClose()
            hasClosed.yield()
        }
        let recorder = Recorder()
        let call = upstream.send(get(server.route()), to: recorder)
        var deliveries = recorder.deliveries.makeAsyncIterator()
        _ = await deliveries.next()
        call.cancel()
        var outcome = Outcome()
        while !outcome.isOver, let events = await deliveries.next() { for event in events { outcome.add(event) } }
        #expect(outcome.error?.kind == .cancelled && outcome.error?.wasSent == true)
        for await _ in closed { break }
        #expect(upstream.snapshot().active == 0)
    }

    @Test func cancelWhileInTheQueue() async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\n\r\n")
            connection.waitForClose()
        }
        let route = server.route(maximumConcurrent: 1)
        let first = Recorder()
        let running = upstream.send(get("/first", route), to: first)
        var deliveries = first.deliveries.makeAsyncIterator()
        _ = await deliveries.next()
        let second = Recorder()
        let waiting = upstream.send(get("/second", route), to: second)
        waiting.cancel()
        let outcome = await second.outcome()
        #expect(outcome.error?.kind == .cancelled && outcome.error?.wasSent == false)
        #expect(upstream.snapshot().queued.isEmpty)
        running.cancel()
        #expect(server.requests.map(\.line) == ["GET /first HTTP/1.1"])
    }

    @Test func shutdownEndsEverything() async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.waitForClose()
        }
        let recorders = (0..<20).map { _ in Recorder() }
        for recorder in recorders { _ = upstream.send(get(server.route(maximumConcurrent: 5)), to: recorder) }
        upstream.shutdown()
        for recorder in recorders { #expect(await recorder.outcome().error?.kind == .cancelled) }
        #expect(await upstream.outcome(get(server.route())).error?.kind == .cancelled)
        #expect(upstream.snapshot().active == 0 && upstream.snapshot().queued.isEmpty)
        upstream.shutdown()
    }
}
