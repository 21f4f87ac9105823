import GRDB
package import GatewayCore

/// `provider_readings` and `reconciliations`.
enum ReconciliationRows {
    static func insert(_ reading: ProviderReading, in database: Database) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO "provider_readings" ("apiProvider", "pool", "endedAt", "id", "startedAt", "low", "high", "remaining")
                VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """)
        try statement.execute(arguments: [
            reading.pool.provider, reading.pool.name, reading.endedAt.fixedBoundary, reading.id.description,
            reading.startedAt.fixedBoundary,
            reading.low.micros, reading.high.micros, reading.remaining?.micros,
        ])
    }

    /// Readings of a pool in the order of their ends, as the condition on their instants says.
    static func readings(
        of pool: ProviderPool, where condition: String, _ arguments: StatementArguments, in database: Database
    ) throws -> [ProviderReading] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT "id", "startedAt", "endedAt", "low", "high", "remaining" FROM "provider_readings"
                WHERE "apiProvider" = ? AND "pool" = ? AND \(condition)
                """, arguments: [pool.provider, pool.name] + arguments
        ).map { row in
            guard let id = CallID(try row.required(0, as: String.self)) else {
                throw MalformedRow(description: "a reading has no call's id")
            }
            return ProviderReading(
                id: id, pool: pool, startedAt: try Timestamp(fixedText: row.required(1)),
                endedAt: try Timestamp(fixedText: row.required(2)),
                low: Credits(micros: try row.required(3)), high: Credits(micros: try row.required(4)),
                remaining: try row.optional(5).map { Credits(micros: $0) })
        }
    }

    /// Forgets readings pool by pool: each is a piece of the primary key.
    static func delete(endedBefore instant: Timestamp, in database: Database) throws {
        var last = ("", "")
        var isFirst = true
        while let row = try Row.fetchOne(
            database,
            sql: """
                SELECT "apiProvider", "pool" FROM "provider_readings" WHERE ? OR ("apiProvider", "pool") > (?, ?)
                ORDER BY "apiProvider", "pool" LIMIT 1
                """, arguments: [isFirst, last.0, last.1])
        {
            (last, isFirst) = ((try row.required(0), try row.required(1)), false)
            let newest = try readings(
                of: ProviderPool(provider: last.0, name: last.1),
                where: """
                    "endedAt" < ? AND ("remaining" IS NOT NULL OR "high" <> 0)
                    ORDER BY "endedAt" DESC, "startedAt" DESC, "id" DESC LIMIT 1
                    """, [instant.fixedBoundary], in: database
            ).first
            // A second more: clocks differ.
            let spared = newest.flatMap { $0.remaining == nil ? nil : ($0.startedAt.adding(seconds: -1), $0.endedAt) }
            try database.execute(
                sql: """
                    DELETE FROM "provider_readings" WHERE "apiProvider" = ? AND "pool" = ? AND "endedAt" < ?
                        AND ("endedAt" BETWEEN ? AND ?) IS NOT TRUE
                    """,
                arguments: [last.0, last.1, instant.fixedBoundary, spared?.0.fixedBoundary, spared?.1.fixedBoundary])
        }
    }

    /// Returns whether there was none of its pool and hour.
    static func keep(_ comparison: HourlyComparison, in database: Database) throws -> Bool {
        let isKnown = try Bool.fetchOne(
            database,
            sql: #"SELECT EXISTS (SELECT 1 FROM "reconciliations" WHERE "hour" = ? AND "apiProvider" = ? AND "pool" = ?)"#,
            arguments: [comparison.hour.fixedBoundary, comparison.pool.provider, comparison.pool.name])
        try database.execute(
            sql: """
                INSERT OR REPLACE INTO "reconciliations" (\(columns), "beyond") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                comparison.hour.fixedBoundary, comparison.pool.provider, comparison.pool.name, comparison.from.fixedBoundary,
                comparison.until.fixedBoundary, comparison.low.micros, comparison.high.micros, comparison.reported.micros,
                comparison.drift.micros, comparison.bound.micros, comparison.topUps, comparison.toppedUp.micros,
                comparison.createdAt.fixedBoundary, comparison.isBeyond,
            ])
        return isKnown == false
    }

    static func comparisons(_ query: ComparisonQuery, in database: Database) throws -> [HourlyComparison] {
        let place = query.after
        return try Row.fetchAll(
            database,
            sql: """
                SELECT \(columns) FROM "reconciliations"
                WHERE (?1 IS NULL OR "apiProvider" = ?1) AND (?2 IS NULL OR "pool" = ?2) AND (?3 IS NULL OR "hour" >= ?3)
                    AND (?4 IS NULL OR "hour" < ?4 OR "hour" = ?4 AND ("apiProvider", "pool") > (?5, ?6))
                ORDER BY "hour" DESC, "apiProvider", "pool" LIMIT ?7
                """,
            arguments: [
                query.provider, query.pool, query.from?.fixedBoundary, place?.hour.fixedBoundary, place?.pool.provider, place?.pool.name,
                query.limit,
            ]
        ).map { row in
            func instant(_ column: Int) throws -> Timestamp { try Timestamp(fixedText: row.required(column)) }
            func credits(_ column: Int) throws -> Credits { Credits(micros: try row.required(column)) }
            return HourlyComparison(
                pool: ProviderPool(provider: try row.required(1), name: try row.required(2)), hour: try instant(0), from: try instant(3),
                until: try instant(4), low: try credits(5), high: try credits(6), reported: try credits(7), drift: try credits(8),
                bound: try credits(9), topUps: try row.required(10), toppedUp: try credits(11), createdAt: try instant(12))
        }
    }

    private static let columns = """
        "hour", "apiProvider", "pool", "fromAt", "toAt", "countedLow", "countedHigh", "reported", "drift", "bound", "topUps", "toppedUp", \
        "createdAt"
        """
}

extension SQLiteLedger {
    package func add(_ readings: [ProviderReading]) async throws(LedgerError) {
        try await write { database in
            for reading in readings { try ReconciliationRows.insert(reading, in: database) }
        }
    }

    package func readings(
        of pool: ProviderPool, from start: Timestamp, until end: Timestamp
    ) async throws(LedgerError) -> [ProviderReading] {
        try await read { database in
            try ReconciliationRows.readings(
                of: pool, where: #""endedAt" > ? AND "startedAt" < ? ORDER BY "endedAt", "id""#, [start.fixedBoundary, end.fixedBoundary],
                in: database)
        }
    }

    package func lastBalance(
        of pool: ProviderPool, from start: Timestamp, through end: Timestamp
    ) async throws(LedgerError) -> ProviderReading? {
        try await read { database in
            try ReconciliationRows.readings(
                of: pool,
                where: """
                    "endedAt" >= ? AND "endedAt" <= ? AND "remaining" IS NOT NULL ORDER BY "endedAt" DESC, "startedAt" DESC, "id" DESC LIMIT 1
                    """, [start.fixedBoundary, end.fixedBoundary], in: database
            ).first
        }
    }

    package func deleteReadings(endedBefore instant: Timestamp) async throws(LedgerError) {
        try await write { try ReconciliationRows.delete(endedBefore: instant, in: $0) }
    }

    @discardableResult
    package func keep(_ comparisons: [HourlyComparison]) async throws(LedgerError) -> [HourlyComparison] {
        try await write { database in try comparisons.filter { try ReconciliationRows.keep($0, in: database) } }
    }

    package func comparisons(_ query: ComparisonQuery) async throws(LedgerError) -> [HourlyComparison] {
        try await read { try ReconciliationRows.comparisons(query, in: $0) }
    }
}
