import GRDB
import GatewayCore

/// What has been spent, from rollups where they suffice and from rows where an entity is asked for.
///
/// Both count whole days of the workspace: those that begin at or after `from` and before `until`. A row has no column for its day;
/// it is the last one at or before the row's instant that the workspace has a rollup of, since every row has its part in one.
/// Sums are made here and not in SQL, so that they are exact and stop at the ends of their range instead of failing.
struct SpendSums {
    private struct Key: Hashable {
        var workspace: String
        var provider: String?
        var operation: String?
        var day: String?
        var user: String?
        var entityType: String?
        var entityID: String?
    }

    private let query: SpendQuery
    private let by: Set<SpendQuery.Dimension>
    private var sums: [Key: CallSums] = [:]

    static func rows(_ query: SpendQuery, in database: Database) throws -> [SpendRow] {
        var sums = SpendSums(query)
        if query.entityType != nil || query.entityID != nil || query.by.contains(.entity) {
            try sums.addRows(of: database)
        } else {
            try sums.addRollups(of: database)
        }
        return try sums.rows()
    }

    private init(_ query: SpendQuery) {
        self.query = query
        by = Set(query.by)
    }

    private mutating func addRollups(of database: Database) throws {
        var sql = """
            SELECT "workspaceId", "apiProvider", "operation", "day", "userId", \(CallSums.columns.map { "\"\($0.name)\"" }.joined(separator: ", "))
            FROM "cost_rollups"
            """
        if query.isTogether {
            // Of many workspaces there are very many rollups: the database adds them up, in two halves, whose sums do not reach their range's end.
            let asked = [(SpendQuery.Dimension.provider, "apiProvider"), (.operation, "operation"), (.day, "day"), (.user, "userId")].map {
                by.contains($0) ? "\"\($1)\"" : "''"
            }
            let sums = CallSums.columns.map { "sum(\"\($0.name)\" / \(Self.half)), sum(\"\($0.name)\" % \(Self.half))" }
            sql = #"SELECT '', \#((asked + sums).joined(separator: ", ")) FROM "cost_rollups""#
        }
        sql += #" WHERE "day" >= ? AND "day" < ?"#
        var arguments: StatementArguments = [query.from.fixedBoundary, query.until.fixedBoundary]
        if let workspace = query.workspace {
            sql += #" AND "workspaceId" = ?"#
            arguments += [workspace]
        }
        if query.isTogether { sql += " GROUP BY 2, 3, 4, 5" }
        let cursor = try Row.fetchCursor(database, sql: sql, arguments: arguments)
        while let row = try cursor.next() {
            let (operation, user) = try (row.required(2, as: String.self), row.required(4, as: String.self))
            let key = try Key(
                workspace: row.required(0), provider: by.contains(.provider) ? row.required(1) : nil,
                operation: by.contains(.operation) && !operation.isEmpty ? operation : nil, day: by.contains(.day) ? row.required(3) : nil,
                user: by.contains(.user) && !user.isEmpty ? user : nil)
            sums[key, default: CallSums()] += query.isTogether ? try Self.halves(row) : try CallSums(row, from: 5)
        }
    }

    private static func halves(_ row: Row) throws -> CallSums {
        var sums = CallSums()
        for (index, column) in CallSums.columns.enumerated() {
            let high = try Int128(row.required(5 + 2 * index, as: Int64.self))
            sums[keyPath: column.value] = try Int64(
                clamping: high * Int128(Self.half) + Int128(row.required(6 + 2 * index, as: Int64.self)))
        }
        return sums
    }

    private static let half: Int64 = 1_000_000_000

    private mutating func addRows(of database: Database) throws {
        var days = WorkspaceDays()
        var sql = """
            SELECT "workspaceId", "apiProvider", "operation", "createdAt", "userId", "entityType", "entityId", "cost", "tokensUsed", "saved",
                "reportedCost", "found"
            FROM "api_cost_tracking" WHERE "createdAt" >= ? AND "createdAt" < ?
            """
        // A day that begins just before `until` goes on for up to 25 hours and, where a zone changes its offset, a little more.
        let last = Timestamp(microseconds: min(query.until.microseconds, .max - 172_800_000_000)).adding(seconds: 172_800)
        var arguments: StatementArguments = [query.from.fixedBoundary, last.fixedBoundary]
        for (column, value) in [("workspaceId", query.workspace), ("entityType", query.entityType), ("entityId", query.entityID)] {
            guard let value else { continue }
            sql += " AND \"\(column)\" = ?"
            arguments += [value]
        }
        let (from, until) = (query.from.fixedBoundary, query.until.fixedBoundary)
        let cursor = try Row.fetchCursor(database, sql: sql, arguments: arguments)
        while let row = try cursor.next() {
            let (workspace, createdAt) = try (row.required(0, as: String.self), row.required(3, as: String.self))
            let day = try days.day(of: createdAt, workspace, in: database)
            guard day >= from, day < until else { continue }
            let key = try Key(
                workspace: query.isTogether ? "" : workspace, provider: by.contains(.provider) ? row.required(1) : nil,
                operation: by.contains(.operation) ? row.optional(2) : nil,
                day: by.contains(.day) ? day : nil, user: by.contains(.user) ? row.optional(4) : nil,
                entityType: by.contains(.entity) ? row.optional(5) : nil, entityID: by.contains(.entity) ? row.optional(6) : nil)
            func amount(_ column: Int) throws -> Money? { try row.optional(column, as: String.self).map { try Money(column: $0) } }
            sums[key, default: CallSums()] += try CallSums(
                cost: Money(column: row.required(7)), tokens: row.optional(8), saved: amount(9), reported: amount(10),
                found: row.optional(11))
        }
    }

    /// In the order of the asked dimensions' values, absent ones first.
    private func rows() throws -> [SpendRow] {
        let order: (Key) -> [String] = { key in
            [key.workspace, key.day, key.provider, key.operation, key.user, key.entityType, key.entityID].map { $0 ?? "" }
        }
        return try sums.sorted { order($0.key).lexicographicallyPrecedes(order($1.key)) }.map { key, sum in
            SpendRow(
                workspace: key.workspace, provider: key.provider, operation: key.operation,
                day: try key.day.map { try Timestamp(fixedText: $0) }, user: key.user, entityType: key.entityType, entityID: key.entityID,
                sums: sum)
        }
    }
}

/// The days that workspaces have rollups of.
private struct WorkspaceDays {
    private var days: [String: [String]] = [:]

    /// The start of the day in which a row of a workspace was counted.
    mutating func day(of createdAt: String, _ workspace: String, in database: Database) throws -> String {
        if days[workspace] == nil {
            days[workspace] = try String.fetchAll(
                database, sql: #"SELECT DISTINCT "day" FROM "cost_rollups" WHERE "workspaceId" = ? ORDER BY "day""#, arguments: [workspace])
        }
        let all = days[workspace] ?? []
        var (low, high) = (0, all.count)
        while low < high {
            let middle = (low + high) / 2
            if all[middle] <= createdAt { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? all[low - 1] : createdAt
    }
}
