import Foundation
import PostgresUnderTest
import Testing

/// Budgets that are set while the gateway runs, and the audit of that, on both ledgers.
@Suite(.timeLimit(.minutes(2))) struct BudgetTests {
    private static let person = "/pdl/v5/person/enrich?email=ada@example.com"

    private func put(
        _ gateway: GatewayUnderTest, _ workspace: String, _ body: String, type: String = "application/json"
    ) throws -> Reply {
        try HTTPClient(port: gateway.adminPort).send("PUT", "/v1/workspaces/\(workspace)/budget", ["Content-Type": type], body: body)
    }

    private func audit(_ gateway: GatewayUnderTest, kind: String) throws -> [[String: Any]] {
        let reply = try gateway.admin("GET", "/v1/audit?limit=1000")
        #expect(reply.status == 200, "\(reply.body)")
        return (reply.json["entries"] as? [[String: Any]] ?? []).filter { $0["kind"] as? String == kind }
    }

    /// `sql` runs a statement on the ledger and returns what went wrong, which it must with those that are forbidden.
    private func budgetsLive(ledger: String?, forbidden: [String], sql: (GatewayUnderTest, String) throws -> String) throws {
        let gateway = try GatewayUnderTest(
            configuration: "budgets: { default: { daily: 5, monthly: 50 }, workspaces: { named: { daily: 9 } } }\n"
                + (ledger.map { "ledger: { url: \"\($0)\" }" } ?? ""))
        if ledger != nil { #expect(try gateway.command("migrate").status == 0) }
        try gateway.start()
        #expect(try gateway.get(Self.person).status == 200)
        let set = try put(gateway, "acme", #"{ "daily": 0.30, "timezone": "UTC" }"#)
        #expect(set.status == 200 && set.body.contains(#""limit":"0.30","spent":"0.28""#), "\(set.body)")
        // Where the day begins elsewhere now, what was spent in it is told all the same.
        #expect(try gateway.get(Self.person, ["X-Workspace-Id": "moved"]).status == 200)
        let moved = try put(gateway, "moved", #"{ "timezone": "Asia/Kolkata" }"#).body
        #expect(moved.contains(#""limit":"5.00","spent":"0.28""#) && !moved.contains("unverified"), "\(moved)")
        // In force at once, and after a kill.
        #expect(try gateway.get(Self.person).status == 429)
        #expect(try gateway.get(Self.person)["X-Gateway-Limit-Monthly"] == "50.00")
        gateway.kill9()
        try gateway.start()
        #expect(try gateway.get(Self.person).status == 429)
        #expect(try put(gateway, "acme", #"{"daily":"0.60"}"#).status == 200)
        #expect(try put(gateway, "acme", #" {"daily": "0.60"} "#).status == 200, "the same is no change")
        #expect(try gateway.get(Self.person).status == 200)
        #expect(try put(gateway, "a%20b%2F", #"{"daily": 7}"#).json["workspace"] as? String == "a b/")

        #expect(try put(gateway, "named", #"{"daily": 1}"#).status == 409)
        for (body, says) in [
            (#"{"dayly": 1}"#, "unknown member 'dayly'"), ("", "no JSON"), ("[]", "an object"), (#"{"daily": 1e3}"#, "no amount"),
            (#"{"daily": 0.0000000001}"#, "no amount"), (#"{"daily": 99999999999999}"#, "no amount"),

            (String(repeating: "[", count: 5000), "no JSON"), (#"{"timezone": "Mars/Base"}"#, "time zone"),
            ("{\"daily\": \"\u{661}\"}", "no amount"),
        ] {
            let reply = try put(gateway, "acme", body)
            #expect(reply.status == 400 && reply.body.contains(says), "\(body.prefix(60)): \(reply.body)")
        }
        #expect(try put(gateway, "acme", "{}", type: "text/plain").status == 415)
        #expect(try put(gateway, "acme", "{}", type: "application/jsonx").status == 415)
        let large = try put(gateway, "acme", #"{"daily": "\#(String(repeating: "1", count: 10 << 20))"}"#)
        #expect(large.status == 413 && large["Content-Type"] == "application/problem+json")

        // Many at once: each is a change, and what is in force is the last one's.
        let port = gateway.adminPort
        let statuses = Statuses()
        DispatchQueue.concurrentPerform(iterations: 24) { number in
            let reply = try? HTTPClient(port: port).send(
                "PUT", "/v1/workspaces/busy/budget", ["Content-Type": "application/json"], body: "{\"daily\":\"\(number + 1).00\"}")
            statuses.add(reply?.status ?? 0)
        }
        #expect(statuses.all == Array(repeating: 200, count: 24))
        let changes = try audit(gateway, kind: "budget")
        #expect(changes.count == 4 + 24)
        #expect(changes.allSatisfy { $0["origin"] as? String == "127.0.0.1" && ($0["gateway"] as? String)?.isEmpty == false })
        let own = changes.filter { $0["subject"] as? String == "acme" }
        #expect(own.map { ($0["after"] as? [String: Any])?["daily"] as? String } == ["0.60", nil])
        #expect(((own.last?["after"] as? [String: Any])?["daily"] as? NSNumber) == 0.30 && own.last?["before"] is NSNull)
        let busy = changes.filter { $0["subject"] as? String == "busy" }
        func daily(_ entry: [String: Any], _ side: String) -> String { (entry[side] as? [String: String])?["daily"] ?? "-" }
        let inForce = try gateway.admin("GET", "/v1/workspaces/busy/budget")
        let limit = try #require((inForce.json["daily"] as? [String: Any])?["limit"] as? String)
        // Each is somebody's before but for the last, and the first's is nothing.
        #expect(Set(busy.map { daily($0, "after") }).count == 24)
        #expect(Set(busy.map { daily($0, "before") }) == Set(busy.map { daily($0, "after") }).subtracting([limit]).union(["-"]))

        for statement in ["UPDATE audit_log SET origin = 'nobody'", "DELETE FROM audit_log"] + forbidden {
            #expect(try sql(gateway, statement).contains("only grows"), "\(statement)")
        }
        let unchanged = try audit(gateway, kind: "budget")
        #expect(NSArray(array: unchanged) == NSArray(array: changes))
        #expect(gateway.stop() == 0)
    }

    @Test func budgetsAreSetOnTheEmbeddedLedger() throws {
        try budgetsLive(ledger: nil, forbidden: ["REPLACE INTO audit_log SELECT id, createdAt, kind, 'x', '', '', '', '' FROM audit_log"]) {
            gateway, statement in
            let script = """
                import sqlite3, sys
                database = sqlite3.connect(sys.argv[1], timeout=20)
                try:
                    database.execute(sys.argv[2])
                    database.commit()
                except sqlite3.Error as error: print(error)
                """
            return try CommandResult.run(
                URL(fileURLWithPath: "/usr/bin/env"),
                ["python3", "-c", script, gateway.folder.appendingPathComponent("gateway.db").path, statement], in: gateway.folder
            ).output
        }
    }

    @Test(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
    func budgetsAreSetOnPostgres() throws {
        let database = try PostgresServer.shared.database()
        try budgetsLive(ledger: database.url, forbidden: ["TRUNCATE audit_log"]) { _, statement in
            do {
                _ = try database.sql(statement)
                return ""
            } catch {
                return "\(error)"
            }
        }
    }

    @Test(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
    func whileTheLedgerIsAwayNothingIsSetAndThatIsSaid() throws {
        let server = try PostgresServer()
        let database = try server.database()
        let gateway = try GatewayUnderTest(configuration: "ledger: { url: \"\(database.url)\" }", shippedPlugins: false)
        #expect(try gateway.command("migrate").status == 0)
        try gateway.start()
        #expect(try put(gateway, "acme", #"{"daily": 1}"#).status == 200)
        server.stop()
        for (method, target) in [
            ("PUT", "/v1/workspaces/acme/budget"), ("GET", "/v1/calls"), ("GET", "/v1/audit"), ("GET", "/v1/keys"), ("POST", "/v1/keys"),
            ("DELETE", "/v1/keys/01ARZ3NDEKTSV4RRFFQ69G5FAV"), ("GET", "/v1/spend"),
        ] {
            let body = ["PUT": #"{"daily": 2}"#, "POST": #"{"workspace": "acme"}"#][method]
            let reply = try HTTPClient(port: gateway.adminPort).send(
                method, target, body == nil ? [:] : ["Content-Type": "application/json"], body: body)
            #expect(reply.status == 503 && reply["Content-Type"] == "application/problem+json", "\(method) \(target): \(reply.body)")
            let detail = try #require(reply.json["detail"] as? String)
            #expect(detail.hasPrefix("Postgres: ") && !detail.contains(PostgresServer.password), "\(detail)")
        }
        // A reload goes on, and its entry waits for the ledger.
        try gateway.write(try gateway.read("config.yaml") + "\nbudgets: { default: { daily: 7 } }\n", to: "config.yaml")
        try eventually("reloaded") { try gateway.admin("GET", "/v1/workspaces/x/budget").body.contains(#""limit":"7.00""#) }
        #expect(try gateway.admin("GET", "/v1/workspaces/acme/budget").body.contains(#""limit":"1.00""#))
        try server.start()
        var after: [[String: [String: String]]] = []
        try eventually("its entry is there") {
            after = try audit(gateway, kind: "configuration").compactMap {
                ($0["after"] as? [String: Any])?["budgets"] as? [String: [String: String]]
            }
            return !after.isEmpty
        }
        #expect(after == [["default": ["daily": "7.00"]]])
        #expect(try audit(gateway, kind: "budget").count == 1)
        #expect(gateway.stop() == 0)
        server.stop()
    }

    /// A ledger that cannot be opened is said to be so by the path that it cannot be opened at.
    @Test func withoutALedgerNothingIsSetAndThatIsSaid() throws {
        let gateway = try GatewayUnderTest(shippedPlugins: false)
        try gateway.start(arguments: ["--ledger", "sqlite:plugins"])
        for reply in [
            try put(gateway, "acme", #"{"daily": 2}"#), try gateway.admin("GET", "/v1/calls"), try gateway.admin("GET", "/v1/audit"),
            try gateway.admin("GET", "/v1/keys"),
        ] {
            let detail = try #require(reply.json["detail"] as? String)
            #expect(reply.status == 503 && detail.contains("/plugins cannot be opened"), "\(reply.body)")
        }
        gateway.kill9()
    }

    /// Keys, and configurations that are asked for or saved, each once.
    @Test func theAuditHasEachChangeOnceAndNoSecret() throws {
        let gateway = try GatewayUnderTest(configuration: "auth: { mode: keys }", shippedPlugins: false)
        let early = try gateway.command("key", "create", "--workspace", "acme", "--name", "early")
        try gateway.start()
        let late = try gateway.command("key", "create", "--workspace", "beta")
        let ids = try [early, late].map { try #require($0.error.firstMatch(of: /key ([0-9A-Z]{26}) of/).map { String($0.1) }) }
        for _ in 0..<2 { #expect(try gateway.admin("DELETE", "/v1/keys/\(ids[0])").status == 200) }
        #expect(try gateway.admin("DELETE", "/v1/keys/01ARZ3NDEKTSV4RRFFQ69G5FAV").status == 404)
        let keys = try audit(gateway, kind: "key")
        #expect(keys.map { $0["subject"] as? String } == [ids[0], ids[1], ids[0]])
        #expect(keys.map { $0["origin"] as? String } == ["127.0.0.1", "127.0.0.1", "command"])
        #expect((keys[0]["before"] as? [String: Any])?["name"] as? String == "early")
        #expect((keys[0]["after"] as? [String: Any])?["revoked_at"] != nil && (keys[0]["before"] as? [String: Any])?["revoked_at"] == nil)

        func reload() throws { #expect(try gateway.admin("POST", "/v1/reload").status == 200) }
        // What was written into the file since the start.
        try reload()
        let file = try gateway.read("config.yaml")
        func limits() throws -> [(origin: String?, after: [String: Any])] {
            try audit(gateway, kind: "configuration").compactMap { entry in
                let after = entry["after"] as? [String: Any]
                return after?["settings"] == nil ? nil : (entry["origin"] as? String, after ?? [:])
            }
        }
        try gateway.write(file + "\nlimits: { connections: 76 }\nreload: { watch: false }\n", to: "config.yaml")
        try eventually("the file was seen") { try limits().count == 1 }
        try gateway.write(file + "\nlimits: { connections: 77 }\nreload: { watch: false }\n", to: "config.yaml")
        try reload()
        try reload()
        try eventually("the reload is there") { try limits().count == 2 }
        let changes = try limits()
        #expect(changes.map(\.origin) == ["127.0.0.1", "file"])
        #expect((changes[0].after["settings"] as? [String: [String: Int]]) == ["limits": ["connections": 77]])
        #expect((changes[1].after["settings"] as? [String: [String: NSNumber]]) == ["limits": ["connections": 76], "reload": ["watch": 0]])
        let files = changes.compactMap { $0.after["files"] as? [String: String] }
        #expect(
            files.count == 2 && files.allSatisfy { $0.keys.sorted() == ["config.yaml"] && $0.values.allSatisfy { $0.hasPrefix("sha256:") } }
        )

        let all = try gateway.admin("GET", "/v1/audit?limit=1000").body
        for secret in [early, late] { #expect(!all.contains(secret.output.prefix(20))) }
        #expect(!all.contains("digest"))
        // In pages, to the end.
        var (found, cursor) = ([String](), String?.none)
        repeat {
            let page = try gateway.admin("GET", "/v1/audit?limit=2" + (cursor.map { "&cursor=\($0)" } ?? "")).json
            found += (page["entries"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
            cursor = page["next"] as? String
        } while cursor != nil
        #expect(found.count >= 5 && found == found.sorted(by: >) && Set(found).count == found.count)
        #expect(gateway.stop() == 0)
    }
}

/// The lock guards the array; requests end on threads of their own.
private final class Statuses: @unchecked Sendable {
    private let lock = NSLock()
    private var list: [Int] = []

    func add(_ status: Int) { lock.withLock { list.append(status) } }

    var all: [Int] { lock.withLock { list } }
}
