import GatewayCore
import JSONPath
import Loopback
import Testing

/// Callers that are told apart by their keys.
@Suite struct AuthenticationTests {
    private let secret = KeySecret.make().reveal()

    private func key(
        expiresAt: Timestamp? = nil, revokedAt: Timestamp? = nil, permissions: CallerKey.Permissions = .init()
    ) -> CallerKey {
        CallerKey(
            id: CallIDGenerator().next(at: Bench.now), workspace: "w1", name: nil, digest: KeyDigest(of: Secret(secret)),
            createdAt: Bench.now, expiresAt: expiresAt, revokedAt: revokedAt, permissions: permissions)
    }

    private func run(_ keys: [CallerKey], adapters: [Adapter]? = nil, _ body: (Bench) async throws -> Void) async throws {
        try await Bench.run(authentication: .keys, adapters: adapters) { bench in
            bench.keys.take(keys, upTo: 1)
            try await body(bench)
        }
    }

    private func ask(_ target: String = "/acme/v1/search", _ headers: String...) -> String {
        "GET \(target) HTTP/1.1\r\nHost: g\r\n\(headers.map { $0 + "\r\n" }.joined())\r\n"
    }

    private func code(_ response: RawClient.Response) throws -> String? {
        guard case .string(let code)? = try JSONValue(JSONDocument(parsing: response.body).root)["code"] else { return nil }
        return code
    }

