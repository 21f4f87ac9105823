import GatewayCore

/// `api_cost_tracking`: rows to records, and records to the arrays that a batch is sent as.
enum CostColumns {
    /// The columns with the types that arrays of them are sent in.
    static let types = [
        ("id", "text"), ("workspaceId", "text"), ("userId", "text"), ("apiProvider", "text"), ("endpoint", "text"), ("operation", "text"),
        ("cost", "numeric"), ("tokensUsed", "bigint"), ("entityType", "text"), ("entityId", "text"), ("requestData", "jsonb"),
        ("success", "boolean"), ("errorMessage", "text"), ("createdAt", "timestamptz"), ("basis", "text"), ("priceVersion", "text"),
        ("estimate", "numeric"), ("reportedCost", "numeric"), ("status", "bigint"), ("cache", "text"), ("durationMs", "bigint"),
        ("saved", "numeric"), ("found", "bigint"),
    ]

    static let names = types.map(\.0)

    static let list = names.map { "\"\($0)\"" }.joined(separator: ", ")

    /// The values of all records, a column an array, and behind them their days and once keys.
    static func arrays(_ records: some Sequence<CostRecord>) -> [PostgresParameter] {
        var arrays = [PostgresArray](repeating: PostgresArray(), count: types.count + 2)
        for record in records {
            arrays[0].append(record.id.description)
            arrays[1].append(record.workspace)
            arrays[2].append(record.user)
            arrays[3].append(record.provider)
            arrays[4].append(record.endpoint)
            arrays[5].append(record.operation)
            arrays[6].append(record.cost)
            arrays[7].append(record.tokens)
            arrays[8].append(record.entityType)
            arrays[9].append(record.entityID)
            arrays[10].append(record.requestData.map(withoutEscapedNUL))
            arrays[11].append(record.success ? "t" : "f")
            arrays[12].append(record.errorMessage)
            arrays[13].append(record.createdAt.rfc3339)
            arrays[14].append(record.basis.rawValue)
            arrays[15].append(record.priceVersion)
            arrays[16].append(record.estimate)
            arrays[17].append(record.reportedCost)
            arrays[18].append(record.status.map(Int64.init))
            arrays[19].append(record.cache.rawValue)
            arrays[20].append(record.duration.map(Int64.init))
            arrays[21].append(record.saved)
            arrays[22].append(record.found.map(Int64.init))
            arrays[23].append(record.day.rfc3339)
            arrays[24].append(record.onceKey)
        }
        return arrays.map { PostgresParameter($0) }
    }

