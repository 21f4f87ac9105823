import GatewayCore

/// What one transaction of the ledger does.
struct BatchWriting {
    private let connection: PostgresConnection
    /// The instant of the writing.
    private let now: Timestamp
    private let batch: LedgerBatch
    private(set) var outcome = LedgerOutcome()

    init(_ batch: LedgerBatch, on connection: PostgresConnection, now: Timestamp) {
        self.batch = batch
        self.connection = connection
        self.now = now
    }

    /// Writes rows that are new, their sums, price versions and the position: all in one round trip, or nothing.
    mutating func write() throws(PostgresFailure) {
        var unwritable: [(CostRecord, String)] = []
        var records: [CostRecord] = []
        // In the order of the primary key, whose pages are then each touched once; of records with one id, the first counts.
        for (_, record) in batch.records.enumerated().sorted(by: { ($0.element.id, $0.offset) < ($1.element.id, $1.offset) }) {
            guard Timestamp.calendar.contains(record.createdAt), Timestamp.calendar.contains(record.day) else {
                unwritable.append((record, "its instants lie outside the years 1 to 9999"))
                continue
            }
            if records.last?.id != record.id { records.append(record) }
        }
        var before = [AccountLock.shared(workspaces: records.map(\.workspace))]
        // While it can be told which calls have no row yet.
        let readings = records.compactMap(\.reading)
        if !readings.isEmpty { before.append(ReconciliationRows.insertion(of: readings)) }
        let additions = LedgerAdditions(batch, on: connection, now: now)
        do throws(PostgresFailure) {
            let (added, setAside) = try additions.statements()
            let first = before + [insertion(of: records[...])] + unwritable.map { rejection(of: $0, because: $1) }
            let rows = try connection.run(first + added + ending)
            outcome.new = Int(try rows[before.count].requiredInt64(0, 0))
            outcome.setAside = unwritable.count
            outcome.additionsSetAside = try setAside + LedgerAdditions.setAside(rows[first.count..<first.count + added.count])
        } catch {
            guard error.concernsRowOnly || additions.mayFail(by: error) else { throw error }
            // At least one of them can never be a row: found by halving, within a transaction.
            try connection.run("BEGIN")
            do throws(PostgresFailure) {
                try connection.run(before)
                for (record, reason) in unwritable { try reject(record, reason) }
                try divide(records[...])
                outcome.additionsSetAside = try additions.writeEach()
                try connection.run(ending + [PostgresStatement("COMMIT")])
            } catch {
                outcome = LedgerOutcome()
                if !error.isConnectionLost { try connection.run("ROLLBACK") }
                throw error
            }
        }
    }

    /// Writes the records that can be written, and sets the others aside.
    private mutating func divide(_ records: ArraySlice<CostRecord>) throws(PostgresFailure) {
        guard let first = records.first else { return }
        do throws(PostgresFailure) {
            let rows = try connection.run([
                PostgresStatement("SAVEPOINT part"), insertion(of: records), PostgresStatement("RELEASE SAVEPOINT part"),
            ])
            outcome.new += Int(try rows[1].requiredInt64(0, 0))
        } catch {
            guard error.concernsRowOnly else { throw error }
            try connection.run([PostgresStatement("ROLLBACK TO SAVEPOINT part"), PostgresStatement("RELEASE SAVEPOINT part")])
            guard records.count > 1 else { return try reject(first, error.message) }
            let middle = records.startIndex + records.count / 2
            try divide(records[..<middle])
            try divide(records[middle...])
        }
    }

    private mutating func reject(_ record: CostRecord, _ reason: String) throws(PostgresFailure) {
        try connection.run([rejection(of: record, because: reason)])
        outcome.setAside += 1
    }

    // MARK: Statements

