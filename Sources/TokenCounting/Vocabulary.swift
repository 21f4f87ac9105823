internal import CVocabularies

/// The tokens of an encoding, found by their bytes.
///
/// The bytes stay where they are, in the executable; what is made when it is first asked for is an open-addressing hash table, 4 MiB for the larger one.
final class Vocabulary: Sendable {
    /// `nonisolated(unsafe)`: constants of the executable.
    nonisolated(unsafe) private let bytes: UnsafeBufferPointer<UInt8>
    /// Where each token's length stands in `bytes`.
    private let offsets: [UInt32]
    /// The upper half of a token's hash and, in the lower half, its number; `Table.free` where there is none. At most half of them are taken.
    private let slots: [UInt64]
    /// The token of each two bytes, or `Table.none`: most look-ups are of these.
    private let pairs: [UInt32]
    private let singles: [UInt32]

    init(_ embedded: EmbeddedBytes) {
        let bytes = embedded.buffer
        var offsets: [UInt32] = []
        var position = 0
        while position < bytes.count {
            offsets.append(UInt32(position))
            position += 1 + Int(bytes[position])
        }
        var size = 1
        while size < 2 * offsets.count { size *= 2 }
        var slots = [UInt64](repeating: Table.free, count: size)
        var pairs = [UInt32](repeating: Table.none, count: 1 << 16)
        var singles = [UInt32](repeating: Table.none, count: 1 << 8)
        slots.withUnsafeMutableBufferPointer { slots in
            for (token, offset) in offsets.enumerated() {
                guard let start = bytes.baseAddress.map({ $0 + Int(offset) + 1 }) else { return }
                let length = Int(bytes[Int(offset)])
                switch length {
                case 1: singles[Int(start[0])] = UInt32(token)
                case 2: pairs[Int(start[0]) | Int(start[1]) << 8] = UInt32(token)
                default:
                    let hash = Table.hash(start, length)
                    var slot = Int(truncatingIfNeeded: hash) & (size - 1)
                    while slots[slot] != Table.free { slot = (slot + 1) & (size - 1) }
                    slots[slot] = hash & ~0xFFFF_FFFF | UInt64(token)
                }
            }
        }
        self.bytes = bytes
        self.offsets = offsets
        self.slots = slots
        self.pairs = pairs
        self.singles = singles
    }

    /// How many tokens there are.
    var count: Int { offsets.count }

    /// The bytes that a token stands for; nil when there is no such token.
    func bytes(of token: UInt32) -> [UInt8]? {
        guard offsets.indices.contains(Int(token)) else { return nil }
        let offset = Int(offsets[Int(token)])
        return Array(bytes[offset + 1..<offset + 1 + Int(bytes[offset])])
    }

    /// Lends the table, whose pointers are good as long as the vocabulary is.
    func withTable<Result>(_ body: (Table) -> Result) -> Result {
        offsets.withUnsafeBufferPointer { offsets in
            slots.withUnsafeBufferPointer { slots in
                pairs.withUnsafeBufferPointer { pairs in
                    singles.withUnsafeBufferPointer { singles in
                        guard let bytes = bytes.baseAddress, let offsets = offsets.baseAddress, let pairs = pairs.baseAddress,
                            let singles = singles.baseAddress, let first = slots.baseAddress
                        else { preconditionFailure("no tokens") }
                        return body(
                            Table(bytes: bytes, offsets: offsets, slots: first, mask: slots.count - 1, pairs: pairs, singles: singles))
                    }
                }
            }
        }
    }
}

/// A vocabulary while it is looked into. Its subscripts are not checked: every offset and slot in it was made by ``Vocabulary``.
struct Table {
    /// In the place of a token that there is not.
    static let none = UInt32.max
    static let free = UInt64.max
    /// No token of either vocabulary is longer.
    static let longestToken = 128

    let bytes: UnsafePointer<UInt8>
    let offsets: UnsafePointer<UInt32>
    let slots: UnsafePointer<UInt64>
    let mask: Int
    let pairs: UnsafePointer<UInt32>
    let singles: UnsafePointer<UInt32>

    /// The token of these bytes, one at least, or `none`.
    @inline(__always)
    func token(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
        switch length {
        case 1: singles[Int(start[0])]
        case 2: pair(start)
        default: length <= Self.longestToken ? find(start, length) : Self.none
        }
    }

    /// The token of two bytes, or `none`.
    @inline(__always)
    func pair(_ start: UnsafePointer<UInt8>) -> UInt32 {
        pairs[Int(start[0]) | Int(start[1]) << 8]
    }

    @inline(__always)
    private func find(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
        let hash = Self.hash(start, length)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while true {
            let entry = slots[slot]
            if entry == Self.free { return Self.none }
            if (entry ^ hash) >> 32 == 0 {
                let token = UInt32(truncatingIfNeeded: entry)
                let known = bytes + Int(offsets[Int(token)])
                if Int(known[0]) == length, Self.areEqual(known + 1, start, length) { return token }
            }
            slot = (slot + 1) & mask
        }
    }

    /// Multiplies and folds eight bytes at a time; the last eight may overlap those before.
    @inline(__always)
    static func hash(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt64 {
        if length < 8 { return fold(word(start, length), UInt64(truncatingIfNeeded: length)) }
        var hash = UInt64(truncatingIfNeeded: length)
        var position = 0
        while position + 8 < length {
            hash = fold(eight(start + position), hash)
            position += 8
        }
        return fold(eight(start + length - 8), hash)
    }

    @inline(__always)
    private static func fold(_ word: UInt64, _ seed: UInt64) -> UInt64 {
        let product = (word ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: seed ^ 0xD6E8_FEB8_6659_FD93)
        return product.high ^ product.low
    }

    /// One to seven bytes as a number, the first lowest, and none read beyond them.
    @inline(__always)
    private static func word(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt64 {
        let raw = UnsafeRawPointer(start)
        if length >= 4 {
            let last = UInt64(raw.loadUnaligned(fromByteOffset: length - 4, as: UInt32.self))
            return UInt64(raw.loadUnaligned(as: UInt32.self)) | last << UInt64(8 * (length - 4))
        }
        return UInt64(start[0]) | UInt64(start[length >> 1]) << UInt64(8 * (length >> 1)) | UInt64(start[length - 1]) << UInt64(8 * (length - 1))
    }

    @inline(__always)
    private static func eight(_ start: UnsafePointer<UInt8>) -> UInt64 {
        UnsafeRawPointer(start).loadUnaligned(as: UInt64.self)
    }

    @inline(__always)
    private static func areEqual(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        if length < 8 { return word(a, length) == word(b, length) }
        var position = 0
        while position + 8 < length {
            if eight(a + position) != eight(b + position) { return false }
            position += 8
        }
        return eight(a + length - 8) == eight(b + length - 8)
    }
}
