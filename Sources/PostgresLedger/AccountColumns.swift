import GatewayCore

/// The key of an account that gateways share, and the arrays that requests about accounts are sent as.
enum AccountColumns {
    private static let names = ["workspaceId", "scope", "scopeId", "windowStart", "windowEnd"]

    static let list = names.map { "\"\($0)\"" }.joined(separator: ", ")

    /// `1, 2, 3, 4, 5`: the key's places in a list of expressions.
    static func indexes(from first: Int) -> String {
        names.indices.map { String(first + $0) }.joined(separator: ", ")
    }

    static func equal(_ left: String, _ right: String) -> String {
        names.map { "\(left).\"\($0)\" = \(right).\"\($0)\"" }.joined(separator: " AND ")
    }

    /// The requests as rows; see ``parameters(_:)``.
    static let requests = """
        unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::boolean[], $7::bigint[], $8::bigint[], $9::bigint[],
            $10::bigint[], $11::text[]) WITH ORDINALITY
            AS item (\(list), "isOpening", "limit", "keep", "minimum", "target", "days", "number")
        """

    static func parameters(_ requests: [LeaseRequest]) -> [PostgresParameter] {
        var arrays = [PostgresArray](repeating: PostgresArray(), count: 11)
        for request in requests {
            let account = request.account
            arrays[0].append(account.workspace)
            arrays[1].append(account.scope.rawValue)
            arrays[2].append(account.name)
            arrays[3].append(account.start.rfc3339)
            arrays[4].append(account.end.rfc3339)
            arrays[5].append(request.isOpening ? "t" : "f")
            arrays[6].append(request.limit?.nanos)
            arrays[7].append(request.keep)
            arrays[8].append(request.minimum)
            arrays[9].append(request.target)
            arrays[10].append("{\(request.days.map { "\"\($0.rfc3339)\"" }.joined(separator: ","))}")
        }
        return arrays.map { PostgresParameter($0) }
    }

    /// Reads a key from a row's columns, the instants as microseconds.
    static func key(_ rows: PostgresRows, _ row: Int, from column: Int) throws(PostgresFailure) -> AccountKey {
        AccountKey(
            workspace: try rows.required(row, column), scope: BudgetScope(rawValue: try rows.required(row, column + 1)) ?? .workspace,
            name: try rows.required(row, column + 2), start: Timestamp(microseconds: try rows.requiredInt64(row, column + 3)),
            end: Timestamp(microseconds: try rows.requiredInt64(row, column + 4)))
    }

    /// What ``key(_:_:from:)`` reads.
    static func selected(from table: String) -> String {
        names.map { name in
            name.hasPrefix("window") ? SQL.microseconds("\(table).\"\(name)\"") : "\(table).\"\(name)\""
        }.joined(separator: ", ")
    }
}

/// Between the making of an account, which sums up the rows that are there, and the batches that add to it: of a workspace's accounts, none is
/// made while a batch with its rows is under way. Workspaces share some locks, so that a large batch needs few.
enum AccountLock {
    private static let space = 1_734_440_038

    private static func bucket(_ workspace: String) -> String { "hashtext(current_schema() || '.' || \(workspace)) & 255" }

    /// Held by a transaction that sets a budget.
    static let ofBudgets = PostgresStatement("SELECT pg_advisory_xact_lock(\(space), -1)")

    /// Held by a transaction that raises alerts.
    static let ofAlerts = PostgresStatement("SELECT pg_advisory_xact_lock(\(space), -2)")

    /// Held by a batch until its end.
    static func shared(workspaces: some Sequence<String>) -> PostgresStatement {
        var array = PostgresArray()
        for workspace in Set(workspaces) { array.append(workspace) }
        return PostgresStatement(
            """
            SELECT count(pg_advisory_xact_lock_shared(\(space), bucket))
            FROM (SELECT DISTINCT \(bucket("workspace")) AS bucket FROM unnest($1::text[]) AS named (workspace) ORDER BY 1) AS needed
            """, PostgresParameter(array))
    }

    /// Held by a transaction that makes those of the requested accounts that are missing.
    static func exclusive(_ parameters: [PostgresParameter]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT count(pg_advisory_xact_lock(\(space), bucket)) FROM (
                SELECT DISTINCT \(bucket("item.\"workspaceId\"")) AS bucket FROM \(AccountColumns.requests)
                WHERE "isOpening" AND NOT EXISTS (SELECT FROM "budget_accounts" AS account WHERE \(AccountColumns.equal("account", "item")))
                ORDER BY 1
            ) AS needed
            """, parameters: parameters)
    }
}
