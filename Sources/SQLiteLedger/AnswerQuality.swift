import GRDB
package import GatewayCore

extension SQLiteLedger {
    package func quality(since: Timestamp, limit: Int) async throws(LedgerError) -> QualityReport {
        try await read { database in
            // Rows name their grades or they do not: most need not be parsed.
            let grades = QualityGrade.allCases.map {
                #", coalesce(sum(CASE WHEN instr("requestData", '"grades":') > 0 THEN json_extract("requestData", '$.grades.\#($0.rawValue)') END), 0)"#
            }
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT "apiProvider", count(*), coalesce(sum("success"), 0), sum("status" IS NULL), sum("basis" IS 'estimate'),
                        sum("saved" IS NOT NULL), coalesce(sum(CASE WHEN "saved" IS NULL THEN "durationMs" END), 0), min("createdAt")
                        \(grades.joined())
                    FROM (SELECT * FROM "api_cost_tracking" WHERE "createdAt" >= ? ORDER BY "createdAt" DESC LIMIT ?)
                    GROUP BY "apiProvider" ORDER BY "apiProvider"
                    """, arguments: [since.fixedBoundary, limit])
            var report = QualityReport(providers: [], examined: 0, oldest: nil)
            for row in rows {
                var quality = ProviderQuality(provider: try row.required(0))
                quality.calls = try row.required(1)
                quality.succeeded = try row.required(2)
                quality.unanswered = try row.required(3)
                quality.estimated = try row.required(4)
                quality.shared = try row.required(5)
                quality.duration = try row.required(6)
                let oldest = try Timestamp(fixedText: row.required(7))
                for (index, grade) in QualityGrade.allCases.enumerated() { quality.grades[grade] = try row.required(8 + index) }
                report.providers.append(quality)
                report.examined += quality.calls
                report.oldest = min(report.oldest ?? oldest, oldest)
            }
            return report
        }
    }
}
