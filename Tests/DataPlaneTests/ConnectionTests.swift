import GatewayCore
import Loopback
import Testing

/// Requests on one connection: in pieces, in a row, half read, and never mixed up.
@Suite struct ConnectionTests {
    private let people = "/acme/v1/people/1"

    @Test func aRequestMayComeByteByByte() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            let body = #"{"max_tokens": 1}"#
            for text in [
                request("/acme/v1/chat", method: "POST", body: body),
                request("/acme/v1/chat", ["Transfer-Encoding: chunked"], method: "POST") + "11;a=b\r\n\(body)\r\n0\r\nX: y\r\n\r\n",
            ] {
                for byte in text.utf8 { try client.send([byte]) }
                let call = try bench.upstream.next()
                guard case .bytes(let bytes) = call.request.body else { return #expect(Bool(false), "no body") }
                #expect(bytes == Array(body.utf8))
                call.answer(body: "ok")
                #expect(try client.response().text == "ok")
            }
        }
    }

    @Test func emptyLinesBeforeARequestAreSkipped() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            for part in ["\r", "\n\r\n\r", "\n" + request("/acme/v1/nothing") + "\r\n"] {
                try client.send(part)
                try bench.settleLoop()
            }
            #expect(try client.response().status == 404)
            try client.send(request("/acme/v1/nothing"))
            #expect(try client.response().status == 404)
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        try await Bench.run { bench in
            bench.upstream.play { call in call.answer(body: call.request.target) }
            let client = try bench.client()
            let targets = (0..<100).map { $0 % 10 == 3 ? "/acme/v1/nothing/\($0)" : "/acme/v1/people/\($0)" }
            try client.send(targets.map { request($0) }.joined())
            for target in targets {
                let response = try client.response()
                if target.contains("nothing") {
                    #expect(response.status == 404)
                } else {
                    #expect(response.text == String(target.dropFirst("/acme".count)))
                }
            }
        }
    }

    /// More than is read ahead: back-pressure, and the connection goes on when there is room again.
    @Test func manyPipelinedRequestsDoNotStick() async throws {
        try await Bench.run { bench in
            bench.upstream.play { call in call.answer(body: "ok") }
            let client = try bench.client()
            let padding = "X-Padding: " + String(repeating: "p", count: 4000)
            let texts = (0..<100).map { _ in request(people, [padding]) }
            for text in texts { try client.send(text) }
            for _ in texts { #expect(try client.response().text == "ok") }
        }
    }

    @Test func oneCallAtATime() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request(people) + request(people))
            let first = try bench.upstream.next()
            try bench.settleLoop()
            #expect(bench.upstream.count == 1)
            first.answer(body: "one")
            try bench.upstream.next().answer(body: "two")
            #expect(try client.response().text == "one")
            #expect(try client.response().text == "two")
        }
    }

    /// The body of a refused request is read past, if it is small enough, and the connection stays.
    @Test func aRefusalKeepsTheConnectionWhereItCan() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            let body = String(repeating: "b", count: 100_000)
            try client.send(request("/acme/v1/nothing", method: "POST", body: body))
            let refused = try client.response()
            #expect(refused.status == 404 && refused["Connection"] == nil)
            try client.send(request("/acme/v1/nothing", ["Transfer-Encoding: chunked"], method: "POST") + "3\r\nabc\r\n0\r\n\r\n")
            #expect(try client.response().status == 404)
            try client.send(request(people))
            try bench.upstream.next().answer(body: "ok")
            #expect(try client.response().text == "ok")
        }
    }

    @Test func aRefusalOfALargeBodyClosesAndIsReadAllTheSame() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/nothing", ["Content-Length: 1000000"], method: "POST"))
            let refused = try client.response()
            #expect(refused.status == 404 && refused["Connection"] == "close")
            // What is on its way does not take the answer with it.
            try client.send([UInt8](repeating: 1, count: 100_000))
            #expect(client.endsHere())
        }
    }

    @Test func anEndlessChunkedBodyThatNobodyWantsEndsTheConnection() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/nothing", ["Transfer-Encoding: chunked"], method: "POST"))
            #expect(try client.response().status == 404)
            let chunk = "4000\r\n" + String(repeating: "c", count: 0x4000) + "\r\n"
            for _ in 0..<17 { try? client.send(chunk) }
            #expect(client.endsHere())
        }
    }

    // MARK: Expect: 100-continue

    @Test(arguments: ["/acme/v1/chat", "/acme/v1/upload"])
    func aCallerThatWaitsIsAskedForItsBody(target: String) async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request(target, ["Content-Length: 2", "Expect: 100-Continue"], method: "POST"))
            let upload = target == "/acme/v1/upload" ? try bench.upstream.next() : nil
            if let upload {
                try bench.settleLoop()
                #expect(client.arrived().isEmpty, "the provider has not asked for it yet")
                upload.emit(.wantsBody)
            }
            #expect(try client.head().status == 100)
            try client.send("{}" + request(people))
            let call = try upload ?? bench.upstream.next()
            call.answer(body: "one")
            #expect(try client.response().text == "one")
            try bench.upstream.next().answer(body: "two")
            #expect(try client.response().text == "two")
        }
    }

    @Test func aCallerThatWaitsAndIsRefusedSendsNothing() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/nothing", ["Content-Length: 2", "Expect: 100-continue"], method: "POST"))
            let response = try client.response()
            #expect(response.status == 404 && response["Connection"] == "close")
            #expect(client.endsHere())
        }
    }

    /// The provider answers without wanting the body: there is no `100 Continue` within or behind its answer.
    @Test func anAnswerMayComeInsteadOf100() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/upload", ["Content-Length: 2", "Expect: 100-continue"], method: "POST"))
            let call = try bench.upstream.next()
            call.head(403, [("Content-Length", "4")])
            call.body("ab")
            call.emit(.wantsBody)
            call.body("cd")
            call.end()
            let response = try client.response()
            #expect(response.status == 403 && response.text == "abcd" && response["Connection"] == "close")
            #expect(client.endsHere())
        }
    }

    // MARK: What is no request

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\n\r\n", 400), ("GET /a HTTP/3.0\r\n\r\n", 505), ("\u{16}\u{3}\u{1}\r\n\r\n", 400),
        ("GET /a HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417), ("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("GET /a HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 40_000) + "\r\n\r\n", 431),
        ("GET /" + String(repeating: "x", count: 40_000), 431),
    ])
    func whatIsNoRequestIsAnsweredAndTheConnectionClosed(text: String, status: Int) async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(text + request(people))
            let response = try client.response()
            #expect(response.status == status && response["Connection"] == "close")
            #expect(response["Content-Type"] == "application/problem+json" && response.text.contains(#""code":"bad_request""#))
            #expect(client.endsHere())
            #expect(bench.upstream.count == 0 && bench.metrics.refusedRequests.count == 1)
        }
    }

    @Test(arguments: ["5\r\nhelloX", "zz\r\n", "5\r\nhel"])
    func aBrokenBodyIsRefused(chunks: String) async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/chat", ["Transfer-Encoding: chunked"], method: "POST") + chunks)
            if chunks.hasSuffix("hel") { client.finishSending() }
            let response = try client.response()
            #expect(response.status == 400 && response["Connection"] == "close" && response["X-Gateway-Workspace"] == "w1")
            #expect(client.endsHere())
            #expect(bench.log.entries.isEmpty)
        }
    }

    @Test func aBodyThatBreaksWhileItIsPassedOnEndsTheCall() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/upload", ["Transfer-Encoding: chunked"], method: "POST") + "3\r\nabcX")
            let call = try bench.upstream.next()
            call.emit(.wantsBody)
            call.emit(.wantsBody)
            #expect(try client.response().status == 400)
            #expect(client.endsHere())
            #expect(try bench.log.waitForSettled()[0].cost == .zero)
            #expect(call.current.isCancelled && !call.current.isBodyFinished)
        }
    }

    @Test func aBrokenBodyBehindARefusalIsNotAnsweredTwice() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/nothing", ["Transfer-Encoding: chunked"], method: "POST") + "zz\r\n")
            #expect(try client.response().status == 404)
            #expect(client.endsHere())
        }
    }

    // MARK: Time and numbers

    @Test func whatDoesNotArriveInTimeIsRefused() async throws {
        try await Bench.run(limits: Limits(idleTimeout: 1000)) { bench in
            let upload = try bench.client()
            try upload.send(request("/acme/v1/upload", ["Content-Length: 6"], method: "POST") + "abc")
            let head = try bench.client()
            try head.send("GET /acme")
            let body = try bench.client()
            try body.send(request("/acme/v1/chat", ["Content-Length: 6"], method: "POST") + "abc")
            let call = try bench.upstream.next()
            call.emit(.wantsBody)
            call.emit(.wantsBody)
            for client in [head, body, upload] {
                let response = try client.response()
                #expect(response.status == 408 && response["Connection"] == "close")
                #expect(client.endsHere())
            }
            #expect(try bench.log.waitForSettled().count == 1 && call.current.isCancelled)
        }
    }

    @Test func anIdleConnectionIsClosedAndAWaitingCallIsNot() async throws {
        try await Bench.run(limits: Limits(idleTimeout: 1000)) { bench in
            let waiting = try bench.client()
            try waiting.send(request(people))
            let idle = try bench.client()
            let call = try bench.upstream.next()
            #expect(idle.endsHere())
            call.answer(body: "late")
            #expect(try waiting.response().text == "late")
            #expect(waiting.endsHere())
        }
    }

    /// Nobody takes the answer: the connection goes, and the call is settled as for any caller that left.
    @Test func aReaderThatHasStoppedIsClosed() async throws {
        try await Bench.run(limits: Limits(idleTimeout: 1000)) { bench in
            let client = try bench.client(receiveBuffer: 16 << 10)
            try client.send(request(people))
            let call = try bench.upstream.next()
            call.head(200)
            let piece = [UInt8](repeating: 1, count: 1 << 20)
            for _ in 0..<16 { call.emit(.body(piece)) }
            try eventually("what nobody reads is acknowledged") { call.current.acknowledged == 16 << 20 }
            call.end()
            #expect(try bench.log.waitForSettled()[0].basis == .table)
        }
    }

    @Test func oneConnectionTooManyIsToldSo() async throws {
        try await Bench.run(limits: Limits(connections: 2)) { bench in
            let (first, second) = (try bench.client(), try bench.client())
            for client in [first, second] {
                try client.send(request("/_gateway/health"))
                #expect(try client.response().status == 200)
            }
            let third = try bench.client()
            let response = try third.response()
            #expect(response.status == 503 && response["Retry-After"] == "1" && response["Connection"] == "close")
            #expect(response.text.contains(#""code":"overloaded""#))
            #expect(third.endsHere())
            #expect(bench.metrics.connectionsRefused.count == 1 && bench.metrics.connectionsAccepted.count == 2)
            third.close()
            first.close()
            // There is room again.
            try eventually("a connection is served") {
                guard let client = try? bench.client(), (try? client.send(request("/_gateway/health"))) != nil else { return false }
                return (try? client.response())?.status == 200
            }
        }
    }
}
