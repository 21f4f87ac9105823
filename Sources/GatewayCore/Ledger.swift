/// A place in a journal. Positions of one journal are ordered as its entries are.
package struct JournalPosition: Sendable, Hashable, Comparable {
    package var segment: UInt64
    /// Bytes from the segment's start.
    package var offset: UInt64

    package init(segment: UInt64, offset: UInt64) {
        self.segment = segment
        self.offset = offset
    }

    package static func < (left: JournalPosition, right: JournalPosition) -> Bool {
        (left.segment, left.offset) < (right.segment, right.offset)
    }
}

/// Where every entry is durable before its call goes on. It is what the data path knows of the journal.
package protocol DurableLog: Sendable {
    /// Appends entries, handed over together; each one's completion runs exactly once, on the log's thread, when the entry is durable or
    /// cannot be made so. Entries become durable in the order in which they were appended.
    func append(_ appends: [LogAppend])
}

/// An entry on its way into a ``DurableLog``.
package struct LogAppend: Sendable {
    package var entry: JournalEntry
    package var completion: @Sendable (Result<Void, DurabilityError>) -> Void

    package init(_ entry: JournalEntry, completion: @escaping @Sendable (Result<Void, DurabilityError>) -> Void) {
        self.entry = entry
        self.completion = completion
    }
}

extension DurableLog {
    /// Appends a single entry.
    package func append(_ entry: JournalEntry, completion: @escaping @Sendable (Result<Void, DurabilityError>) -> Void) {
        append([LogAppend(entry, completion: completion)])
    }
}

/// The journal could not be written: disk full, read-only, failing.
package struct DurabilityError: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// What has become of calls: those on their way into the ledger, and those that are there.
package protocol CallHistory: Sendable {
    /// A call is about to be settled in the accounts, and its record to be journaled after that; until the ledger has it, it is found here.
    /// This order makes "what the ledger has, and what is noted here" the whole truth at any instant.
    func noteSettled(_ record: CostRecord)
    /// One call's record, wherever it is. Throws when it may be in a ledger that cannot be asked.
    func record(id: CallID, workspace: String) async throws(LedgerError) -> CostRecord?
    /// Whether the ledger does not take records at the moment.
    var isLedgerFailing: Bool { get }
}

/// The tables of record. One implementation an engine; all pass the same `LedgerConformance` tests.
///
/// A ledger is fed by one writer. Its methods throw ``LedgerError`` and leave nothing half done. Once opened, it heals by itself when the
/// cause of a failure goes; where another database has taken the place of its own, the next batch fails once, so that the writer asks
/// for the position again. What ``apply(_:)`` has written survives a loss of power: the journal removes its segments by that.
package protocol Ledger: KeyStore, BudgetStore, AuditStore, AlertStore, QualitySource, WorthSource, ReconciliationStore {
    /// How far a journal has been applied; nil for a journal that it has never seen.
    func position(ofJournal journal: String) async throws(LedgerError) -> JournalPosition?
    /// Writes a batch, its rollups and the position that it reaches, in one transaction. Records that are there already change nothing.
    /// A record that alone cannot be stored (it would fail for ever) is set aside rather than blocking those behind it.
    @discardableResult
    func apply(_ batch: LedgerBatch) async throws(LedgerError) -> LedgerOutcome
    /// Charged amounts since an instant, one sum for each day, provider and user of each workspace, for rebuilding budgets.
    func dailySums(since: Timestamp) async throws(LedgerError) -> [DailySum]
    /// The same from single rows, for one workspace and any boundaries: what counts from `since` to `until`.
    func sums(workspace: String, since: Timestamp, until: Timestamp) async throws(LedgerError) -> [DailySum]
    /// The keys that operations with `once` have charged since an instant.
    func onceKeys(since: Timestamp) async throws(LedgerError) -> [OnceKey]
    /// One call's row.
    func record(id: CallID, workspace: String) async throws(LedgerError) -> CostRecord?
    /// Some calls' rows, the newest first.
    func calls(_ query: CallQuery) async throws(LedgerError) -> [LedgerRow]
    /// What is kept for a key and has not expired at an instant.
    func keptAnswer(_ key: CacheKey, workspace: String, at now: Timestamp) async throws(LedgerError) -> KeptAnswer?
    /// Forgets kept answers that have expired, and the oldest of the others until the rest has no more than `limit` bytes; a small batch at a
    /// time. Returns whether there may be more to forget.
    func sweepAnswers(at now: Timestamp, limit: Int) async throws(LedgerError) -> Bool
    /// Summed spending.
    func spend(_ query: SpendQuery) async throws(LedgerError) -> [SpendRow]
    /// The accounts that gateways share through it; nil where one gateway has it alone.
    var leases: (any LeaseStore)? { get }
    /// Ends the ledger's use; nothing is called after it.
    func close() async
}

