package import GatewayCore
import Testing

/// What the admin plane asks of a ledger beside its keys: budgets, the audit, and lists of calls.
extension LedgerConformance {
    private static let start = RecordMaker.firstDay

    private static func mark(_ ids: CallIDGenerator, _ seconds: Int64 = 0) -> ChangeMark {
        let instant = start.adding(seconds: seconds)
        return ChangeMark(id: ids.next(at: instant), instant: instant, origin: "::1")
    }

    /// A budget that is set is seen by its version; the same again is no change; the audit has each change with what was before.
    package static func budgets(_ make: @Sendable () async throws -> any Ledger) async throws {
        let (ledger, ids) = (try await make(), CallIDGenerator())
        var seen = try await ledger.budgets(after: 0)
        #expect(seen == nil)
        let texts = [#"{"daily":"1.00"}"#, #"{"daily":"1.00"}"#, #"{"users":{"ü \"' \\":{"daily":2}}}"#, #"{"daily":"1.00"}"#]
        for text in texts { try await ledger.setBudget(text, of: "a", mark(ids)) }
        try await ledger.setBudget("{}", of: "b", mark(ids))
        seen = try await ledger.budgets(after: 1)
        #expect(seen == StoredBudgets(version: 4, texts: ["a": texts[3], "b": "{}"]))
        seen = try await ledger.budgets(after: 4)
        #expect(seen == nil)
        let audit = try await ledger.auditEntries(since: nil, before: nil, limit: 10)
        #expect(audit.map(\.subject) == ["b", "a", "a", "a"])
        #expect(audit.map(\.before) == [nil, texts[2], texts[0], nil])
        #expect(audit.map(\.after) == ["{}", texts[3], texts[2], texts[0]])

        // Whoever sets it at once: versions count the changes, and each follows on the one before.
        try await withThrowingTaskGroup { tasks in
            for number in 0..<40 { tasks.addTask { try await ledger.setBudget("{\"daily\":\(number)}", of: "c", mark(ids)) } }
            try await tasks.waitForAll()
        }
        seen = try await ledger.budgets(after: 4)
        #expect(seen?.version == 44)
        let changes = try await ledger.auditEntries(since: nil, before: nil, limit: 100).filter { $0.subject == "c" }
        #expect(Set(changes.map(\.after)).count == 40)
        // A chain from nothing to what is in force: each text is somebody's before, but for the last.
        #expect(Set(changes.map(\.before)) == Set(changes.map(\.after)).subtracting([seen?.texts["c"]]).union([nil]))
        await ledger.close()
    }

    /// Entries come back as they were, the newest first, in pages that neither skip nor repeat one.
    package static func audit(_ make: @Sendable () async throws -> any Ledger) async throws {
        let (ledger, ids) = (try await make(), CallIDGenerator())
        let none = try await ledger.auditEntries(since: nil, before: nil, limit: 10)
        #expect(none.isEmpty)
        let entries = (0..<25).map { number in
            var entry = AuditEntry(
                mark(ids, Int64(number / 2)), AuditEntry.Kind.allCases[number % 3], of: "s\(number) \"' ü",
                before: number % 2 == 0 ? nil : #"{"x":"\u0000"}"#, after: number % 5 == 0 ? nil : "{}")
            if number % 3 == 0 { entry.mark.gateway = "g" }
            return entry
        }
        for entry in entries { try await ledger.add(entry) }
        var again = entries[3]
        again.after = "other"
        try await ledger.add(again)

        var (pages, last) = ([AuditEntry](), CallID?.none)
        while true {
            let page = try await ledger.auditEntries(since: nil, before: last, limit: 4)
            pages += page
            guard let end = page.last else { break }
            last = end.mark.id
            // What is added meanwhile is newer.
            try await ledger.add(AuditEntry(mark(ids, 99), .key, of: "new", before: nil, after: nil))
        }
        #expect(pages == entries.reversed())
        let later = try await ledger.auditEntries(since: start.adding(seconds: 11), before: nil, limit: 100)
        #expect(later.filter { $0.subject != "new" } == entries[22...].reversed())
        for odd in [Timestamp(microseconds: .min), Timestamp(microseconds: .max)] {
            let found = try await ledger.auditEntries(since: odd, before: nil, limit: 1)
            #expect(found.isEmpty == (odd.microseconds > 0))
        }
        await ledger.close()
    }

    /// Every filter finds what the rows say, and pages neither skip nor repeat a row while others arrive before and behind them.
    package static func calls(_ make: @Sendable () async throws -> any Ledger, seed: UInt64) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: seed)
        var records = (0..<300).map { _ in maker.record() }
        // Many at one instant, which ids alone order.
        for index in 0..<60 { records[index].createdAt = records[index / 20].createdAt }
        try await ledger.apply(LedgerBatch(journal: nil, position: nil, records: records))
        let (from, until) = (start.adding(seconds: 50_000), start.adding(seconds: 300_000))
        for query in [
            CallQuery(limit: 7), CallQuery(workspace: "acme", limit: 3), CallQuery(provider: "beta", limit: 11),
            CallQuery(workspace: "Zürich ✈ 東京", provider: "alpha", operation: "chat", limit: 2),
            CallQuery(status: records.compactMap(\.status)[0], limit: 1), CallQuery(from: from, until: until, limit: 40),
            CallQuery(workspace: "acme", from: from, limit: 1000), CallQuery(workspace: "nobody' OR 1=1 --\0", limit: 5),
            CallQuery(from: Timestamp(microseconds: .min), until: Timestamp(microseconds: .max), limit: 500),
        ] {
            let expected = newestFirst(records.filter { query.admits($0) })
            var (found, page) = ([LedgerRow](), query)
            while true {
                let rows = try await ledger.calls(page)
                found += rows
                guard rows.count == query.limit, let last = rows.last else { break }
                page.after = last.place
                // Newer ones and older ones, between two pages.
                var (newer, older) = (maker.record(), maker.record())
                newer.createdAt = start.adding(seconds: 20 * 86_400)
                older.createdAt = start.adding(seconds: -86_400)
                (newer.workspace, older.workspace, newer.day, older.day) = ("late", "late", newer.createdAt, older.createdAt)
                try await ledger.apply(LedgerBatch(journal: nil, position: nil, records: [newer, older]))
            }
            #expect(found.filter { $0.record.workspace != "late" }.map(\.id) == expected.map(\.id.description))
            #expect(Set(found.map(\.id)).count == found.count)
        }
        let rows = try await ledger.calls(CallQuery(workspace: "acme", limit: 1000))
        for row in rows {
            let single = try await ledger.record(id: row.record.id, workspace: "acme")
            #expect(row.json == single?.json)
        }
        #expect(!rows.isEmpty)
        await ledger.close()
    }

    private static func newestFirst(_ records: [CostRecord]) -> [CostRecord] {
        records.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
    }
}

extension CallQuery {
    fileprivate func admits(_ record: CostRecord) -> Bool {
        workspace ?? record.workspace == record.workspace && provider ?? record.provider == record.provider
            && (operation == nil || operation == record.operation) && (status == nil || status == record.status)
            && from ?? record.createdAt <= record.createdAt && (until.map { record.createdAt < $0 } ?? true)
    }
}
