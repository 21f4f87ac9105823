import Foundation
import Loopback
import Testing

/// The gateway is no way to reach another host: where a call goes is the configuration's to say, whatever a caller or a provider says.
@Suite(.serialized) struct UpstreamAuthorityTests {
    /// The host that must never be reached.
    private let elsewhere: ScriptedServer
    private var other: String { "127.0.0.1:\(elsewhere.port)" }

    init() throws {
        elsewhere = try ScriptedServer { _ in response("200 OK", "elsewhere") }
    }

    /// Every way to say another host in a request.
    private func requests(path: String = "/acme/v1/x") -> [String] {
        let targets = [
            "http://\(other)\(path)", "http://a@\(other)\(path)", "//\(other)\(path)", "/\(other)\(path)", "/acme//\(other)/x",
            "/acme/\\\\\(other)/x",
            "/acme/@\(other)/x", "/acme/:x@\(other)/x", "/acme/.\(other)/x", "/acme/:80/x", "/acme/%40\(other)/x", "/acme/%2f%2f\(other)/x",
            "/acme/http://\(other)/x", "/acme/..%2f..%2f@\(other)/x", "/acme/x%0d%0aHost:%20\(other)", "/acme@\(other)/x",
            "/acme:x@\(other)/x",
            "/acme.\(other)/x", "/acme\\@\(other)/x", "/acme%40\(other)/x", "/acme?@\(other)/x", "/acme/x?a=%0d%0aHost:%20\(other)",
            "/acme/x?url=http://\(other)/", "/acme/x#@\(other)/", "@\(other)/x", ":80@\(other)/", "*",
        ]
        let fields = [
            "Host: \(other)", "Host: 127.0.0.1@\(other)", "Host: a\r\nHost: \(other)", "Host: a\r\nX-Forwarded-Host: \(other)",
            "Host: a\r\nX-Original-URL: http://\(other)/", "Host: a\r\nX-Rewrite-URL: http://\(other)/",
            "Host: a\r\nForwarded: host=\(other)",
            "Host: a\r\nProxy: http://\(other)", "Host: a\r\nX-Real-Host: \(other)", "Host: a\r\nReferer: http://\(other)/",
            "Host: a\r\nDestination: http://\(other)/", "Host: a\r\nAlt-Used: \(other)", "Host: a\r\nX-Gateway-Upstream: http://\(other)",
            "Host: a\r\nX:\r\n http://\(other)", "Host: a\r\nConnection: Host", "Host: a\nHost: \(other)", "Host: a\r\nHost\t: \(other)",
        ]
        return targets.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" } + fields.map { "GET \(path) HTTP/1.1\r\n\($0)\r\n\r\n" } + [
            "CONNECT \(other) HTTP/1.1\r\nHost: \(other)\r\n\r\n", "CONNECT /acme/\(other) HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /acme/x HTTP/1.0\r\nHost: \(other)\r\n\r\n",
        ]
    }

    private func gateway(url: String, configuration: String = "") throws -> GatewayUnderTest {
        let gateway = try GatewayUnderTest(
            configuration: """
                auth: { mode: header, default_workspace: shared }
                budgets: { default: { daily: 1000, monthly: 10000, timezone: UTC } }
                \(configuration)
                """, plugins: ["acme.yaml": WireAdapter.anything(url: url)], shippedPlugins: false)
        try gateway.start(sandbox: false)
        return gateway
    }

    /// Sends everything; returns how many were answered by the provider.
    private func tryAll(_ gateway: GatewayUnderTest) throws -> Int {
        var served = 0
        for request in requests() {
            let client = try gateway.client()
            try client.send(request)
            let answer = try client.response()
            #expect(!answer.text.contains("elsewhere"), "\(request)")
            if answer.text == "provider" { served += 1 } else { #expect((400..<502).contains(answer.status), "\(request)") }
        }
        return served
    }

    @Test(arguments: ["", "/base"]) func noRequestLeadsElsewhere(base: String) throws {
        let provider = try ScriptedServer { _ in response("200 OK", "provider") }
        let gateway = try gateway(url: provider.url + base)
        #expect(try tryAll(gateway) > 20)
        for request in provider.requests {
            #expect(request.head.contains("\r\nHost: 127.0.0.1:\(provider.port)\r\n"))
            #expect(request.line.hasPrefix("GET \(base)/"))
        }
        #expect(elsewhere.accepted == 0)
    }

    /// A forwarding proxy is told the whole URL: its authority is the provider's all the same.
    @Test func noRequestLeadsAProxyElsewhere() throws {
        let proxy = try ScriptedServer { _ in response("200 OK", "provider") }
        let gateway = try gateway(
            url: "http://provider.invalid:8080", configuration: #"providers: { acme: { proxy: "\#(proxy.url)" } }"#)
        #expect(try tryAll(gateway) > 20)
        for request in proxy.requests {
            #expect(request.head.contains("\r\nHost: provider.invalid:8080\r\n"))
            #expect(request.line.hasPrefix("GET http://provider.invalid:8080/"))
        }
        #expect(elsewhere.accepted == 0)
    }

    @Test func noAnswerLeadsElsewhere() throws {
        let fields = [
            "Location: http://\(other)/x", "Refresh: 0; url=http://\(other)/", "Alt-Svc: http/1.1=\"\(other)\"",
            "Link: <http://\(other)/>; rel=preload", "Content-Location: http://\(other)/",
        ]
        let provider = try ScriptedServer { request in
            "HTTP/1.1 \(request.line.split(separator: " ")[1].dropFirst()) x\r\n" + fields.map { $0 + "\r\n" }.joined()
                + "Content-Length: 2\r\n\r\nno"
        }
        let gateway = try gateway(url: provider.url)
        let statuses = [201, 300, 301, 302, 303, 305, 307, 308, 401, 407]
        for status in statuses {
            let answer = try gateway.get("/acme/\(status)")
            #expect(answer.status == status && answer.body == "no")
            for field in fields {
                let parts = field.split(separator: ": ", maxSplits: 1).map(String.init)
                #expect(answer[parts[0]] == parts[1])
            }
        }
        #expect(provider.requests.count == statuses.count && elsewhere.accepted == 0)
    }

    /// The fields that say who pays are the caller's to send and not to take back.
    @Test func whoPaysCannotBeNominatedAway() throws {
        let provider = try ScriptedServer { _ in response("200 OK", "provider") }
        let gateway = try gateway(url: provider.url)
        for (fields, expected) in [
            ("X-Workspace-Id: acme\r\nConnection: X-Workspace-Id", "acme"), ("Connection: x-workspace-id\r\nX-Workspace-Id: acme", "acme"),
            ("X-Workspace-Id: acme\r\nX_Workspace_Id: other", "acme"), ("X-Workspace-Id: acme\r\nX-Workspace-Id: other", nil),
            ("X-Workspace-Id: acme\r\nTrailer: X-Workspace-Id\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Workspace-Id: other", "acme"),
        ] {
            let client = try gateway.client()
            try client.send("POST /acme/v1/x HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n")
            let answer = try client.response()
            #expect(answer.status == (expected == nil ? 400 : 200) && answer["X-Gateway-Workspace"] == expected, "\(fields)")
        }
        #expect(provider.requests.allSatisfy { !$0.head.lowercased().contains("x-workspace-id") })
    }
}
