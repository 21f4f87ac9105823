import GatewayCore

/// `api_cost_tracking`: rows to records, and records to the arrays that a batch is sent as.
enum CostColumns {
    /// The columns with the types that arrays of them are sent in.
    static let types = [
        ("id", "text"), ("workspaceId", "text"), ("userId", "text"), ("apiProvider", "text"), ("endpoint", "text"), ("operation", "text"),
        ("cost", "numeric"), ("tokensUsed", "bigint"), ("entityType", "text"), ("entityId", "text"), ("requestData", "jsonb"),
        ("success", "boolean"), ("errorMessage", "text"), ("createdAt", "timestamptz"), ("basis", "text"), ("priceVersion", "text"),
        ("estimate", "numeric"), ("reportedCost", "numeric"), ("status", "bigint"), ("cache", "text"), ("durationMs", "bigint"),
        ("saved", "numeric"),
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
            arrays[22].append(record.day.rfc3339)
            arrays[23].append(record.onceKey)
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
            SELECT "userId", "apiProvider", "endpoint", "operation", \(SQL.nanos("\"cost\"")), "basis", "priceVersion",
                \(SQL.nanos("\"estimate\"")), \(SQL.nanos("\"reportedCost\"")), "status", "cache", "durationMs", "tokensUsed", "entityType",
                "entityId", "requestData", "success", "errorMessage", \(SQL.microseconds("\"createdAt\"")),
                (SELECT \(SQL.microseconds("max(\"day\")")) FROM "cost_rollups"
                    WHERE "workspaceId" = $2 AND "day" <= "api_cost_tracking"."createdAt"),
                (SELECT "value" FROM "once_charges" WHERE "id" = $1 AND "workspaceId" = $2 LIMIT 1),
                \(SQL.nanos("\"saved\""))
            FROM "api_cost_tracking" WHERE "id" = $1 AND "workspaceId" = $2
            """, PostgresParameter(id.description), PostgresParameter(workspace))
        guard rows.count > 0 else { return nil }
        let cost = Money(nanos: try rows.requiredInt64(0, 4))
        let createdAt = try rows.requiredInt64(0, 18)
        return CostRecord(
            id: id, workspace: workspace, user: rows.text(0, 0), provider: try rows.required(0, 1), endpoint: rows.text(0, 2),
            operation: rows.text(0, 3), cost: cost, basis: rows.text(0, 5).flatMap(CostBasis.init(rawValue:)) ?? .table,
            priceVersion: rows.text(0, 6), estimate: try rows.int64(0, 7).map { Money(nanos: $0) } ?? cost,
            reportedCost: try rows.int64(0, 8).map { Money(nanos: $0) }, status: try rows.int64(0, 9).map(Int.init),
            cache: rows.text(0, 10).flatMap(CacheOutcome.init(rawValue:)) ?? .none,
            saved: try rows.int64(0, 21).map { Money(nanos: $0) }, duration: try rows.int64(0, 11).map(Int.init),
            tokens: try rows.int64(0, 12), entityType: rows.text(0, 13), entityID: rows.text(0, 14), requestData: rows.text(0, 15),
            success: rows.bool(0, 16), errorMessage: rows.text(0, 17), createdAt: Timestamp(microseconds: createdAt),
            day: Timestamp(microseconds: try rows.int64(0, 19) ?? createdAt), onceKey: rows.text(0, 20))
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
