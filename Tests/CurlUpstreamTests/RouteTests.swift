import CurlUpstream
import Foundation
import GatewayCore
import Loopback
import Testing
import UpstreamSupport

/// HTTP/2 and proxies.
@Suite(.enabled(if: CertificateAuthority.isAvailable && SecureServer.isAvailable), .serialized) struct RouteTests {
    private let authority: CertificateAuthority
    private let backend: ScriptedServer
    private let server: SecureServer
    private let upstream: CurlUpstream
    private var route: UpstreamRoute

    init() async throws {
        authority = try CertificateAuthority()
        backend = try ScriptedServer { response("200 OK", "\($0.body.count)") }
        server = try await SecureServer(authority, backend: backend.port)
        upstream = try CurlUpstream()
        route = UpstreamRoute(provider: "p", baseURL: "https://127.0.0.1:\(server.port)", certificateAuthorities: authority.authority)
    }

    @Test func speaksHTTP2WhereAskedFor() async throws {
        var other = route
        other.http2 = true
        other.baseURL += "/backend"
        await withTaskGroup(of: (Int, Outcome).self) { group in
            for index in 0..<20 {
                let request = post(.bytes([UInt8](repeating: 1, count: index * 10_000)), [("X-Key", "k")], other)
                group.addTask { [upstream] in (index * 10_000, await upstream.outcome(request)) }
            }
            for await (count, outcome) in group {
                #expect(outcome.bodyText == "\(count)" && outcome.hasEnded, "\(String(describing: outcome.error))")
                #expect(outcome.heads.first?.headers.first("X-Protocol") == "HTTP/2.0")
            }
        }
        for _ in 0..<5 { #expect(await upstream.outcome(get("/", other)).bodyText == "0") }
        #expect(upstream.snapshot().connectionsOpened == 1)
    }

    @Test func tunnelsThroughAProxy() async throws {
        let port = server.port
        let proxy = try ScriptedServer { connection in
            let head = try connection.readHead()
            guard head.contains("Proxy-Authorization: Basic dXNlcjpwOnc=\r\n"), !head.contains("X-Key") else {
                return connection.send("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            }
            let target = try Connection.open(port: port)
            connection.send("HTTP/1.1 200 Connection established\r\nX-Proxy: not the provider's\r\n\r\n")
            connection.relay(to: target)
        }
        var other = route
        other.proxy = Secret("http://user:p%3Aw@127.0.0.1:\(proxy.port)")
        for _ in 0..<2 {
            let outcome = await upstream.outcome(get("/x", [("X-Key", "secret")], other))
            #expect(outcome.bodyText == "hello" && outcome.heads.count == 1 && outcome.heads.first?.headers.contains("X-Proxy") == false)
        }
        #expect(proxy.accepted == 1)
        other.proxy = Secret(proxy.url)
        let refused = await upstream.outcome(get("/x", [("X-Key", "secret")], other))
        #expect(refused.error?.kind == .unreachable && refused.error?.wasSent == false)
    }

    @Test func forwardsThroughAProxy() async throws {
        let proxy = try ScriptedServer { _ in response("200 OK", "from the proxy") }
        let plain = UpstreamRoute(
            provider: "p", baseURL: "http://provider.invalid:8080/base", proxy: Secret("http://user:word@127.0.0.1:\(proxy.port)"))
        let outcome = await upstream.outcome(get("/a/../b?c", [("A", "b")], plain))
        #expect(outcome.bodyText == "from the proxy")
        #expect(
            proxy.requests.first?.head == """
                GET http://provider.invalid:8080/base/a/../b?c HTTP/1.1\r
                Host: provider.invalid:8080\r
                Proxy-Authorization: Basic dXNlcjp3b3Jk\r
                A: b\r

                """)
    }

    @Test func theEnvironmentHasNoSay() async throws {
        let server = try ScriptedServer { _ in response("200 OK", "direct") }
        let closed = try ReservedPort()
        setenv("http_proxy", "http://127.0.0.1:\(closed.number)", 1)
        defer { unsetenv("http_proxy") }
        #expect(await upstream.outcome(get(server.route())).bodyText == "direct")
        let proxy = try ScriptedServer { _ in response("200 OK", "proxied") }
        setenv("no_proxy", "*", 1)
        defer { unsetenv("no_proxy") }
        var route = server.route()
        route.proxy = Secret(proxy.url)
        #expect(await upstream.outcome(get(route)).bodyText == "proxied")
    }

    @Test func threadsHaveConnectionsOfTheirOwn() async throws {
        let server = try ScriptedServer { _ in response() }
        let upstream = try CurlUpstream(threads: 3)
        for _ in 0..<9 { #expect(await upstream.outcome(get(server.route())).hasEnded) }
        #expect(server.accepted == 3)
        for _ in 0..<5 {
            let recorder = Recorder()
            _ = upstream.send(get(server.route()), to: recorder, hint: -7)
            #expect(await recorder.outcome().hasEnded)
        }
        #expect(server.accepted == 3)
    }
}
