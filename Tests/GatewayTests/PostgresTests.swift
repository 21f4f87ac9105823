import Foundation
import PostgresUnderTest
import Testing

/// The executable on a Postgres ledger.
@Suite(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"), .timeLimit(.minutes(2)))
struct PostgresTests {
    private static let person = "/pdl/v5/person/enrich?email=ada@example.com"

    private func gateway(on url: String) throws -> GatewayUnderTest {
        try GatewayUnderTest(configuration: "ledger: { url: \"\(url)\" }")
    }

    @Test func aKilledGatewayLosesNothingAndSpendingIsTheRows() throws {
        let database = try PostgresServer.shared.database()
        let gateway = try gateway(on: database.url)
        let early = try gateway.command("serve", "--sandbox")
        #expect(early.status == 1)
        #expect(early.error.contains("has no ledger yet; run 'gateway migrate' on it first"), "\(early.error)")
        let migrated = try gateway.command("migrate")
        #expect(migrated.status == 0 && migrated.output.contains("done in "), "\(migrated.error)")
        #expect(try gateway.command("migrate", "--ledger", database.url).output.hasSuffix("nothing to do: it has the current schema\n"))

        try gateway.start()
        #expect(gateway.greeting.hasSuffix("ledger postgres://127.0.0.1:\(database.server.port)/\(database.name)"), "\(gateway.greeting)")
        for user in ["ada", "ada", "grace"] {
            #expect(try gateway.get(Self.person, ["X-Workspace-Id": "acme", "X-User-Id": user]).status == 200)
        }
        let configuration = try gateway.admin("GET", "/v1/config")
        #expect(configuration.body.contains(#""engine":"postgres""#) && !configuration.body.contains(PostgresServer.password))
        // Killed at once: what is not in the database yet is in the journal.
        gateway.kill9()
        try gateway.start()
        let call = try gateway.get(Self.person, ["X-Workspace-Id": "acme", "X-User-Id": "ada"])
        #expect(call["X-Gateway-Spend-Daily"] == "1.12")
        try eventually("four rows") { try database.sql("SELECT count(*), sum(cost) FROM api_cost_tracking") == [["4", "1.120000000"]] }
        let other = try self.gateway(on: database.url)
        try FileManager.default.copyItem(
            at: gateway.folder.appendingPathComponent("gateway-journal"), to: other.folder.appendingPathComponent("gateway-journal"))
        let second = try other.command("serve", "--sandbox")
        #expect(second.status == 1)
        #expect(second.error.contains("is in use by the gateway on \(ProcessInfo.processInfo.hostName.prefix(20))"), "\(second.error)")
        #expect(second.error.contains("with a copy of this gateway's journal"))

        let running = try gateway.command("spend", "--by", "provider,user", "--format", "csv")
        #expect(
            running.output.hasSuffix(
                "\r\nacme,pdl,ada,3,0,0.84,0.00,,0,0.00,3,3,1.0000,3,0.84,0.28\r\nacme,pdl,grace,1,0,0.28,0.00,,0,0.00,1,1,1.0000,1,0.28,0.28\r\n"
            ),
            "\(running.error)")
        let id = try #require(call["X-Gateway-Request-Id"])
        #expect(try gateway.get("/_gateway/calls/\(id)").json["cost"] as? String == "0.28")
        #expect(gateway.stop() == 0)
        let stopped = try gateway.command("spend", "--by", "provider,user", "--format", "csv")
        #expect(stopped.output == running.output, "\(stopped.error)")
        #expect(try database.sql(#"SELECT sum("calls"), sum("costNanos") FROM "cost_rollups""#) == [["4", "1120000000"]])
        #expect(!gateway.log.joined().contains(PostgresServer.password))
    }

    @Test func aServerThatIsAwayCostsNoCallAndNoRecord() throws {
        let server = try PostgresServer()
        let database = try server.database()
        let gateway = try gateway(on: database.url)
        #expect(try gateway.command("migrate").status == 0)
        server.stop()
        try gateway.start()
        let unverified = try gateway.get(Self.person)
        #expect(unverified.status == 200 && unverified["X-Gateway-Budget"] == "unverified")
        let readiness = try gateway.admin("GET", "/readyz")
        #expect(readiness.status == 200)
        #expect(readiness.body.contains(#""status":"degraded""#) && readiness.body.contains(#""ledger":{"status":"failing""#))
        #expect(!readiness.body.contains(PostgresServer.password))
        #expect(try gateway.admin("GET", "/metrics").body.contains("gateway_ledger_failing 1\n"))
        #expect(try gateway.admin("GET", "/metrics").body.contains("gateway_ledger_backlog_records 1\n"))
        try server.start()
        try eventually("the row arrives") { try database.sql("SELECT count(*) FROM api_cost_tracking") == [["1"]] }
        try eventually("it is ready") { try gateway.admin("GET", "/readyz").body.contains(#""status":"ready""#) }
        #expect(try gateway.get(Self.person)["X-Gateway-Spend-Daily"] == "0.56")
        server.kill9()
        #expect(try gateway.get(Self.person)["X-Gateway-Spend-Daily"] == "0.84")
        try server.start()
        try eventually("all rows arrive") {
            try database.sql("SELECT count(*), sum(cost) FROM api_cost_tracking") == [["3", "0.840000000"]]
        }
        #expect(gateway.stop() == 0)
        server.stop()
    }

    /// Two gateways spend one budget: what one has leased is not the other's until it is given back, and a machine that is gone is forgotten.
    @Test func gatewaysShareABudgetToTheLastCall() throws {
        let database = try PostgresServer.shared.database()
        let budget = "budgets: { default: { daily: 1.12, monthly: 50 } }"
        let gateways = try (0..<2).map { _ in
            try GatewayUnderTest(configuration: "ledger: { url: \"\(database.url)\" }\non_tracker_error: closed\n\(budget)")
        }
        let (first, second) = (gateways[0], gateways[1])
        #expect(try first.command("migrate").status == 0)
        for gateway in gateways { try gateway.start() }
        // Four calls of 0.28, whoever makes them.
        var through = 0
        try eventually("both have no room any more") {
            let replies = try gateways.map { try $0.get(Self.person) }
            through += replies.count { $0.status == 200 }
            for reply in replies where reply.status != 200 { #expect(reply.status == 429, "\(reply.body)") }
            return replies.allSatisfy { $0.status == 429 && $0.body.contains(#""reason":"spent""#) }
        }
        #expect(through == 4)
        #expect(try database.sql("SELECT count(*), sum(cost) FROM api_cost_tracking") == [["4", "1.120000000"]])

        #expect(try first.get(Self.person, ["X-Workspace-Id": "lost"]).status == 200)
        try eventually("the row arrives") { try database.sql("SELECT count(*) FROM api_cost_tracking") == [["5"]] }
        first.kill9()
        // As after a kill between a grant and the calls it was for.
        try database.sql(
            #"UPDATE budget_accounts SET "allocated" = 1120000000 WHERE "workspaceId" = 'lost' AND "windowEnd" - "windowStart" < '2 days'"#)
        try database.sql(
            #"UPDATE budget_leases SET "granted" = 1120000000 WHERE "workspaceId" = 'lost' AND "windowEnd" - "windowStart" < '2 days'"#)
        let refused = try second.get(Self.person, ["X-Workspace-Id": "lost"])
        #expect(refused.status == 429 && refused.body.contains(#""reason":"held""#), "\(refused.body)")
        let list = try second.command("lease", "list")
        let line = try #require(
            list.output.split(separator: "\n").first { $0.contains("(not running)  lost from ") && $0.contains("0.84 unused of 1.12") },
            "\(list.output) \(list.error)")
        let id = String(line.prefix { $0 != " " })
        let forgotten = try second.command("lease", "forget", id)
        #expect(forgotten.status == 0 && forgotten.output.contains("freed 0.84 of lost from "), "\(forgotten.output) \(forgotten.error)")
        #expect(try second.get(Self.person, ["X-Workspace-Id": "lost"]).status == 200)
        let unknown = try second.command("lease", "forget", id)
        #expect(unknown.status == 1 && unknown.error.contains("has leased anything"))
        // It comes back all the same, and spends from what there is, which the other may have leased and then gives back.
        try first.start()
        try eventually("it has room") {
            let reply = try first.get(Self.person, ["X-Workspace-Id": "lost"])
            #expect(reply.status == 200 || reply.status == 429 && reply.body.contains(#""reason":"held""#), "\(reply.body)")
            return reply.status == 200
        }
        for gateway in gateways { #expect(gateway.stop() == 0) }
        #expect(
            try database.sql(#"SELECT count(*) FILTER (WHERE "allocated" <> "spent"), count(*) FROM budget_accounts"#) == [["0", "4"]])
    }

    /// What is set through one gateway's admin plane counts in the other; a file that names the workspace wins.
    @Test func aBudgetThatIsSetReachesEveryGateway() throws {
        let database = try PostgresServer.shared.database()
        let budgets = "budgets: { workspaces: { named: { daily: 9 } } }"
        let gateways = try (0..<2).map { _ in
            try GatewayUnderTest(configuration: "ledger: { url: \"\(database.url)\" }\n\(budgets)")
        }
        let (first, second) = (gateways[0], gateways[1])
        #expect(try first.command("migrate").status == 0)
        for gateway in gateways { try gateway.start() }
        func put(_ workspace: String, _ body: String, type: String = "application/json") throws -> Reply {
            try HTTPClient(port: first.adminPort).send("PUT", "/v1/workspaces/\(workspace)/budget", ["Content-Type": type], body: body)
        }
        let set = try put("acme", #"{"daily": "0.30", "timezone": "Asia/Tokyo"}"#)
        #expect(set.status == 200 && set.body.contains(#""limit":"0.30""#) && set.body.contains("Asia/Tokyo"), "\(set.body)")
        #expect(try put("named", #"{"daily": 1}"#).status == 409)
        #expect(try put("acme", #"{"dayly": 1}"#).body.contains("unknown member 'dayly'"))
        #expect(try put("acme", "{}", type: "text/plain").status == 415)
        try eventually("the other has it") { try second.admin("GET", "/v1/workspaces/acme/budget").body.contains(#""limit":"0.30""#) }
        #expect(try second.get(Self.person).status == 200)
        #expect(try second.get(Self.person).status == 429)
        // A reload keeps it, and a restart begins with it.
        try second.write(try second.read("config.yaml").replacing("daily: 9", with: "daily: 8"), to: "config.yaml")
        try eventually("reloaded") { try second.admin("GET", "/v1/workspaces/named/budget").body.contains(#""limit":"8.00""#) }
        #expect(try second.get(Self.person).status == 429)
        second.kill9()
        try second.start()
        #expect(try second.get(Self.person).status == 429)
        #expect(try put("acme", #"{"daily": "0.60"}"#).status == 200)
        #expect(try first.get(Self.person).status == 200)
        for gateway in gateways { #expect(gateway.stop() == 0) }
    }

    @Test func serviceFilesPasswordFilesAndVariablesWorkAsInPsql() throws {
        let database = try PostgresServer.shared.database()
        let gateway = try GatewayUnderTest(shippedPlugins: false)
        let port = database.server.port
        try gateway.write("[books]\nhost=127.0.0.1\nport=\(port)\ndbname=\(database.name)\nuser=gateway\n", to: "services")
        try gateway.write("127.0.0.1:\(port):\(database.name):gateway:\(PostgresServer.password)\n", to: ".pgpass")
        let passwords = gateway.folder.appendingPathComponent(".pgpass").path
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: passwords)
        let services = gateway.folder.appendingPathComponent("services").path
        for (url, environment) in [
            ("postgres:///?service=books", ["PGSERVICEFILE": services, "PGPASSFILE": passwords]),
            ("postgres://gateway@/\(database.name)", ["PGHOST": "127.0.0.1", "PGPORT": "\(port)", "PGPASSWORD": PostgresServer.password]),
        ] {
            let result = try CommandResult.run(
                try GatewayUnderTest.executable, ["migrate", "--dry-run", "--ledger", url], in: gateway.folder, environment: environment)
            #expect(result.status == 0, "\(result.error)")
            #expect(result.output.contains("CREATE TABLE IF NOT EXISTS \"people\""))
        }
        let wrong = try CommandResult.run(
            try GatewayUnderTest.executable, ["migrate", "--ledger", database.url(password: "hunter2")], in: gateway.folder)
        #expect(wrong.status == 1 && wrong.error.contains("password authentication failed") && !wrong.error.contains("hunter2"))
        let unclear = try gateway.command("migrate", "--ledger", "postgres://gateway:hun@ter2@127.0.0.1/x")
        #expect(unclear.status == 1 && !unclear.error.contains("ter2"), "\(unclear.error)")
        let embedded = try gateway.command("migrate")
        #expect(embedded.status == 1 && embedded.error.contains("the ledger is SQLite"))
        #expect(try gateway.command("migrate", "--ledger", "mysql://x").status == 64)
    }
}
