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

    let database: Database
    /// The instant of the writing, as a column's text.
    let now: String
    private(set) var outcome = LedgerOutcome()
    private var sums: [RollupKey: CallSums] = [:]

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
        sums[key, default: CallSums()] += CallSums(record)
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
        let columns = CallSums.columns
        let names = columns.map { "\"\($0.name)\"" }.joined(separator: ", ")
        let reading = try database.cachedStatement(
            sql: """
                SELECT \(names) FROM "cost_rollups"
                WHERE "workspaceId" = ? AND "day" = ? AND "apiProvider" = ? AND "operation" = ? AND "userId" = ?
                """)
        let writing = try database.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO "cost_rollups" ("workspaceId", "day", "apiProvider", "operation", "userId", \(names))
                VALUES (?, ?, ?, ?, ?, \(columns.map { _ in "?" }.joined(separator: ", ")))
                """)
        for (key, sum) in sums {
            let place: StatementArguments = [key.workspace, key.day.fixedBoundary, key.provider, key.operation, key.user]
            var total = sum
            if let row = try Row.fetchOne(reading, arguments: place) { total += try CallSums(row, from: 0) }
            try writing.execute(arguments: place + StatementArguments(columns.map { total[keyPath: $0.value] }))
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

extension CallSums {
    /// From the columns of a rollup, the first of which has a place in a row.
    init(_ row: Row, from place: Int) throws {
        self.init()
        for (index, column) in Self.columns.enumerated() { self[keyPath: column.value] = try row.required(place + index) }
    }
}
