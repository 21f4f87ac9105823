import GatewayCore
import Loopback
import Testing

/// What a provider sees of a request.
@Suite struct ForwardingTests {
    private func forwarded(_ text: String, adapter: Adapter? = nil) async throws -> UpstreamRequest {
        var seen: UpstreamRequest?
        try await Bench.run(adapters: [try adapter ?? TestAdapter.acme()]) { bench in
            try bench.exchange(text) { call in
                seen = call.request
                call.answer(body: "{}")
            }
        }
        return try #require(seen)
    }

    /// All but the trace, which is ``TraceTests``' affair.
    private func fields(_ request: UpstreamRequest) -> [String] {
        request.headers.filter { !$0.isNamed("traceparent") }.map { "\($0.nameText): \($0.valueText)" }
    }

    @Test func endToEndFieldsPassAsTheyCame() async throws {
        let request = try await forwarded(
            request("/acme/v1/people/a%20b?x=%2f&y", ["X-One: 1", "x-one:  2\t", "Accept-Encoding: br", "X-Empty:", "User-Agent: t"]))
        #expect(request.method == "GET")
        #expect(request.target == "/v1/people/a%20b?x=%2f&y")
        #expect(
            fields(request) == [
                "X-One: 1", "x-one: 2", "Accept-Encoding: br", "X-Empty: ", "User-Agent: t", "Acme-Version: 2026-01-01",
                "X-Api-Key: provider-secret",
            ])
        guard case .none = request.body else { return #expect(Bool(false), "a body came from nowhere") }
    }

    @Test func hopByHopFieldsAndCredentialsEndHere() async throws {
        let request = try await forwarded(
            request(
                "/acme/v1/people/1",
                [
                    "Connection: X-Mine, keep-alive", "X-Mine: 1", "Keep-Alive: timeout=5", "TE: trailers", "Trailer: X", "Upgrade: h2c",
                    "Proxy-Connection: close", "Proxy-Authorization: Basic x", "Authorization: Bearer callers", "x-api-KEY: callers",
                    "X_Api-Key: callers",
                    "X-User-Id: u", "X-Entity-Type: person", "X-Entity-Id: e", "X-Gateway-Max-Cost: 9", "x-gateway-anything: 1",
                    "X-Gateway-Key: gwk_1", "X-Gateway-A: as long as X-Entity-Id",
                    "Cookie: c=1",
                ]))
        #expect(fields(request) == ["Cookie: c=1", "Acme-Version: 2026-01-01", "X-Api-Key: provider-secret"])
    }

    @Test func noFieldOfTheGatewaysOwnIsPassedOn() async throws {
        // Of every length: fields are told apart by it first.
        let names =
            (1...24).map { "X-Gateway-\(String(repeating: "K", count: $0))" } + ["X-Gateway-Key", "X-Gateway-Cache", "x-gateway-normalize"]
        let request = try await forwarded(request("/acme/v1/people/1", names.map { "\($0): gwk_secret" }))
        #expect(fields(request) == ["Acme-Version: 2026-01-01", "X-Api-Key: provider-secret"])
    }

    @Test func theCallersOwnVersionStands() async throws {
        let request = try await forwarded(request("/acme/v1/people/1", ["acme-version: 2020"]))
        #expect(fields(request) == ["acme-version: 2020", "X-Api-Key: provider-secret"])
    }

    @Test func anUncodedBodyIsAskedForWhereItIsRead() async throws {
        let request = try await forwarded(request("/acme/v1/search", ["Accept-Encoding: gzip", "accept-encoding: br"]))
        #expect(request.headers.all("accept-encoding") == ["identity"])
    }

    @Test(arguments: [
        ("", "/v1/people/1?api_key=k%2F%26"), ("?", "/v1/people/1?api_key=k%2F%26"), ("?a=1&b", "/v1/people/1?a=1&b&api_key=k%2F%26"),
        ("?api_key=mine&a=1", "/v1/people/1?a=1&api_key=k%2F%26"), ("?%61pi%5Fkey=mine", "/v1/people/1?api_key=k%2F%26"),
        ("?api_key&API_KEY=x", "/v1/people/1?API_KEY=x&api_key=k%2F%26"),
    ])
    func aCredentialInTheQueryReplacesTheCallers(query: String, target: String) async throws {
        let adapter = try TestAdapter.acme(authentication: .query(name: "api_key", value: Secret("k/&")))
        let request = try await forwarded(request("/acme/v1/people/1\(query)", ["Authorization: Bearer callers"]), adapter: adapter)
        #expect(request.target == target)
        #expect(!request.headers.contains("authorization"))
    }

    /// Wherever a provider's callers are used to put their keys, the caller's stays here.
    @Test func everyPlaceForACallersCredentialIsCleared() async throws {
        var adapter = try TestAdapter.acme(authentication: .header(name: "X-Api-Key", value: Secret("provider-secret")))
        adapter.upstream.callerCredentials = [.header("X-Goog-Key"), .query("key"), .query("token")]
        let request = try await forwarded(
            request("/acme/v1/people/1?token=a&x=1&k%65y=b&keys=c", ["x-goog-KEY: mine", "X-Api-Key: mine"]), adapter: adapter)
        #expect(request.target == "/v1/people/1?x=1&keys=c")
        #expect(fields(request) == ["Acme-Version: 2026-01-01", "X-Api-Key: provider-secret"])
    }

