/// Where a vocabulary's tokens are looked up. Nothing here is checked: every offset and slot was made by ``Vocabulary``, and who asks for the token of some
/// bytes has those bytes.
struct Table {
    /// In the place of a token that there is not.
    static let none = UInt32.max
    /// A slot without a token.
    static let free = UInt64.max
    /// No token is longer.
    static let longestToken = 128

    /// Each token's length and bytes, one after the other.
    let bytes: UnsafePointer<UInt8>
    /// Where each token's length is.
    let offsets: UnsafeMutablePointer<UInt32>
    /// The tokens of one byte.
    let singles: UnsafeMutablePointer<UInt32>
    /// The tokens of two.
    let pairs: UnsafeMutablePointer<UInt32>
    /// Those whose ``ShortKey`` is all of them: no byte has to be compared.
    let short: UnsafeMutablePointer<UInt64>
    let shortSize: Int
    /// The upper half of the other tokens' hashes and, in the lower half, their number.
    let long: UnsafeMutablePointer<UInt64>
    let longSize: Int
    /// A bit for each hash that a token of three bytes or more has, and few others: most bytes that are looked up are no token, and this says so out of
    /// a cache that is too small for the slots.
    let filter: UnsafeMutablePointer<UInt64>

    static let filterBits = 1 << 21

    func deallocate() {
        filter.deallocate()
        offsets.deallocate()
        singles.deallocate()
        pairs.deallocate()
        short.deallocate()
        long.deallocate()
    }

    /// The token of these bytes, one at least, or `none`.
    @inline(__always)
    func token(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
        if ShortKey.lengths.contains(length) { return shortToken(ShortKey(start, length)) }
        switch length {
        case 1: return singles[Int(start[0])]
        case 2: return pair(start)
        default: return length <= Self.longestToken ? longToken(start, length) : Self.none
        }
    }

    /// The token of two bytes, or `none`.
    @inline(__always)
    func pair(_ start: UnsafePointer<UInt8>) -> UInt32 {
        pairs[Self.pairIndex(start)]
    }

    @inline(__always)
    static func pairIndex(_ start: UnsafePointer<UInt8>) -> Int {
        Int(start[0]) | Int(start[1]) << 8
    }

    @inline(__always)
    private func mayHave(_ hash: UInt64) -> Bool {
        filter[Self.filterWord(hash)] >> (hash & 63) & 1 == 1
    }

    @inline(__always)
    static func filterWord(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash) >> 6 & (filterBits >> 6 - 1)
    }

    @inline(__always)
    private func shortToken(_ key: ShortKey) -> UInt32 {
        guard mayHave(key.hash) else { return Self.none }
        var distance = 0
        while true {
            let slot = short[key.slot(distance, shortSize)]
            if (slot ^ key.entry(distance, shortSize)) >> ShortKey.tokenBits == 0 {
                return UInt32(truncatingIfNeeded: slot) & (1 << ShortKey.tokenBits - 1)
            }
            if slot == Self.free { return Self.none }
            distance += 1
        }
    }

    private func longToken(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
        let hash = Self.hash(start, length)
        guard mayHave(hash) else { return Self.none }
        var slot = Int(truncatingIfNeeded: hash)
        while true {
            slot &= longSize - 1
            let entry = long[slot]
            if entry == Self.free { return Self.none }
            if (entry ^ hash) >> 32 == 0 {
                let token = UInt32(truncatingIfNeeded: entry)
                let known = bytes + Int(offsets[Int(token)])
                if Int(known[0]) == length, areEqual(known + 1, start, length) { return token }
            }
            slot += 1
        }
    }

    /// Of seven bytes or more: multiplied and folded, eight at a time; the last eight may overlap those before.
    @inline(__always)
    static func hash(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: length)
        if length == 7 { return fold(word(start, 7), hash) }
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
}

/// Three to six bytes and their number as one number, mixed in such a way that no two have the same: one to one modulo 2⁵¹.
///
/// A slot of the table holds, from the top: the part of the key that the slot's place does not tell; how far the slot is from that place; the token.
struct ShortKey {
    static let lengths = 3...6
    /// More than any vocabulary needs.
    static let tokenBits: UInt64 = 18
    static let distanceBits: UInt64 = 8
    private static let bits: UInt64 = 51

    private let mixed: UInt64

    /// For the filter.
    var hash: UInt64 { mixed }

    @inline(__always)
    init(_ start: UnsafePointer<UInt8>, _ length: Int) {
        let key = word(start, length) | UInt64(truncatingIfNeeded: length) << 48
        let product = (key &* 0x9E37_79B9_7F4A_7C15) & (1 << Self.bits - 1)
        mixed = product ^ product >> 26
    }

    @inline(__always)
    func slot(_ distance: Int, _ size: Int) -> Int {
        (Int(truncatingIfNeeded: mixed) &+ distance) & (size - 1)
    }

    /// What a slot holds, but for the token.
    @inline(__always)
    func entry(_ distance: Int, _ size: Int) -> UInt64 {
        let rest = mixed >> UInt64(truncatingIfNeeded: size.trailingZeroBitCount)
        return (rest << Self.distanceBits | UInt64(truncatingIfNeeded: distance)) << Self.tokenBits
    }
}

/// Three to seven bytes as a number, the first lowest, and none read beyond them.
@inline(__always)
private func word(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt64 {
    if length == 3 { return UInt64(start[0]) | UInt64(start[1]) << 8 | UInt64(start[2]) << 16 }
    let first = UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)
    let last = UnsafeRawPointer(start).loadUnaligned(fromByteOffset: length - 4, as: UInt32.self)
    return UInt64(first) | UInt64(last) << UInt64(8 * (length - 4))
}

@inline(__always)
private func eight(_ start: UnsafePointer<UInt8>) -> UInt64 {
    UnsafeRawPointer(start).loadUnaligned(as: UInt64.self)
}

/// Whether seven bytes or more are the same.
@inline(__always)
private func areEqual(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ length: Int) -> Bool {
    if length == 7 { return word(a, 7) == word(b, 7) }
    var position = 0
    while position + 8 < length {
        if eight(a + position) != eight(b + position) { return false }
        position += 8
    }
    return eight(a + length - 8) == eight(b + length - 8)
}
