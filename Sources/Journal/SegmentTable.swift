import GatewayCore

/// One segment, as far as its entries are durable.
struct SegmentInfo: Sendable {
    var number: UInt64
    var salt: Frame.Salt
    /// Where the last entry ends.
    var size: UInt64
    var entries = 0
    /// Something in it cannot be read, so the file is kept when its entries are in the ledger.
    var damaged = false
    /// Held open for a segment that is written to, or that somebody has unlinked before it was read.
    var file: Descriptor?
}

/// What a journal's threads share: its segments, the holds without an end, and how the writing goes.
struct SegmentTable: Sendable {
    /// Ascending numbers.
    var segments: [SegmentInfo] = []
    /// Where each call that has neither been settled nor released was held.
    var holds: [CallID: JournalPosition] = [:]
    var damage: [JournalDamage] = []
    var failure: (since: Timestamp, error: DurabilityError)?
    var retainedEntries = 0
    var retainedBytes = 0
    var droppedEntries = 0
    /// Runs once, when something more is durable.
    var listener: (@Sendable () -> Void)?

    /// More places than these say no more about what is wrong.
    private static let mostDamage = 1000

    var end: JournalPosition {
        segments.last.map { JournalPosition(segment: $0.number, offset: $0.size) } ?? JournalPosition(segment: 0, offset: 0)
    }

    /// Bytes of all segments.
    var size: UInt64 { segments.reduce(0) { $0 + $1.size } }

    func index(ofSegment number: UInt64) -> Int? {
        // The wanted one is nearly always the last.
        segments.lastIndex { $0.number == number }
    }

    /// Takes note of an entry that is durable at a place.
    mutating func note(_ kind: EntryKind, _ id: CallID?, at place: JournalPosition) {
        guard let id else { return }
        switch kind {
        case .held: holds[id] = place
        case .settled, .released: holds[id] = nil
        default: break
        }
    }

    mutating func note(_ found: JournalDamage) {
        if let index = index(ofSegment: found.segment), found.kind != .tornEnd { segments[index].damaged = true }
        if damage.count < Self.mostDamage, !damage.contains(found) { damage.append(found) }
    }

    /// Takes out the leading segments that end at or before a place and hold no call that is still open. The last one always stays:
    /// it carries the journal's id and its count of segments.
    mutating func takeRemovable(before place: JournalPosition) -> [SegmentInfo] {
        let firstHeld = holds.values.min()?.segment ?? .max
        let count = segments.dropLast().prefix { segment in
            segment.number < firstHeld && JournalPosition(segment: segment.number, offset: segment.size) <= place
        }.count
        let removed = Array(segments.prefix(count))
        segments.removeFirst(count)
        return removed
    }

    /// Bytes of entries after a place.
    func bytes(after place: JournalPosition) -> UInt64 {
        segments.reduce(0) { sum, segment in
            let start = segment.number == place.segment ? max(place.offset, UInt64(SegmentHeader.size)) : UInt64(SegmentHeader.size)
            guard segment.number >= place.segment, segment.size > start else { return sum }
            return sum + segment.size - start
        }
    }
}
