package import GatewayCore
import Testing

extension LedgerConformance {
    private static let hour = RecordMaker.firstDay
    private static let pool = ProviderPool(provider: "alpha", name: "search")

    private static func instant(_ second: Int64) -> Timestamp { Timestamp(microseconds: hour.microseconds + second * 1_000_000 + 7) }

    private static func reading(
        _ number: UInt64, _ start: Int64, _ end: Int64, left: Int64? = nil, of pool: ProviderPool = pool
    ) -> ProviderReading {
        ProviderReading(
            id: CallID(high: 1 << 20, low: number), pool: pool, startedAt: instant(start), endedAt: instant(end),
            low: Credits(micros: Int64(number)), high: Credits(micros: .max - Int64(number)), remaining: left.map { Credits(micros: $0) })
    }

    /// A call's reading is there with its row, and once, whatever comes after that.
    package static func readingsComeWithTheirRows(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: 8)
        var records: [CostRecord] = []
        for number in 0..<6 {
            var record = maker.record()
            record.provider = "alpha"
            if number != 3 {
                record.reading = ProviderReading(
                    id: record.id, pool: number < 5 ? pool : ProviderPool(provider: "alpha"), startedAt: instant(Int64(number)),
                    endedAt: instant(10 + Int64(number)), low: Credits(micros: -1), high: Credits(micros: 5),
                    remaining: number == 1 ? nil : Credits(micros: .min))
            }
            records.append(record)
        }
        let batch = LedgerBatch(journal: "j", position: JournalPosition(segment: 1, offset: 9), records: records)
        #expect(try await ledger.apply(batch).new == 6)
        func all(_ pool: ProviderPool) async throws -> [ProviderReading] {
            try await ledger.readings(of: pool, from: instant(-100), until: instant(10_000))
        }
        let expected = [0, 1, 2, 4].compactMap { records[$0].reading }
        #expect(try await all(pool) == expected)
        #expect(try await all(ProviderPool(provider: "alpha")).map(\.id) == [records[5].id])
        #expect(try await all(ProviderPool(provider: "beta", name: "search")).isEmpty)
        // Once more, as after a transaction of whose end nobody heard; and as what another knows of the same call.
        var other = batch
        other.records[0].reading?.endedAt = instant(500)
        other.records[3].reading = reading(77, 1, 2)
        other.records[3].reading?.id = records[3].id
        for again in [batch, other] { #expect(try await ledger.apply(again).new == 0) }
        #expect(try await all(pool) == expected)
        // Beside one that can be no row.
        var (bad, good) = (maker.record(), maker.record())
        bad.createdAt = Timestamp(microseconds: .max)
        good.reading = reading(1, 20, 21)
        good.reading?.id = good.id
        #expect(try await ledger.apply(LedgerBatch(journal: nil, position: nil, records: [bad, good])).setAside == 1)
        #expect(try await all(pool).last?.id == good.id)
        await ledger.close()
    }

