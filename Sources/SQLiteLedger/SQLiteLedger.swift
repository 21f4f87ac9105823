internal import Dispatch
internal import GRDB
package import GatewayCore
import Synchronization

/// The embedded ledger: one SQLite file, owned by one gateway.
///
/// It heals by itself. When its file has been deleted or replaced, the next use opens what is there now, making a new one where there is
/// nothing, and the next batch fails once, so that its writer asks for the position again. After errors of the file (read-only, I/O,
/// damage) it is opened anew as well.
package final class SQLiteLedger: Ledger {
    private struct State {
        var connection: SQLiteConnection?
        /// The file that was opened last, even if it has been closed since.
        var identity: FileIdentity?
        /// The file in which the connection writes ahead of the database.
        var log: FileIdentity?
        /// Another file was found under the name, and the writer has not asked for its position yet.
        var isReplaced = false
        var isClosed = false
        var owner: OwnerLock?
    }

    private let path: String
    private let settings: SQLiteSettings
    private let clock: WallClock
    private let isReadOnly: Bool
    private let state: Mutex<State>
    /// Where files are opened and closed, which waits for disks and locks: the concurrency runtime's few threads must not.
    private let files = DispatchQueue(label: "ledger-files")

    /// Opens a ledger for writing, making the file where it is missing. Throws `.owned` when another gateway has it, `.schema` when it is
    /// another program's or a newer gateway's, and `.unavailable` for what may pass.
    package convenience init(path: String, settings: SQLiteSettings = SQLiteSettings(), clock: @escaping WallClock) throws(LedgerError) {
        let owner = try OwnerLock(database: path)
        self.init(path, settings, clock, owner: owner)
        _ = try opened()
    }

    /// Opens a ledger for reading, which works beside the gateway that owns it. Batches fail.
    package static func readOnly(
        _ path: String, settings: SQLiteSettings = SQLiteSettings(), clock: @escaping WallClock
    ) throws(LedgerError) -> SQLiteLedger {
        let ledger = SQLiteLedger(path, settings, clock, owner: nil)
        _ = try ledger.opened()
        return ledger
    }

    /// Opens a ledger for writing, as often as it takes: what was found at one try is remembered at the next, so that the log of a file that
    /// could not be opened is not taken for that of the sound one which has been put in its place.
    package static func opener(
        path: String, settings: SQLiteSettings = SQLiteSettings(), clock: @escaping WallClock
    ) -> @Sendable () async throws(LedgerError) -> any Ledger {
        let kept = Kept()
        return { () async throws(LedgerError) in
            let ledger = try kept.ledger.withLock { ledger throws(LedgerError) in
                if let ledger { return ledger }
                let new = SQLiteLedger(path, settings, clock, owner: try OwnerLock(database: path))
                ledger = new
                return new
            }
            _ = try await ledger.connection()
            return ledger
        }
    }

    private final class Kept: Sendable {
        let ledger = Mutex<SQLiteLedger?>(nil)
    }

    private init(_ path: String, _ settings: SQLiteSettings, _ clock: @escaping WallClock, owner: OwnerLock?) {
        self.path = path
        self.settings = settings
        self.clock = clock
        isReadOnly = owner == nil
        state = Mutex(State(owner: owner))
    }

    // MARK: Ledger

    package func position(ofJournal journal: String) async throws(LedgerError) -> JournalPosition? {
        let position = try await read { database in
            try Row.fetchOne(
                database, sql: #"SELECT "segment", "offset" FROM "journal_positions" WHERE "journal" = ?"#, arguments: [journal]
            ).map { row in
                JournalPosition(segment: UInt64(bitPattern: try row.required(0)), offset: UInt64(bitPattern: try row.required(1)))
            }
        }
        state.withLock { $0.isReplaced = false }
        return position
    }

    @discardableResult
    package func apply(_ batch: LedgerBatch) async throws(LedgerError) -> LedgerOutcome {
        guard !isReadOnly else { throw LedgerError(.owned, "\(path) is open for reading only") }
        let connection = try await connection()
        guard !state.withLock({ $0.isReplaced }) else { throw replaced }
        let now = clock().fixedBoundary
        let outcome: LedgerOutcome
        do {
            outcome = try await connection.pool.write { database in
                var writing = BatchWriting(database: database, now: now)
                try writing.write(batch)
                return writing.outcome
            }
        } catch {
            giveUp(connection, after: error)
            throw SQLiteConnection.ledgerError(error, path)
        }
        // The transaction may have gone into a file that nobody will find any more.
        guard FileIdentity(path: path) == connection.identity else { throw replaced }
        noteLog()
        return outcome
    }

    package func dailySums(since: Timestamp) async throws(LedgerError) -> [DailySum] {
        try await read { try DailySums.fetch(since: since, in: $0) }
    }

    package func sums(workspace: String, since: Timestamp, until: Timestamp) async throws(LedgerError) -> [DailySum] {
        try await read { try DailySums.fetch(workspace: workspace, since: since, until: until, in: $0) }
    }

    package func onceKeys(since: Timestamp) async throws(LedgerError) -> [OnceKey] {
        try await read { database in
            try Row.fetchAll(
                database, sql: #"SELECT "workspaceId", "apiProvider", "operation", "value" FROM "once_charges" WHERE "createdAt" >= ?"#,
                arguments: [since.fixedBoundary]
            ).map { row in
                try OnceKey(workspace: row.required(0), provider: row.required(1), operation: row.required(2), value: row.required(3))
            }
        }
    }

    package func record(id: CallID, workspace: String) async throws(LedgerError) -> CostRecord? {
        try await read { try CostRows.record(id, workspace, in: $0) }
    }

    package func calls(_ query: CallQuery) async throws(LedgerError) -> [LedgerRow] {
        try await read { try CostRows.rows(query, in: $0) }
    }

    package func keptAnswer(_ key: CacheKey, workspace: String, at now: Timestamp) async throws(LedgerError) -> KeptAnswer? {
        try await read { try KeptAnswers.answer(key, workspace: workspace, at: now, in: $0) }
    }

    package func sweepAnswers(at now: Timestamp, limit: Int) async throws(LedgerError) -> Bool {
        guard !isReadOnly else { throw LedgerError(.owned, "\(path) is open for reading only") }
        let connection = try await connection()
        do {
            return try await connection.pool.write { try KeptAnswers.sweep(at: now, limit: limit, in: $0) }
        } catch {
            giveUp(connection, after: error)
            throw SQLiteConnection.ledgerError(error, path)
        }
    }

    package func spend(_ query: SpendQuery) async throws(LedgerError) -> [SpendRow] {
        try await read { try SpendSums.rows(query, in: $0) }
    }

    package func close() async {
        await withCheckedContinuation { continuation in
            files.async { [self] in
                let connection = state.withLock { state in
                    defer {
                        state.connection = nil
                        state.isClosed = true
                    }
                    return state.connection
                }
                connection?.finish()
                state.withLock { $0.owner = nil }
                continuation.resume()
            }
        }
    }

    // MARK: The file

    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(LedgerError) -> Value {
        let connection = try await connection()
        do {
            return try await connection.pool.read(body)
        } catch {
            giveUp(connection, after: error)
            throw SQLiteConnection.ledgerError(error, path)
        }
    }

    /// Runs what writes beside the batches, in a transaction of its own.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(LedgerError) -> Value {
        guard !isReadOnly else { throw LedgerError(.owned, "\(path) is open for reading only") }
        let connection = try await connection()
        do {
            return try await connection.pool.write(body)
        } catch {
            giveUp(connection, after: error)
            throw SQLiteConnection.ledgerError(error, path)
        }
    }

    private var replaced: LedgerError {
        LedgerError(.unavailable, "\(path) was deleted or replaced; what the journal still has is written to the file that is there now")
    }

    /// The connection to the file that the name stands for now.
    private func connection() async throws(LedgerError) -> SQLiteConnection {
        if let open = current { return open }
        let result: Result<SQLiteConnection, LedgerError> = await withCheckedContinuation { continuation in
            files.async {
                continuation.resume(returning: Result { () throws(LedgerError) in try self.opened() })
            }
        }
        return try result.get()
    }

    /// The open connection, while its file is the one that has the name.
    private var current: SQLiteConnection? {
        guard let open = state.withLock({ $0.connection }), FileIdentity(path: path) == open.identity else { return nil }
        return open
    }

    /// Opens what the name stands for now. On one thread at a time, and with no lock held, so that nobody waits for it who need not.
    private func opened() throws(LedgerError) -> SQLiteConnection {
        if let open = current { return open }
        let (stale, isClosed) = state.withLock { state in
            defer { state.connection = nil }
            return (state.connection, state.isClosed)
        }
        guard !isClosed else { throw LedgerError(.unavailable, "\(path) is closed") }
        stale?.finish()
        let orphan = state.withLock { state -> FileIdentity? in
            guard let last = state.identity, FileIdentity(path: path) != last else { return nil }
            defer { state.log = nil }
            state.identity = nil
            state.isReplaced = true
            return state.log
        }
        setAsideLog(orphan)
        do {
            let now = clock().fixedBoundary
            let opened =
                isReadOnly ? try SQLiteConnection.openReadOnly(path, settings) : try SQLiteConnection.open(path, settings, now: now)
            state.withLock { state in
                state.connection = opened
                state.identity = opened.identity
            }
            noteLog()
            return opened
        } catch {
            // What takes the place of a file that cannot be opened must not get its log either.
            state.withLock { $0.identity = FileIdentity(path: path) ?? $0.identity }
            noteLog()
            throw SQLiteConnection.ledgerError(error, path)
        }
    }

    /// Remembers which file is written ahead of the database.
    private func noteLog() {
        let log = FileIdentity(path: path + "-wal")
        state.withLock { $0.log = log }
    }

    /// A log that belongs to a file which is gone must not be applied to the file that took its name.
    private func setAsideLog(_ log: FileIdentity?) {
        guard !isReadOnly, let log, FileIdentity(path: path + "-wal") == log else { return }
        moveFile(path + "-wal", to: path + "-wal.of-replaced-file")
        moveFile(path + "-shm", to: path + "-shm.of-replaced-file")
    }

    /// Closes after an error that comes from the file, so that the next use opens it anew. A lock or a full disk passes without that.
    private func giveUp(_ connection: SQLiteConnection, after error: any Error) {
        guard let error = error as? DatabaseError, ![.SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_FULL].contains(error.resultCode) else { return }
        let isMine = state.withLock { state in
            guard state.connection?.identity == connection.identity else { return false }
            state.connection = nil
            return true
        }
        if isMine { files.async { try? connection.pool.close() } }
    }
}
