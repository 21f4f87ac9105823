import GatewayCore

/// Entries that could not be written, kept in memory until the journal heals.
struct RetainedEntries {
    private var bytes: [UInt8] = []
    private var items: [(kind: EntryKind, id: CallID?, length: Int)] = []
    /// How much at the front has been written since.
    private var writtenBytes = 0
    private var writtenItems = 0
    /// Calls whose hold is kept here and whose end is not.
    private var holds: Set<CallID> = []

    var isEmpty: Bool { writtenItems == items.count }
    var count: Int { items.count - writtenItems }
    var byteCount: Int { bytes.count - writtenBytes }

    /// Keeps an entry if there is room.
    ///
    /// The end of a call whose hold is in the journal or here is kept even without room: if only its hold were found at the next start, the
    /// call would be booked at its estimate. Calls in flight bound how many those can be.
    /// - Returns: Whether it is kept.
    mutating func keep(
        _ kind: EntryKind, _ id: CallID?, _ frame: ArraySlice<UInt8>, limit: (entries: Int, bytes: Int), isHeld: (CallID) -> Bool
    ) -> Bool {
        let fits = count < limit.entries && byteCount + frame.count <= limit.bytes
        let ends = kind == .settled || kind == .released
        if let id {
            guard fits || (ends && (holds.contains(id) || isHeld(id))) else { return false }
            if kind == .held { holds.insert(id) }
            if ends { holds.remove(id) }
        } else {
            guard fits else { return false }
        }
        bytes.append(contentsOf: frame)
        items.append((kind, id, frame.count))
        return true
    }

    /// The first entries, up to about so many bytes, as a batch to write.
    func front(bytes limit: Int) -> (bytes: ArraySlice<UInt8>, items: [(kind: EntryKind, id: CallID?, length: Int)]) {
        var size = 0
        var end = writtenItems
        while end < items.count, size < limit {
            size += items[end].length
            end += 1
        }
        return (bytes[writtenBytes..<writtenBytes + size], Array(items[writtenItems..<end]))
    }

    /// Forgets the first entries: they are durable.
    mutating func removeFront(_ count: Int) {
        for item in items[writtenItems..<writtenItems + count] {
            writtenBytes += item.length
            if item.kind == .held, let id = item.id { holds.remove(id) }
        }
        writtenItems += count
        if isEmpty { self = RetainedEntries() }
    }
}
