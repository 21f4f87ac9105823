/// Merges pieces of any length in windows, so that time and memory stay small even where a caller sends a megabyte of one letter.
///
/// A window's last tokens may be wrong, for what stands behind it is not seen; so the next window begins some way before its end, at a boundary of its
/// tokens. What stands left and right of it is right if the two tokens that meet there, put together, come apart into the same two. For suppose that
/// the whole piece had a first merge across the boundary: until then each side has merged as it does alone, so those two tokens would have come to that
/// merge as well. Where they do not come apart so, the piece is merged again in windows twice as long, at last in one.
struct LongMerger {
    private let table: Table
    /// A quarter of it must hold two tokens.
    private let firstWindow: Int
    private var steps = 0
    /// How often windows did not fit together.
    private(set) var misfits = 0

    init(_ table: Table, firstWindow: Int = 8 * Table.longestToken) {
        self.table = table
        self.firstWindow = firstWindow
    }

    /// The steps since this was last asked.
    mutating func takeSteps() -> Int {
        defer { steps = 0 }
        return steps
    }

    /// How many tokens a piece has. Writes them, where that is asked for.
    mutating func merge(_ piece: UnsafePointer<UInt8>, _ count: Int, tokens: UnsafeMutablePointer<UInt32>?) -> Int {
        var length = firstWindow
        while true {
            let window = min(length, count)
            let found = withUnsafeTemporaryAllocation(of: Parts.Part.self, capacity: window) { parts in
                // Each byte begins with one entry at most, and each merge takes one and makes two at most.
                withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * window) { entries in
                    merge(piece, count, window: window, Parts(parts, Heap(entries)), tokens: tokens)
                }
            }
            if let found { return found }
            misfits += 1
            length *= 2
        }
    }

    /// Nil where two windows do not fit together.
    private mutating func merge(
        _ piece: UnsafePointer<UInt8>, _ count: Int, window: Int, _ room: consuming Parts, tokens: UnsafeMutablePointer<UInt32>?
    ) -> Int? {
        var parts = room
        defer { steps += parts.steps }
        var found = 0
        var start = 0
        /// The last token that is right; it ends where this window starts. And what comes behind it by the window before.
        var last = 0..<0
        var expected = 0..<0
        while true {
            let end = min(start + window, count)
            parts.join(piece + start, end - start, table)
            let first = start..<start + parts.end(0)
            if start > 0, first != expected {
                parts.join(piece + last.lowerBound, last.count + first.count, table)
                guard parts.end(0) == last.count, parts.end(last.count) == last.count + first.count else { return nil }
                parts.join(piece + start, end - start, table)
            }
            // What is left open holds the last token that is kept, and one more to compare with.
            let sure = end == count ? end : end - window / 4
            var place = start
            while place < sure {
                last = place..<start + parts.end(place - start)
                tokens?[found] = table.token(piece + place, last.count)
                found += 1
                place = last.upperBound
            }
            if place == count { return found }
            expected = place..<start + parts.end(place - start)
            start = place
        }
    }
}

/// The parts of a window, joined with a heap of what is to be joined next.
private struct Parts {
    /// A part, at the place of its first byte.
    struct Part {
        /// The place of the part behind; of the one before.
        var next: UInt32
        var previous: UInt32
        /// The token that it makes with the part behind it; `Table.none` where they make none, and where no part starts.
        var token: UInt32
    }

    private let parts: UnsafeMutableBufferPointer<Part>
    private var heap: Heap
    private(set) var steps = 0

    init(_ parts: UnsafeMutableBufferPointer<Part>, _ heap: Heap) {
        self.parts = parts
        self.heap = heap
    }

    /// Where the part ends that begins at a place.
    func end(_ place: Int) -> Int {
        Int(parts[place].next)
    }

    mutating func join(_ window: UnsafePointer<UInt8>, _ count: Int, _ table: Table) {
        heap.removeAll()
        for place in 0..<count {
            let token = place + 1 < count ? table.pair(window + place) : Table.none
            parts.initializeElement(
                at: place,
                to: Part(next: UInt32(place + 1), previous: UInt32(truncatingIfNeeded: place &- 1), token: token))
            if token != Table.none { heap.append(Self.entry(token, place)) }
        }
        heap.order()
        while let entry = heap.removeLowest() {
            let place = Int(UInt32(truncatingIfNeeded: entry))
            // The part has been joined, or what is behind it, since the entry was made.
            guard UInt64(parts[place].token) == entry >> 32 else { continue }
            let joined = end(place)
            let behind = end(joined)
            parts[joined].token = Table.none
            parts[place].next = UInt32(behind)
            if behind < count { parts[behind].previous = UInt32(place) }
            look(at: place, behind < count ? end(behind) : nil, window, table)
            if place > 0 { look(at: Int(parts[place].previous), behind, window, table) }
        }
        steps += count + heap.takeMoves()
    }

    /// Notes the token that a part and the next one make, up to `end`; nil where there is no next one.
    private mutating func look(at place: Int, _ end: Int?, _ window: UnsafePointer<UInt8>, _ table: Table) {
        let token = end.map { table.token(window + place, $0 - place) } ?? Table.none
        parts[place].token = token
        if token != Table.none { heap.insert(Self.entry(token, place)) }
    }

    /// Ordered by token, then by place.
    private static func entry(_ token: UInt32, _ place: Int) -> UInt64 {
        UInt64(token) << 32 | UInt64(place)
    }
}
