import Foundation
import Loopback
import Testing

/// The log of a running gateway.
@Suite(.timeLimit(.minutes(2))) struct LogTests {
    private static let person = "/pdl/v5/person/enrich?email=ada@example.com"

    private func save(_ gateway: GatewayUnderTest, _ old: String, _ new: String) throws {
        try gateway.write(try gateway.read("config.yaml").replacing(old, with: new), to: "config.yaml")
    }

    @Test func eachCallIsALineThatLeadsToItsRow() throws {
        let gateway = try GatewayUnderTest(configuration: "log: { format: json }")
        try gateway.start()
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        let reply = try gateway.get(
            Self.person, ["X-Workspace-Id": "acme", "traceparent": "00-\(trace)-00f067aa0ba902b7-01"])
        let id = try #require(reply["X-Gateway-Request-Id"])
        eventually("its line") { gateway.log.contains { $0.contains(id) } }
        let lines = try gateway.log.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:] }
        #expect(lines.allSatisfy { $0["time"] != nil && $0["level"] != nil && $0["message"] != nil }, "every line is an object")
        let line = try #require(lines.first { $0["request_id"] as? String == id })
        #expect(line["cost"] as? String == "0.28" && line["trace_id"] as? String == trace && line["workspace"] as? String == "acme")
        try eventually("its row") {
            try gateway.ledger("SELECT cost, \"requestData\" ->> '$.trace' FROM api_cost_tracking WHERE id = '\(id)'") == [["0.28", trace]]
        }
    }

    @Test func itsFormatAndLevelAreLiveAndTheCommandLineWins() throws {
        let gateway = try GatewayUnderTest(configuration: "log: { level: warning }")
        try gateway.start()
        let quiet = try #require(try gateway.get(Self.person)["X-Gateway-Request-Id"])
        try save(gateway, "level: warning", "level: info, format: json")
        eventually("the new settings are in force") { gateway.log.contains { $0.contains(#""message":"reloaded""#) } }
        let loud = try #require(try gateway.get(Self.person)["X-Gateway-Request-Id"])
        eventually("its line") { gateway.log.contains { $0.contains(loud) } }
        #expect(!gateway.log.contains { $0.contains(quiet) })
        try save(gateway, "format: json", "format: xml")
        eventually("what is wrong with it") { gateway.log.contains { $0.contains("config.yaml") && $0.contains("xml") } }
        #expect(gateway.stop() == 0)
        eventually("the log's end") { gateway.log.last?.contains(#""message":"stopped""#) == true }

        try save(gateway, "format: xml", "format: text")
        try gateway.start(arguments: ["--log-level", "error"])
        let silent = try #require(try gateway.get(Self.person)["X-Gateway-Request-Id"])
        #expect(gateway.stop() == 0)
        #expect(!gateway.log.contains { $0.contains(silent) })
    }

    /// Whoever should read the log has stopped: calls go on, what finds no room is counted, and the log says so when it is read again.
    @Test func aReaderThatStopsHoldsUpNoCall() throws {
        let gateway = try GatewayUnderTest()
        let pipe = Pipe()
        try gateway.start(log: pipe)
        func dropped() throws -> Int {
            let text = try gateway.admin("GET", "/metrics").body
            return Int(try #require(text.firstMatch(of: /\ngateway_log_lines_dropped_total (\d+)\n/)).1) ?? 0
        }
        // More than the pipe and the gateway's own buffer hold. Long names make long lines.
        let request = "GET /nobody/x HTTP/1.1\r\nHost: g\r\nX-Workspace-Id: \(String(repeating: "w", count: 128))\r\n\r\n"
        let client = try gateway.client()
        var refused = 0
        while try dropped() == 0, refused < 40_000 {
            try client.send(String(repeating: request, count: 100))
            for _ in 0..<100 { #expect(try client.response().status == 404) }
            refused += 100
        }
        // Every event loop serves, and the ledger has what it should.
        for _ in 0..<8 { #expect(try gateway.get(Self.person).status == 200) }
        try eventually("eight rows") { try gateway.ledger("SELECT count(*) FROM api_cost_tracking") == [["8"]] }
        let lost = try dropped()
        #expect(lost > 0)
        let lines = Lines()
        lines.follow(pipe.fileHandleForReading)
        eventually("the log says what is lost") { lines.all.contains { $0.contains("lines of the log were lost") } }
        #expect(gateway.stop() == 0)
        eventually("the log's end") { lines.all.last?.contains("stopped") == true }
        let told = lines.all.compactMap { $0.firstMatch(of: /lines of the log were lost.* lines=(\d+)$/).flatMap { Int($0.1) } }
        let calls = lines.all.count { $0.contains(" info call ") }
        #expect(told.reduce(0, +) >= lost && calls + told.reduce(0, +) == refused + 8, "each call is a line or a lost one")
    }
}
