package import GatewayCore

extension PostgresLedger {
    package func add(_ entry: AuditEntry) async throws(LedgerError) {
        try await write { _ = try $0.run([AuditColumns.insertion(entry)]) }
    }

    package func auditEntries(since instant: Timestamp?, before id: CallID?, limit: Int) async throws(LedgerError) -> [AuditEntry] {
        try await reader.use { connection in
            let rows = try connection.run(
                """
                SELECT "id", \(SQL.microseconds("\"createdAt\"")), "kind", "subject", "before", "after", "origin", "gatewayId" FROM "audit_log"
                WHERE "id" >= $1 AND "id" < $2 AND ($3::timestamptz IS NULL OR "createdAt" >= $3) ORDER BY "id" DESC LIMIT $4::bigint
                """, PostgresParameter(instant.map { CallID.first(at: $0).description } ?? ""),
                // Behind every id, whose first character is a digit up to 7.
                PostgresParameter(id?.description ?? "8"), PostgresParameter(instant: instant), PostgresParameter(Int64(limit)))
            return try (0..<rows.count).map { row in
                guard let id = CallID(try rows.required(row, 0)), let kind = AuditEntry.Kind(rawValue: try rows.required(row, 2)) else {
                    throw PostgresFailure(message: "an entry of the audit holds what no gateway writes")
                }
                let mark = ChangeMark(
                    id: id, instant: Timestamp(microseconds: try rows.requiredInt64(row, 1)), origin: try rows.required(row, 6),
                    gateway: rows.text(row, 7))
                return AuditEntry(mark, kind, of: try rows.required(row, 3), before: rows.text(row, 4), after: rows.text(row, 5))
            }
        }
    }
}

/// `audit_log`: an entry as the parameters of a statement.
enum AuditColumns {
    static let list = #""id", "createdAt", "kind", "subject", "before", "after", "origin", "gatewayId""#

    static func parameters(_ entry: AuditEntry) -> [PostgresParameter] {
        [
            PostgresParameter(entry.mark.id.description), PostgresParameter(entry.mark.instant), PostgresParameter(entry.kind.rawValue),
            PostgresParameter(entry.subject), PostgresParameter(entry.before), PostgresParameter(entry.after),
            PostgresParameter(entry.mark.origin), PostgresParameter(entry.mark.gateway),
        ]
    }

    /// Writes an entry; the same once more changes nothing.
    static func insertion(_ entry: AuditEntry) -> PostgresStatement {
        PostgresStatement(
            "INSERT INTO \"audit_log\" (\(list)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            parameters: parameters(entry))
    }
}
