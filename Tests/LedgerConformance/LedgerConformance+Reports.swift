package import GatewayCore
import Testing

/// What operators ask for.
extension LedgerConformance {
    private static let always = (from: Timestamp(microseconds: .min), until: Timestamp(microseconds: .max))

    /// Of all workspaces together there is what there is of each.
    package static func togetherIsTheSumOfAll(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: 11)
        let records = (0..<200).map { _ in maker.record() }
        try await ledger.apply(LedgerBatch(journal: nil, position: nil, records: records))
        for by: [SpendQuery.Dimension] in [[], [.provider], [.provider, .day], [.user], [.entity]] {
            let apart = try await ledger.spend(SpendQuery(workspace: nil, by: by, from: always.from, until: always.until))
            let together = try await ledger.spend(
                SpendQuery(workspace: nil, by: by, from: always.from, until: always.until, isTogether: true))
            #expect(Set(together.map(\.workspace)) == [""])
            let groups = Dictionary(grouping: apart) { row in
                var key = SpendRow(workspace: "", sums: CallSums())
                (key.provider, key.day, key.user) = (row.provider, row.day, row.user)
                (key.entityType, key.entityID) = (row.entityType, row.entityID)
                return key
            }
            let expected = groups.map { key, rows in
                var row = key
                for each in rows { row.sums += each.sums }
                return row
            }
            #expect(Set(together) == Set(expected) && together.count == expected.count)
        }
        // Sums stop at the ends of their range, and only there. Each on a day of its own.
        let extremes = [([Int64.max, .max], .max), ([.min, .min, .min], .min), ([.max, .min], -1), ([-7, 2], -5)] as [([Int64], Int64)]
        for (index, (nanos, sum)) in extremes.enumerated() {
            let day = RecordMaker.firstDay.adding(seconds: 86_400 * Int64(100 + index))
            let records = nanos.enumerated().map { number, nanos in
                var record = maker.record()
                (record.workspace, record.cost, record.tokens) = ("w\(number)", Money(nanos: nanos), .max)
                (record.createdAt, record.day) = (day, day)
                return record
            }
            try await ledger.apply(LedgerBatch(journal: nil, position: nil, records: records))
            let rows = try await ledger.spend(
                SpendQuery(workspace: nil, by: [], from: day, until: day.adding(seconds: 1), isTogether: true))
            #expect(rows.map(\.cost.nanos) == [sum] && rows.map(\.tokens) == [.max] && rows.map(\.calls) == [Int64(nanos.count)])
        }
        await ledger.close()
    }

    /// Quality is summed over the newest rows, of which there are as many as may be looked at and no more.
    package static func qualityIsOfTheNewestRows(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        let empty = try await ledger.quality(since: RecordMaker.firstDay, limit: 10)
        #expect(empty == QualityReport(providers: [], examined: 0, oldest: nil))
        var maker = RecordMaker(seed: 12)
        var records = (0..<120).map { _ in maker.record() }
        for index in records.indices {
            // An instant of its own for each, so that the newest are known.
            records[index].createdAt = RecordMaker.firstDay.adding(seconds: Int64(index))
            if index % 3 == 0 {
                records[index].requestData = #"{"method":"GET","lines":[],"grades":{"A":\#(index),"F":1}}"#
            } else if index % 3 == 1 {
                records[index].requestData = #"{"method":"GET","note":"\"grades\":{\"A\":9}"}"#
            }
        }
        try await ledger.apply(LedgerBatch(journal: nil, position: nil, records: records.shuffled(using: &maker)))
        for (since, limit) in [(0, 1000), (0, 120), (0, 50), (0, 1), (60, 1000), (60, 10), (119, 10), (120, 10)] {
            let instant = RecordMaker.firstDay.adding(seconds: Int64(since))
            let report = try await ledger.quality(since: instant, limit: limit)
            let looked = records.filter { $0.createdAt >= instant }.suffix(limit)
            #expect(report.examined == Int64(looked.count) && report.oldest == looked.first?.createdAt)
            let expected = Dictionary(grouping: looked, by: \.provider).map { quality($0.key, of: $0.value) }
            #expect(report.providers == expected.sorted { $0.provider < $1.provider })
        }
        await ledger.close()
    }

    private static func quality(_ provider: String, of records: [CostRecord]) -> ProviderQuality {
        var quality = ProviderQuality(provider: provider)
        quality.calls = Int64(records.count)
        quality.succeeded = Int64(records.count { $0.success })
        quality.unanswered = Int64(records.count { $0.status == nil })
        quality.estimated = Int64(records.count { $0.basis == .estimate })
        quality.shared = Int64(records.count { $0.saved != nil })
        quality.duration = records.filter { $0.saved == nil }.reduce(0) { $0 + Int64($1.duration ?? 0) }
        for record in records where record.requestData?.contains(#","grades":{"#) == true {
            quality.grades[.a] += record.createdAt.seconds - RecordMaker.firstDay.seconds
            quality.grades[.f] += 1
        }
        return quality
    }
}
