package import GatewayCore
import Synchronization

/// The ledger in a Postgres database, which any number of gateways write.
///
/// One connection of each writes, holding its ``OwnerLock``; others read. They are made again when they are lost. After the writing connection was
/// made again, the next batch of a journal fails once, so that its writer asks for the position: another server may have taken the place of
/// the old one, and have less than it had.
package final class PostgresLedger: Ledger {
    /// As whom it writes; nil for none, whose rows are no gateway's.
    let gateway: String?
    private let settings: PostgresSettings
    private let clock: WallClock
    let writer: PostgresSession?
    private let readers: [PostgresSession]
    /// For short queries: long ones must not keep a caller from a kept answer, or a gateway from what another has changed.
    let lookups: PostgresSession
    private let turn = Atomic(0)

    /// Opens a ledger for writing. Throws `.owned` when another process writes as this gateway, `.schema` when 'gateway migrate' must be run
    /// first or a newer one has been, and `.unavailable` for what may pass.
    package static func open(
        _ url: PostgresURL, gateway: String?, settings: PostgresSettings = PostgresSettings(), clock: @escaping WallClock
    ) async throws(LedgerError) -> PostgresLedger {
        let ledger = PostgresLedger(url, gateway, settings, clock, isReadOnly: false)
        do {
            try await ledger.writer?.use { _ in }
        } catch {
            await ledger.close()
            throw error
        }
        return ledger
    }

    /// Opens a ledger for reading, which works beside the gateways that write it. Batches fail.
    package static func readOnly(
        _ url: PostgresURL, settings: PostgresSettings = PostgresSettings(), clock: @escaping WallClock
    ) async throws(LedgerError) -> PostgresLedger {
        let ledger = PostgresLedger(url, nil, settings, clock, isReadOnly: true)
        do {
            try await ledger.readers[0].use { _ in }
        } catch {
            await ledger.close()
            throw error
        }
        return ledger
    }

    private init(
        _ url: PostgresURL, _ gateway: String?, _ settings: PostgresSettings, _ clock: @escaping WallClock, isReadOnly: Bool
    ) {
        self.gateway = gateway
        self.settings = settings
        self.clock = clock
        let name = GatewayName().applicationName
        let isFirst = Atomic(true)
        writer =
            isReadOnly
            ? nil
            : PostgresSession("writer", repeats: false) { isStopped in
                let connection = try PostgresConnection(url, applicationName: name, patience: settings.writing, isStopped: isStopped)
                if let gateway { try OwnerLock.take(gateway, connection, applicationName: name, patience: settings.owning) }
                try SchemaMigration.requireAll(in: connection)
                connection.knowsPosition = isFirst.exchange(false, ordering: .relaxed)
                return connection
            }
        func reader(_ label: String, patience: Int) -> PostgresSession {
            PostgresSession(label, repeats: true) { isStopped in
                let connection = try PostgresConnection(url, applicationName: "\(name) reads", patience: patience, isStopped: isStopped)
                try SchemaMigration.requireAll(in: connection)
                return connection
            }
        }
        readers = (0..<2).map { reader("reader-\($0)", patience: settings.reading) }
        lookups = reader("lookups", patience: settings.lookingUp)
    }

    // MARK: Ledger

    package func position(ofJournal journal: String) async throws(LedgerError) -> JournalPosition? {
        let read: @Sendable (PostgresConnection) throws -> JournalPosition? = { connection in
            let rows = try connection.run(
                #"SELECT "segment", "offset" FROM "journal_positions" WHERE "journal" = $1"#, PostgresParameter(journal))
            connection.knowsPosition = true
            guard rows.count > 0 else { return nil }
            return JournalPosition(
                segment: UInt64(bitPattern: try rows.requiredInt64(0, 0)), offset: UInt64(bitPattern: try rows.requiredInt64(0, 1)))
        }
        // From the server that is written to, whatever others say.
        return try await (writer ?? reader).use(read)
    }

    @discardableResult
    package func apply(_ batch: LedgerBatch) async throws(LedgerError) -> LedgerOutcome {
        guard let writer else { throw LedgerError(.owned, "the ledger is open for reading only") }
        let (now, settings) = (clock(), settings)
        return try await writer.use { connection in
            guard connection.knowsPosition || batch.journal == nil else {
                throw LedgerError(.unavailable, "Postgres was connected again; the journal goes on from what the database has")
            }
            do throws(PostgresFailure) {
                var writing = BatchWriting(batch, on: connection, now: now)
                try writing.write()
                return writing.outcome
            } catch {
                if error.state == "57014", let patience = connection.patience {
                    try connection.extendPatience(to: min(patience * 2, settings.longestWriting))
                }
                throw error
            }
        }
    }

    package func dailySums(since: Timestamp) async throws(LedgerError) -> [DailySum] {
        try await reader.use { connection in
            let rows = try connection.run(
                """
                SELECT "workspaceId", \(SQL.microseconds("\"day\"")), "apiProvider", nullif("userId", ''), \(SQL.bounded("sum(\"costNanos\")"))
                FROM "cost_rollups" WHERE "day" >= $1 GROUP BY 1, 2, 3, 4
                """, PostgresParameter(since))
            return try (0..<rows.count).map { row in
                DailySum(
                    workspace: try rows.required(row, 0), day: Timestamp(microseconds: try rows.requiredInt64(row, 1)),
                    provider: try rows.required(row, 2), user: rows.text(row, 3), cost: Money(nanos: try rows.requiredInt64(row, 4)))
            }
        }
    }

    package func sums(workspace: String, since: Timestamp, until: Timestamp) async throws(LedgerError) -> [DailySum] {
        try await reader.use { connection in
            let rows = try connection.run(
                """
                SELECT "apiProvider", nullif("userId", ''), \(SQL.bounded("sum(\"cost\") * 1000000000"))
                FROM "api_cost_tracking" WHERE "workspaceId" = $1 AND "createdAt" >= $2 AND "createdAt" < $3 GROUP BY 1, 2
                """, PostgresParameter(workspace), PostgresParameter(since), PostgresParameter(until))
            return try (0..<rows.count).map { row in
                DailySum(
                    workspace: workspace, day: since, provider: try rows.required(row, 0), user: rows.text(row, 1),
                    cost: Money(nanos: try rows.requiredInt64(row, 2)))
            }
        }
    }

    package func onceKeys(since: Timestamp) async throws(LedgerError) -> [OnceKey] {
        try await reader.use { connection in
            let rows = try connection.run(
                #"SELECT "workspaceId", "apiProvider", "operation", "value" FROM "once_charges" WHERE "createdAt" >= $1"#,
                PostgresParameter(since))
            return try (0..<rows.count).map { row in
                OnceKey(
                    workspace: try rows.required(row, 0), provider: try rows.required(row, 1), operation: try rows.required(row, 2),
                    value: try rows.required(row, 3))
            }
        }
    }

    package func record(id: CallID, workspace: String) async throws(LedgerError) -> CostRecord? {
        try await reader.use { try CostColumns.record(id, workspace, $0) }
    }

    package func calls(_ query: CallQuery) async throws(LedgerError) -> [LedgerRow] {
        try await reader.use { try CostColumns.rows(query, $0) }
    }

    package func keptAnswer(_ key: CacheKey, workspace: String, at now: Timestamp) async throws(LedgerError) -> KeptAnswer? {
        // On a connection of its own: a long sum must not stand before a caller's answer.
        try await lookups.use { try KeptAnswers.answer(key, workspace: workspace, at: now, $0) }
    }

    package func sweepAnswers(at now: Timestamp, limit: Int) async throws(LedgerError) -> Bool {
        guard let writer else { throw LedgerError(.owned, "the ledger is open for reading only") }
        return try await writer.use { try KeptAnswers.sweep(at: now, limit: limit, $0) }
    }

    package func spend(_ query: SpendQuery) async throws(LedgerError) -> [SpendRow] {
        try await reader.use { connection in
            var sums = SpendSums(query)
            return try sums.rows(connection)
        }
    }

    package func close() async {
        await writer?.close()
        for reader in readers + [lookups] { await reader.close() }
    }

    /// Runs what writes beside the batches, and takes no part in their order.
    func write<Value: Sendable>(_ body: @escaping @Sendable (PostgresConnection) throws -> Value) async throws(LedgerError) -> Value {
        guard let writer else { throw LedgerError(.owned, "the ledger is open for reading only") }
        return try await writer.use(body)
    }

    /// The readers take turns.
    var reader: PostgresSession {
        readers[turn.wrappingAdd(1, ordering: .relaxed).newValue & 1]
    }
}
