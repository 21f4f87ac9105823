package import GatewayCore

extension PostgresLedger {
    package func add(_ key: CallerKey, _ mark: ChangeMark) async throws(LedgerError) {
        let columns = key.permissions.columns
        try await write { connection in
            _ = try connection.run([
                PostgresStatement(
                    """
                    WITH \(Self.nextChange) INSERT INTO "caller_keys" ("id", "workspaceId", "name", "digest", "createdAt", "expiresAt",
                        "revokedAt", "lastUsedAt", "providers", "operations", "requestsPerSecond", "change")
                    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "last" FROM "next"
                    """, PostgresParameter(key.id.description), PostgresParameter(key.workspace), PostgresParameter(key.name),
                    PostgresParameter(key.digest.hexadecimal), PostgresParameter(key.createdAt), PostgresParameter(instant: key.expiresAt),
                    PostgresParameter(instant: key.revokedAt), PostgresParameter(instant: key.lastUsedAt),
                    PostgresParameter(columns.providers), PostgresParameter(columns.operations), PostgresParameter(columns.rate)),
                AuditColumns.insertion(AuditEntry(mark, key: key)),
            ])
        }
    }

    package func revokeKey(_ id: CallID, _ mark: ChangeMark) async throws(LedgerError) -> CallerKey? {
        try await write { connection in
            let id = PostgresParameter(id.description)
            guard let key = try Self.keys(#"WHERE "id" = $1"#, [id], connection).first else { return nil }
            guard key.revokedAt == nil else { return key }
            var revoked = key
            revoked.revokedAt = mark.instant
            // Whoever revokes it at the same time has waited for the lock, and finds that it is done.
            try connection.run([
                PostgresStatement(
                    """
                    WITH "open" AS MATERIALIZED (
                        SELECT "id" FROM "caller_keys" WHERE "id" = $4 AND "revokedAt" IS NULL FOR UPDATE
                    ), "next" AS (
                        INSERT INTO "change_counters" AS old ("name", "last") SELECT 'keys', 1 FROM "open"
                        ON CONFLICT ("name") DO UPDATE SET "last" = old."last" + 1 RETURNING "last"
                    ), "revoked" AS (
                        UPDATE "caller_keys" SET "revokedAt" = $2, "change" = "next"."last" FROM "open", "next"
                        WHERE "caller_keys"."id" = "open"."id" RETURNING "caller_keys"."id"
                    )
                    INSERT INTO "audit_log" (\(AuditColumns.list)) SELECT $1, $2, $3, $4, $5, $6, $7, $8 FROM "revoked"
                    """, parameters: AuditColumns.parameters(AuditEntry(mark, key: revoked, before: key)))
            ])
            return try Self.keys(#"WHERE "id" = $1"#, [id], connection).first
        }
    }

    package func keys(changedAfter change: Int64) async throws(LedgerError) -> (keys: [CallerKey], change: Int64) {
        try await lookups.use { connection in
            let counter = try connection.run(#"SELECT "last" FROM "change_counters" WHERE "name" = 'keys'"#)
            let last = counter.count > 0 ? try counter.requiredInt64(0, 0) : 0
            guard last > change else { return ([], last) }
            // Changes that are committed after the look at the counter come with this one and once more with the next.
            return (try Self.keys(#"WHERE "change" > $1"#, [PostgresParameter(change)], connection), last)
        }
    }

    package func keys(workspace: String?, after id: CallID?, limit: Int) async throws(LedgerError) -> [CallerKey] {
        try await reader.use { connection in
            try Self.keys(
                #"WHERE "id" > $1 AND ($2::text IS NULL OR "workspaceId" = $2) ORDER BY "id" LIMIT $3::bigint"#,
                [PostgresParameter(id?.description ?? ""), PostgresParameter(workspace), PostgresParameter(Int64(limit))], connection)
        }
    }

    package func noteUse(_ uses: [CallID: Timestamp]) async throws(LedgerError) {
        var (ids, instants) = (PostgresArray(), PostgresArray())
        // In one order everywhere, so that gateways do not wait for each other in a circle.
        for (id, instant) in uses.sorted(by: { $0.key < $1.key }) {
            ids.append(id.description)
            instants.append(instant.rfc3339)
        }
        let parameters = [PostgresParameter(ids), PostgresParameter(instants)]
        try await write { connection in
            _ = try connection.run([
                PostgresStatement(
                    """
                    WITH "used" AS MATERIALIZED (
                        SELECT "caller_keys"."id", "at" FROM unnest($1::text[], $2::timestamptz[]) AS given ("key", "at")
                        JOIN "caller_keys" ON "caller_keys"."id" = "key" ORDER BY 1 FOR UPDATE OF "caller_keys"
                    )
                    UPDATE "caller_keys" SET "lastUsedAt" = greatest("lastUsedAt", "at") FROM "used" WHERE "caller_keys"."id" = "used"."id"
                    """, parameters: parameters)
            ])
        }
    }

    /// A part of a statement that takes the next number of a change and keeps others from it until the transaction's end.
    private static let nextChange = """
        "next" AS (
            INSERT INTO "change_counters" AS old ("name", "last") VALUES ('keys', 1)
            ON CONFLICT ("name") DO UPDATE SET "last" = old."last" + 1 RETURNING "last"
        )
        """

    private static func keys(_ condition: String, _ parameters: [PostgresParameter], _ connection: PostgresConnection) throws -> [CallerKey]
    {
        let rows = try connection.run([
            PostgresStatement(
                """
                SELECT "id", "workspaceId", "name", "digest", \(SQL.microseconds("\"createdAt\"")), \(SQL.microseconds("\"expiresAt\"")),
                    \(SQL.microseconds("\"revokedAt\"")), \(SQL.microseconds("\"lastUsedAt\"")), "providers", "operations", "requestsPerSecond"
                FROM "caller_keys" \(condition)
                """, parameters: parameters)
        ])[0]
        return try (0..<rows.count).map { row in
            let permissions = CallerKey.Permissions(
                providers: rows.text(row, 8), operations: rows.text(row, 9), rate: rows.text(row, 10))
            guard let id = CallID(try rows.required(row, 0)), let digest = KeyDigest(hexadecimal: try rows.required(row, 3)),
                let permissions
            else { throw PostgresFailure(message: "a key's row holds what no gateway writes") }
            func instant(_ column: Int) throws -> Timestamp? { try rows.int64(row, column).map { Timestamp(microseconds: $0) } }
            return CallerKey(
                id: id, workspace: try rows.required(row, 1), name: rows.text(row, 2), digest: digest,
                createdAt: Timestamp(microseconds: try rows.requiredInt64(row, 4)), expiresAt: try instant(5), revokedAt: try instant(6),
                lastUsedAt: try instant(7), permissions: permissions)
        }
    }
}
