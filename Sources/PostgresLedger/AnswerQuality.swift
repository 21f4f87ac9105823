package import GatewayCore

extension PostgresLedger {
    package func quality(since: Timestamp, limit: Int) async throws(LedgerError) -> QualityReport {
        try await reader.use { connection in
            let grades = QualityGrade.allCases.map {
                ", coalesce(sum((\"requestData\" #>> '{grades,\($0.rawValue)}')::bigint), 0)::bigint"
            }
            let rows = try connection.run(
                """
                SELECT "apiProvider", count(*), count(*) FILTER (WHERE "success"), count(*) FILTER (WHERE "status" IS NULL),
                    count(*) FILTER (WHERE "basis" = 'estimate'), count(*) FILTER (WHERE "saved" IS NOT NULL),
                    coalesce(sum("durationMs") FILTER (WHERE "saved" IS NULL), 0)::bigint, \(SQL.microseconds("min(\"createdAt\")"))
                    \(grades.joined())
                FROM (SELECT * FROM "api_cost_tracking" WHERE "createdAt" >= $1 ORDER BY "createdAt" DESC LIMIT $2) AS newest
                GROUP BY 1 ORDER BY 1
                """, PostgresParameter(since), PostgresParameter(Int64(limit)))
            var report = QualityReport(providers: [], examined: 0, oldest: nil)
            for row in 0..<rows.count {
                var quality = ProviderQuality(provider: try rows.required(row, 0))
                quality.calls = try rows.requiredInt64(row, 1)
                quality.succeeded = try rows.requiredInt64(row, 2)
                quality.unanswered = try rows.requiredInt64(row, 3)
                quality.estimated = try rows.requiredInt64(row, 4)
                quality.shared = try rows.requiredInt64(row, 5)
                quality.duration = try rows.requiredInt64(row, 6)
                let oldest = Timestamp(microseconds: try rows.requiredInt64(row, 7))
                for (index, grade) in QualityGrade.allCases.enumerated() {
                    quality.grades[grade] = try rows.requiredInt64(row, 8 + index)
                }
                report.providers.append(quality)
                report.examined += quality.calls
                report.oldest = min(report.oldest ?? oldest, oldest)
            }
            return report
        }
    }
}