extension Ledger {
    package var leases: (any LeaseStore)? { nil }
}

/// What one transaction writes.
package struct LedgerBatch: Sendable {
    /// The journal that the records come from; nil for records without one (a replayed log line), which carry no position.
    package var journal: String?
    package var position: JournalPosition?
    package var records: [CostRecord]
    package var priceVersions: [PriceVersionRecord]
    package var kept: [KeptAnswer]
    package var stored: [EntityRecord]

    package init(
        journal: String?, position: JournalPosition?, records: [CostRecord], priceVersions: [PriceVersionRecord] = [],
        kept: [KeptAnswer] = [], stored: [EntityRecord] = []
    ) {
        self.journal = journal
        self.position = position
        self.records = records
        self.priceVersions = priceVersions
        self.kept = kept
        self.stored = stored
    }

    /// Takes what an entry has for a ledger. Returns whether it has anything.
    package mutating func add(_ entry: JournalEntry) -> Bool {
        switch entry {
        case .settled(let record): records.append(record)
        case .priced(let version): priceVersions.append(version)
        case .kept(let answer): kept.append(answer)
        case .stored(let record): stored.append(record)
        case .held, .released: return false
        }
        return true
    }

    /// Whether there is nothing to write.
    package var isEmpty: Bool { records.isEmpty && priceVersions.isEmpty && kept.isEmpty && stored.isEmpty }
}

/// What became of a batch's records. Those that are neither new nor set aside were there already.
package struct LedgerOutcome: Sendable, Hashable {
    package var new = 0
    /// Those that cannot be rows.
    package var setAside = 0
    /// The same of research and of records to be stored.
    package var additionsSetAside = 0

    package init(new: Int = 0, setAside: Int = 0, additionsSetAside: Int = 0) {
        self.new = new
        self.setAside = setAside
        self.additionsSetAside = additionsSetAside
    }
}

/// Charged to one workspace, provider and user on one day.
package struct DailySum: Sendable, Hashable {
    package var workspace: String
    /// The day's start, as the records say.
    package var day: Timestamp
    package var provider: String
    package var user: String?
    package var cost: Money

    package init(workspace: String, day: Timestamp, provider: String, user: String?, cost: Money) {
        self.workspace = workspace
        self.day = day
        self.provider = provider
        self.user = user
        self.cost = cost
    }
}

/// What an operation with `once` charges a single time for a workspace.
package struct OnceKey: Sendable, Hashable {
    package var workspace: String
    package var provider: String
    package var operation: String
    package var value: String

    package init(workspace: String, provider: String, operation: String, value: String) {
        self.workspace = workspace
        self.provider = provider
        self.operation = operation
        self.value = value
    }
}

/// Which spending is summed, and by what.
package struct SpendQuery: Sendable, Hashable {
    package enum Dimension: String, Sendable, Hashable, CaseIterable {
        case provider, operation, day, user, entity
    }

    /// nil for all workspaces (each a row of its own).
    package var workspace: String?
    package var entityType: String?
    package var entityID: String?
    package var by: [Dimension]
    package var from: Timestamp
    /// Exclusive.
    package var until: Timestamp
    /// Whether all workspaces are summed up in one row, whose workspace is empty, in the place of a row for each.
    package var isTogether: Bool

    package init(
        workspace: String?, entityType: String? = nil, entityID: String? = nil, by: [Dimension], from: Timestamp, until: Timestamp,
        isTogether: Bool = false
    ) {
        self.isTogether = isTogether
        self.workspace = workspace
        self.entityType = entityType
        self.entityID = entityID
        self.by = by
        self.from = from
        self.until = until
    }
}

/// One row of a spending summary, and its figures. Fields that were not asked for are nil.
@dynamicMemberLookup
package struct SpendRow: Sendable, Hashable {
    package var workspace: String
    package var provider: String?
    package var operation: String?
    /// The start of the workspace's day.
    package var day: Timestamp?
    package var user: String?
    package var entityType: String?
    package var entityID: String?
    package var sums: CallSums

    package init(
        workspace: String, provider: String? = nil, operation: String? = nil, day: Timestamp? = nil, user: String? = nil,
        entityType: String? = nil, entityID: String? = nil, sums: CallSums
    ) {
        self.workspace = workspace
        self.provider = provider
        self.operation = operation
        self.day = day
        self.user = user
        self.entityType = entityType
        self.entityID = entityID
        self.sums = sums
    }

    package subscript<Value>(dynamicMember figure: KeyPath<CallSums, Value>) -> Value { sums[keyPath: figure] }
}

package struct LedgerError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Away, locked, full, slow: what failed now may work later.
        case unavailable
        /// The schema is newer than this program, or is none of ours.
        case schema
        /// Another gateway has it.
        case owned
    }

    package var kind: Kind
    /// What happened and, where it helps, what to do.
    package var description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
