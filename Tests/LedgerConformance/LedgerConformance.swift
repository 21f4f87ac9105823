package import GatewayCore
import JSONPath
import Testing

/// What every ledger must do. A backend's tests call each function with a maker of fresh, empty ledgers.
package enum LedgerConformance {
    /// Makes an empty ledger.
    package typealias Factory = @Sendable () async throws -> any Ledger

    private static let everything = (from: RecordMaker.firstDay, until: RecordMaker.firstDay.adding(seconds: 10 * 86_400))

    /// Every field comes back as it was written, nil ones too.
    package static func fieldsRoundTrip(_ make: Factory) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: 1)
        let records = (0..<120).map { index in maker.record(onceKey: index % 7 == 0 ? "job \(index) ü" : nil) }
        try await ledger.apply(LedgerBatch(journal: "j", position: JournalPosition(segment: 1, offset: 99), records: records))
        for record in records {
            let read = try await ledger.record(id: record.id, workspace: record.workspace)
            #expect(read.map(comparable) == comparable(record))
            let elsewhere = try await ledger.record(id: record.id, workspace: record.workspace + "x")
            #expect(elsewhere == nil)
        }
        await ledger.close()
    }

    /// U+0000, which not every engine can keep, becomes U+FFFD wherever it stands, so that it cuts nothing off and confuses no two keys.
    package static func nulIsReplaced(_ make: Factory) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: 6)
        var record = maker.record()
        (record.workspace, record.user, record.entityID, record.errorMessage) = ("a\0b", "\0", "x\0", "no\0 end")
        try await ledger.apply(LedgerBatch(journal: nil, position: nil, records: [record]))
        let read = try await ledger.record(id: record.id, workspace: "a\u{FFFD}b")
        (record.workspace, record.user, record.entityID, record.errorMessage) = ("a\u{FFFD}b", "\u{FFFD}", "x\u{FFFD}", "no\u{FFFD} end")
        #expect(read.map(comparable) == comparable(record))
        let sums = try await ledger.dailySums(since: RecordMaker.firstDay)
        #expect(sums.map(\.user) == ["\u{FFFD}"])
        await ledger.close()
    }

    /// Amounts at the ends of their range are exact, and their sums stop there instead of failing or becoming inexact.
    package static func moneyExtremes(_ make: Factory) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: 2)
        let amounts: [Int64] = [0, 1, -1, 999_999_999, 1_000_000_000, Money.largestCharge.nanos, .max, .max, .min, .min + 1]
        for nanos in amounts {
            var record = maker.record()
            record.workspace = "w\(nanos)"
            record.cost = Money(nanos: nanos)
            record.estimate = Money(nanos: nanos)
            record.reportedCost = Money(nanos: nanos)
            record.tokens = .max
            let batch = LedgerBatch(journal: nil, position: nil, records: [record])
            try await ledger.apply(batch)
            let read = try await ledger.record(id: record.id, workspace: record.workspace)
            #expect(read.map(comparable) == comparable(record))
        }
        let rows = try await ledger.spend(
            SpendQuery(workspace: "w\(Int64.max)", by: [], from: everything.from, until: everything.until))
        #expect(rows.map(\.cost.nanos) == [.max])
        #expect(rows.map(\.calls) == [2])
        #expect(rows.map(\.tokens) == [.max])
        await ledger.close()
    }

    /// The same records again, in the same batch or another, change nothing; a position is there with its batch.
    package static func applyIsIdempotent(_ make: Factory) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: 3)
        let records = (0..<50).map { _ in maker.record() }
        let unknown = try await ledger.position(ofJournal: "a")
        #expect(unknown == nil)
        let place = JournalPosition(segment: 7, offset: 1 << 40)
        let first = try await ledger.apply(LedgerBatch(journal: "a", position: place, records: records + records))
        #expect(first == LedgerOutcome(new: 50))
        let once = try await all(ledger)
        let again = try await ledger.apply(LedgerBatch(journal: "b", position: JournalPosition(segment: 1, offset: 2), records: records))
        #expect(again == LedgerOutcome())
        var changed = records[0]
        changed.cost += Money(nanos: 5)
        try await ledger.apply(LedgerBatch(journal: nil, position: nil, records: [changed]))
        let twice = try await all(ledger)
        #expect(once == twice)
        #expect(once.reduce(0) { $0 + $1.calls } == 50)
        let (placeOfA, placeOfB) = (try await ledger.position(ofJournal: "a"), try await ledger.position(ofJournal: "b"))
        #expect(placeOfA == place)
        #expect(placeOfB == JournalPosition(segment: 1, offset: 2))
        await ledger.close()
    }

    /// Under random batches with duplicates, every sum equals the sum of the rows.
    package static func sumsEqualRows(_ make: Factory, seed: UInt64) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: seed)
        var rows: [CallID: CostRecord] = [:]
        var offset: UInt64 = 0
        for _ in 0..<20 {
            var records = (0..<Int.random(in: 0...60, using: &maker)).map { _ in maker.record() }
            records += rows.values.sorted { $0.id < $1.id }.prefix(Int.random(in: 0...10, using: &maker))
            if let first = records.first { records.append(first) }
            offset += 1
            try await ledger.apply(LedgerBatch(journal: "j", position: JournalPosition(segment: 1, offset: offset), records: records))
            for record in records where rows[record.id] == nil { rows[record.id] = record }
        }
        let expectedDaily = Dictionary(grouping: rows.values) {
            DailySum(workspace: $0.workspace, day: $0.day, provider: $0.provider, user: $0.user, cost: .zero)
        }
        .map { key, records in
            var sum = key
            sum.cost = records.reduce(.zero) { $0 + $1.cost }
            return sum
        }
        let daily = try await ledger.dailySums(since: everything.from)
        #expect(Set(daily) == Set(expectedDaily))
        let later = RecordMaker.firstDay.adding(seconds: 2 * 86_400)
        let dailyLater = try await ledger.dailySums(since: later)
        #expect(Set(dailyLater) == Set(expectedDaily.filter { $0.day >= later }))

        let (since, until) = (RecordMaker.firstDay.adding(seconds: 40_000), RecordMaker.firstDay.adding(seconds: 200_000))
        let exact = try await ledger.sums(workspace: "acme", since: since, until: until)
        let counted = rows.values.filter { $0.workspace == "acme" && $0.createdAt >= since && $0.createdAt < until }
        #expect(exact.reduce(Money.zero) { $0 + $1.cost } == counted.reduce(Money.zero) { $0 + $1.cost })
        #expect(Set(exact.map { [$0.provider, $0.user] }).count == exact.count)

        for by in dimensionSets {
            for workspace in [nil, "acme"] as [String?] {
                for window in [everything, (later, later.adding(seconds: 2 * 86_400))] {
                    let query = SpendQuery(workspace: workspace, by: by, from: window.0, until: window.1)
                    let found = try await ledger.spend(query)
                    #expect(Set(found) == Set(expected(query, rows.values)), "by \(by)")
                }
            }
        }
        let entity = SpendQuery(
            workspace: nil, entityType: "person", entityID: "p1", by: [.day, .user], from: everything.from, until: everything.until)
        let found = try await ledger.spend(entity)
        #expect(Set(found) == Set(expected(entity, rows.values)))
        await ledger.close()
    }

    /// A key is charged once for each workspace, provider and operation.
    package static func onceKeys(_ make: Factory) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: 4)
        var records: [CostRecord] = []
        for workspace in ["a", "b"] {
            for key in ["k1", "k1", "k2"] {
                var record = maker.record(onceKey: key)
                (record.workspace, record.provider, record.operation) = (workspace, "alpha", "poll")
                record.createdAt = RecordMaker.firstDay.adding(seconds: 60)
                records.append(record)
            }
        }
        try await ledger.apply(LedgerBatch(journal: nil, position: nil, records: records))
        let keys = try await ledger.onceKeys(since: RecordMaker.firstDay)
        #expect(keys.count == 4)
        #expect(
            Set(keys)
                == Set(
                    ["a", "b"].flatMap { workspace in
                        ["k1", "k2"].map { OnceKey(workspace: workspace, provider: "alpha", operation: "poll", value: $0) }
                    }))
        let none = try await ledger.onceKeys(since: RecordMaker.firstDay.adding(seconds: 61))
        #expect(none.isEmpty)
        await ledger.close()
    }

    /// A record that can never be stored is set aside; its neighbours and the position are written.
    package static func unstorableIsSetAside(_ make: Factory) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: 5)
        let (good, other) = (maker.record(), maker.record())
        var bad = maker.record()
        bad.createdAt = Timestamp(microseconds: .max)
        let place = JournalPosition(segment: 1, offset: 1)
        let outcome = try await ledger.apply(LedgerBatch(journal: "j", position: place, records: [good, bad, other]))
        #expect(outcome == LedgerOutcome(new: 2, setAside: 1))
        let calls = try await all(ledger).reduce(0) { $0 + $1.calls }
        #expect(calls == 2)
        let reached = try await ledger.position(ofJournal: "j")
        #expect(reached == place)
        await ledger.close()
    }

    // MARK: What is expected

    /// A record with its request data in one form: an engine may keep JSON as values, and U+0000 as U+FFFD.
    private static func comparable(_ record: CostRecord) -> CostRecord {
        var record = record
        record.requestData = record.requestData.map { text in
            guard let document = try? JSONDocument(parsing: text), let value = try? JSONValue(document.root) else { return text }
            return String(decoding: value.canonical, as: UTF8.self).replacing("\\u0000", with: "\u{FFFD}")
        }
        return record
    }

    private static let dimensionSets: [[SpendQuery.Dimension]] = [
        [], [.provider], [.operation], [.day], [.user], [.entity], [.provider, .operation], [.day, .provider, .user], [.entity, .day],
        [.user, .operation, .entity, .day, .provider],
    ]

    private static func all(_ ledger: any Ledger) async throws -> [SpendRow] {
        try await ledger.spend(
            SpendQuery(
                workspace: nil, by: [.provider, .operation, .day, .user], from: Timestamp(microseconds: .min),
                until: Timestamp(microseconds: .max)))
    }

    private static func expected(_ query: SpendQuery, _ rows: some Collection<CostRecord>) -> [SpendRow] {
        let counted = rows.filter { record in
            record.day >= query.from && record.day < query.until && (query.workspace ?? record.workspace) == record.workspace
                && (query.entityType == nil || query.entityType == record.entityType)
                && (query.entityID == nil || query.entityID == record.entityID)
        }
        let groups = Dictionary(grouping: counted) { record in
            SpendRow(
                workspace: record.workspace, provider: query.by.contains(.provider) ? record.provider : nil,
                operation: query.by.contains(.operation) ? record.operation : nil, day: query.by.contains(.day) ? record.day : nil,
                user: query.by.contains(.user) ? record.user : nil, entityType: query.by.contains(.entity) ? record.entityType : nil,
                entityID: query.by.contains(.entity) ? record.entityID : nil, sums: CallSums())
        }
        return groups.map { key, records in
            var sums = CallSums(
                calls: Int64(records.count), cost: records.map(\.cost).total, tokens: records.compactMap(\.tokens).reduce(0, +),
                saved: records.compactMap(\.saved).total)
            let reporting = records.filter { $0.reportedCost != nil }
            sums.reported = reporting.compactMap(\.reportedCost).total
            sums.reportedCalls = Int64(reporting.count)
            sums.costWhereReported = reporting.map(\.cost).total
            let lookups = records.filter { $0.found != nil }
            sums.lookups = Int64(lookups.count)
            sums.hits = Int64(lookups.count { $0.found != 0 })
            sums.records = Int64(lookups.compactMap(\.found).reduce(0, +))
            sums.lookupCost = lookups.map(\.cost).total
            var row = key
            row.sums = sums
            return row
        }
    }
}

extension [Money] {
    fileprivate var total: Money { reduce(.zero, +) }
}
