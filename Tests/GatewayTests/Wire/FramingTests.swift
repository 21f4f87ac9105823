import Foundation
import Loopback
import Testing

/// Every framing attack that we know, in `Framing.md`: what the gateway makes of it, and what Debian's nginx does, each with the same
/// provider behind it. Both columns are what the live programs do.
@Suite(.serialized) struct FramingTests {
    private let provider: ScriptedServer

    init() throws {
        provider = try ScriptedServer { request in
            let line = request.line.replacing(" HTTP/1.1", with: "")
            return line.hasPrefix("HEAD ") ? "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" : response("200 OK", "<\(line)>")
        }
    }

    @Test func theGatewayDoesWhatTheTableSays() throws {
        let gateway = try GatewayUnderTest(
            configuration: """
                auth: { mode: header, default_workspace: shared }
                budgets: { default: { daily: 1000, monthly: 10000, timezone: UTC } }
                limits: { idle_timeout: 1s }
                """,
            plugins: ["acme.yaml": WireAdapter.anything(url: "\(provider.url)/base")], shippedPlugins: false)
        try gateway.start(sandbox: false)
        try check(port: gateway.port, column: 2)
        // Whatever it was, nothing of it is held any more.
        let metrics = try gateway.admin("GET", "/metrics").body
        #expect(metrics.contains("\ngateway_reservations_open 0\n") && metrics.contains("\ngateway_held_dollars 0.00\n"))
    }

    @Test(.enabled(if: NginxUnderTest.isAvailable)) func nginxDoesWhatTheTableSays() throws {
        let nginx = try NginxUnderTest(base: "\(provider.url)/base")
        try check(port: nginx.port, column: 3)
    }

    private func check(port: Int, column: Int) throws {
        let rows = try WireTable("Framing.md").rows
        #expect(rows.count >= 100)
        for row in rows {
            try #require(row.count == 4, "\(row)")
            let outcome = try outcome(of: WireNotation.bytes(row[1]), port: port, expecting: row[column])
            #expect(outcome == row[column], "\(row[0])")
        }
    }

    private static let next = "GET /acme/v1/next HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Sends the bytes and behind them, on the same connection, an innocent request, and tells what came of it: the statuses of the answers,
    /// `closed` where the innocent one was not answered on its own, and after `→` what the provider got, less the fields that every request
    /// has there.
    private func outcome(of bytes: [UInt8], port: Int, expecting expected: String) throws -> String {
        let seen = provider.requests.count
        let client = try RawClient(port: port)
        // A peer that closes before it has read everything is no fault of the test's.
        _ = try? client.send(bytes + Array(Self.next.utf8))
        let answers = client.read(until: "<GET /base/v1/next>")
        var statuses = answers.text.matches(of: #/HTTP/1\.[01] (\d\d\d) /#).map { String($0.1) }
        if statuses.isEmpty, !answers.text.isEmpty { statuses = ["without status"] }
        if answers.isFound { statuses.removeLast() } else { statuses.append("closed") }

        func describe() -> String {
            var requests = provider.requests[seen...].map(text)
            if answers.isFound, requests.last == "GET /base/v1/next" { requests.removeLast() }
            return statuses.joined(separator: " ") + (requests.isEmpty ? "" : " → " + requests.joined(separator: " and "))
        }
        // A request that was cut is seen a moment after its caller has the answer.
        let deadline = Date().addingTimeInterval(expected == "?" ? 0.2 : 2)
        while describe() != expected, Date() < deadline { usleep(10_000) }
        return describe()
    }

    private func text(_ request: Connection.Request) -> String {
        var lines = request.head.components(separatedBy: "\r\n").dropLast()
        let first = lines.removeFirst().replacing(" HTTP/1.1", with: "")
        let host = lines.firstIndex(of: "Host: 127.0.0.1:\(provider.port)").map { lines.remove(at: $0) }
        let fields = lines.filter { $0 != "X-Api-Key: providers" && !$0.hasPrefix("traceparent: 00-") }
        var text = WireNotation.text(([first] + fields).joined(separator: "\r\n").unicodeScalars.map { UInt8($0.value) })
        if host == nil { text += " WITHOUT ITS HOST" }
        if !request.body.isEmpty || request.isCut { text += "⏎⏎" + WireNotation.text(request.body) }
        return text + (request.isCut ? "✂" : "")
    }
}
