package import GatewayCore

extension PostgresLedger {
    package func worths(since: Timestamp, of operations: [OperationName], limit: Int) async throws(LedgerError) -> WorthReport {
        try await reader.use { connection in
            let newest = #"FROM "api_cost_tracking" WHERE "createdAt" >= $1 ORDER BY "createdAt" DESC LIMIT $2"#
            let bounds = [PostgresParameter(since), PostgresParameter(Int64(limit))]
            var (providers, names) = (PostgresArray(), PostgresArray())
            for operation in operations {
                providers.append(operation.provider)
                names.append(operation.operation)
            }
            let answers = try connection.run([
                PostgresStatement(
                    "SELECT count(*), \(SQL.microseconds("min(\"createdAt\")")) FROM (SELECT \"createdAt\" \(newest)) AS newest",
                    parameters: bounds),
                PostgresStatement(
                    """
                    SELECT "apiProvider", "operation", ("requestData" -> 'answer')::text, count(*),
                        \(SQL.bounded("sum(\"cost\") * 1000000000")), \(SQL.bounded("sum(coalesce(\"durationMs\", 0))"))
                    FROM (SELECT "apiProvider", "operation", "cost", "durationMs", "saved", "requestData" \(newest)) AS newest
                    WHERE ("apiProvider", "operation") IN (SELECT * FROM unnest($3::text[], $4::text[])) AND "saved" IS NULL
                        AND "requestData" -> 'answer' IS NOT NULL
                    GROUP BY 1, 2, 3
                    """, parameters: bounds + [PostgresParameter(providers), PostgresParameter(names)]),
            ])
            var report = WorthReport(
                sums: [], examined: try answers[0].requiredInt64(0, 0),
                oldest: try answers[0].int64(0, 1).map { Timestamp(microseconds: $0) })
            let rows = answers[1]
            for row in 0..<rows.count {
                // What an application has written there, in its own rows, may be anything.
                guard let worth = AnswerWorth(json: try rows.required(row, 2)) else { continue }
                report.sums.append(
                    WorthSum(
                        operation: OperationName(provider: try rows.required(row, 0), operation: try rows.required(row, 1)), worth: worth,
                        calls: try rows.requiredInt64(row, 3), cost: Money(nanos: try rows.requiredInt64(row, 4)),
                        duration: try rows.requiredInt64(row, 5)))
            }
            return report
        }
    }
}
