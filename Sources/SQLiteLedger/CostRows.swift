import GRDB
import GatewayCore

extension CostRecord {
    /// The record as every engine can keep it: U+0000, where C's texts end, becomes U+FFFD.
    var storable: CostRecord {
        // Nearly every record is storable as it is.
        let hasNUL =
            workspace.hasNUL || provider.hasNUL || user.hasNUL || endpoint.hasNUL || operation.hasNUL || priceVersion.hasNUL
            || entityType.hasNUL || entityID.hasNUL || requestData.hasNUL || errorMessage.hasNUL || onceKey.hasNUL
        guard hasNUL else { return self }
        let texts: [WritableKeyPath<CostRecord, String?>] = [
            \.user, \.endpoint, \.operation, \.priceVersion, \.entityType, \.entityID, \.requestData, \.errorMessage, \.onceKey,
        ]
        var record = self
        record.workspace.replaceNULs()
        record.provider.replaceNULs()
        for text in texts { record[keyPath: text]?.replaceNULs() }
        return record
    }
}

extension Optional<String> {
    fileprivate var hasNUL: Bool { self?.hasNUL ?? false }
}

extension String {
    fileprivate var hasNUL: Bool {
        utf8.withContiguousStorageIfAvailable { bytes in bytes.contains(0) } ?? utf8.contains(0)
    }

    fileprivate mutating func replaceNULs() {
        guard hasNUL else { return }
        self = String(String.UnicodeScalarView(unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 }))
    }
}

/// `api_cost_tracking`: rows to records. The other way is ``CostInsertion``.
enum CostRows {
    /// In the order in which ``CostInsertion`` binds them.
    static let columns = [
        "id", "workspaceId", "userId", "apiProvider", "endpoint", "operation", "cost", "tokensUsed", "entityType", "entityId",
        "requestData",
        "success", "errorMessage", "createdAt", "basis", "priceVersion", "estimate", "reportedCost", "status", "cache", "durationMs",
        "saved", "found",
    ]

    static let list = columns.map { "\"\($0)\"" }.joined(separator: ", ")

    /// One call's record. Its day and its once key, which are no columns of the row, come from the tables that they are the keys of.
    static func record(_ id: CallID, _ workspace: String, in database: Database) throws -> CostRecord? {
        let statement = try database.cachedStatement(
            sql: "SELECT \(list) FROM \"api_cost_tracking\" WHERE \"id\" = ? AND \"workspaceId\" = ?")
        guard let row = try Row.fetchOne(statement, arguments: [id.description, workspace]) else { return nil }
        var record = try record(row)
        let createdAt = try row.required(13, as: String.self)
        let day = try String.fetchOne(
            database, sql: #"SELECT max("day") FROM "cost_rollups" WHERE "workspaceId" = ? AND "day" <= ?"#,
            arguments: [workspace, createdAt])
        if let day { record.day = try Timestamp(fixedText: day) }
        record.onceKey = try String.fetchOne(
            database, sql: #"SELECT "value" FROM "once_charges" WHERE "id" = ? AND "workspaceId" = ?"#,
            arguments: [id.description, workspace])
        return record
    }

    /// Rows, the newest first.
    static func rows(_ query: CallQuery, in database: Database) throws -> [LedgerRow] {
        let sql = selection(query)
        return try Row.fetchAll(database, sql: sql.text, arguments: sql.arguments).map { row in
            LedgerRow(id: try row.required(0), record: try record(row))
        }
    }

    /// The statement of ``rows(_:in:)``, which reads one index backwards: that of instants or, for a workspace, that of its instants. A plus keeps the
    /// planner from the indexes of a provider alone, which would sort all its rows.
    static func selection(_ query: CallQuery) -> (text: String, arguments: StatementArguments) {
        var conditions: [String] = []
        var arguments: StatementArguments = []
        func add(_ condition: String, _ value: (any DatabaseValueConvertible)?) {
            guard let value else { return }
            conditions.append(condition)
            arguments += [value]
        }
        add(#""workspaceId" = ?"#, query.workspace)
        add(#"+"apiProvider" = ?"#, query.provider)
        add(#"+"operation" = ?"#, query.operation)
        add(#"+"status" = ?"#, query.status)
        add(#""createdAt" >= ?"#, query.from?.fixedBoundary)
        add(#""createdAt" < ?"#, query.until?.fixedBoundary)
        if let place = query.after {
            conditions.append(#"("createdAt", "id") < (?, ?)"#)
            arguments += [place.createdAt.fixedBoundary, place.id]
        }
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        arguments += [query.limit]
        return ("SELECT \(list) FROM \"api_cost_tracking\"\(condition) ORDER BY \"createdAt\" DESC, \"id\" DESC LIMIT ?", arguments)
    }

    /// The columns of a row; its day and its once key are not among them.
    private static func record(_ row: Row) throws -> CostRecord {
        let cost = try Money(column: row.required(6))
        let createdAt = try Timestamp(fixedText: row.required(13))
        return CostRecord(
            id: CallID(try row.required(0, as: String.self)) ?? CallID(high: 0, low: 0), workspace: try row.required(1),
            user: try row.optional(2), provider: try row.required(3), endpoint: try row.optional(4),
            operation: try row.optional(5), cost: cost,
            basis: try row.optional(14, as: String.self).flatMap(CostBasis.init(rawValue:)) ?? .table, priceVersion: try row.optional(15),
            estimate: try row.optional(16, as: String.self).map { try Money(column: $0) } ?? cost,
            reportedCost: try row.optional(17, as: String.self).map { try Money(column: $0) }, status: try row.optional(18),
            cache: try row.optional(19, as: String.self).flatMap(CacheOutcome.init(rawValue:)) ?? .none,
            saved: try row.optional(21, as: String.self).map { try Money(column: $0) }, found: try row.optional(22),
            duration: try row.optional(20),
            tokens: try row.optional(7), entityType: try row.optional(8), entityID: try row.optional(9), requestData: try row.optional(10),
            success: try row.required(11), errorMessage: try row.optional(12), createdAt: createdAt, day: createdAt)
    }
}