    @Test(arguments: ["X-Gateway-Key: %", "Authorization: Bearer %", "authorization: bearer %", "X-Api-Key: %", "x-api-key:  %"])
    func aKeyIsTakenFromEveryPlaceAndReplacedByTheProvidersOwn(field: String) async throws {
        try await run([key()]) { bench in
            var request: UpstreamRequest?
            let response = try bench.exchange(ask("/acme/v1/search", field.replacing("%", with: secret))) { call in
                request = call.request
                call.answer(body: #"{"credits": 1}"#)
            }
            #expect(response.status == 200 && response["X-Gateway-Workspace"] == "w1")
            let sent = try #require(request)
            #expect(sent.headers.all("X-Api-Key") == ["provider-secret"])
            #expect(sent.headers.first("Authorization") == nil && sent.headers.first("X-Gateway-Key") == nil)
        }
    }

    @Test func aKeyInTheQueryIsTakenOut() async throws {
        let adapter = try TestAdapter.acme(authentication: .query(name: "api_key", value: Secret("provider-secret")))
        try await run([key()], adapters: [adapter]) { bench in
            for query in ["q=1&api_key=\(secret)", "api%5Fkey=\(secret)&q=1", "q=1&api_key=other&api_key=\(secret)"] {
                var target = ""
                let response = try bench.exchange(ask("/acme/v1/search?\(query)")) { call in
                    target = call.request.target
                    call.answer(body: #"{"credits": 1}"#)
                }
                #expect(response.status == 200)
                #expect(target == "/v1/search?q=1&api_key=provider-secret")
            }
        }
    }

    @Test func withoutAGoodKeyNothingIsForwarded() async throws {
        try await run([key()]) { bench in
            let other = KeySecret.make().reveal()
            for fields in [
                [], ["X-Workspace-Id: w1"], ["Authorization: Bearer \(other)"], ["X-Gateway-Key: \(secret)x"], ["X-Gateway-Key: "],
                ["X-Gateway-Key: sk-1", "Authorization: Bearer \(secret)"], ["Authorization: Bearer sk-1"],
                ["Cookie: gwk=\(secret)"], ["Authorization: Bearer \(secret)", "X-Workspace-Id: w2"],
            ] {
                let response = try bench.refused(
                    "GET /acme/v1/search HTTP/1.1\r\nHost: g\r\n\(fields.map { $0 + "\r\n" }.joined())\r\n")
                #expect(response.status == 401, "\(fields)")
                #expect(try code(response) == "unauthenticated")
                #expect(response["WWW-Authenticate"] == "Bearer")
                #expect(response["X-Gateway-Workspace"] == nil)
                #expect(!response.text.contains(secret) && !response.text.contains(other))
            }
            #expect(try bench.refused(ask("/acme/v1/search?api_key=\(secret)")).status == 401, "no place of this provider's")
        }
    }

    @Test func anEndedKeySaysWhy() async throws {
        try await run([key(expiresAt: Bench.now)]) { bench in
            let response = try bench.refused(ask("/acme/v1/search", "X-Gateway-Key: \(secret)"))
            #expect(response.status == 401 && response.text.contains("expired"))
        }
        try await run([key(revokedAt: Bench.now)]) { bench in
            let response = try bench.refused(ask("/acme/v1/search", "X-Gateway-Key: \(secret)"))
            #expect(response.status == 401 && response.text.contains("revoked"))
        }
    }

    @Test func authenticationNeverFailsOpen() async throws {
        try await run([key()]) { bench in
            bench.keys.storeFailed()
            let seen = ask("/acme/v1/search", "X-Gateway-Key: \(secret)")
            #expect(try bench.exchange(seen) { $0.answer(body: #"{"credits": 1}"#) }.status == 200)
            let unseen = try bench.refused(ask("/acme/v1/search", "X-Gateway-Key: \(KeySecret.make().reveal())"))
            #expect(unseen.status == 503 && unseen["Retry-After"] == "1")
            #expect(try code(unseen) == "keys_unavailable")
        }
    }

    @Test func aKeyOpensNoMoreThanItIsFor() async throws {
        try await run([key(permissions: .init(providers: ["acme"], operations: ["person"]))]) { bench in
            let field = "X-Gateway-Key: \(secret)"
            #expect(try bench.exchange(ask("/acme/v1/people/1", field)).status == 200)
            let response = try bench.refused(ask("/acme/v1/search", field))
            #expect(response.status == 403 && response["X-Gateway-Workspace"] == "w1" && response["X-Gateway-Cost"] == "0.00")
            #expect(try code(response) == "not_allowed")
        }
        try await run([key(permissions: .init(providers: ["other"]))]) { bench in
            let response = try bench.refused(ask("/acme/v1/search", "X-Gateway-Key: \(secret)"))
            #expect(response.status == 403)
        }
    }

    /// A page can have its name resolve to this machine; its browser then says that name, or another page's.
    @Test func whoIsBelievedIsNoWebPage() async throws {
        func ask(_ target: String, _ fields: String) -> String { "GET \(target) HTTP/1.1\r\n\(fields)X-Workspace-Id: w1\r\n\r\n" }
        let pages = [
            "Host: evil.example\r\nOrigin: http://evil.example\r\n", "Host: localhost:8080\r\nOrigin: http://localhost:3000\r\n",
            "Host: 127.0.0.1\r\nOrigin: null\r\n",
        ]
        try await Bench.run { bench in
            for fields in pages {
                for target in ["/acme/v1/search", "/_gateway/budget"] {
                    let response = try bench.refused(ask(target, fields))
                    #expect(response.status == 403 && response["X-Gateway-Workspace"] == nil)
                    #expect(try code(response) == "not_allowed")
                }
                #expect(try bench.refused(ask("/_gateway/health", fields)).status == 200)
            }
            for fields in ["Host: gateway.mesh\r\n", "Host: localhost:8080\r\nOrigin: http://localhost:8080\r\n"] {
                #expect(try bench.exchange(ask("/acme/v1/search", fields)).status == 200)
            }
        }
        // A key is what no page has.
        try await run([key()]) { bench throws in
            for fields in pages {
                #expect(try bench.exchange(ask("/acme/v1/search", fields + "X-Gateway-Key: \(secret)\r\n")).status == 200)
            }
        }
    }

    @Test func aKeyIsHeldToItsRate() async throws {
        try await run([key(permissions: .init(rate: CallRate("2")))]) { bench in
            let request = ask("/acme/v1/search", "X-Gateway-Key: \(secret)")
            for _ in 0..<2 { #expect(try bench.exchange(request) { $0.answer(body: #"{"credits": 1}"#) }.status == 200) }
            let response = try bench.refused(request)
            #expect(response.status == 429 && response["Retry-After"] == "1")
            #expect(try code(response) == "rate_limited")
            // What costs nothing is not counted.
            let budget = try bench.refused(ask("/_gateway/budget", "X-Gateway-Key: \(secret)"))
            #expect(budget.status == 200 && budget["X-Gateway-Workspace"] == "w1")
            #expect(try bench.refused(ask("/_gateway/budget", "X-Workspace-Id: w1")).status == 401)
            #expect(try bench.refused(ask("/_gateway/health")).status == 200)
        }
    }
}
