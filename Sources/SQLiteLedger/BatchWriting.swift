import GRDB
import GatewayCore

/// What one transaction of the ledger does.
struct BatchWriting {
    private struct RollupKey: Hashable {
        var workspace: String
        var day: Timestamp
        var provider: String
        var operation: String
        var user: String
    }

    private struct Sum {
        var calls: Int64 = 0
        var cost = Money.zero
        var tokens: Int64 = 0
        var saved = Money.zero

        mutating func add(_ record: CostRecord) {
            calls += 1
            cost += record.cost
            tokens = saturating(tokens, record.tokens ?? 0)
            saved += record.saved ?? .zero
        }
    }

    let database: Database
    /// The instant of the writing, as a column's text.
    let now: String
    private(set) var outcome = LedgerOutcome()
    private var sums: [RollupKey: Sum] = [:]

    init(database: Database, now: String) {
        self.database = database
        self.now = now
    }

    /// Rows that are new, their sums, price versions and the position.
    mutating func write(_ batch: LedgerBatch) throws {
        let insertion = try CostInsertion(database)
        let records = batch.records
        // In the order of the primary key, whose pages are then each touched once.
        for index in records.indices.sorted(by: { records[$0].id < records[$1].id }) {
            let record = records[index].storable
            do {
                if try insertion.insert(record) {
                    outcome.new += 1
                    try add(record)
                    if let reading = record.reading { try ReconciliationRows.insert(reading, in: database) }
                }
            } catch let error where Self.concernsRowOnly(error) {
                outcome.setAside += 1
                try reject(record, reason: String(describing: error))
            }
        }
        try writeSums()
        for kept in batch.kept {
            do {
                try KeptAnswers.write(kept, now: now, in: database)
            } catch let error where Self.concernsRowOnly(error) {
                // Nothing is owed for it, and its call's record is there.
                outcome.additionsSetAside += 1
            }
        }
        for version in batch.priceVersions {
            try database.execute(
                sql:
                    #"INSERT INTO "price_versions" ("apiProvider", "version", "canonical", "firstSeen") VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"#,
                arguments: [version.provider, version.version, version.canonical, now])
        }
        if let journal = batch.journal, let position = batch.position {
            try database.execute(
                sql: #"INSERT OR REPLACE INTO "journal_positions" ("journal", "segment", "offset") VALUES (?, ?, ?)"#,
                arguments: [journal, Int64(bitPattern: position.segment), Int64(bitPattern: position.offset)])
        }
    }

    /// Whether an error would come again for this row for ever, and for no other.
    private static func concernsRowOnly(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return error is MalformedRow }
        switch error.resultCode {
        case .SQLITE_CONSTRAINT, .SQLITE_TOOBIG, .SQLITE_MISMATCH, .SQLITE_RANGE: return true
        default: return false
        }
    }

    private mutating func add(_ record: CostRecord) throws {
        let key = RollupKey(
            workspace: record.workspace, day: record.day, provider: record.provider, operation: record.operation ?? "",
            user: record.user ?? "")
        sums[key, default: Sum()].add(record)
        if let value = record.onceKey {
            try database.execute(
                sql: """
                    INSERT INTO "once_charges" ("workspaceId", "apiProvider", "operation", "value", "id", "createdAt") VALUES (?, ?, ?, ?, ?, ?)
                    ON CONFLICT DO NOTHING
                    """,
                arguments: [
                    record.workspace, record.provider, record.operation ?? "", value, record.id.description, record.createdAt.fixedBoundary,
                ])
        }
    }

    /// Adds here and not in SQL, where a sum beyond 64 bits would silently become a floating-point number.
    private func writeSums() throws {
        let reading = try database.cachedStatement(
            sql: """
                SELECT "calls", "costNanos", "tokens", "savedNanos" FROM "cost_rollups"
                WHERE "workspaceId" = ? AND "day" = ? AND "apiProvider" = ? AND "operation" = ? AND "userId" = ?
                """)
        let writing = try database.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO "cost_rollups"
                ("workspaceId", "day", "apiProvider", "operation", "userId", "calls", "costNanos", "tokens", "savedNanos")
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        for (key, sum) in sums {
            let day = key.day.fixedBoundary
            var total = sum
            if let row = try Row.fetchOne(reading, arguments: [key.workspace, day, key.provider, key.operation, key.user]) {
                total.calls = saturating(sum.calls, try row.required(0))
                total.cost += Money(nanos: try row.required(1))
                total.tokens = saturating(sum.tokens, try row.required(2))
                total.saved += Money(nanos: try row.required(3))
            }
            try writing.execute(arguments: [
                key.workspace, day, key.provider, key.operation, key.user, total.calls, total.cost.nanos, total.tokens,
                total.saved.nanos,
            ])
        }
    }

    private func reject(_ record: CostRecord, reason: String) throws {
        try database.execute(
            sql: """
                INSERT INTO "rejected_records" ("workspaceId", "id", "reason", "record", "rejectedAt") VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """,
            arguments: [record.workspace, record.id.description, reason, record.setAsideText, now])
    }
}

/// A sum that stops at the ends of 64 bits.
func saturating(_ left: Int64, _ right: Int64) -> Int64 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    guard overflow else { return sum }
    return right < 0 ? .min : .max
}
