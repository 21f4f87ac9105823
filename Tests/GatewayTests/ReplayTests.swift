import Foundation
import Testing

/// `gateway replay`, with records that another gateway's journal holds.
@Suite struct ReplayTests {
    private static let person = "/pdl/v5/person/enrich?email=ada@example.com"
    private static let rows = "SELECT count(*), printf('%.2f', sum(cost)) FROM api_cost_tracking"

    /// A gateway that has made calls and is gone, its journal left behind.
    private func lost(calls: Int) throws -> GatewayUnderTest {
        let gateway = try GatewayUnderTest()
        try gateway.start()
        for _ in 0..<calls { #expect(try gateway.get(Self.person).status == 200) }
        gateway.kill9()
        return gateway
    }

    @Test func aLostMachinesJournalCountsOnceAgainstTheRunningGatewaysBudgets() throws {
        let machine = try lost(calls: 3)
        defer { withExtendedLifetime(machine) {} }
        let kept = machine.folder.appendingPathComponent("copy")
        try FileManager.default.copyItem(at: machine.folder.appendingPathComponent("gateway-journal"), to: kept)
        let gateway = try GatewayUnderTest(configuration: "budgets: { workspaces: { acme: { daily: 1.20 } } }")
        try gateway.start()
        #expect(try gateway.get(Self.person)["X-Gateway-Spend-Daily"] == "0.28")
        let first = try gateway.command("replay", kept.path)
        #expect(first.status == 0 && first.output.hasPrefix("3 records and "), "\(first.error)")
        #expect(first.output.hasSuffix(": 3 new, 0 already there\n"))
        let again = try gateway.command("replay", kept.path)
        #expect(again.status == 0 && again.output.hasSuffix(": 0 new, 3 already there\n"), "\(again.error)")
        // 1.12 are spent now, and the next call does not fit.
        #expect(try gateway.get(Self.person).status == 429)
        #expect((try gateway.get("/_gateway/budget").json["daily"] as? [String: String])?["spent"] == "1.12")
        try eventually("all rows are there") { try gateway.ledger(Self.rows) == [["4", "1.12"]] }
        let own = try gateway.command("replay", "gateway-journal")
        #expect(own.status == 1 && own.error.contains("in use by process"), "\(own.error)")
    }

    @Test func withoutAGatewayItGoesIntoTheLedgerItself() throws {
        let gateway = try lost(calls: 2)
        // What it had written there is gone with its disk.
        for name in ["gateway.db", "gateway.db-wal", "gateway.db-shm"] {
            try? FileManager.default.removeItem(at: gateway.folder.appendingPathComponent(name))
        }
        let result = try gateway.command("replay", "gateway-journal")
        #expect(result.status == 0 && result.output.hasSuffix(": 2 new, 0 already there\n"), "\(result.error)")
        #expect(try gateway.ledger(Self.rows) == [["2", "0.56"]])
        #expect(try gateway.command("replay", "gateway-journal").output.hasSuffix(": 0 new, 2 already there\n"))
    }

    @Test func whatCannotBeReadIsSaidWithItsLine() throws {
        let gateway = try GatewayUnderTest()
        try gateway.write("a log\ngateway-replay/1 /v4CAAAAAAA\n", to: "some.log")
        let result = try gateway.command("replay", "some.log")
        #expect(result.status == 1)
        #expect(result.error == "some.log:2: a replayable line is cut or damaged\n")
        #expect(result.output == "0 records and 0 price versions: 0 new, 0 already there, 1 unreadable\n")
        try gateway.write("\u{1}\u{2} noise\n", to: "noise")
        let noise = try gateway.command("replay", "noise")
        #expect(noise.status == 1 && noise.error.contains("noise has no replayable line"), "\(noise.error)")
        let missing = try gateway.command("replay", "none.log")
        #expect(missing.status == 1 && missing.error.contains("none.log cannot be read"), "\(missing.error)")
        #expect(try gateway.command("replay").status == 64)
    }

    @Test func theAdminPlaneTakesReplayableLinesAlone() throws {
        let gateway = try GatewayUnderTest()
        try gateway.start()
        let client = HTTPClient(port: gateway.adminPort)
        // A page in an operator's browser may send this type without asking.
        #expect(try client.send("POST", "/v1/replay", ["Content-Type": "text/plain"], body: "x").status == 415)
        let malformed = try client.send("POST", "/v1/replay", ["Content-Type": "application/vnd.gateway.replay"], body: "\n\nx\n")
        #expect(malformed.status == 400 && malformed.body.contains("nothing to replay"))
        let nothing = try client.send("POST", "/v1/replay", ["Content-Type": "application/vnd.gateway.replay"], body: "")
        #expect(nothing.status == 200 && nothing.json["records"] as? Int == 0)
    }
}