    @Test(arguments: [
        "/acme/v1/base/../people/1", "/acme/v1/base/%2e%2e/people/1", "/acme/v1/base/%2E./x", "/acme/v1/base/..%2fx", "/acme/v1/base/.",
        "/acme/..",
        "/acme/v1/base/..\\x", "/acme/v1/base/..%5cx", "/acme/v1/base/a%5c..%5cx", "/acme/v1/base/..;a=1/x", "/acme/v1/base/%2e%2e%3bx/y",
        "/acme/v1/base/a%00b", "/acme/v1/base/a%0d%0aX:y", "/acme/v1/base/%7f",
    ])
    func pathsThatLeaveTheirBaseAreRefused(target: String) async throws {
        try await Bench.run { bench in
            let response = try bench.refused(request(target))
            #expect(response.status == 400)
            #expect(response.text.contains(#""code":"bad_request""#))
        }
    }

    @Test(arguments: ["/acme/v1/base/a..b/.c/...", "/acme/v1/base/%252e%252e/x", "/acme/v1/base//x", "/acme/v1/base/%"])
    func otherPathsPassAsTheyCame(target: String) async throws {
        #expect(try await forwarded(request(target)).target == String(target.dropFirst("/acme".count)))
    }

    /// It is held at the adapter's default (1,000 tokens, one dollar), and that is the gateway's affair alone.
    @Test func aRequestWithoutAnOutputLimitGetsNoneAdded() async throws {
        let body = #"{"model": "small"}"#
        let sent = try await forwarded(request("/acme/v1/chat", ["X-Gateway-Max-Cost: 1.00"], method: "POST", body: body))
        guard case .bytes(let bytes) = sent.body else { return #expect(Bool(false), "no body") }
        #expect(bytes == Array(body.utf8))
        try await Bench.run { bench in
            let refused = try bench.refused(request("/acme/v1/chat", ["X-Gateway-Max-Cost: 0.99"], method: "POST", body: body))
            #expect(refused.status == 402)
        }
    }

    @Test func aBodyThatIsReadPassesWhole() async throws {
        let body = #"{"model": "small", "max_tokens": 10}"#
        let lengths = try await forwarded(request("/acme/v1/chat", method: "POST", body: body))
        guard case .bytes(let bytes) = lengths.body else { return #expect(Bool(false), "no body") }
        #expect(bytes == Array(body.utf8))
        #expect(!lengths.headers.contains("content-length"))
        let chunks =
            request("/acme/v1/chat", ["Transfer-Encoding: chunked"], method: "POST")
            + "5;x\r\n\(body.prefix(5))\r\n1F\r\n\(body.dropFirst(5))\r\n0\r\nT: x\r\n\r\n"
        guard case .bytes(let joined) = try await forwarded(chunks).body else { return #expect(Bool(false), "no body") }
        #expect(joined == bytes)
    }

    @Test func aBodyThatIsNotReadIsPassedOnPieceByPiece() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/upload", ["Content-Length: 6"], method: "POST") + "abc")
            let call = try bench.upstream.next()
            guard case .stream(length: 6) = call.request.body else { return #expect(Bool(false), "\(call.request.body)") }
            try bench.settleLoop()
            #expect(call.current.sent.isEmpty, "nothing is passed on before it is asked for")
            call.emit(.wantsBody)
            #expect(try call.wait(for: "a piece") { $0.sent.isEmpty ? nil : $0.sent } == Array("abc".utf8))
            try client.send("def")
            try bench.settleLoop()
            #expect(call.current.pieces == 1, "one piece at a time")
            call.emit(.wantsBody)
            let sent = try call.wait(for: "the body's end") { $0.isBodyFinished ? $0.sent : nil }
            #expect(sent == Array("abcdef".utf8))
            call.answer(body: "ok")
            #expect(try client.response().status == 200)
        }
    }

    @Test func aChunkedBodyIsPassedOnToo() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(
                request("/acme/v1/upload", ["Transfer-Encoding: chunked"], method: "POST") + "3\r\nabc\r\n0\r\n\r\n"
                    + request("/acme/v1/people/1"))
            let call = try bench.upstream.next()
            guard case .stream(length: nil) = call.request.body else { return #expect(Bool(false), "\(call.request.body)") }
            call.emit(.wantsBody)
            call.emit(.wantsBody)
            #expect(try call.wait(for: "the body's end") { $0.isBodyFinished ? $0.sent : nil } == Array("abc".utf8))
            call.answer(body: "one")
            #expect(try client.response().text == "one")
            try bench.upstream.next().answer(body: "two")
            #expect(try client.response().text == "two")
        }
    }

    /// A length says it before anything is forwarded; without one it shows on the way, and the call ends once, as one whose caller left.
    @Test func aBodyThatIsPassedOnIsBoundedToo() async throws {
        try await Bench.run(limits: Limits(requestBody: 5)) { bench in
            let told = try bench.refused(request("/acme/v1/upload", ["Content-Length: 6"], method: "POST"))
            #expect(told.status == 413 && bench.log.entries.isEmpty)
            let client = try bench.client()
            try client.send(request("/acme/v1/upload", ["Transfer-Encoding: chunked"], method: "POST") + "6\r\nabcdef\r\n0\r\n\r\n")
            let call = try bench.upstream.next()
            call.emit(.wantsBody)
            let response = try client.response()
            #expect(response.status == 413 && call.current.sent.isEmpty)
            _ = try bench.log.waitForSettled()
            try eventually("nothing is held") { bench.accounts.snapshot.openReservations == 0 }
            #expect(bench.log.entries.count == 2 && bench.log.settled.map(\.cost) == [.zero])
        }
    }

    /// A provider that answers before the upload is complete: the rest is read past, and the connection stays.
    @Test func anEarlyAnswerEndsTheUpload() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/upload", ["Content-Length: 6"], method: "POST") + "abc")
            try bench.upstream.next().answer(413, body: "no")
            #expect(try client.response().status == 413)
            try client.send("def" + request("/acme/v1/people/1"))
            try bench.upstream.next().answer(body: "two")
            #expect(try client.response().text == "two")
        }
    }
}
