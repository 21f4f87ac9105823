import GatewayCore
import JSONPath
import Loopback
import Testing

@testable import AdminPlane

/// Whom the admin plane answers, on its own socket.
@Suite(.timeLimit(.minutes(1))) struct AccessTests {
    /// What is sent to a plane, with a token or without, and its answer.
    private struct Plane {
        let port: Int

        func send(_ request: String, _ fields: [String], body: String = "") throws -> RawClient.Response {
            let client = try RawClient(port: port)
            let lines = ["\(request) HTTP/1.1"] + fields + ["Content-Type: application/json", "Content-Length: \(body.utf8.count)"]
            try client.send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
            return try client.response(to: String(request.prefix { $0 != " " }))
        }
    }

    private func serve(token: String? = nil, _ body: (Plane) throws -> Void) async throws {
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let plane = AdminPlane(
            listen: SocketAddress(host: "127.0.0.1", port: 0), services: Nobody.services(token: token.map { Secret($0) }))
        let running = Task {
            defer { listening.finish() }
            try await plane.run { listening.yield($0.port) }
        }
        defer { running.cancel() }
        var iterator = ports.makeAsyncIterator()
        try body(Plane(port: try #require(await iterator.next())))
    }

    private static let pages = [
        ["Host: evil.example"], ["Host: evil.example", "Origin: http://evil.example"], ["Host: localhost", "Origin: http://evil.example"],
        ["Host: 127.0.0.1", "Origin: null"],
    ]
    private static let requests = ["GET /", "HEAD /", "GET /dashboard/page.js", "GET /openapi.json", "GET /v1/config", "GET /nothing"]

    /// What the shipped configuration has: a loopback address and no token.
    @Test func withoutATokenNoPageOfElsewhereGetsIn() async throws {
        let key = #"{"workspace": "acme"}"#
        try await serve { plane throws in
            for fields in Self.pages {
                for request in Self.requests {
                    let response = try plane.send(request, fields)
                    #expect(response.status == 403 && response["Content-Type"] == "application/problem+json", "\(request) \(fields)")
                }
                #expect(try plane.send("POST /v1/keys", fields, body: key).status == 403)
            }
            let own = ["Host: 127.0.0.1:\(plane.port)"]
            for fields in [own, ["Host: localhost"], own + ["Origin: http://127.0.0.1:\(plane.port)"]] {
                #expect(try plane.send("GET /", fields).status == 200)
                #expect(try plane.send("GET /v1/config", fields).status == 200)
                // It comes as far as the ledger, which is away.
                #expect(try plane.send("POST /v1/keys", fields, body: key).status == 503)
            }
        }
    }

    @Test func withATokenEveryNameIsAnswered() async throws {
        try await serve(token: "t0ken") { plane throws in
            for fields in Self.pages {
                #expect(try plane.send("GET /", fields).status == 200)
                #expect(try plane.send("GET /v1/config", fields).status == 401)
                #expect(try plane.send("GET /v1/config", fields + ["Authorization: Bearer t0ken"]).status == 200)
            }
        }
    }

    @Test func theSchemesNameMayBeWrittenInAnyCase() async throws {
        try await serve(token: "t0ken") { plane throws in
            func status(_ authorization: String) throws -> Int {
                try plane.send("GET /v1/config", ["Host: g", "Authorization: \(authorization)"]).status
            }
            for right in ["Bearer t0ken", "bearer t0ken", "BEARER t0ken"] { #expect(try status(right) == 200, "\(right)") }
            for wrong in [
                "", "Bearer", "Bearer ", "t0ken", "Basic t0ken", "Bearer T0KEN", "bearer t0ke", "bearer t0kens", "Bearer\tt0ken",
                "Bearert0ken",
                "Bearer bearer t0ken",
            ] { #expect(try status(wrong) == 401, "\(wrong)") }
        }
    }

    /// Parsers differ in which of two members counts: 200 a day must not be set by what an auditor reads as 1.
    @Test(arguments: [
        ("PUT /v1/workspaces/acme/budget", #"{"daily": "1", "daily": "200"}"#),
        ("PUT /v1/workspaces/acme/budget", #"{"daily": "1", "d\u0061ily": "200"}"#),
        ("PUT /v1/workspaces/acme/budget", #"{"providers": {"pdl": {"daily": 1}, "pdl": {"daily": 2}}}"#),
        ("POST /v1/keys", #"{"workspace": "a", "workspace": "b"}"#),
    ])
    func noMemberOfABodyStandsThereTwice(request: String, body: String) async throws {
        try await serve { plane throws in
            let response = try plane.send(request, ["Host: localhost"], body: body)
            let detail = try JSONDocument(parsing: response.body).root["detail"]?.string
            #expect(response.status == 400 && detail?.contains("twice") == true, "\(response.text)")
        }
    }
}