    /// The escape of U+0000, which `jsonb` does not take, becomes that of U+FFFD.
    static func withoutEscapedNUL(_ json: String) -> String {
        guard json.contains("\\u0000") else { return json }
        var result: [UInt8] = []
        var rest = Array(json.utf8)[...]
        while let byte = rest.popFirst() {
            result.append(byte)
            guard byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() else { continue }
            result.append(escaped)
            guard escaped == UInt8(ascii: "u"), rest.starts(with: "0000".utf8) else { continue }
            rest = rest.dropFirst(4)
            result.append(contentsOf: "FFFD".utf8)
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// One call's record. Its day and its once key, which are no columns of the row, come from the tables that they are the keys of.
    static func record(_ id: CallID, _ workspace: String, _ connection: PostgresConnection) throws(PostgresFailure) -> CostRecord? {
        let rows = try connection.run(
            """
            SELECT \(selected),
                (SELECT \(SQL.microseconds("max(\"day\")")) FROM "cost_rollups"
                    WHERE "workspaceId" = $2 AND "day" <= "api_cost_tracking"."createdAt"),
                (SELECT "value" FROM "once_charges" WHERE "id" = $1 AND "workspaceId" = $2 LIMIT 1)
            FROM "api_cost_tracking" WHERE "id" = $1 AND "workspaceId" = $2
            """, PostgresParameter(id.description), PostgresParameter(workspace))
        guard rows.count > 0 else { return nil }
        var record = try record(rows, 0)
        if let day = try rows.int64(0, names.count) { record.day = Timestamp(microseconds: day) }
        record.onceKey = rows.text(0, names.count + 1)
        return record
    }

    /// Rows, the newest first.
    static func rows(_ query: CallQuery, _ connection: PostgresConnection) throws(PostgresFailure) -> [LedgerRow] {
        let rows = try connection.run([selection(query)])[0]
        var found: [LedgerRow] = []
        for row in 0..<rows.count { found.append(LedgerRow(id: try rows.required(row, 0), record: try record(rows, row))) }
        return found
    }

    /// The statement of ``rows(_:_:)``.
    static func selection(_ query: CallQuery) -> PostgresStatement {
        var conditions: [String] = []
        var parameters: [PostgresParameter] = []
        func add(_ condition: String, _ values: PostgresParameter...) {
            parameters += values
            conditions.append(condition)
        }
        // Numbered as they are added.
        var next: String { "$\(parameters.count + 1)" }
        if let workspace = query.workspace { add("\"workspaceId\" = \(next)", PostgresParameter(workspace)) }
        if let provider = query.provider { add("\"apiProvider\" = \(next)", PostgresParameter(provider)) }
        if let operation = query.operation { add("\"operation\" = \(next)", PostgresParameter(operation)) }
        if let status = query.status { add("\"status\" = \(next)", PostgresParameter(Int64(status))) }
        if let from = query.from { add("\"createdAt\" >= \(next)", PostgresParameter(from)) }
        if let until = query.until { add("\"createdAt\" < \(next)", PostgresParameter(until)) }
        if let place = query.after {
            add(
                "(\"createdAt\", \"id\") < (\(next), $\(parameters.count + 2))", PostgresParameter(place.createdAt),
                PostgresParameter(place.id))
        }
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let sql = "SELECT \(selected) FROM \"api_cost_tracking\"\(condition) ORDER BY \"createdAt\" DESC, \"id\" DESC LIMIT \(next)::bigint"
        return PostgresStatement(sql, parameters: parameters + [PostgresParameter(Int64(query.limit))])
    }

    /// The columns as ``record(_:_:)`` reads them: amounts in nano-dollars, instants in microseconds.
    private static let selected = types.map { name, type in
        switch type {
        case "numeric": SQL.nanos("\"\(name)\"")
        case "timestamptz": SQL.microseconds("\"\(name)\"")
        default: "\"\(name)\""
        }
    }.joined(separator: ", ")

    /// The columns of a row; its day and its once key are not among them.
    private static func record(_ rows: PostgresRows, _ row: Int) throws(PostgresFailure) -> CostRecord {
        func money(_ column: Int) throws(PostgresFailure) -> Money? { try rows.int64(row, column).map { Money(nanos: $0) } }
        let cost = Money(nanos: try rows.requiredInt64(row, 6))
        let createdAt = Timestamp(microseconds: try rows.requiredInt64(row, 13))
        return CostRecord(
            id: CallID(try rows.required(row, 0)) ?? CallID(high: 0, low: 0), workspace: try rows.required(row, 1),
            user: rows.text(row, 2), provider: try rows.required(row, 3), endpoint: rows.text(row, 4), operation: rows.text(row, 5),
            cost: cost, basis: rows.text(row, 14).flatMap(CostBasis.init(rawValue:)) ?? .table, priceVersion: rows.text(row, 15),
            estimate: try money(16) ?? cost, reportedCost: try money(17), status: try rows.int64(row, 18).map(Int.init),
            cache: rows.text(row, 19).flatMap(CacheOutcome.init(rawValue:)) ?? .none, saved: try money(21),
            found: try rows.int64(row, 22).map(Int.init), duration: try rows.int64(row, 20).map(Int.init), tokens: try rows.int64(row, 7),
            entityType: rows.text(row, 8),
            entityID: rows.text(row, 9), requestData: rows.text(row, 10), success: rows.bool(row, 11), errorMessage: rows.text(row, 12),
            createdAt: createdAt, day: createdAt)
    }
}

/// Expressions that more than one statement has.
enum SQL {
    /// An amount in whole nano-dollars.
    static func nanos(_ amount: String) -> String { "(\(amount) * 1000000000)::bigint" }

    /// An instant in microseconds since 1970; exact, because the server extracts decimals.
    static func microseconds(_ instant: String) -> String { "(extract(epoch FROM \(instant)) * 1000000)::bigint" }

    /// A sum that stops at the ends of 64 bits, as the gateway's own do.
    static func bounded(_ sum: String) -> String { "least(greatest(\(sum), -9223372036854775808), 9223372036854775807)::bigint" }
}
