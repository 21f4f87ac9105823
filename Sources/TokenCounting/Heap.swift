/// The lowest of some numbers first: a binary heap in memory that somebody else lends.
struct Heap {
    private let entries: UnsafeMutableBufferPointer<UInt64>
    private var count = 0
    private var moves = 0

    /// The memory is big enough for all that is in the heap at one time, and lasts as long as the heap.
    init(_ entries: UnsafeMutableBufferPointer<UInt64>) {
        self.entries = entries
    }

    /// The moves since this was last asked.
    mutating func takeMoves() -> Int {
        defer { moves = 0 }
        return moves
    }

    mutating func removeAll() {
        count = 0
    }

    /// Adds a number without order; ``order()`` makes it.
    mutating func append(_ entry: UInt64) {
        entries.initializeElement(at: count, to: entry)
        count += 1
    }

    mutating func order() {
        for position in stride(from: count / 2 - 1, through: 0, by: -1) { sink(entries[position], from: position) }
    }

    mutating func insert(_ entry: UInt64) {
        append(entry)
        var position = count - 1
        while position > 0, entries[(position - 1) / 2] > entry {
            entries[position] = entries[(position - 1) / 2]
            position = (position - 1) / 2
            moves += 1
        }
        entries[position] = entry
        moves += 1
    }

    mutating func removeLowest() -> UInt64? {
        guard count > 0 else { return nil }
        let lowest = entries[0]
        count -= 1
        if count > 0 { sink(entries[count], from: 0) }
        return lowest
    }

    private mutating func sink(_ entry: UInt64, from start: Int) {
        var position = start
        moves += 1
        while true {
            var child = 2 * position + 1
            guard child < count else { break }
            if child + 1 < count, entries[child + 1] < entries[child] { child += 1 }
            guard entries[child] < entry else { break }
            entries[position] = entries[child]
            position = child
            moves += 1
        }
        entries[position] = entry
    }
}
