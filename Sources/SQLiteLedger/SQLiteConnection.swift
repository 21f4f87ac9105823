import Foundation
import GRDB
import GatewayCore

/// An open database file.
struct SQLiteConnection: Sendable {
    let pool: any DatabaseWriter
    /// The file that was opened under the name.
    let identity: FileIdentity

    /// Opens a ledger for writing and brings its schema up to date.
    ///
    /// The commit of a batch is on the disk when it returns (`synchronous = FULL` in WAL mode: one fsync a batch). The journal's segments
    /// are removed by what the ledger says it has, so it must not lose that with the power.
    static func open(_ path: String, _ settings: SQLiteSettings, now: String) throws -> SQLiteConnection {
        var configuration = Configuration()
        configuration.busyMode = .timeout(settings.busyTimeout)
        configuration.maximumReaderCount = 2
        configuration.label = "ledger"
        configuration.prepareDatabase { database in
            let bytes = database.configuration.readonly ? min(settings.cacheBytes, 8 << 20) : settings.cacheBytes
            try database.execute(sql: "PRAGMA cache_size = -\(max(64, bytes / 1024))")
        }
        let pool = try DatabasePool(path: path, configuration: configuration)
        do {
            try pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = FULL")
                try database.inTransaction(.immediate) {
                    try SchemaMigration.apply(to: database, path: path, now: now)
                    return .commit
                }
            }
            guard let identity = FileIdentity(path: path) else {
                throw LedgerError(.unavailable, "\(path) went away while it was being opened")
            }
            return SQLiteConnection(pool: pool, identity: identity)
        } catch {
            try pool.close()
            throw error
        }
    }

    /// Opens a ledger for reading beside a gateway that writes it.
    static func openReadOnly(_ path: String, _ settings: SQLiteSettings) throws -> SQLiteConnection {
        guard let identity = FileIdentity(path: path) else { throw LedgerError(.unavailable, "\(path) is not there") }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(settings.busyTimeout)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        let done = try queue.read { try SchemaMigration.check(in: $0, path: path) }
        guard let done else { throw LedgerError(.schema, "\(path) is empty; a ledger is made by the gateway that owns it") }
        guard done == SchemaMigration.all.last?.number else {
            throw LedgerError(.schema, "\(path) is of an older gateway; 'gateway serve' brings it up to date")
        }
        return SQLiteConnection(pool: queue, identity: identity)
    }

    /// Brings what has been written ahead into the file, so that a copy of the file alone, or one that was moved away, is whole; and closes.
    ///
    /// What fails here loses nothing: every batch is on the disk already, and what cannot be closed in order is closed by its last use's end.
    func finish() {
        _ = try? pool.writeWithoutTransaction { database in try database.checkpoint(.truncate) }
        try? pool.close()
    }

    /// What an error means to those who use the ledger.
    static func ledgerError(_ error: any Error, _ path: String) -> LedgerError {
        switch error {
        case let error as LedgerError:
            return error
        case let error as MalformedRow:
            return damaged(path, error.description)
        case let error as DatabaseError:
            let text = error.message ?? error.resultCode.description
            switch error.resultCode {
            case .SQLITE_CORRUPT, .SQLITE_NOTADB:
                return damaged(path, text)
            case .SQLITE_BUSY, .SQLITE_LOCKED:
                return LedgerError(.unavailable, "\(path) is locked by another program (\(text))")
            case .SQLITE_FULL:
                return LedgerError(.unavailable, "\(path) cannot grow: the disk is full (\(text))")
            case .SQLITE_READONLY:
                return LedgerError(.unavailable, "\(path) or its folder is read-only (\(text))")
            case .SQLITE_CANTOPEN:
                return LedgerError(.unavailable, "\(path) cannot be opened (\(text)); its folder must be there and be writable")
            default:
                return LedgerError(.unavailable, "\(path): \(text)")
            }
        default:
            return LedgerError(.unavailable, "\(path): \(error)")
        }
    }

    /// It is never mended or removed here: the operator may have a better copy, and knows what it is worth.
    private static func damaged(_ path: String, _ text: String) -> LedgerError {
        LedgerError(
            .unavailable,
            "\(path) is damaged or no SQLite database (\(text)); put a sound copy in its place (sqlite3 \(path) .recover | sqlite3 FILE, then mv FILE \(path)), or move it away (mv \(path) \(path).damaged) and a new one is made; what the journal still has is written to it at once"
        )
    }
}
