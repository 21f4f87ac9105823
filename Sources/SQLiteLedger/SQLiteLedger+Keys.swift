import GRDB
package import GatewayCore

extension SQLiteLedger {
    package func add(_ key: CallerKey, _ mark: ChangeMark) async throws(LedgerError) {
        try await write { database in
            let columns = key.permissions.columns
            try database.execute(
                sql: """
                    INSERT INTO "caller_keys" ("id", "workspaceId", "name", "digest", "createdAt", "expiresAt", "revokedAt", "lastUsedAt",
                        "providers", "operations", "requestsPerSecond", "change") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    key.id.description, key.workspace, key.name, key.digest.hexadecimal, key.createdAt.fixedBoundary,
                    key.expiresAt?.fixedBoundary, key.revokedAt?.fixedBoundary, key.lastUsedAt?.fixedBoundary, columns.providers,
                    columns.operations, columns.rate, try Self.nextChange(in: database),
                ])
            try Self.write(AuditEntry(mark, key: key), in: database)
        }
    }

    package func revokeKey(_ id: CallID, _ mark: ChangeMark) async throws(LedgerError) -> CallerKey? {
        try await write { database in
            guard let key = try Self.keys(#"WHERE "id" = ?"#, [id.description], in: database).first else { return nil }
            guard key.revokedAt == nil else { return key }
            var revoked = key
            revoked.revokedAt = mark.instant
            try database.execute(
                sql: #"UPDATE "caller_keys" SET "revokedAt" = ?, "change" = ? WHERE "id" = ?"#,
                arguments: [mark.instant.fixedBoundary, try Self.nextChange(in: database), id.description])
            try Self.write(AuditEntry(mark, key: revoked, before: key), in: database)
            return revoked
        }
    }

    package func keys(changedAfter change: Int64) async throws(LedgerError) -> (keys: [CallerKey], change: Int64) {
        try await read { database in
            let last = try Int64.fetchOne(database, sql: #"SELECT "last" FROM "change_counters" WHERE "name" = 'keys'"#) ?? 0
            guard last > change else { return ([], last) }
            return (try Self.keys(#"WHERE "change" > ?"#, [change], in: database), last)
        }
    }

    package func keys(workspace: String?, after id: CallID?, limit: Int) async throws(LedgerError) -> [CallerKey] {
        try await read { database in
            try Self.keys(
                #"WHERE "id" > ? AND (?2 IS NULL OR "workspaceId" = ?2) ORDER BY "id" LIMIT ?3"#,
                [id?.description ?? "", workspace, limit], in: database)
        }
    }

    package func noteUse(_ uses: [CallID: Timestamp]) async throws(LedgerError) {
        try await write { database in
            for (id, instant) in uses {
                try database.execute(
                    sql: #"UPDATE "caller_keys" SET "lastUsedAt" = ?1 WHERE "id" = ?2 AND ("lastUsedAt" IS NULL OR "lastUsedAt" < ?1)"#,
                    arguments: [instant.fixedBoundary, id.description])
            }
        }
    }

    private static func nextChange(in database: Database) throws -> Int64 {
        let number = try Int64.fetchOne(
            database,
            sql: """
                INSERT INTO "change_counters" ("name", "last") VALUES ('keys', 1)
                ON CONFLICT ("name") DO UPDATE SET "last" = "last" + 1 RETURNING "last"
                """)
        guard let number else { throw MalformedRow(description: "a change has no number") }
        return number
    }

    private static func keys(_ condition: String, _ arguments: StatementArguments, in database: Database) throws -> [CallerKey] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT "id", "workspaceId", "name", "digest", "createdAt", "expiresAt", "revokedAt", "lastUsedAt", "providers", "operations",
                    "requestsPerSecond" FROM "caller_keys" \(condition)
                """, arguments: arguments
        ).map { row in
            let permissions = try CallerKey.Permissions(
                providers: row.optional(8), operations: row.optional(9), rate: row.optional(10))
            guard let id = CallID(try row.required(0, as: String.self)),
                let digest = KeyDigest(hexadecimal: try row.required(3)), let permissions
            else { throw MalformedRow(description: "a key's row holds what no gateway writes") }
            func instant(_ column: Int) throws -> Timestamp? {
                try row.optional(column, as: String.self).map { try Timestamp(fixedText: $0) }
            }
            return CallerKey(
                id: id, workspace: try row.required(1), name: try row.optional(2), digest: digest,
                createdAt: try Timestamp(fixedText: row.required(4)), expiresAt: try instant(5), revokedAt: try instant(6),
                lastUsedAt: try instant(7), permissions: permissions)
        }
    }
}
