import Foundation
import PostgresUnderTest
import Testing

/// Callers' keys, from their making to their end, on the real executable.
@Suite(.timeLimit(.minutes(2))) struct KeyTests {
    private static let person = "/pdl/v5/person/enrich?email=ada@example.com"

    private func secret(_ result: CommandResult) throws -> String {
        try #require(result.status == 0, "\(result.error)")
        return try #require(result.output.wholeMatch(of: /(gwk_[A-Za-z0-9_-]{43})\n/).map { String($0.1) }, "\(result.output)")
    }

    private func id(_ result: CommandResult) throws -> String {
        try #require(result.error.firstMatch(of: /key ([0-9A-Z]{26}) of workspace/).map { String($0.1) }, "\(result.error)")
    }

    private func lives(_ ledger: String?) throws {
        let gateway = try GatewayUnderTest(
            configuration: "auth: { mode: keys }\n" + (ledger.map { "ledger: { url: \"\($0)\" }" } ?? ""))
        if ledger != nil { #expect(try gateway.command("migrate").status == 0) }
        // Made before there is a gateway, and while it runs.
        let early = try gateway.command("key", "create", "--workspace", "acme", "--name", "early")
        try gateway.start()
        let late = try gateway.command("key", "create", "--workspace", "beta", "--operation", "search_person", "--expires", "90d")
        let (first, second) = (try secret(early), try secret(late))

        #expect(try gateway.get(Self.person, ["X-Gateway-Key": first])["X-Gateway-Workspace"] == "acme")
        #expect(try gateway.get(Self.person, ["X-Api-Key": first]).status == 200)
        #expect(try gateway.get(Self.person + "&api_key=\(first)", [:]).status == 200)
        #expect(try gateway.get(Self.person, ["Authorization": "Bearer \(second)"]).status == 403)
        #expect(try gateway.get(Self.person, ["X-Workspace-Id": "acme"]).status == 401)
        #expect(try gateway.get("/_gateway/budget", ["X-Gateway-Key": second]).json["workspace"] as? String == "beta")

        let listed = try gateway.command("key", "list", "--workspace", "acme")
        #expect(listed.output.contains(try id(early)) && !listed.output.contains("beta") && !listed.output.contains(first))
        #expect(try gateway.command("key", "revoke", try id(early)).status == 0)
        // Through this gateway's own admin plane it is in force at once.
        #expect(try gateway.get(Self.person, ["X-Gateway-Key": first]).status == 401)
        let unknown = try gateway.command("key", "revoke", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
        #expect(unknown.status == 1 && unknown.error.contains("no key of this id"))
        #expect(try gateway.command("key", "create", "--workspace", "").status == 64)

        // A killed gateway knows them again.
        gateway.kill9()
        try gateway.start()
        #expect(try gateway.get(Self.person, ["X-Gateway-Key": first]).status == 401)
        #expect(try gateway.get(Self.person, ["X-Gateway-Key": second]).status == 403)
        #expect(gateway.stop() == 0)
        #expect(!gateway.log.contains { $0.contains("keys cannot be read") }, "to stop is no fault")
        let offline = try gateway.command("key", "list", "--format", "json")
        #expect(offline.output.contains(#""revoked_at""#) && offline.output.contains(#""operations":["search_person"]"#), "\(offline)")
        #expect(try gateway.command("key", "revoke", try id(late)).output == "revoked \(try id(late))\n")

        // The secrets are nowhere: not in the ledger, the journal or the log.
        let files = try #require(FileManager.default.enumerator(at: gateway.folder, includingPropertiesForKeys: nil))
        for case let file as URL in files where !file.hasDirectoryPath {
            let bytes = try Data(contentsOf: file)
            for secret in [first, second] { #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(file.lastPathComponent)") }
        }
        #expect(!gateway.log.joined().contains("gwk_"))
    }

    @Test func aKeysLifeOnTheEmbeddedLedger() throws {
        try lives(nil)
    }

    @Test(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
    func aKeysLifeOnPostgres() throws {
        let database = try PostgresServer.shared.database()
        try lives(database.url)
        let digests = try database.sql(#"SELECT "digest" FROM "caller_keys""#)
        #expect(digests.count == 2 && digests.allSatisfy { $0[0].count == 64 })
    }

    @Test(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
    func aKeyThatIsRevokedInTheDatabaseStopsWithinASecondAndNoKeyOpensWithoutIt() throws {
        let server = try PostgresServer()
        let database = try server.database()
        let gateway = try GatewayUnderTest(configuration: "auth: { mode: keys }\nledger: { url: \"\(database.url)\" }")
        #expect(try gateway.command("migrate").status == 0)
        try gateway.start()
        let made = (0..<2).map { _ in Result { try gateway.command("key", "create", "--workspace", "acme") } }
        let secrets = try made.map { try secret($0.get()) }
        for secret in secrets { #expect(try gateway.get(Self.person, ["X-Gateway-Key": secret]).status == 200) }
        // As another gateway does it.
        _ = try database.sql(
            """
            WITH next AS (UPDATE change_counters SET last = last + 1 RETURNING last)
            UPDATE caller_keys SET "revokedAt" = now(), change = last FROM next WHERE id = '\(try id(made[0].get()))'
            """)
        try eventually("it stops", within: 1.5) { try gateway.get(Self.person, ["X-Gateway-Key": secrets[0]]).status == 401 }

        server.stop()
        try eventually("the keys cannot be read") {
            try gateway.get(Self.person, ["X-Gateway-Key": "gwk_" + String(repeating: "A", count: 43)]).status == 503
        }
        #expect(try gateway.get(Self.person, ["X-Gateway-Key": secrets[1]]).status != 401, "one that was seen goes on")
        try server.start()
        try eventually("the keys can be read again") {
            try gateway.get(Self.person, ["X-Gateway-Key": "gwk_" + String(repeating: "A", count: 43)]).status == 401
        }
    }
}
