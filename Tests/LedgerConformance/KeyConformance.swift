package import GatewayCore
import Testing

extension LedgerConformance {
    /// Keys come back as they were written, in the order of their changes; a key is revoked once.
    package static func keys(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        let ids = CallIDGenerator()
        let start = RecordMaker.firstDay
        func key(_ number: Int64, workspace: String) -> CallerKey {
            let isBare = number.isMultiple(of: 2)
            return CallerKey(
                id: ids.next(at: start), workspace: workspace, name: isBare ? nil : "key \(number) ü \"'",
                digest: KeyDigest(of: Secret("\(number)")),
                createdAt: Timestamp(microseconds: start.microseconds + number), expiresAt: isBare ? nil : start.adding(seconds: 60),
                permissions: isBare
                    ? .init() : .init(providers: ["pdl", "a \"b"], operations: ["x"], rate: CallRate("\(number).5")))
        }
        var empty = try await ledger.keys(changedAfter: 0)
        #expect(empty.keys.isEmpty && empty.change == 0)
        let keys = (0..<5).map { key($0, workspace: $0 < 3 ? "a" : "b") }
        var marks: [ChangeMark] = []
        func mark(_ instant: Timestamp = start) -> ChangeMark {
            marks.append(ChangeMark(id: ids.next(at: start), instant: instant, origin: "192.0.2.1", gateway: "g ü"))
            return marks[marks.count - 1]
        }
        for key in keys { try await ledger.add(key, mark()) }
        let all = try await ledger.keys(changedAfter: 0)
        #expect(all.keys.sorted { $0.id < $1.id } == keys && all.change == 5)
        empty = try await ledger.keys(changedAfter: 5)
        #expect(empty.keys.isEmpty && empty.change == 5)

        let instant = start.adding(seconds: 9)
        let revoked = try await ledger.revokeKey(keys[1].id, mark(instant))
        #expect(revoked?.revokedAt == instant && revoked?.digest == keys[1].digest)
        let again = try await ledger.revokeKey(keys[1].id, mark(instant.adding(seconds: 1)))
        #expect(again == revoked)
        let unknown = try await ledger.revokeKey(ids.next(at: start), mark(instant))
        #expect(unknown == nil)
        let changed = try await ledger.keys(changedAfter: 5)
        #expect(changed.keys == [revoked] && changed.change == 6)

        try await ledger.noteUse([keys[0].id: instant, keys[2].id: instant, ids.next(at: start): instant])
        try await ledger.noteUse([keys[0].id: start, keys[2].id: instant.adding(seconds: 1)])
        try await ledger.noteUse([:])
        let page = try await ledger.keys(workspace: "a", after: nil, limit: 10)
        #expect(page.map(\.id) == keys[..<3].map(\.id))
        #expect(page.map(\.lastUsedAt) == [instant, nil, instant.adding(seconds: 1)])
        let rest = try await ledger.keys(workspace: nil, after: keys[2].id, limit: 1)
        #expect(rest.map(\.id) == [keys[3].id])
        let unchanged = try await ledger.keys(changedAfter: 6)
        #expect(unchanged.keys.isEmpty, "a use is no change")

        // Two keys of one digest would be one key with two owners.
        await #expect(throws: LedgerError.self) {
            try await ledger.add(
                CallerKey(id: ids.next(at: start), workspace: "c", name: nil, digest: keys[0].digest, createdAt: start), mark())
        }

        // The audit has each change once, and nothing of what was none.
        let audit = try await ledger.auditEntries(since: nil, before: nil, limit: 100)
        var before = keys[1]
        before.revokedAt = nil
        let made = zip(marks, keys).map { AuditEntry($0, key: $1) }
        let ended = try AuditEntry(marks[5], key: #require(revoked), before: before)
        #expect(audit == (made + [ended]).reversed())
        await ledger.close()
    }
}
