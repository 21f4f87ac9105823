import GRDB
package import GatewayCore

extension SQLiteLedger {
    package func add(_ entry: AuditEntry) async throws(LedgerError) {
        try await write { try Self.write(entry, in: $0) }
    }

    package func auditEntries(since instant: Timestamp?, before id: CallID?, limit: Int) async throws(LedgerError) -> [AuditEntry] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT "id", "createdAt", "kind", "subject", "before", "after", "origin", "gatewayId" FROM "audit_log"
                    WHERE "id" >= ? AND "id" < ? AND "createdAt" >= ? ORDER BY "id" DESC LIMIT ?
                    """,
                arguments: [
                    instant.map { CallID.first(at: $0).description } ?? "", id?.description ?? "~", instant?.fixedBoundary ?? "", limit,
                ]
            ).map { row in
                guard let id = CallID(try row.required(0, as: String.self)), let kind = AuditEntry.Kind(rawValue: try row.required(2))
                else {
                    throw MalformedRow(description: "an entry of the audit holds what no gateway writes")
                }
                let mark = ChangeMark(
                    id: id, instant: try Timestamp(fixedText: row.required(1)), origin: try row.required(6), gateway: try row.optional(7))
                return try AuditEntry(mark, kind, of: row.required(3), before: row.optional(4), after: row.optional(5))
            }
        }
    }

    /// Writes an entry in the transaction of its change; the same once more changes nothing.
    static func write(_ entry: AuditEntry, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO "audit_log" ("id", "createdAt", "kind", "subject", "before", "after", "origin", "gatewayId")
                SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS (SELECT 1 FROM "audit_log" WHERE "id" = ?1)
                """,
            arguments: [
                entry.mark.id.description, entry.mark.instant.fixedBoundary, entry.kind.rawValue, entry.subject, entry.before, entry.after,
                entry.mark.origin, entry.mark.gateway,
            ])
    }
}
