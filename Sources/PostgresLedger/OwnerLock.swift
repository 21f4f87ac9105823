import GatewayCore
import Glibc

/// The right to write a ledger as a gateway, which its journal's id names, held through an advisory lock of the writing connection: it ends
/// with the connection, and a killed gateway leaves none behind. A copied journal cannot run twice; and what was sent over a connection
/// that has lost the lock has happened, or never will.
enum OwnerLock {
    /// The lock's key: the gateway, in the schema that the tables are in.
    static func key(of gateway: String) -> String { "hashtextextended(current_schema() || '.gateway.' || \(gateway), 0)" }

    /// Rows of `pg_locks` that are the lock of a gateway.
    static func holds(_ gateway: String) -> String {
        """
        locktype = 'advisory' AND ((classid::bigint << 32) | objid::bigint) = \(key(of: gateway)) AND objsubid = 1 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """
    }

    /// Takes the lock. Throws `.owned` when another process has it.
    ///
    /// - Parameter applicationName: This process's own. A connection of that name which still has the lock is one that this process has lost;
    ///   the server does not know yet, and is told.
    static func take(_ gateway: String, _ connection: PostgresConnection, applicationName: String, patience: Int) throws {
        let deadline = ContinuousClock.now + .seconds(patience)
        let id = PostgresParameter(gateway)
        while try !connection.run("SELECT pg_try_advisory_lock(\(key(of: "$1")))", id).bool(0, 0) {
            let holder = try connection.run(
                """
                SELECT holder.pid, holder.application_name, host(holder.client_addr)
                FROM pg_locks JOIN pg_stat_activity AS holder USING (pid) WHERE \(holds("$1"))
                """, id)
            // It has let go in between.
            guard holder.count > 0 else { continue }
            let name = holder.text(0, 1) ?? ""
            if name == applicationName {
                try connection.run("SELECT pg_terminate_backend($1::integer)", PostgresParameter(holder.text(0, 0)))
            } else if ContinuousClock.now > deadline {
                throw LedgerError(
                    .owned,
                    "\(connection.url.place) is in use by \(GatewayName(name)?.description ?? "another program")\(holder.text(0, 2).map { ", connected from \($0)" } ?? "") (server process \(holder.text(0, 0) ?? "?")) with a copy of this gateway's journal: stop that one, or give this one a journal of its own"
                )
            }
            usleep(100_000)
        }
    }
}

/// What a gateway's connections are called in `pg_stat_activity`: which process it is, on which machine.
struct GatewayName: CustomStringConvertible {
    private let process: String
    private let host: String
    /// Tells processes of one number apart, as containers have them.
    private let token: String

    /// This process, for one ledger.
    init() {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        process = String(getpid())
        token = String(UInt32.random(in: 0 ... .max), radix: 16)
    }

    /// Reads an ``applicationName``; nil for another program's.
    init?(_ applicationName: String) {
        let words = applicationName.split(separator: " ", maxSplits: 3).map(String.init)
        guard words.count == 4, words[0] == "gateway" else { return nil }
        (process, token, host) = (words[1], words[2], words[3])
    }

    /// The server keeps 63 bytes; the machine's name comes last, because it alone may be cut.
    var applicationName: String { String(decoding: "gateway \(process) \(token) \(host)".utf8.prefix(63), as: UTF8.self) }

    var description: String { "the gateway on \(host) (process \(process))" }
}
