import Foundation
import Loopback
import Synchronization
import Testing

/// Providers that misbehave, in `Providers.md`: what their caller sees, and what the call is charged.
@Suite(.serialized) final class HostileProviderTests: Sendable {
    private static let good = #"{"credits": 1}"#
    /// How many of the texts below have been said to their end.
    private let said = Mutex(0)
    private static let budgets = "budgets: { default: { daily: 1000, monthly: 10000, timezone: UTC } }"

    /// Says what `say` has for the last segment of the path, and a good answer to everything else.
    private func provider(saying say: @escaping @Sendable (String) -> String?) throws -> ScriptedServer {
        try ScriptedServer { [weak self] connection in
            while true {
                let request = try connection.readRequest()
                let name = request.line.split(separator: " ")[1].split(separator: "/").last.map(String.init) ?? ""
                guard let text = say(name) else {
                    connection.send(response("200 OK", Self.good))
                    continue
                }
                guard let self, try self.speak(text, on: connection) else { return }
            }
        }
    }

    /// Pieces between `¦` are sent apart. Returns whether the connection stays open.
    private func speak(_ text: String, on connection: Connection) throws -> Bool {
        var text = Substring(text)
        let closes = text.last == "✂"
        if closes { text = text.dropLast() }
        if text.last == "…" { text = text.dropLast() }
        var endless: Substring?
        if text.hasSuffix("×∞›"), let open = text.lastIndex(of: "‹") {
            endless = text[text.index(after: open)...].dropLast(3)
            text = text[..<open]
        }
        for (index, piece) in text.split(separator: "¦").enumerated() {
            // What a peer gets in two reads it must have got at two times.
            if index > 0 { usleep(20_000) }
            connection.send(try WireNotation.bytes(String(piece)))
        }
        if let endless {
            let piece = Array(repeating: try WireNotation.bytes(String(endless)), count: 100).flatMap { $0 }
            while !connection.isPeerGone { connection.send(piece) }
        }
        said.withLock { $0 += 1 }
        return !closes && endless == nil
    }

    @Test func callersSeeAndPayWhatTheTableSays() throws {
        let rows = try WireTable("Providers.md").rows
        #expect(rows.count >= 60)
        let provider = try provider { name in Int(name).map { rows[$0][1] } }
        let gateway = try GatewayUnderTest(
            configuration: Self.budgets,
            plugins: [
                "acme.yaml": WireAdapter.metered(url: provider.url),
                "hasty.yaml": WireAdapter.metered(url: provider.url, provider: "hasty", timeout: "300ms"),
            ], shippedPlugins: false)
        // One event loop, so that each call meets the connection that the one before it has left.
        try gateway.start(sandbox: false, arguments: ["--event-loops", "1"])
        var seen: [[String]] = []
        for (index, row) in rows.enumerated() {
            try #require(row.count == 4, "\(row)")
            // Only where the provider falls silent is there a time to wait for.
            let name = row[1].hasSuffix("…") ? "hasty" : "acme"
            seen.append(
                try ["held", "flow"].map { operation in
                    let count = said.withLock(\.self)
                    let outcome = try see(gateway, "GET /\(name)/v1/\(operation)/\(index)")
                    if row[1].contains("¦") { eventually("the rest has come") { said.withLock(\.self) > count } }
                    // The next caller's answer is its own.
                    #expect(try see(gateway, "GET /\(name)/v1/flow/next") == "200 \(Self.good)", "behind \(row[0])")
                    return outcome
                })
        }
        let paid = try charges(gateway, calls: rows.count * 4)
        for (index, row) in rows.enumerated() {
            for (column, operation) in ["held", "flow"].enumerated() {
                // One row a call: it is settled once.
                let charge = paid["/v1/\(operation)/\(index)", default: ["no row"]]
                #expect("\(seen[index][column]), \(charge.joined(separator: " and "))" == row[2 + column], "\(row[0])")
            }
        }
        try checkNothingIsHeld(gateway)
    }

