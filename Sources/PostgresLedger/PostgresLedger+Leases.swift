package import GatewayCore

/// The accounts that gateways share, as `Leases.md` describes them. Exchanges go over the writing connection, whose lock orders them.
extension PostgresLedger: LeaseStore {
    package var leases: (any LeaseStore)? { self }

    package func exchange(_ requests: [LeaseRequest]) async throws(LedgerError) -> [LeaseReply?] {
        guard let writer, let gateway else { throw LedgerError(.owned, "the ledger is not open as a gateway") }
        let parameters = AccountColumns.parameters(requests)
        let known = parameters + [PostgresParameter(gateway)]
        var statements: [PostgresStatement] = []
        if requests.contains(where: \.isOpening) {
            statements = [
                AccountLock.exclusive(parameters), PostgresStatement(Self.makeAccounts, parameters: parameters),
                PostgresStatement(Self.makeLeases, parameters: known),
            ]
        }
        statements.append(PostgresStatement(Self.lockAccounts, parameters: parameters))
        statements.append(PostgresStatement(Self.decide, parameters: known))
        let count = requests.count
        return try await writer.use { [statements] connection in
            let rows = try connection.run(statements)[statements.count - 1]
            var replies = [LeaseReply?](repeating: nil, count: count)
            for row in 0..<rows.count {
                replies[Int(try rows.requiredInt64(row, 0)) - 1] = LeaseReply(
                    granted: try rows.requiredInt64(row, 1), used: try rows.requiredInt64(row, 2), spent: try rows.requiredInt64(row, 3),
                    available: try rows.requiredInt64(row, 4), isRefused: rows.bool(row, 5))
            }
            return replies
        }
    }

    package func wanted() async throws(LedgerError) -> [AccountKey] {
        try await lookups.use { [gateway] connection in
            let rows = try connection.run(
                """
                SELECT \(AccountColumns.selected(from: "account")) FROM "budget_accounts" AS account
                WHERE "wantedAt" > clock_timestamp() - interval '2 seconds' AND "wantedBy" <> $1
                """, PostgresParameter(gateway ?? ""))
            return try (0..<rows.count).map { try AccountColumns.key(rows, $0, from: 0) }
        }
    }

    package func spending(endingAfter instant: Timestamp) async throws(LedgerError) -> [(account: AccountKey, spent: Money)] {
        try await reader.use { connection in
            let rows = try connection.run(
                """
                SELECT \(AccountColumns.selected(from: "account")), "spent" FROM "budget_accounts" AS account
                WHERE "windowEnd" > $1 AND "spent" > 0
                """, PostgresParameter(instant))
            return try (0..<rows.count).map { row in
                (try AccountColumns.key(rows, row, from: 0), Money(nanos: try rows.requiredInt64(row, 5)))
            }
        }
    }

    package func removeEndedAccounts() async throws(LedgerError) {
        try await reader.use { connection in
            for table in ["budget_leases", "budget_accounts"] {
                try connection.run("DELETE FROM \"\(table)\" WHERE \"windowEnd\" < now() - interval '7 days'")
            }
        }
    }

    package func leases() async throws(LedgerError) -> [LeaseSummary] {
        try await reader.use { connection in
            let rows = try connection.run(
                """
                SELECT "gatewayId", "granted", "used", EXISTS (SELECT FROM pg_locks WHERE \(OwnerLock.holds("lease.\"gatewayId\""))),
                    \(AccountColumns.selected(from: "lease"))
                FROM "budget_leases" AS lease WHERE "windowEnd" > now() ORDER BY "gatewayId", \(AccountColumns.list)
                """)
            return try (0..<rows.count).map { row in
                LeaseSummary(
                    gateway: try rows.required(row, 0), account: try AccountColumns.key(rows, row, from: 4),
                    granted: Money(nanos: try rows.requiredInt64(row, 1)), used: Money(nanos: try rows.requiredInt64(row, 2)),
                    isRunning: rows.bool(row, 3))
            }
        }
    }

    package func forget(gateway: String) async throws(LedgerError) -> [LeaseSummary] {
        // Its own connection has its lock already.
        try await (gateway == self.gateway ? writer ?? reader : reader).use { connection in
            let id = PostgresParameter(gateway)
            try connection.run("BEGIN")
            do {
                guard try connection.run("SELECT pg_try_advisory_xact_lock(\(OwnerLock.key(of: "$1")))", id).bool(0, 0) else {
                    throw LedgerError(.owned, "gateway \(gateway) is connected to \(connection.url.place); stop it first")
                }
                try connection.run(Self.lockAccountsOfGateway, id)
                let rows = try connection.run(Self.forget, id)
                try connection.run("COMMIT")
                return try (0..<rows.count).map { row in
                    LeaseSummary(
                        gateway: gateway, account: try AccountColumns.key(rows, row, from: 2),
                        granted: Money(nanos: try rows.requiredInt64(row, 0)), used: Money(nanos: try rows.requiredInt64(row, 1)),
                        isRunning: false)
                }
            } catch {
                if (error as? PostgresFailure)?.isConnectionLost != true { try connection.run("ROLLBACK") }
                throw error
            }
        }
    }

    // MARK: Statements

