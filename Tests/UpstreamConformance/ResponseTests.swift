import Foundation
import GatewayCore
import Loopback
import Testing
import UpstreamSupport

/// What comes back, and how connections are kept.
@Suite(.everyTransport) struct ResponseTests {
    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;ext=1\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "hello"),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "hello"
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
    ])
    func readsWhatKeepsTheConnection(_ wire: String, _ body: String) async throws {
        let server = try ScriptedServer { _ in wire }
        let upstream = try makeUpstream()
        for _ in 0..<3 {
            let outcome = await upstream.outcome(get(server.route()))
            #expect(outcome.heads.map(\.status) == [200] && outcome.bodyText == body && outcome.hasEnded)
            #expect(outcome.heads.first?.headers.contains("X-Sum") == false)
            #expect(outcome.heads.first?.headers.contains("Link") == false)
        }
        #expect(server.accepted == 1 && upstream.snapshot().connectionsOpened == 1)
    }

    @Test func deliversASmallAnswerAtOnce() async throws {
        let server = try ScriptedServer { _ in response("200 OK", String(repeating: "x", count: 1500)) }
        let outcome = try await makeUpstream().outcome(get(server.route()))
        #expect(outcome.deliveries == 1 && outcome.pieces == 1 && outcome.body.count == 1500)
    }

    @Test(arguments: ["HTTP/1.1 200 OK\r\nConnection: x, Close\r\n", "HTTP/1.0 200 OK\r\n"])
    func keepsNoConnectionThatTheProviderGivesUp(_ head: String) async throws {
        let server = try ScriptedServer { connection in
            while true {
                _ = try connection.readRequest()
                connection.send(head + "Content-Length: 5\r\n\r\nhello")
            }
        }
        let upstream = try makeUpstream()
        for _ in 0..<2 { #expect(await upstream.outcome(get(server.route())).bodyText == "hello") }
        #expect(server.accepted == 2 && server.requests.count == 2)
    }

    @Test func findsNames() async throws {
        let server = try ScriptedServer { _ in response("200 OK", "hello") }
        var route = server.route()
        route.baseURL = "http://localhost:\(server.port)"
        #expect(try await makeUpstream().outcome(get(route)).bodyText == "hello")
        #expect(server.requests.first?.head.contains("Host: localhost:\(server.port)\r\n") == true)
    }

    @Test func readsUpToTheClose() async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\n\r\nuntil the end")
        }
        let upstream = try makeUpstream()
        for _ in 0..<2 { #expect(await upstream.outcome(get(server.route())).bodyText == "until the end") }
        #expect(server.accepted == 2)
    }

    @Test(arguments: [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 200), ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", 304), ("POST", "HTTP/1.1 204 No Content\r\n\r\n", 204),
    ])
    func knowsThatThereIsNoBody(_ method: String, _ wire: String, _ status: Int) async throws {
        let server = try ScriptedServer { _ in wire }
        let upstream = try makeUpstream()
        for _ in 0..<2 {
            let outcome = await upstream.outcome(get(method: method, server.route()))
            #expect(outcome.status == status && outcome.hasEnded && outcome.body.isEmpty && outcome.heads.first?.isBodiless == true)
        }
        #expect(server.accepted == 1)
    }

    @Test func passesOnRedirectsAndChallengesAndCookies() async throws {
        let server = try ScriptedServer { request in
            request.line.contains("/r")
                ? response("302 Found", "", "Location: /elsewhere", "Set-Cookie: a=b")
                : response("401 Unauthorized", "no", "WWW-Authenticate: Basic")
        }
        let upstream = try makeUpstream()
        let redirect = await upstream.outcome(get("/r", server.route()))
        #expect(redirect.status == 302 && redirect.heads.first?.headers.first("Location") == "/elsewhere")
        let challenge = await upstream.outcome(get("/c", server.route()))
        #expect(challenge.status == 401 && challenge.bodyText == "no")
        #expect(server.requests.map(\.line) == ["GET /r HTTP/1.1", "GET /c HTTP/1.1"])
        #expect(server.requests[1].head.contains("Cookie") == false)
    }

    @Test func keepsContentCodings() async throws {
        let server = try ScriptedServer { _ in response("200 OK", "not really gzip", "Content-Encoding: gzip") }
        let outcome = try await makeUpstream().outcome(get("/", [("Accept-Encoding", "gzip")], server.route()))
        #expect(outcome.bodyText == "not really gzip" && outcome.heads.first?.headers.first("Content-Encoding") == "gzip")
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551621\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\n", "",
    ])
    func refusesWhatIsNoAnswer(_ wire: String) async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send(wire)
        }
        let outcome = try await makeUpstream().outcome(get(server.route()))
        #expect(outcome.heads.isEmpty && outcome.error?.kind == .broken && outcome.error?.wasSent == true)
    }

    @Test(arguments: [("A: b\r\n", "field"), ("A: \(String(repeating: "x", count: 50_000))\r\n", "bytes")])
    func refusesAnEndlessHead(_ line: String, _ reason: String) async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\n")
            for _ in 0..<100_000 {
                connection.send(line)
                if connection.isPeerGone { break }
            }
        }
        let outcome = try await makeUpstream().outcome(get(server.route()))
        #expect(outcome.error?.kind == .broken && outcome.error?.detail.contains(reason) == true)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhello",
    ])
    func saysThatABodyWasCutShort(_ wire: String) async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send(wire)
        }
        let outcome = try await makeUpstream().outcome(get(server.route()))
        #expect(outcome.status == 200 && outcome.bodyText == "hello")
        #expect(outcome.error?.kind == .broken && outcome.error?.wasSent == true)
    }

    /// The provider may have read it, and charge it, before its connection went away.
    @Test func neverSendsARequestTwice() async throws {
        // Every connection serves one request, reads the next, and closes without an answer.
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send(response("200 OK", "whole"))
            _ = try connection.readRequest()
        }
        let upstream = try makeUpstream()
        let bodies: [UpstreamRequest.Body] = [
            .none, .bytes([1, 2, 3]), .bytes([UInt8](repeating: 1, count: 200_000)), .stream(length: nil),
        ]
        for (index, body) in bodies.enumerated() {
            #expect(await upstream.outcome(get(server.route())).bodyText == "whole")
            let outcome = await upstream.outcome(post(body, server.route()), pieces: index == 3 ? [[0x61, 0x62], [0x63]] : [])
            #expect(outcome.error?.kind == .broken && outcome.error?.wasSent == true)
            #expect(server.requests.count == 2 * (index + 1))
        }
    }

    @Test func doesNotRepeatOnceAResponseHasBegun() async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.send(response("200 OK", "first"))
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\n")
        }
        let upstream = try makeUpstream()
        #expect(await upstream.outcome(get(server.route())).bodyText == "first")
        let outcome = await upstream.outcome(get(server.route()))
        #expect(outcome.error?.kind == .broken && outcome.error?.wasSent == true && server.requests.count == 2)
    }

    @Test func doesNotRepeatOnAFreshConnection() async throws {
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            connection.reset()
        }
        let outcome = try await makeUpstream().outcome(post(.bytes([1]), server.route()))
        #expect(outcome.error?.kind == .broken && outcome.error?.wasSent == true && server.accepted == 1)
    }
}
