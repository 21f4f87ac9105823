import GRDB
import GatewayCore

/// What budgets are rebuilt from.
enum DailySums {
    private struct Key: Hashable {
        var workspace: String
        var day: String
        var provider: String
        var user: String
    }

    /// From rollups: the days that begin at or after an instant.
    static func fetch(since: Timestamp, in database: Database) throws -> [DailySum] {
        var sums: [Key: Money] = [:]
        let cursor = try Row.fetchCursor(
            database, sql: #"SELECT "workspaceId", "day", "apiProvider", "userId", "costNanos" FROM "cost_rollups" WHERE "day" >= ?"#,
            arguments: [since.fixedBoundary])
        while let row = try cursor.next() {
            let key = try Key(workspace: row.required(0), day: row.required(1), provider: row.required(2), user: row.required(3))
            sums[key, default: .zero] += Money(nanos: try row.required(4))
        }
        return try sums.map { key, cost in
            DailySum(
                workspace: key.workspace, day: try Timestamp(fixedText: key.day), provider: key.provider,
                user: key.user.isEmpty ? nil : key.user, cost: cost)
        }
    }

    /// From rows: what was reserved from one instant to another, exactly. The day of each sum is `since`.
    static func fetch(workspace: String, since: Timestamp, until: Timestamp, in database: Database) throws -> [DailySum] {
        var sums: [Key: Money] = [:]
        let cursor = try Row.fetchCursor(
            database,
            sql: """
                SELECT "apiProvider", "userId", "cost" FROM "api_cost_tracking" WHERE "workspaceId" = ? AND "createdAt" >= ? AND "createdAt" < ?
                """, arguments: [workspace, since.fixedBoundary, until.fixedBoundary])
        while let row = try cursor.next() {
            let key = try Key(workspace: workspace, day: "", provider: row.required(0), user: row.optional(1) ?? "")
            sums[key, default: .zero] += try Money(column: row.required(2))
        }
        return sums.map { key, cost in
            DailySum(workspace: workspace, day: since, provider: key.provider, user: key.user.isEmpty ? nil : key.user, cost: cost)
        }
    }
}
