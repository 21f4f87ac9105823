package import GatewayCore

extension PostgresLedger {
    package func budgets(after version: Int64) async throws(LedgerError) -> StoredBudgets? {
        try await lookups.use { connection in
            let last = try connection.run(#"SELECT coalesce(max("version"), 0) FROM "workspace_budgets""#).requiredInt64(0, 0)
            guard last != version else { return nil }
            let rows = try connection.run(
                #"SELECT "workspaceId", "budget", max("version") OVER () FROM "workspace_budgets""#)
            var stored = StoredBudgets(version: try rows.count > 0 ? rows.requiredInt64(0, 2) : 0)
            for row in 0..<rows.count { stored.texts[try rows.required(row, 0)] = try rows.required(row, 1) }
            return stored
        }
    }

    package func setBudget(_ text: String, of workspace: String, _ mark: ChangeMark) async throws(LedgerError) {
        let entry = AuditColumns.parameters(AuditEntry(mark, .budget, of: workspace, before: nil, after: text))
        try await reader.use { connection in
            _ = try connection.run([
                // So that versions become visible in their order, and what was there before is what the audit says.
                AccountLock.ofBudgets,
                PostgresStatement(
                    """
                    WITH "old" AS MATERIALIZED (SELECT "budget" FROM "workspace_budgets" WHERE "workspaceId" = $4),
                    "changed" AS (
                        INSERT INTO "workspace_budgets" ("workspaceId", "budget", "version")
                        SELECT $4, $6, (SELECT coalesce(max("version"), 0) + 1 FROM "workspace_budgets")
                        WHERE $6 IS DISTINCT FROM (SELECT "budget" FROM "old")
                        ON CONFLICT ("workspaceId") DO UPDATE SET "budget" = excluded."budget", "version" = excluded."version"
                        RETURNING "workspaceId"
                    )
                    INSERT INTO "audit_log" (\(AuditColumns.list))
                    SELECT $1, $2, $3, $4, coalesce($5, (SELECT "budget" FROM "old")), $6, $7, $8 FROM "changed"
                    """, parameters: entry),
            ])
        }
    }
}
