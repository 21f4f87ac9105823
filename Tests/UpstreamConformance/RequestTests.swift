import Foundation
import GatewayCore
import Loopback
import Testing
import UpstreamSupport

/// What goes out, byte for byte.
@Suite(.everyTransport) struct RequestTests {
    /// The bytes that the server saw of one request.
    private func wire(path: String = "", _ request: (UpstreamRoute) -> UpstreamRequest) async throws -> (Connection.Request, port: UInt16) {
        let server = try ScriptedServer { _ in response() }
        let upstream = try makeUpstream()
        let outcome = await upstream.outcome(request(server.route(path: path)))
        #expect(outcome.hasEnded, "\(String(describing: outcome.error))")
        return (try #require(server.requests.first), server.port)
    }

    @Test func addsNothingButTheHost() async throws {
        let (request, port) = try await wire { get("/v1/a?b=c", $0) }
        #expect(request.head == "GET /v1/a?b=c HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n")
    }

    @Test func sendsHeadersAsGiven() async throws {
        let headers = [
            ("x-KEY", "k"), ("Accept", "a/b"), ("Empty", ""), ("Blank", "  "), ("x-key", "again; and: more"), ("User-Agent", "agent"),
            ("Cookie", "a=b"), ("Accept-Encoding", "gzip, br"), ("Authorization", "Bearer t"),
        ]
        let (request, port) = try await wire { get("/", headers, $0) }
        #expect(
            request.head == """
                GET / HTTP/1.1\r
                Host: 127.0.0.1:\(port)\r
                x-KEY: k\r
                Accept: a/b\r
                Empty:\r
                Blank:\r
                x-key: again; and: more\r
                User-Agent: agent\r
                Cookie: a=b\r
                Accept-Encoding: gzip, br\r
                Authorization: Bearer t\r

                """)
    }

    @Test func keepsItsOwnHeadersToItself() async throws {
        let headers = [
            ("Host", "elsewhere"), ("content-length", "7"), ("Transfer-Encoding", "chunked"), ("Expect", "100-continue"), ("A", "b"),
        ]
        let (request, port) = try await wire { post(.bytes(Array("hello".utf8)), headers, $0) }
        #expect(request.head == "POST / HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nA: b\r\nContent-Length: 5\r\n")
        #expect(request.bodyText == "hello")
    }

    @Test(arguments: ["POST", "PUT", "PATCH"])
    func saysThatABodyIsAbsentWhereOneIsExpected(_ method: String) async throws {
        let (request, port) = try await wire { get(method: method, $0) }
        #expect(request.head == "\(method) / HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nContent-Length: 0\r\n")
    }

    @Test(arguments: ["GET", "DELETE", "OPTIONS", "PROPFIND", "HEAD"])
    func sendsAnyMethodWithoutABody(_ method: String) async throws {
        let (request, port) = try await wire { get(method: method, $0) }
        #expect(request.head == "\(method) / HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n")
    }

    @Test(arguments: ["GET", "DELETE", "PROPFIND", "POST", "HEAD"], [5, 70_000])
    func sendsAnyMethodWithABody(_ method: String, _ count: Int) async throws {
        let body = [UInt8](repeating: 0x61, count: count)
        let (request, port) = try await wire { post(.bytes(body), [("Content-Type", "text/plain")], method: method, $0) }
        #expect(
            request.head == "\(method) / HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nContent-Type: text/plain\r\nContent-Length: \(count)\r\n")
        #expect(request.body == body)
    }

    @Test(arguments: [
        "/a/../b", "/a/./b/..", "/a%2Fb%2f..%2e", "//double//slash", "/?", "/a?", "/a?b?c=/../d", "/@host/", "/a;b=c", "/{a}|\"<>^`[]\\",
        "/%", "/a:b",
        "//evil.example/x",
    ])
    func leavesTheTargetAsItIs(_ target: String) async throws {
        let (request, _) = try await wire(path: "/base") { get(target, $0) }
        #expect(request.line == "GET /base\(target) HTTP/1.1")
    }

    @Test func switchesMethodsOnOneConnection() async throws {
        let server = try ScriptedServer { response("200 OK", $0.line.hasPrefix("HEAD") ? "" : "x") }
        let upstream = try makeUpstream()
        let route = server.route()
        let big = [UInt8](repeating: 1, count: 100_000)
        let requests = [
            get(route), post(.bytes([1]), route), get(method: "HEAD", route), get(route), post(.bytes(big), method: "PUT", route),
            get(method: "POST", route),
            get(method: "DELETE", route), post(.bytes([2]), method: "PATCH", route), get(method: "HEAD", route), post(.bytes(big), route),
            get(route),
        ]
        for request in requests { #expect(await upstream.outcome(request).hasEnded) }
        #expect(server.requests.map { String($0.line.prefix { $0 != " " }) } == requests.map(\.method))
        #expect(server.requests.map(\.body.count) == [0, 1, 0, 0, 100_000, 0, 0, 1, 0, 100_000, 0])
        #expect(server.accepted == 1)
    }

    @Test(arguments: [
        ("A\r\nB", "c"), ("A", "b\r\nEvil: c"), ("A", "b\nc"), ("A", "b\0c"), ("A", "b\r"), ("A B", "c"), ("", "c"), ("A:", "c"),
        ("A;", ""), ("Ä", "c"),
    ])
    func refusesWhatWouldBecomeAnotherHeader(_ name: String, _ value: String) async throws {
        try await expectRefusal { get("/", [(name, value)], $0) }
    }

    @Test(arguments: ["", "a", "*", "http://evil.example/", "@evil.example/", "/a b", "/a\r\nEvil: b", "/a\u{0}", "/ä", "/a#b", "/a\u{7F}"])
    func refusesWhatIsNoTarget(_ target: String) async throws {
        try await expectRefusal { get(target, $0) }
    }

    @Test(arguments: ["", "GE T", "GET / HTTP/1.1\r\nEvil: b\r\n\r\nGET", "GET\n"])
    func refusesWhatIsNoMethod(_ method: String) async throws {
        try await expectRefusal { get(method: method, $0) }
    }

    @Test(arguments: [
        "ftp://127.0.0.1", "file:///etc/passwd", "127.0.0.1", "http://", "http://user:word@127.0.0.1", "http://127.0.0.1?a",
        "http://127.0.0.1/#", "http://a b",
        "http://127.0.0.1:99999",
    ])
    func refusesWhatIsNoBaseURL(_ base: String) async throws {
        try await expectRefusal { route in
            var route = route
            route.baseURL = base
            return get(route)
        }
    }

    private func expectRefusal(_ request: (UpstreamRoute) -> UpstreamRequest) async throws {
        let server = try ScriptedServer { _ in response() }
        let upstream = try makeUpstream()
        let outcome = await upstream.outcome(request(server.route()))
        #expect(outcome.error?.kind == .unreachable && outcome.error?.wasSent == false && outcome.deliveries == 1)
        #expect(server.accepted == 0 && upstream.snapshot().connectionsOpened == 0)
        // The transport goes on.
        #expect(await upstream.outcome(get(server.route())).status == 200)
    }
}
