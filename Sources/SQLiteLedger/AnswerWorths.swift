import GRDB
package import GatewayCore

extension SQLiteLedger {
    package func worths(since: Timestamp, of operations: [OperationName], limit: Int) async throws(LedgerError) -> WorthReport {
        try await read { database in
            struct Key: Hashable {
                var operation: OperationName
                var worth: AnswerWorth
            }
            let newest = #"FROM "api_cost_tracking" WHERE "createdAt" >= ? ORDER BY "createdAt" DESC LIMIT ?"#
            let bounds: StatementArguments = [since.fixedBoundary, limit]
            let looked = try Row.fetchOne(
                database, sql: #"SELECT count(*), min("createdAt") FROM (SELECT "createdAt" \#(newest))"#, arguments: bounds)
            var report = WorthReport(sums: [], examined: try looked?.required(0) ?? 0, oldest: nil)
            if let oldest = try looked?.optional(1, as: String.self) { report.oldest = try Timestamp(fixedText: oldest) }
            guard !operations.isEmpty else { return report }
            // Amounts are texts, which are added up here. Most rows do not say what they are worth, and need not be parsed.
            let cursor = try Row.fetchCursor(
                database,
                sql: """
                    SELECT "apiProvider", "operation", "cost", coalesce("durationMs", 0), json_extract("requestData", '$.answer')
                    FROM (SELECT "apiProvider", "operation", "cost", "durationMs", "saved", "requestData" \(newest))
                    WHERE ("apiProvider", "operation") IN (VALUES \(operations.map { _ in "(?, ?)" }.joined(separator: ", "))) AND "saved" IS NULL
                        AND CASE WHEN instr("requestData", '"answer":') > 0 AND json_valid("requestData")
                            THEN json_type("requestData", '$.answer') IN ('object', 'null') END
                    """, arguments: bounds + StatementArguments(operations.flatMap { [$0.provider, $0.operation] }))
            var sums: [Key: WorthSum] = [:]
            while let row = try cursor.next() {
                guard let worth = try AnswerWorth(json: row.optional(4) ?? "null") else { continue }
                let key = try Key(operation: OperationName(provider: row.required(0), operation: row.required(1)), worth: worth)
                let empty = WorthSum(operation: key.operation, worth: worth, calls: 0, cost: .zero, duration: 0)
                sums[key, default: empty].add(try Money(column: row.required(2)), try row.required(3))
            }
            report.sums = Array(sums.values)
            return report
        }
    }
}

extension WorthSum {
    fileprivate mutating func add(_ cost: Money, _ duration: Int64) {
        calls += 1
        self.cost += cost
        self.duration.add(saturating: duration)
    }
}