    private static let insertionSQL: String = {
        // Behind the columns, the day and the once key.
        let gateway = "$\(CostColumns.types.count + 3)"
        let types = CostColumns.types + [("day", "timestamptz"), ("onceKey", "text")]
        let arrays = types.enumerated().map { "$\($0.offset + 1)::\($0.element.1)[]" }.joined(separator: ", ")
        let names = types.map { "\"\($0.0)\"" }.joined(separator: ", ")
        // Sums are of the rows that are new, whatever the records say that are there already. Rows that gateways share are locked in the order
        // of their keys.
        let (account, key) = (AccountColumns.list, AccountColumns.indexes(from: 1))
        return """
            WITH batch AS MATERIALIZED (SELECT * FROM unnest(\(arrays)) AS batch (\(names))),
            added AS (
                INSERT INTO "api_cost_tracking" (\(CostColumns.list)) SELECT \(CostColumns.list) FROM batch
                ON CONFLICT ("id") DO NOTHING RETURNING "id"
            ),
            fresh AS MATERIALIZED (SELECT batch.* FROM batch JOIN added USING ("id")),
            summed AS (
                INSERT INTO "cost_rollups" AS old ("workspaceId", "day", "apiProvider", "operation", "userId", \(RollupColumns.list))
                SELECT "workspaceId", "day", "apiProvider", coalesce("operation", ''), coalesce("userId", ''), \(RollupColumns.overRows)
                FROM fresh GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
                ON CONFLICT ("workspaceId", "day", "apiProvider", "operation", "userId") DO UPDATE SET
                    \(RollupColumns.additions)
            ),
            once AS (
                INSERT INTO "once_charges" ("workspaceId", "apiProvider", "operation", "value", "id", "createdAt")
                SELECT "workspaceId", "apiProvider", coalesce("operation", ''), "onceKey", "id", "createdAt"
                FROM fresh WHERE "onceKey" IS NOT NULL ORDER BY 1, 2, 3, 4, "id" ON CONFLICT DO NOTHING
            ),
            counted AS MATERIALIZED (
                SELECT \(account), sum("cost") * 1000000000 AS nanos
                FROM fresh
                    CROSS JOIN LATERAL (VALUES ('workspace', ''), ('provider', "apiProvider"), ('user', coalesce("userId", '')))
                        AS part ("scope", "scopeId")
                    JOIN "budget_accounts" USING ("workspaceId", "scope", "scopeId")
                WHERE fresh."createdAt" >= "windowStart" AND fresh."createdAt" < "windowEnd" GROUP BY \(key)
            ),
            leased AS (
                UPDATE "budget_leases" AS old SET "used" = \(SQL.bounded("old.\"used\" + nanos")),
                    "granted" = \(SQL.bounded("greatest(old.\"granted\", old.\"used\" + nanos)"))
                FROM counted WHERE \(AccountColumns.equal("old", "counted")) AND "gatewayId" = \(gateway)
            ),
            booked AS (
                INSERT INTO "budget_accounts" AS old (\(account), "spent", "allocated")
                SELECT \(account), \(SQL.bounded("nanos")),
                    \(SQL.bounded("greatest(0, coalesce(\"used\", 0) + nanos - coalesce(\"granted\", 0))"))
                FROM counted LEFT JOIN (SELECT * FROM "budget_leases" WHERE "gatewayId" = \(gateway)) AS lease USING (\(account))
                ORDER BY \(key)
                ON CONFLICT (\(account)) DO UPDATE SET
                    "spent" = \(SQL.bounded("old.\"spent\"::numeric + excluded.\"spent\"")),
                    "allocated" = \(SQL.bounded("old.\"allocated\"::numeric + excluded.\"allocated\""))
            )
            SELECT count(*) FROM added
            """
    }()

    private func insertion(of records: ArraySlice<CostRecord>) -> PostgresStatement {
        PostgresStatement(Self.insertionSQL, parameters: CostColumns.arrays(records) + [PostgresParameter(batch.journal)])
    }

    private func rejection(of record: CostRecord, because reason: String) -> PostgresStatement {
        .rejection(workspace: record.workspace, id: record.id.description, reason: reason, record: record.setAsideText, at: now)
    }

    /// Price versions and the position, which stand at the end of every transaction.
    private var ending: [PostgresStatement] {
        var statements: [PostgresStatement] = []
        if !batch.priceVersions.isEmpty {
            var (providers, versions, texts) = (PostgresArray(), PostgresArray(), PostgresArray())
            for version in batch.priceVersions {
                providers.append(version.provider)
                versions.append(version.version)
                texts.append(version.canonical)
            }
            statements.append(
                PostgresStatement(
                    """
                    INSERT INTO "price_versions" ("apiProvider", "version", "canonical", "firstSeen")
                    SELECT provider, version, canonical, $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS new (provider, version, canonical)
                    ORDER BY provider, version
                    ON CONFLICT DO NOTHING
                    """, PostgresParameter(providers), PostgresParameter(versions), PostgresParameter(texts), PostgresParameter(now)))
        }
        if let journal = batch.journal, let position = batch.position {
            statements.append(
                PostgresStatement(
                    """
                    INSERT INTO "journal_positions" ("journal", "segment", "offset") VALUES ($1, $2, $3)
                    ON CONFLICT ("journal") DO UPDATE SET "segment" = excluded."segment", "offset" = excluded."offset"
                    """, PostgresParameter(journal), PostgresParameter(Int64(bitPattern: position.segment)),
                    PostgresParameter(Int64(bitPattern: position.offset))))
        }
        return statements
    }
}

extension PostgresStatement {
    /// Sets something aside for a person.
    static func rejection(workspace: String, id: String, reason: String, record: String, at now: Timestamp) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO "rejected_records" ("workspaceId", "id", "reason", "record", "rejectedAt") VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING
            """, PostgresParameter(workspace), PostgresParameter(id), PostgresParameter(reason), PostgresParameter(record),
            PostgresParameter(now))
    }
}
