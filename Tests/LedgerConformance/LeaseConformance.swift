package import GatewayCore
import Testing

/// What every database must do that gateways share budgets through: what ``LeaseModel`` does.
package enum LeaseConformance {
    /// Opens the ledger of a gateway; all of them are on one empty database.
    package typealias Factory = @Sendable (_ gateway: String) async throws -> any Ledger

    /// Some accounts of one workspace, in days and in their month.
    private static let accounts: [AccountKey] = {
        let day = RecordMaker.firstDay
        let windows = (0..<3).map { (day.adding(seconds: 86_400 * $0), day.adding(seconds: 86_400 * ($0 + 1))) }
        return (windows + [(day, day.adding(seconds: 30 * 86_400))]).flatMap { start, end in
            [(BudgetScope.workspace, ""), (.provider, "alpha"), (.user, "u1")].map {
                AccountKey(workspace: "acme", scope: $0.0, name: $0.1, start: start, end: end)
            }
        }
    }()

    private static let days = (-1..<30).map { RecordMaker.firstDay.adding(seconds: 86_400 * $0) }

    /// A record of the accounts' workspace, or of another.
    private static func record(_ maker: inout RecordMaker, isOfOtherZone: Bool) -> CostRecord {
        var record = maker.record()
        record.workspace = maker.pick(["acme", "acme", "other"])
        record.user = maker.pick(["u1", "u2", nil])
        record.cost = Money(nanos: Int64.random(in: 0...50, using: &maker))
        if isOfOtherZone {
            // India's days begin half past five hours before.
            let shifted = record.createdAt.adding(seconds: 19_800)
            record.day = Timestamp(CivilDate(daysSince1970: Int(shifted.seconds / 86_400))).adding(seconds: -19_800)
        }
        return record
    }

    private static func request(_ maker: inout RecordMaker, _ account: AccountKey) -> LeaseRequest {
        let keep = Int64.random(in: 0...300, using: &maker)
        let minimum = Bool.random(using: &maker) ? keep : keep + Int64.random(in: 1...200, using: &maker)
        return LeaseRequest(
            account, isOpening: Bool.random(using: &maker),
            limit: maker.pick([nil, Money(nanos: Int64.random(in: 0...3000, using: &maker)), Money(nanos: 2000)]), keep: keep,
            minimum: minimum, target: minimum + maker.pick([0, Int64.random(in: 0...500, using: &maker)]), days: days)
    }

    /// Random requests, batches and forgettings of some gateways are answered as the model answers them.
    package static func answersAreTheModels(_ make: Factory, seed: UInt64) async throws {
        var maker = RecordMaker(seed: seed)
        var model = LeaseModel()
        let names = ["g1", "g2", "g3"]
        let ledgers = [try await make(names[0]), try await make(names[1]), try await make(names[2])]
        var written: [CostRecord] = []
        for step in 0..<120 {
            let index = Int.random(in: 0..<3, using: &maker)
            let store = try #require(ledgers[index].leases)
            switch Int.random(in: 0..<10, using: &maker) {
            case 0..<4:
                var records = (0..<Int.random(in: 0...8, using: &maker)).map { _ in record(&maker, isOfOtherZone: seed % 2 == 0) }
                // Some are there already, or come twice.
                if let again = written.randomElement(using: &maker) { records += [again, again] }
                written += records
                let journal = Bool.random(using: &maker) ? names[index] : nil
                try await ledgers[index].apply(
                    LedgerBatch(
                        journal: journal, position: journal.map { _ in JournalPosition(segment: 1, offset: UInt64(step)) }, records: records
                    ))
                model.apply(records, gateway: journal)
            case 4 where step > 40:
                let freed = try await store.forget(gateway: names[index])
                let expected = model.forget(names[index])
                #expect(Dictionary(uniqueKeysWithValues: freed.map { ($0.account, $0.unused.nanos) }) == expected)
            default:
                let asked = accounts.shuffled(using: &maker).prefix(Int.random(in: 1...5, using: &maker)).map { request(&maker, $0) }
                let replies = try await store.exchange(asked)
                let expected = model.exchange(asked, gateway: names[index])
                #expect(replies == expected, "step \(step): \(asked)")
            }
        }
        #expect(model.isConsistent)
        for (ledger, name) in zip(ledgers, names) {
            // Everything that there is, without a change.
            let asked = accounts.map { account in
                let granted = model.granted(account, name) ?? 0
                return LeaseRequest(account, limit: Money(nanos: 5000), keep: granted, minimum: granted, target: granted)
            }
            let replies = try await ledger.leases?.exchange(asked)
            let expected = model.exchange(asked, gateway: name)
            #expect(replies == expected)
        }
        for ledger in ledgers { await ledger.close() }
    }

    /// Gateways that open the same accounts while others' batches go in count every row once, and grant no more than the limit together.
    package static func openingsAndBatchesMeet(_ make: Factory, seed: UInt64) async throws {
        let names = ["g1", "g2", "g3"]
        let limit = Money(nanos: 4000)
        let total = try await withThrowingTaskGroup(of: Int64.self) { tasks in
            for (number, name) in names.enumerated() {
                let ledger = try await make(name)
                tasks.addTask {
                    var maker = RecordMaker(seed: seed * 10 + UInt64(number))
                    var spent = Int64(0)
                    for step in 0..<15 {
                        let records = (0..<20).map { _ in record(&maker, isOfOtherZone: false) }
                        spent += records.reduce(0) { $0 + (accounts[9].counts($1) ? $1.cost.nanos : 0) }
                        try await ledger.apply(
                            LedgerBatch(journal: name, position: JournalPosition(segment: 1, offset: UInt64(step)), records: records))
                        // Each account is opened by all at about the same time; the last is the month's.
                        let asked = accounts.prefix(step + 1).shuffled(using: &maker).map { account in
                            LeaseRequest(account, isOpening: true, limit: limit, keep: 0, minimum: 0, target: 300, days: days)
                        }
                        _ = try await ledger.leases?.exchange(asked)
                    }
                    await ledger.close()
                    return spent
                }
            }
            return try await tasks.reduce(0, +)
        }
        let ledger = try await make("g1")
        let asked = [LeaseRequest(accounts[9], isOpening: true, limit: nil, keep: 0, minimum: 0, target: 0, days: days)]
        let reply = try await ledger.leases?.exchange(asked)[0]
        #expect(reply?.spent == total)
        await ledger.close()
    }

    /// A refusal is a wish that the others see, and the one who made it does not.
    package static func refusalsAreSeenByOthers(_ make: Factory) async throws {
        let (first, second) = (try await make("g1"), try await make("g2"))
        let (has, wants) = (try #require(first.leases), try #require(second.leases))
        func ask(_ minimum: Int64, keep: Int64 = 0) -> LeaseRequest {
            LeaseRequest(accounts[0], isOpening: true, limit: Money(nanos: 100), keep: keep, minimum: minimum, target: minimum, days: days)
        }
        let granted = try await has.exchange([ask(90)])[0]
        #expect(granted?.granted == 90 && granted?.isRefused == false)
        var (seen, own) = (try await has.wanted(), try await wants.wanted())
        #expect(seen.isEmpty && own.isEmpty)
        let refused = try await wants.exchange([ask(11)])[0]
        #expect(refused == LeaseReply(granted: 0, used: 0, spent: 0, available: 10, isRefused: true))
        (seen, own) = (try await has.wanted(), try await wants.wanted())
        #expect(seen == [accounts[0]] && own.isEmpty)
        let unknown = try await wants.exchange([LeaseRequest(accounts[1], limit: nil, keep: 0, minimum: 0, target: 0)])
        #expect(unknown == [nil])
        await first.close()
        await second.close()
    }
}
