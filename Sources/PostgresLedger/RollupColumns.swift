import GatewayCore

/// The figures of ``CallSums`` in SQL, one statement's like the other's.
enum RollupColumns {
    /// Each column of `cost_rollups`, in the order of ``CallSums/columns``, and its sum over rows of `api_cost_tracking`.
    private static let sums: [(name: String, overRows: String)] = [
        ("calls", "count(*)"),
        ("costNanos", nanos("\"cost\"")),
        ("tokens", "sum(coalesce(\"tokensUsed\", 0))"),
        ("savedNanos", nanos("coalesce(\"saved\", 0)")),
        ("reportedNanos", nanos("coalesce(\"reportedCost\", 0)")),
        ("reportedCalls", "count(\"reportedCost\")"),
        ("costWhereReportedNanos", nanos("CASE WHEN \"reportedCost\" IS NULL THEN 0 ELSE \"cost\" END")),
        ("lookups", "count(\"found\")"),
        ("hits", "count(*) FILTER (WHERE \"found\" > 0)"),
        ("records", "sum(coalesce(\"found\", 0))"),
        ("lookupNanos", nanos("CASE WHEN \"found\" IS NULL THEN 0 ELSE \"cost\" END")),
    ]

    private static func nanos(_ amount: String) -> String { "sum(\(amount)) * 1000000000" }

    /// The columns' names.
    static let list = sums.map { "\"\($0.name)\"" }.joined(separator: ", ")

    /// Their values, from rows.
    static let overRows = sums.map { SQL.bounded($0.overRows) }.joined(separator: ", ")

    /// Their sums, from rollups. Gateways before a column have left it empty.
    static let overRollups = sums.map { SQL.bounded("sum(coalesce(\"\($0.name)\", 0))") }.joined(separator: ", ")

    /// The assignments that add a new rollup's figures to those that are there.
    static let additions = sums.map {
        "\"\($0.name)\" = " + SQL.bounded("coalesce(old.\"\($0.name)\", 0)::numeric + excluded.\"\($0.name)\"")
    }
    .joined(separator: ",\n                    ")
}

extension CallSums {
    /// From the columns of an answer, the first of which has a place in it.
    init(_ rows: PostgresRows, _ row: Int, from place: Int) throws(PostgresFailure) {
        self.init()
        for (index, column) in Self.columns.enumerated() { self[keyPath: column.value] = try rows.requiredInt64(row, place + index) }
    }
}
