import GatewayCore

/// What has been spent, from rollups where they suffice and from rows where an entity is asked for.
///
/// Both count whole days of the workspace: those that begin at or after `from` and before `until`. A row has no column for its day;
/// it is the last one at or before the row's instant that the workspace has a rollup of, since every row has its part in one.
struct SpendSums {
    private let query: SpendQuery
    private var parameters: [PostgresParameter] = []

    init(_ query: SpendQuery) {
        self.query = query
    }

    mutating func rows(_ connection: PostgresConnection) throws(PostgresFailure) -> [SpendRow] {
        let isByEntity = query.entityType != nil || query.entityID != nil || query.by.contains(.entity)
        let sql = isByEntity ? sqlOverRows() : sqlOverRollups()
        let answer = try connection.run([PostgresStatement(sql, parameters: parameters)])[0]
        var rows: [SpendRow] = []
        for row in 0..<answer.count {
            rows.append(
                SpendRow(
                    workspace: try answer.required(row, 0), provider: answer.text(row, 1), operation: answer.text(row, 2),
                    day: try answer.int64(row, 3).map { Timestamp(microseconds: $0) }, user: answer.text(row, 4),
                    entityType: answer.text(row, 5), entityID: answer.text(row, 6), sums: try CallSums(answer, row, from: 7)))
        }
        return rows
    }

    private mutating func sqlOverRollups() -> String {
        let conditions = [
            "\"day\" >= \(parameter(.init(query.from)))", "\"day\" < \(parameter(.init(query.until)))",
            equals("workspaceId", query.workspace),
        ]
        return statement(
            operation: "nullif(\"operation\", '')", user: "nullif(\"userId\", '')", entity: ("NULL", "NULL"), day: "\"day\"",
            sums: RollupColumns.overRollups, from: "\"cost_rollups\"", conditions)
    }

    private mutating func sqlOverRows() -> String {
        // A day that begins just before `until` goes on for up to 25 hours and, where a zone changes its offset, a little more.
        let last = query.until < Timestamp.calendar.upperBound ? query.until.adding(seconds: 172_800) : query.until
        let conditions = [
            "\"createdAt\" >= \(parameter(.init(query.from)))", "\"createdAt\" < \(parameter(.init(last)))",
            "counted.day >= \(parameter(.init(query.from)))", "counted.day < \(parameter(.init(query.until)))",
            equals("workspaceId", query.workspace), equals("entityType", query.entityType), equals("entityId", query.entityID),
        ]
        return statement(
            operation: "\"operation\"", user: "\"userId\"", entity: ("\"entityType\"", "\"entityId\""), day: "counted.day",
            sums: RollupColumns.overRows,
            from: """
                "api_cost_tracking" AS spent CROSS JOIN LATERAL (
                    SELECT coalesce(
                        (SELECT max("day") FROM "cost_rollups" WHERE "workspaceId" = spent."workspaceId" AND "day" <= spent."createdAt"),
                        spent."createdAt") AS day
                ) AS counted
                """, conditions)
    }

    private func statement(
        operation: String, user: String, entity: (type: String, id: String), day: String, sums: String, from: String,
        _ conditions: [String?]
    ) -> String {
        func asked(_ dimension: SpendQuery.Dimension, _ expression: String) -> String {
            query.by.contains(dimension) ? expression : "NULL"
        }
        let keys = [
            query.isTogether ? "''::text" : "\"workspaceId\"", asked(.provider, "\"apiProvider\""), asked(.operation, operation),
            asked(.day, SQL.microseconds(day)),
            asked(.user, user), asked(.entity, entity.type), asked(.entity, entity.id),
        ]
        let grouped = keys.indices.filter { keys[$0] != "NULL" }.map { String($0 + 1) }.joined(separator: ", ")
        // In the order of the asked dimensions' values, absent ones first.
        let order = [0, 3, 1, 2, 4, 5, 6].filter { keys[$0] != "NULL" }.map { "\($0 + 1) NULLS FIRST" }.joined(separator: ", ")
        return """
            SELECT \(keys.joined(separator: ", ")), \(sums)
            FROM \(from) WHERE \(conditions.compactMap { $0 }.joined(separator: " AND ")) GROUP BY \(grouped) ORDER BY \(order)
            """
    }

    private mutating func equals(_ column: String, _ value: String?) -> String? {
        guard let value else { return nil }
        return "\"\(column)\" = \(parameter(PostgresParameter(value)))"
    }

    private mutating func parameter(_ value: PostgresParameter) -> String {
        parameters.append(value)
        return "$\(parameters.count)"
    }
}
