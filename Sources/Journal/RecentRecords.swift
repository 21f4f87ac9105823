import GatewayCore

/// Settled records that are not in the ledger yet, by call.
///
/// They are put in before they are appended to the journal and taken out when their batch is committed, so that between two batches
/// the ledger and they make up all that is settled, exactly. Beyond a bound they are not kept; from then on they are incomplete, until
/// everything that was left out is known to be in the ledger.
struct RecentRecords: Sendable {
    private enum Completeness {
        /// Something may be missing: of an earlier process, or left out for want of room.
        case incomplete
        /// Nothing is left out any more; the journal is being asked for its end.
        case asking(UInt64)
        /// Complete as soon as the ledger has everything up to here.
        case waiting(JournalPosition)
        case complete
    }

    private(set) var records: [CallID: CostRecord] = [:]
    private let limit: Int
    private var completeness = Completeness.incomplete
    /// Records left out whose append has not returned: the journal's end may lie before them.
    private var leftOutInFlight = 0
    private var questions: UInt64 = 0

    init(limit: Int) {
        self.limit = limit
    }

    var isComplete: Bool {
        if case .complete = completeness { true } else { false }
    }

    /// A record is about to be appended. Without room it is left to ``insert(_:)`` to count it as left out.
    mutating func note(_ record: CostRecord) {
        if records.count < limit { records[record.id] = record } else { completeness = .incomplete }
    }

    /// Returns whether there was room. If not, ``appendedLeftOut()`` must follow the append.
    mutating func insert(_ record: CostRecord) -> Bool {
        // Noted before, as every call's own is.
        guard records[record.id] == nil else { return true }
        guard records.count < limit else {
            completeness = .incomplete
            leftOutInFlight += 1
            return false
        }
        records[record.id] = record
        return true
    }

    mutating func appendedLeftOut() {
        leftOutInFlight -= 1
    }

    mutating func remove(_ applied: [CostRecord]) {
        for record in applied { records[record.id] = nil }
    }

    /// The ledger has lost what it had.
    mutating func invalidate() {
        completeness = .incomplete
    }

    /// Whether the journal should be asked where everything appended so far ends. The answer goes to ``answer(_:to:)``.
    mutating func ask() -> UInt64? {
        guard case .incomplete = completeness, leftOutInFlight == 0, records.count < limit else { return nil }
        questions += 1
        completeness = .asking(questions)
        return questions
    }

    /// Takes the journal's answer: its end, or nil while it cannot be written. An answer that something has overtaken changes nothing.
    mutating func answer(_ end: JournalPosition?, to question: UInt64) {
        guard case .asking(question) = completeness else { return }
        completeness = end.map { .waiting($0) } ?? .incomplete
    }

    /// The ledger has everything before a place.
    mutating func reached(_ place: JournalPosition) {
        if case .waiting(let end) = completeness, place >= end { completeness = .complete }
    }
}
