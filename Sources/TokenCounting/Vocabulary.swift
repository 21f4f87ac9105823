internal import CVocabularies

/// The tokens of an encoding, found by their bytes.
///
/// The bytes stay where they are, in the executable. What is made, once, are open-addressing hash tables: 5 MiB for `o200k_base`, 3 for `cl100k_base`, in some
/// ten milliseconds each.
final class Vocabulary: Sendable {
    /// How many tokens there are.
    let count: Int
    /// `nonisolated(unsafe)`: written in `init` and never again. As good as long as the vocabulary is.
    nonisolated(unsafe) let table: Table

    init(_ embedded: EmbeddedBytes) {
        let bytes = embedded.bytes
        var starts: [Int] = []
        var shortCount = 0
        var position = 0
        while position < embedded.count {
            starts.append(position)
            if ShortKey.lengths.contains(Int(bytes[position])) { shortCount += 1 }
            position += 1 + Int(bytes[position])
        }
        let offsets = UnsafeMutablePointer<UInt32>.allocate(capacity: starts.count)
        let singles = Self.filled(1 << 8, with: Table.none)
        let pairs = Self.filled(1 << 16, with: Table.none)
        let shortSize = Self.slots(for: shortCount)
        let short = Self.filled(shortSize, with: Table.free)
        let longSize = Self.slots(for: starts.count - shortCount)
        let long = Self.filled(longSize, with: Table.free)
        let filter = Self.filled(Table.filterBits / 64, with: UInt64(0))

        for (token, start) in starts.enumerated() {
            offsets[token] = UInt32(start)
            let first = bytes + start + 1
            let length = Int(bytes[start])
            precondition(length <= Table.longestToken && token < 1 << ShortKey.tokenBits, "a token is too much for a table")
            if length == 1 {
                singles[Int(first[0])] = UInt32(token)
            } else if length == 2 {
                pairs[Table.pairIndex(first)] = UInt32(token)
            } else if ShortKey.lengths.contains(length) {
                let key = ShortKey(first, length)
                filter[Table.filterWord(key.hash)] |= 1 << (key.hash & 63)
                var distance = 0
                while short[key.slot(distance, shortSize)] != Table.free { distance += 1 }
                precondition(distance < 1 << ShortKey.distanceBits, "the slots of short tokens are too crowded")
                short[key.slot(distance, shortSize)] = key.entry(distance, shortSize) | UInt64(token)
            } else {
                let hash = Table.hash(first, length)
                filter[Table.filterWord(hash)] |= 1 << (hash & 63)
                var slot = Int(truncatingIfNeeded: hash) & (longSize - 1)
                while long[slot] != Table.free { slot = (slot + 1) & (longSize - 1) }
                long[slot] = hash & ~0xFFFF_FFFF | UInt64(token)
            }
        }
        count = starts.count
        table = Table(
            bytes: bytes, offsets: offsets, singles: singles, pairs: pairs, short: short, shortSize: shortSize, long: long,
            longSize: longSize, filter: filter)
    }

    deinit {
        table.deallocate()
    }

    /// The bytes that a token stands for; nil when there is no such token.
    func bytes(of token: UInt32) -> [UInt8]? {
        guard token < count else { return nil }
        let start = table.bytes + Int(table.offsets[Int(token)])
        return Array(UnsafeBufferPointer(start: start + 1, count: Int(start[0])))
    }

    /// A power of two, at least half of it free.
    private static func slots(for count: Int) -> Int {
        var size = 1 << 10
        while size < 2 * count { size *= 2 }
        return size
    }

    private static func filled<Value>(_ count: Int, with value: Value) -> UnsafeMutablePointer<Value> {
        let memory = UnsafeMutablePointer<Value>.allocate(capacity: count)
        memory.initialize(repeating: value, count: count)
        return memory
    }
}
