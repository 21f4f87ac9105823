package import GatewayCore

/// `provider_readings` and `reconciliations`.
enum ReconciliationRows {
    /// Adds readings, but those of calls that have rows already.
    static func insertion(of readings: [ProviderReading]) -> PostgresStatement {
        var columns = [PostgresArray](repeating: PostgresArray(), count: 8)
        for reading in readings where Timestamp.calendar.contains(reading.startedAt) && Timestamp.calendar.contains(reading.endedAt) {
            columns[0].append(reading.pool.provider)
            columns[1].append(reading.pool.name)
            columns[2].append(reading.endedAt.rfc3339)
            columns[3].append(reading.id.description)
            columns[4].append(reading.startedAt.rfc3339)
            columns[5].append(reading.low.micros)
            columns[6].append(reading.high.micros)
            columns[7].append(reading.remaining?.micros)
        }
        return PostgresStatement(
            """
            INSERT INTO "provider_readings" ("apiProvider", "pool", "endedAt", "id", "startedAt", "low", "high", "remaining")
            SELECT new.* FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::bigint[], $7::bigint[],
                $8::bigint[]) AS new (provider, pool, ended, id, started, low, high, remaining)
            WHERE NOT EXISTS (SELECT FROM "api_cost_tracking" AS call WHERE call."id" = new.id) ORDER BY provider, pool, ended, id
            ON CONFLICT DO NOTHING
            """, parameters: columns.map { PostgresParameter($0) })
    }

    /// Readings of a pool, as the condition on their instants, `$3` and `$4`, says.
    static func readings(
        of pool: ProviderPool, where condition: String, _ start: Timestamp, _ end: Timestamp, _ connection: PostgresConnection
    ) throws(PostgresFailure) -> [ProviderReading] {
        let rows = try connection.run(
            """
            SELECT "id", \(SQL.microseconds("\"startedAt\"")), \(SQL.microseconds("\"endedAt\"")), "low", "high", "remaining"
            FROM "provider_readings" WHERE "apiProvider" = $1 AND "pool" = $2 AND \(condition)
            """, PostgresParameter(pool.provider), PostgresParameter(pool.name), PostgresParameter(start), PostgresParameter(end))
        var readings: [ProviderReading] = []
        for row in 0..<rows.count {
            guard let id = CallID(try rows.required(row, 0)) else { throw PostgresFailure(message: "a reading has no call's id") }
            readings.append(
                ProviderReading(
                    id: id, pool: pool, startedAt: Timestamp(microseconds: try rows.requiredInt64(row, 1)),
                    endedAt: Timestamp(microseconds: try rows.requiredInt64(row, 2)), low: Credits(micros: try rows.requiredInt64(row, 3)),
                    high: Credits(micros: try rows.requiredInt64(row, 4)), remaining: try rows.int64(row, 5).map { Credits(micros: $0) }))
        }
        return readings
    }

    /// Answers whether there was none of its pool and hour: only a row that takes another's place has its `xmax`.
    static func upsert(_ comparison: HourlyComparison) -> PostgresStatement {
        let names = columns + ["beyond"]
        let amounts = [comparison.low, comparison.high, comparison.reported, comparison.drift, comparison.bound].map(\.micros)
        return PostgresStatement(
            """
            INSERT INTO "reconciliations" (\(names.map { "\"\($0)\"" }.joined(separator: ", ")))
            VALUES (\((1...names.count).map { "$\($0)" }.joined(separator: ", ")))
            ON CONFLICT ("hour", "apiProvider", "pool") DO UPDATE SET
                \(names.dropFirst(3).map { "\"\($0)\" = excluded.\"\($0)\"" }.joined(separator: ", "))
            RETURNING xmax = 0
            """,
            parameters: [
                PostgresParameter(comparison.hour), PostgresParameter(comparison.pool.provider), PostgresParameter(comparison.pool.name),
                PostgresParameter(comparison.from), PostgresParameter(comparison.until),
            ] + amounts.map { PostgresParameter($0) } + [
                PostgresParameter(Int64(comparison.topUps)), PostgresParameter(comparison.toppedUp.micros),
                PostgresParameter(comparison.createdAt), PostgresParameter(comparison.isBeyond ? "t" : "f"),
            ])
    }