    /// A provider that goes away at every byte of its answer: before the head's end there was none, behind it the answer is cut.
    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n\(good)",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"credit\r\n6\r\ns\": 1}\r\n0\r\n\r\n",
    ])
    func anAnswerIsWholeOrSaidToBeCut(wire: String) throws {
        let bytes = Array(wire.utf8)
        let head = try #require(bytes.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
        let whole = bytes.count
        let provider = try ScriptedServer { connection in
            let request = try connection.readRequest()
            let count = request.line.split(separator: " ")[1].split(separator: "/").last.flatMap { Int($0) } ?? 0
            connection.send(Array(bytes[..<count]))
        }
        let gateway = try GatewayUnderTest(
            configuration: Self.budgets, plugins: ["acme.yaml": WireAdapter.metered(url: provider.url)], shippedPlugins: false)
        try gateway.start(sandbox: false)
        for count in 0...bytes.count {
            for operation in ["held", "flow"] {
                let isWhole = count >= whole
                let expected =
                    isWhole ? "200 \(Self.good)" : count < head || operation == "held" ? "502 upstream_unreachable" : "200 ✂"
                #expect(try see(gateway, "GET /acme/v1/\(operation)/\(count)") == expected, "\(count) bytes, \(operation)")
            }
        }
        let paid = try charges(gateway, calls: 2 * (bytes.count + 1))
        for count in 0...bytes.count {
            let expected = count < head ? "0.00 table" : count < whole ? "0.30 estimate" : "0.10 table"
            for operation in ["held", "flow"] { #expect(paid["/v1/\(operation)/\(count)"] == [expected], "\(count) bytes") }
        }
        try checkNothingIsHeld(gateway)
    }

    /// What a provider says of itself, of other places and of caches reaches the caller as it is; what only the gateway may say does not.
    @Test func fieldsPassUntouchedButTheGatewaysOwn() throws {
        let fields = [
            "Location: https://elsewhere.example/x", "Alt-Svc: h2=\"elsewhere.example:443\"", "Set-Cookie: a=b; Path=/", "Set-Cookie: c=d",
            "Refresh: 0; url=https://elsewhere.example", "Link: <https://elsewhere.example>; rel=preload", "Via: 1.1 theirs",
            "Server: theirs",
            "Strict-Transport-Security: max-age=1", "X-Accel-Redirect: /secret", "Date: Thu, 01 Jan 1970 00:00:00 GMT",
            "X-Odd: \u{e4}\t \"",
        ]
        let own = ["X-Gateway-Cost: 99.00", "x-gateway-budget: ok", "X-GATEWAY-Anything: 1", "X-Gateway-Request-Id: theirs"]
        let connection = ["Keep-Alive: timeout=9", "Proxy-Authenticate: Basic", "Connection: X-Theirs", "X-Theirs: 1", "Upgrade: h2c"]
        let answer =
            (["HTTP/1.1 200 OK", "Content-Length: 14"] + fields + own + connection).joined(separator: "\r\n") + "\r\n\r\n" + Self.good
        let provider = try ScriptedServer { _ in answer }
        let gateway = try GatewayUnderTest(
            configuration: Self.budgets, plugins: ["acme.yaml": WireAdapter.metered(url: provider.url)], shippedPlugins: false)
        try gateway.start(sandbox: false)
        for operation in ["held", "flow"] {
            let client = try gateway.client()
            try client.send("GET /acme/v1/\(operation)/1 HTTP/1.1\r\nHost: a\r\nX-Workspace-Id: acme\r\n\r\n")
            let seen = try client.response()
            #expect(
                seen.headers.filter { !$0.name.hasPrefix("X-Gateway-") }.map { "\($0.name): \($0.value)" } == fields + [
                    "Content-Length: 14"
                ])
            #expect(seen.all("X-Gateway-Cost") == ["0.10"] && seen.all("X-Gateway-Request-Id").map(\.count) == [26])
            #expect(seen.all("X-Gateway-Budget") == ["ok"] && seen["X-Gateway-Anything"] == nil)
        }
    }

    /// A small answer that unpacks to 200 MB is metered within `buffered_total`, and passed on as it came.
    @Test func aGzipBombIsPassedOnAndNotUnpacked() throws {
        let script = "import gzip, sys; sys.stdout.buffer.write(gzip.compress(bytes(1 << 20), mtime=0) * 200)"
        let packed = try CommandResult.run(
            URL(fileURLWithPath: "/usr/bin/env"),
            ["python3", "-c", script.replacing("sys.stdout.buffer.write(", with: "print((").replacing("* 200)", with: "* 200).hex())")],
            in: FileManager.default.temporaryDirectory)
        try #require(packed.status == 0, "\(packed.error)")
        let hex = Array(packed.output.utf8.dropLast())
        let bomb = stride(from: 0, to: hex.count, by: 2).map { UInt8(String(decoding: hex[$0..<$0 + 2], as: UTF8.self), radix: 16) ?? 0 }
        let provider = try ScriptedServer { connection in
            while true {
                _ = try connection.readRequest()
                connection.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(bomb.count)\r\n\r\n")
                connection.send(bomb)
            }
        }
        let gateway = try GatewayUnderTest(
            configuration: Self.budgets + "\nlimits: { buffered_total: 4MiB }",
            plugins: ["acme.yaml": WireAdapter.metered(url: provider.url)], shippedPlugins: false)
        try gateway.start(sandbox: false)
        let before = try gateway.peakMemory
        for _ in 0..<3 {
            let client = try gateway.client()
            try client.send("GET /acme/v1/held/1 HTTP/1.1\r\nHost: a\r\nX-Workspace-Id: acme\r\n\r\n")
            let seen = try client.response()
            #expect(seen.status == 200 && seen.body == bomb && seen["Content-Encoding"] == "gzip")
            #expect(seen["X-Gateway-Cost"] == "0.30" && seen["X-Gateway-Cost-Basis"] == "estimate")
        }
        #expect(try gateway.peakMemory - before < 60 << 20)
        try checkNothingIsHeld(gateway)
    }

    // MARK: What is seen

    /// The status and the body of a whole answer, `✂` in its place where it is cut, or a problem's code.
    private func see(_ gateway: GatewayUnderTest, _ line: String) throws -> String {
        let client = try gateway.client()
        try client.send("\(line) HTTP/1.1\r\nHost: a\r\nX-Workspace-Id: acme\r\n\r\n")
        guard var seen = try? client.head() else { return "no answer" }
        guard (try? client.readBody(of: &seen)) != nil else {
            // The connection has ended, in whatever way: a caller that has to wait for more has not been told.
            return (try? client.readToEnd()) != nil || errno == ECONNRESET ? "\(seen.status) ✂" : "\(seen.status) and nothing more"
        }
        if seen["Content-Type"] == "application/problem+json" {
            let problem = try JSONSerialization.jsonObject(with: Data(seen.body)) as? [String: Any]
            return "\(seen.status) \(problem?["code"] as? String ?? "?")"
        }
        return seen.body.isEmpty ? "\(seen.status)" : "\(seen.status) \(WireNotation.text(seen.body))"
    }

    /// What the ledger has, by path: cost and basis of each of its rows.
    private func charges(_ gateway: GatewayUnderTest, calls: Int) throws -> [String: [String]] {
        try eventually("every call is in the ledger") {
            try gateway.ledger("SELECT count(*) FROM api_cost_tracking") == [["\(calls)"]]
        }
        let rows = try gateway.ledger("SELECT endpoint, cost, basis FROM api_cost_tracking")
        return Dictionary(grouping: rows) { $0[0] }.mapValues { $0.map { "\($0[1]) \($0[2])" } }
    }

    private func checkNothingIsHeld(_ gateway: GatewayUnderTest) throws {
        let metrics = try gateway.admin("GET", "/metrics").body
        for line in [
            "gateway_reservations_open 0", "gateway_held_dollars 0.00", "gateway_reservations_unknown_total 0", "gateway_buffered_bytes 0",
        ] {
            #expect(metrics.contains("\n\(line)\n"), "\(line)")
        }
    }
}
