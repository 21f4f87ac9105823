import Foundation
import GatewayCore
import Glibc
import Journal
import LedgerConformance
import Synchronization

let fixedClock: WallClock = { RecordMaker.firstDay }

/// A journal of a test, with what it says.
final class TestJournal: Sendable {
    let journal: Journal
    private let lines: Collected<String>

    init(_ folder: String, options: Journal.Options = Journal.Options(retry: 1...5, storage: .hasty)) throws {
        let said = Collected<String>()
        lines = said
        journal = try Journal(folder: folder, options: options, clock: fixedClock) { said.add($0) }
    }

    /// The replayable lines so far.
    var replayLines: [String] { lines.all }

    /// Appends and waits for the outcome.
    @discardableResult
    func append(_ entry: JournalEntry) async -> Result<Void, DurabilityError> {
        await withCheckedContinuation { continuation in
            journal.append(entry) { continuation.resume(returning: $0) }
        }
    }

    func flush() async -> Bool {
        await withCheckedContinuation { continuation in
            journal.flush { continuation.resume(returning: (try? $0.get()) != nil) }
        }
    }

    /// Everything that can be read.
    func all() throws -> [JournalEntry] {
        var entries: [JournalEntry] = []
        var place = JournalPosition(segment: 0, offset: 0)
        while true {
            let (more, next) = try journal.entries(from: place, limit: 7)
            entries += more
            if more.isEmpty, next == place { return entries }
            place = next
        }
    }
}

/// Values that several threads add to.
final class Collected<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    func add(_ value: Value) {
        values.withLock { $0.append(value) }
    }

    var all: [Value] { values.withLock { $0 } }
}

extension RecordMaker {
    /// A record that may have a reading.
    mutating func readRecord(onceKey: String? = nil) -> CostRecord {
        var record = record(onceKey: onceKey)
        guard Bool.random(using: &self) else { return record }
        func any() -> Int64 {
            pick([.min, -1, 0, 1, .max, Int64.random(in: -9_000_000_000_000_000...9_000_000_000_000_000, using: &self)])
        }
        record.reading = ProviderReading(
            id: record.id, pool: ProviderPool(provider: record.provider, name: pick(["", "search"])),
            startedAt: Timestamp(microseconds: any()), endedAt: Timestamp(microseconds: any()), low: Credits(micros: any()),
            high: Credits(micros: any()), remaining: maybe(Credits(micros: any())))
        return record
    }

    mutating func entry() -> JournalEntry {
        switch Int.random(in: 0..<7, using: &self) {
        case 0, 1: .held(readRecord())
        case 2, 3: .settled(readRecord(onceKey: maybe("key ü")))
        case 4: .kept(keptAnswer())
        case 5: .stored(entity())
        default:
            Bool.random(using: &self)
                ? .released(record().id)
                : .priced(PriceVersionRecord(provider: "alpha", version: "2026+\(next())", canonical: #"{"a":"\#(next())"}"#))
        }
    }
}

extension JournalStorage {
    /// Does not wait for the disk: for tests that cut hundreds of journals.
    static var hasty: JournalStorage {
        var storage = JournalStorage.system
        storage.synchronize = { _ throws(SystemError) in }
        storage.rename = { from, to, _ throws(SystemError) in
            guard Glibc.rename(from, to) == 0 else { throw SystemError(code: errno, operation: "rename") }
        }
        return storage
    }
}

/// The names and bytes of a folder's segments.
func segments(in folder: String) throws -> [(name: String, bytes: Data)] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".journal") }.sorted().map { name in
        (name, try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
    }
}

/// A folder of its own with these segments.
func copyOfFolder(_ segments: [(name: String, bytes: Data)]) throws -> ScratchFolder {
    let copy = try ScratchFolder()
    for segment in segments { try segment.bytes.write(to: URL(fileURLWithPath: copy.path + "/" + segment.name)) }
    return copy
}

extension JournalEntry {
    var settledID: CallID? {
        if case .settled(let record) = self { record.id } else { nil }
    }
}

/// A ledger of which only the half that the journal feeds is tested.
protocol KeylessLedger: Ledger {}

extension KeylessLedger {
    func worths(since: Timestamp, of operations: [OperationName], limit: Int) async throws(LedgerError) -> WorthReport {
        WorthReport(sums: [], examined: 0, oldest: nil)
    }

    func add(_ key: CallerKey, _ mark: ChangeMark) async throws(LedgerError) {}
    func revokeKey(_ id: CallID, _ mark: ChangeMark) async throws(LedgerError) -> CallerKey? { nil }
    func keys(changedAfter change: Int64) async throws(LedgerError) -> (keys: [CallerKey], change: Int64) { ([], 0) }
    func keys(workspace: String?, after id: CallID?, limit: Int) async throws(LedgerError) -> [CallerKey] { [] }
    func noteUse(_ uses: [CallID: Timestamp]) async throws(LedgerError) {}
    func raise(_ alerts: [BudgetAlert], to webhooks: [WebhookID]) async throws(LedgerError) -> Set<CallID> { [] }
    func claimDeliveries(_ room: [WebhookID: Int], at now: Timestamp, until end: Timestamp) async throws(LedgerError) -> [AlertDelivery] {
        []
    }
    func noteDeliveries(_ ends: [DeliveryEnd]) async throws(LedgerError) {}
    func giveUpDeliveries(raisedBefore instant: Timestamp) async throws(LedgerError) -> (givenUp: [DeliveryKey], waiting: Int) { ([], 0) }
    func alerts(_ query: AlertQuery) async throws(LedgerError) -> [RaisedAlert] { [] }
    func budgets(after version: Int64) async throws(LedgerError) -> StoredBudgets? { nil }
    func setBudget(_ text: String, of workspace: String, _ mark: ChangeMark) async throws(LedgerError) {}
    func add(_ entry: AuditEntry) async throws(LedgerError) {}
    func auditEntries(since instant: Timestamp?, before id: CallID?, limit: Int) async throws(LedgerError) -> [AuditEntry] { [] }
    func calls(_ query: CallQuery) async throws(LedgerError) -> [LedgerRow] { [] }
    func add(_ readings: [ProviderReading]) async throws(LedgerError) {}
    func readings(of pool: ProviderPool, from start: Timestamp, until end: Timestamp) async throws(LedgerError) -> [ProviderReading] { [] }
    func lastBalance(of pool: ProviderPool, from start: Timestamp, through end: Timestamp) async throws(LedgerError) -> ProviderReading? {
        nil
    }
    func deleteReadings(endedBefore instant: Timestamp) async throws(LedgerError) {}
    func keep(_ comparisons: [HourlyComparison]) async throws(LedgerError) -> [HourlyComparison] { [] }
    func comparisons(_ query: ComparisonQuery) async throws(LedgerError) -> [HourlyComparison] { [] }
}
