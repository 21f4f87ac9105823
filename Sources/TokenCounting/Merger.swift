/// Divides pieces that are no token into tokens: starts from single bytes and joins, again and again, the two neighbours that make the lowest-numbered
/// token, of equal ones the leftmost, until none make one.
///
/// Most pieces are short: in them the lowest is looked for among all. See ``LongMerger`` for the others.
struct Merger {
    /// The longest piece that is merged here.
    static let longestPiece = 96
    /// How much room ``init(_:_:)`` wants.
    static let room = 3 * longestPiece

    private let table: Table
    /// For each part of the piece, by the place of its first byte: the token that it makes with the part behind it and, in the lower bits, that
    /// place, so that the lowest key is the next to join. `Table.none` where they make no token, and where no part starts.
    private let keys: UnsafeMutablePointer<UInt32>
    /// The place of the part behind.
    private let next: UnsafeMutablePointer<UInt32>
    /// The place of the part before.
    private let previous: UnsafeMutablePointer<UInt32>
    private var long: LongMerger

    /// Look-ups, parts compared, and moves in the heap.
    private(set) var steps = 0

    /// `room` is the merger's as long as it is used.
    init(_ table: Table, _ room: UnsafeMutablePointer<UInt32>) {
        self.table = table
        keys = room
        next = room + Self.longestPiece
        previous = room + 2 * Self.longestPiece
        long = LongMerger(table)
    }

    /// How many tokens a piece of two bytes or more has. Writes them, where that is asked for.
    mutating func merge(_ piece: UnsafePointer<UInt8>, _ count: Int, tokens: UnsafeMutablePointer<UInt32>?) -> Int {
        guard count <= Self.longestPiece else {
            let found = long.merge(piece, count, tokens: tokens)
            steps += long.takeSteps()
            return found
        }
        for place in 0..<count {
            keys[place] = place + 1 < count ? key(table.pair(piece + place), place) : Table.none
            next[place] = UInt32(truncatingIfNeeded: place + 1)
            previous[place] = UInt32(truncatingIfNeeded: place &- 1)
        }
        var parts = count
        while true {
            steps += count
            var lowest = keys[0]
            for place in 1..<count { lowest = min(lowest, keys[place]) }
            if lowest == Table.none { break }
            let place = Int(lowest & 0x7F)
            let joined = Int(next[place])
            let behind = Int(next[joined])
            keys[joined] = Table.none
            next[place] = UInt32(truncatingIfNeeded: behind)
            if behind < count {
                previous[behind] = UInt32(truncatingIfNeeded: place)
                keys[place] = key(table.token(piece + place, Int(next[behind]) - place), place)
            } else {
                keys[place] = Table.none
            }
            if place > 0 {
                let before = Int(previous[place])
                keys[before] = key(table.token(piece + before, behind - before), before)
            }
            parts -= 1
        }
        if let tokens {
            var place = 0
            for part in 0..<parts {
                let end = Int(next[place])
                tokens[part] = table.token(piece + place, end - place)
                place = end
            }
        }
        return parts
    }

    /// Seven bits are enough for a place, and leave room for more tokens than any vocabulary has.
    @inline(__always)
    private func key(_ token: UInt32, _ place: Int) -> UInt32 {
        token == Table.none ? token : token << 7 | UInt32(truncatingIfNeeded: place)
    }
}
