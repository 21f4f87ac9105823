import GRDB
package import GatewayCore

extension SQLiteLedger {
    package func budgets(after version: Int64) async throws(LedgerError) -> StoredBudgets? {
        try await read { database in
            let last = try Int64.fetchOne(database, sql: #"SELECT max("version") FROM "workspace_budgets""#) ?? 0
            guard last != version else { return nil }
            var stored = StoredBudgets(version: last)
            for row in try Row.fetchAll(database, sql: #"SELECT "workspaceId", "budget" FROM "workspace_budgets""#) {
                stored.texts[try row.required(0)] = try row.required(1, as: String.self)
            }
            return stored
        }
    }

    package func setBudget(_ text: String, of workspace: String, _ mark: ChangeMark) async throws(LedgerError) {
        try await write { database in
            let before = try String.fetchOne(
                database, sql: #"SELECT "budget" FROM "workspace_budgets" WHERE "workspaceId" = ?"#, arguments: [workspace])
            guard before != text else { return }
            try database.execute(
                sql: """
                    INSERT INTO "workspace_budgets" ("workspaceId", "budget", "version")
                    VALUES (?, ?, (SELECT coalesce(max("version"), 0) + 1 FROM "workspace_budgets"))
                    ON CONFLICT ("workspaceId") DO UPDATE SET "budget" = excluded."budget", "version" = excluded."version"
                    """, arguments: [workspace, text])
            try Self.write(AuditEntry(mark, .budget, of: workspace, before: before, after: text), in: database)
        }
    }
}