    /// With what the rows of the window come to. Sums of days are as good where all of them are days of the same zone.
    private static let makeAccounts = """
        INSERT INTO "budget_accounts" (\(AccountColumns.list), "spent", "allocated")
        SELECT \(AccountColumns.list), total, total
        FROM \(AccountColumns.requests) CROSS JOIN LATERAL (
            SELECT CASE
                WHEN EXISTS (
                    SELECT FROM "cost_rollups" AS sums WHERE sums."workspaceId" = item."workspaceId" AND "day" > "windowStart" - interval '26 hours'
                        AND "day" < "windowEnd" AND "day" <> ALL ("days"::timestamptz[])
                ) THEN (
                    SELECT \(SQL.bounded("coalesce(sum(\"cost\"), 0) * 1000000000")) FROM "api_cost_tracking" AS part
                    WHERE part."workspaceId" = item."workspaceId" AND "createdAt" >= "windowStart" AND "createdAt" < "windowEnd" AND \(isOfScope)
                ) ELSE (
                    SELECT \(SQL.bounded("coalesce(sum(\"costNanos\"), 0)")) FROM "cost_rollups" AS part
                    WHERE part."workspaceId" = item."workspaceId" AND "day" >= "windowStart" AND "day" < "windowEnd" AND \(isOfScope)
                ) END AS total
        ) AS summed
        WHERE "isOpening" AND NOT EXISTS (SELECT FROM "budget_accounts" AS account WHERE \(AccountColumns.equal("account", "item")))
        ORDER BY \(AccountColumns.indexes(from: 1)) ON CONFLICT DO NOTHING
        """

    private static let isOfScope = """
        CASE "scope" WHEN 'workspace' THEN true WHEN 'provider' THEN part."apiProvider" = "scopeId" ELSE part."userId" = "scopeId" END
        """

    private static let makeLeases = """
        INSERT INTO "budget_leases" (\(AccountColumns.list), "gatewayId", "granted", "used")
        SELECT \(AccountColumns.list), $12, 0, 0 FROM \(AccountColumns.requests) WHERE "isOpening" ON CONFLICT DO NOTHING
        """

    /// The rows are changed by a statement of its own, which sees them as they are when all of them are locked.
    private static let lockAccounts = """
        SELECT FROM "budget_accounts" JOIN (SELECT \(AccountColumns.list) FROM \(AccountColumns.requests)) AS item USING (\(AccountColumns.list))
        ORDER BY \(AccountColumns.list) FOR UPDATE OF "budget_accounts"
        """

    private static let decide = """
        WITH known AS MATERIALIZED (
            SELECT "number", \(AccountColumns.list), "spent", "granted", "used", "minimum" > "keep" AS waits,
                CASE WHEN "isOpening" THEN "used" ELSE 0 END + "keep"::numeric AS keep,
                CASE WHEN "isOpening" THEN "used" ELSE 0 END + "minimum"::numeric AS minimum,
                CASE WHEN "isOpening" THEN "used" ELSE 0 END + "target"::numeric AS target,
                coalesce("limit", 9223372036854775807) - ("allocated"::numeric - "granted") AS available
            FROM \(AccountColumns.requests) JOIN "budget_accounts" USING (\(AccountColumns.list))
                JOIN (SELECT * FROM "budget_leases" WHERE "gatewayId" = $12) AS lease USING (\(AccountColumns.list))
        ),
        decided AS MATERIALIZED (
            SELECT *, available < minimum AND waits AS refused, \(SQL.bounded(
                """
                greatest("used", CASE WHEN available < minimum THEN keep
                    ELSE greatest(keep, least(target, greatest(minimum, keep + div(available - keep, 4)))) END)
                """)) AS given
            FROM known
        ),
        leased AS (
            UPDATE "budget_leases" AS old SET "granted" = given
            FROM decided WHERE \(AccountColumns.equal("old", "decided")) AND "gatewayId" = $12 AND given <> decided."granted"
        ),
        booked AS (
            UPDATE "budget_accounts" AS old SET "allocated" = \(SQL.bounded("old.\"allocated\"::numeric - decided.\"granted\" + given")),
                "wantedAt" = CASE WHEN refused THEN clock_timestamp() ELSE "wantedAt" END,
                "wantedBy" = CASE WHEN refused THEN $12 ELSE "wantedBy" END
            FROM decided WHERE \(AccountColumns.equal("old", "decided")) AND (given <> decided."granted" OR refused)
        )
        SELECT "number", given, "used", "spent", \(SQL.bounded("available")), refused FROM decided
        """

    private static let lockAccountsOfGateway = """
        SELECT FROM "budget_accounts" JOIN (SELECT \(AccountColumns.list) FROM "budget_leases" WHERE "gatewayId" = $1) AS item
            USING (\(AccountColumns.list))
        ORDER BY \(AccountColumns.list) FOR UPDATE OF "budget_accounts"
        """

    private static let forget = """
        WITH gone AS (DELETE FROM "budget_leases" WHERE "gatewayId" = $1 RETURNING *),
        booked AS (
            UPDATE "budget_accounts" AS old SET "allocated" = "allocated" - ("granted" - "used")
            FROM gone WHERE \(AccountColumns.equal("old", "gone"))
        )
        SELECT "granted", "used", \(AccountColumns.selected(from: "gone")) FROM gone ORDER BY \(AccountColumns.list)
        """
}