    /// Readings are found by the instants that they have a part in, the last balance by its end, and both are gone when they are old, but for
    /// the last balance of a pool that has not counted since.
    package static func readingsAreFoundAndForgotten(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        let other = ProviderPool(provider: "alpha", name: "Search")
        #expect(try await ledger.lastBalance(of: pool, from: instant(0), through: instant(100)) == nil)
        try await ledger.deleteReadings(endedBefore: instant(0))
        let readings = [
            reading(1, 0, 10, left: 5), reading(2, 5, 20), reading(3, 12, 30, left: 0), reading(4, 29, 30, left: -7),
            reading(5, 40, 4000, left: 3), reading(6, 50, 60),
        ]
        try await ledger.add(readings.shuffled())
        try await ledger.add(
            readings + [reading(7, 13, 31, left: 9, of: other), reading(8, 0, 9, left: 9, of: ProviderPool(provider: "zeta"))])
        func found(_ start: Int64, _ end: Int64) async throws -> [UInt64] {
            try await ledger.readings(of: pool, from: instant(start), until: instant(end)).map(\.id.low)
        }
        #expect(try await ledger.readings(of: pool, from: instant(-1), until: instant(99)) == [0, 1, 2, 3, 5, 4].map { readings[$0] })
        for (start, end, ids) in [(10, 29, [2, 3]), (9, 30, [1, 2, 3, 4]), (30, 50, [5]), (4000, 9000, [])] as [(Int64, Int64, [UInt64])] {
            #expect(try await found(start, end) == ids)
        }
        func last(_ start: Int64, _ end: Int64) async throws -> UInt64? {
            try await ledger.lastBalance(of: pool, from: instant(start), through: instant(end))?.id.low
        }
        // Of one end the one that began last.
        for (start, end, id) in [
            (0, 9, nil), (0, 10, 1), (10, 29, 1), (11, 29, nil), (0, 3999, 4), (30, 30, 4), (0, 4000, 5),
        ] as [(Int64, Int64, UInt64?)] { #expect(try await last(start, end) == id) }
        #expect(try await ledger.lastBalance(of: other, from: instant(0), through: instant(99))?.remaining == Credits(micros: 9))
        // The last of the old ones has a balance: it stays, and one that overlaps it.
        try await ledger.deleteReadings(endedBefore: instant(31))
        #expect(try await found(-1, 9999) == [3, 4, 6, 5])
        #expect(try await ledger.readings(of: other, from: instant(0), until: instant(99)).count == 1)
        let zeta = ProviderPool(provider: "zeta")
        #expect(try await ledger.readings(of: zeta, from: instant(-1), until: instant(99)).count == 1)
        // The last of them has none.
        try await ledger.deleteReadings(endedBefore: instant(61))
        #expect(try await found(-1, 9999) == [5])
        // What counts nothing goes, whatever it follows, and the balance stays however old it is.
        var nothing = reading(9, 4500, 4600)
        (nothing.low, nothing.high) = (.zero, .zero)
        try await ledger.add([nothing])
        for _ in 0..<2 { try await ledger.deleteReadings(endedBefore: instant(90 * 86_400)) }
        #expect(try await found(-1, 9999) == [5])
        // A call that has counted since, and told nothing: nobody knows between which balances.
        try await ledger.add([reading(10, 4700, 4701)])
        try await ledger.deleteReadings(endedBefore: instant(90 * 86_400))
        #expect(try await found(-1, 9999) == [])
        #expect(try await ledger.readings(of: zeta, from: instant(-1), until: instant(99)).count == 1)
        await ledger.close()
    }

    /// Comparisons are kept one an hour and pool, and listed page by page.
    package static func comparisonsAreKeptAndListed(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        func comparison(_ hour: Int64, _ pool: ProviderPool, drift: Int64 = 0) -> HourlyComparison {
            let start = Timestamp(microseconds: Self.hour.microseconds + hour * HourlyComparison.hourLength)
            return HourlyComparison(
                pool: pool, hour: start, from: instant(hour * 3600 - 5), until: instant(hour * 3600 + 3000), low: Credits(micros: 1),
                high: Credits(micros: .max), reported: Credits(micros: -3), drift: Credits(micros: drift),
                bound: Credits(micros: 1_000_000),
                topUps: 2, toppedUp: Credits(micros: 9), createdAt: instant(hour * 3600 + 4000))
        }
        let pools = [
            ProviderPool(provider: "alpha"), ProviderPool(provider: "alpha", name: "Z"), ProviderPool(provider: "alpha", name: "a"),
            ProviderPool(provider: "alpha-2"), ProviderPool(provider: "beta"),
        ]
        var all: [HourlyComparison] = []
        for hour in stride(from: Int64(3), through: 0, by: -1) { all += pools.map { comparison(hour, $0, drift: hour) } }
        #expect(try await ledger.keep([]).isEmpty)
        // Some of two gateways at once: each is new to one of them.
        let shuffled = all.shuffled()
        async let first = ledger.keep(Array(shuffled[..<12]))
        async let second = ledger.keep(Array(shuffled[8...]))
        let new = try await first + second
        #expect(new.count == all.count && Set(new) == Set(all))
        #expect(try await ledger.comparisons(ComparisonQuery(limit: 100)) == all)
        // Again, in the place of what was there.
        all[2] = comparison(3, pools[2], drift: -2_000_000)
        #expect(try await ledger.keep([all[2]]).isEmpty)
        #expect(try await ledger.comparisons(ComparisonQuery(limit: 100)) == all && all[2].isBeyond)
        for size in [1, 3, 7] {
            var (seen, place): ([HourlyComparison], ComparisonQuery.Place?) = ([], nil)
            while true {
                let page = try await ledger.comparisons(ComparisonQuery(after: place, limit: size))
                guard let last = page.last else { break }
                seen += page
                place = ComparisonQuery.Place(hour: last.hour, pool: last.pool)
            }
            #expect(seen == all)
        }
        let alpha = try await ledger.comparisons(ComparisonQuery(provider: "alpha", from: all[0].hour, limit: 9))
        #expect(alpha == Array(all[..<3]))
        let before = try await ledger.comparisons(
            ComparisonQuery(
                provider: "alpha", pool: "a", after: ComparisonQuery.Place(hour: all[0].hour, pool: pools[2]), limit: 1))
        #expect(before == [comparison(2, pools[2], drift: 2)])
        #expect(try await ledger.comparisons(ComparisonQuery(provider: "x' OR ''='", limit: 9)).isEmpty)
        await ledger.close()
    }
}