    static func comparisons(_ query: ComparisonQuery, _ connection: PostgresConnection) throws(PostgresFailure) -> [HourlyComparison] {
        let selected = columns.map { $0 == "hour" || $0.hasSuffix("At") ? SQL.microseconds("\"\($0)\"") : "\"\($0)\"" }
        let rows = try connection.run(
            """
            SELECT \(selected.joined(separator: ", ")) FROM "reconciliations"
            WHERE ($1::text IS NULL OR "apiProvider" = $1) AND ($2::text IS NULL OR "pool" = $2)
                AND ($3::timestamptz IS NULL OR "hour" >= $3)
                AND ($4::timestamptz IS NULL OR "hour" < $4
                    OR "hour" = $4 AND ("apiProvider" COLLATE "C", "pool" COLLATE "C") > ($5::text, $6::text))
            ORDER BY "hour" DESC, "apiProvider" COLLATE "C", "pool" COLLATE "C" LIMIT $7::bigint
            """, PostgresParameter(query.provider), PostgresParameter(query.pool), PostgresParameter(instant: query.from),
            PostgresParameter(instant: query.after?.hour), PostgresParameter(query.after?.pool.provider),
            PostgresParameter(query.after?.pool.name), PostgresParameter(Int64(query.limit)))
        func instant(_ row: Int, _ column: Int) throws(PostgresFailure) -> Timestamp {
            Timestamp(microseconds: try rows.requiredInt64(row, column))
        }
        func credits(_ row: Int, _ column: Int) throws(PostgresFailure) -> Credits { Credits(micros: try rows.requiredInt64(row, column)) }
        var comparisons: [HourlyComparison] = []
        for row in 0..<rows.count {
            comparisons.append(
                HourlyComparison(
                    pool: ProviderPool(provider: try rows.required(row, 1), name: try rows.required(row, 2)), hour: try instant(row, 0),
                    from: try instant(row, 3), until: try instant(row, 4), low: try credits(row, 5), high: try credits(row, 6),
                    reported: try credits(row, 7), drift: try credits(row, 8), bound: try credits(row, 9),
                    topUps: Int(try rows.requiredInt64(row, 10)), toppedUp: try credits(row, 11), createdAt: try instant(row, 12)))
        }
        return comparisons
    }

    private static let columns = [
        "hour", "apiProvider", "pool", "fromAt", "toAt", "countedLow", "countedHigh", "reported", "drift", "bound", "topUps", "toppedUp",
        "createdAt",
    ]
}

extension PostgresLedger {
    package func add(_ readings: [ProviderReading]) async throws(LedgerError) {
        guard !readings.isEmpty else { return }
        try await write { _ = try $0.run([ReconciliationRows.insertion(of: readings)]) }
    }

    package func readings(
        of pool: ProviderPool, from start: Timestamp, until end: Timestamp
    ) async throws(LedgerError) -> [ProviderReading] {
        try await reader.use { connection in
            try ReconciliationRows.readings(
                of: pool, where: #""endedAt" > $3 AND "startedAt" < $4 ORDER BY "endedAt", "id" COLLATE "C""#, start, end, connection)
        }
    }

    package func lastBalance(
        of pool: ProviderPool, from start: Timestamp, through end: Timestamp
    ) async throws(LedgerError) -> ProviderReading? {
        try await reader.use { connection in
            try ReconciliationRows.readings(
                of: pool,
                where: """
                    "endedAt" >= $3 AND "endedAt" <= $4 AND "remaining" IS NOT NULL
                    ORDER BY "endedAt" DESC, "startedAt" DESC, "id" COLLATE "C" DESC LIMIT 1
                    """, start, end, connection
            ).first
        }
    }

    package func deleteReadings(endedBefore instant: Timestamp) async throws(LedgerError) {
        // Pool by pool: each is a piece of the primary key, which no statement over all of them would use. A second more is spared: clocks differ.
        try await write { connection in
            _ = try connection.run(
                """
                WITH RECURSIVE pools ("apiProvider", "pool") AS (
                    (SELECT "apiProvider", "pool" FROM "provider_readings" ORDER BY 1, 2 LIMIT 1)
                    UNION ALL
                    SELECT next.* FROM pools CROSS JOIN LATERAL (
                        SELECT more."apiProvider", more."pool" FROM "provider_readings" AS more
                        WHERE (more."apiProvider", more."pool") > (pools."apiProvider", pools."pool") ORDER BY 1, 2 LIMIT 1) AS next
                )
                DELETE FROM "provider_readings" AS old USING pools LEFT JOIN LATERAL (
                    SELECT newest."startedAt", newest."endedAt", newest."remaining" FROM "provider_readings" AS newest
                    WHERE newest."apiProvider" = pools."apiProvider" AND newest."pool" = pools."pool" AND newest."endedAt" < $1
                        AND (newest."remaining" IS NOT NULL OR newest."high" <> 0)
                    ORDER BY newest."endedAt" DESC, newest."startedAt" DESC, newest."id" COLLATE "C" DESC LIMIT 1) AS spared ON true
                WHERE old."apiProvider" = pools."apiProvider" AND old."pool" = pools."pool" AND old."endedAt" < $1
                    AND (spared."remaining" IS NOT NULL
                        AND old."endedAt" BETWEEN spared."startedAt" - interval '1 second' AND spared."endedAt") IS NOT TRUE
                """, PostgresParameter(instant))
        }
    }

    @discardableResult
    package func keep(_ comparisons: [HourlyComparison]) async throws(LedgerError) -> [HourlyComparison] {
        guard !comparisons.isEmpty else { return [] }
        // In the order of the keys, in which every gateway locks them.
        let sorted = comparisons.sorted { ($0.hour, $0.pool) < ($1.hour, $1.pool) }
        return try await write { connection in
            let answers = try connection.run(sorted.map(ReconciliationRows.upsert))
            return zip(sorted, answers).filter { $1.bool(0, 0) }.map { $0.0 }
        }
    }

    package func comparisons(_ query: ComparisonQuery) async throws(LedgerError) -> [HourlyComparison] {
        try await reader.use { try ReconciliationRows.comparisons(query, $0) }
    }
}
