import Foundation
import GatewayCore
import LedgerConformance
import PostgresUnderTest
import Testing

@testable import PostgresLedger

/// URLs go to libpq as they are, and what is secret in them comes back in no text.
@Suite(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
struct PostgresURLTests {
    @Test(arguments: [
        "postgres://u:hunter@2@h/db", "postgres://u:hun/ter2@h/db", "postgres://u:hunter2@h:hunter3/d@b", "postgres://u:hunter%zz@h/db",
        "postgres://u:hunter2@h/db?nonsense=hunter2", "postgres://u:hunter2@h/db\0",
    ])
    func aURLThatIsNotWhatItSeemsIsRefusedUnquoted(url: String) {
        let error = #expect(throws: LedgerError.self) { try PostgresURL(Secret(url)) }
        #expect(error?.description.contains("hun") == false)
        #expect(error?.description.contains("percent-encoded") == true)
    }

    @Test func aWrongPasswordIsNotShown() async throws {
        let database = try await TestLedger.database()
        let error = await TestLedger.error { _ = try await TestLedger.open(database.url(password: "hunter%2F2")) }
        #expect(error?.kind == .unavailable)
        #expect(error?.description.contains("password authentication failed") == true, "\(String(describing: error))")
        #expect(error?.description.contains("hunter") == false)
        // Named like the user, it would come back with libpq's own text.
        let same = await TestLedger.error { _ = try await TestLedger.open(database.url(password: "gateway")) }
        #expect(same?.description.contains("user \"•••\"") == true, "\(String(describing: same))")
        #expect("\(try PostgresURL(Secret(database.url)))".contains(PostgresServer.password) == false)
    }

    @Test func placesAreNamedWithoutSecrets() throws {
        #expect(try PostgresURL(Secret("postgres://me:pw@db.example:6000/app")).place == "db.example:6000/app")
        #expect(try PostgresURL(Secret("postgres://me:pw@%2Fvar%2Frun/app")).place == "/var/run/app")
        #expect(try PostgresURL(Secret("postgresql://me@db.example")).place == "db.example:5432/me")
    }

    @Test func whatTheURLLeavesOpenIsBounded() throws {
        func settings(_ url: String) throws -> [String: String] {
            let parameters = try PostgresURL(Secret(url)).parameters(applicationName: "x")
            return Dictionary(parameters.map { ($0.name, $0.value) }) { $1 }
        }
        let plain = try settings("postgres://me@h/db")
        #expect(plain["connect_timeout"] == "10" && plain["tcp_user_timeout"] == "20000" && plain["keepalives_idle"] == "10")
        #expect(plain["target_session_attrs"] == nil)
        // What the URL says stays its own.
        let own = try settings("postgres://me@h/db?connect_timeout=3&keepalives_idle=99&tcp_user_timeout=7")
        #expect(own["connect_timeout"] == nil && own["keepalives_idle"] == nil && own["tcp_user_timeout"] == nil)
        #expect(try settings("postgres://me@h1,h2/db")["target_session_attrs"] == "read-write")
        #expect(try settings("postgres://me@h1,h2/db?target_session_attrs=primary")["target_session_attrs"] == nil)
    }

    @Test func unixSocketsPasswordFilesAndVerifiedTLSWork() async throws {
        let database = try await TestLedger.database()
        let server = database.server
        let passwords = FileManager.default.temporaryDirectory.appendingPathComponent("pgpass-\(UUID().uuidString)")
        try Data("localhost:\(server.port):*:gateway:\(PostgresServer.password)\n".utf8).write(to: passwords)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: passwords.path)
        defer { try? FileManager.default.removeItem(at: passwords) }
        let socket = server.folder.replacing("/", with: "%2F")
        for url in [
            "postgres://gateway@\(socket):\(server.port)/\(database.name)",
            "postgres:///\(database.name)?host=\(socket)&port=\(server.port)&user=gateway",
            "postgres://gateway@localhost:\(server.port)/\(database.name)?hostaddr=127.0.0.1&passfile=\(passwords.path)",
            database.url(
                password: PostgresServer.password, host: "localhost",
                parameters: "?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=\(server.folder)/ca.crt"),
        ] {
            let ledger = try await TestLedger.open(url)
            await ledger.close()
        }
        let encrypted = try PostgresConnection(
            PostgresURL(
                Secret(
                    database.url(
                        password: PostgresServer.password, host: "localhost",
                        parameters: "?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=\(server.folder)/ca.crt"))),
            applicationName: "x", patience: 10, isStopped: StopFlag())
        #expect(try encrypted.run("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").bool(0, 0))
        // Signed by nobody that is trusted, and for another name.
        for parameters in [
            "?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=\(server.folder)/server.crt",
            "?sslmode=verify-full&sslrootcert=\(server.folder)/ca.crt",
        ] {
            let host = parameters.contains("hostaddr") ? "localhost" : "127.0.0.1"
            let refused = await TestLedger.error {
                _ = try await TestLedger.open(database.url(password: PostgresServer.password, host: host, parameters: parameters))
            }
            #expect(refused?.kind == .unavailable)
            #expect(refused?.description.lowercased().contains("certificate") == true, "\(String(describing: refused))")
        }
    }
}
