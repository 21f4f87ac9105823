/// A time zone's distances from UTC through time: what a compiled zone file says (RFC 9636, TZif).
package struct ZoneRules: Sendable {
    /// Seconds since 1970 at which `offsets` of the same place begin, ascending.
    private var transitions: [Int64] = []
    private var offsets: [Int] = []
    private var initialOffset: Int
    /// What holds after the last transition.
    private var recurring: RecurringRule?

    package static let utc = ZoneRules(initialOffset: 0)

    private init(initialOffset: Int) {
        self.initialOffset = initialOffset
    }

    /// Seconds to add to UTC, at an instant in seconds since 1970.
    package func offset(at second: Int64) -> Int {
        guard let last = transitions.last else { return recurring?.offset(at: second) ?? initialOffset }
        if second >= last { return recurring?.offset(at: second) ?? offsets[offsets.count - 1] }
        // The number of transitions that are not after the instant.
        var (low, high) = (0, transitions.count)
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= second { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? initialOffset : offsets[low - 1]
    }

    /// Reads a zone file. Nil for one that is damaged, of version 1 (32-bit times), or counts leap seconds.
    package init?(tzif bytes: [UInt8]) {
        var reader = TZifReader(bytes)
        guard let old = reader.header(), old.version >= UInt8(ascii: "2"), reader.skip(old.size(timeWidth: 4)),
            let header = reader.header(), header.leapSeconds == 0, header.types > 0,
            reader.has(header.size(timeWidth: 8))
        else { return nil }
        for _ in 0..<header.times {
            guard let time = reader.integer(8), transitions.last.map({ $0 < time }) ?? true else { return nil }
            transitions.append(time)
        }
        var types: [Int] = []
        for _ in 0..<header.times {
            guard let type = reader.integer(1, signed: false), type < header.types else { return nil }
            types.append(Int(type))
        }
        var typeOffsets: [Int] = []
        for _ in 0..<header.types {
            // What follows the offset is whether it is daylight saving time, and the place of its name.
            guard let offset = reader.integer(4), abs(offset) <= 26 * 3600, reader.skip(2) else { return nil }
            typeOffsets.append(Int(offset))
        }
        initialOffset = typeOffsets[0]
        offsets = types.map { typeOffsets[$0] }
        guard reader.skip(header.trailingSize), let footer = reader.footer() else { return nil }
        guard !footer.isEmpty else { return }
        guard let rule = RecurringRule(posix: footer) else { return nil }
        recurring = rule
    }
}

/// Takes a zone file apart. Whatever the bytes are, nothing is read outside them.
private struct TZifReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    struct Header {
        var version: UInt8
        var utcMarks: Int
        var standardMarks: Int
        var leapSeconds: Int
        var times: Int
        var types: Int
        var characters: Int

        /// Of the data block that follows, in bytes.
        func size(timeWidth: Int) -> Int {
            times * (timeWidth + 1) + types * 6 + characters + leapSeconds * (timeWidth + 4) + standardMarks + utcMarks
        }

        /// Of what comes behind the types.
        var trailingSize: Int { characters + standardMarks + utcMarks }
    }

    func has(_ count: Int) -> Bool {
        count <= bytes.count - position
    }

    mutating func skip(_ count: Int) -> Bool {
        guard has(count) else { return false }
        position += count
        return true
    }

    mutating func integer(_ width: Int, signed: Bool = true) -> Int64? {
        guard has(width) else { return nil }
        var value: UInt64 = 0
        for byte in bytes[position..<position + width] { value = value << 8 | UInt64(byte) }
        position += width
        let shift = 64 - width * 8
        return signed ? Int64(bitPattern: value << shift) >> shift : Int64(bitPattern: value)
    }

    mutating func header() -> Header? {
        guard has(44), bytes[position..<position + 4].elementsEqual("TZif".utf8) else { return nil }
        let version = bytes[position + 4]
        position += 20
        // Counts have 32 bits, so that no sum of a few of them leaves an Int.
        guard let utcMarks = integer(4, signed: false), let standardMarks = integer(4, signed: false),
            let leapSeconds = integer(4, signed: false), let times = integer(4, signed: false), let types = integer(4, signed: false),
            let characters = integer(4, signed: false)
        else { return nil }
        return Header(
            version: version, utcMarks: Int(utcMarks), standardMarks: Int(standardMarks), leapSeconds: Int(leapSeconds), times: Int(times),
            types: Int(types), characters: Int(characters))
    }

    /// The text between the two line feeds at the end.
    mutating func footer() -> ArraySlice<UInt8>? {
        let rest = bytes[position...]
        guard rest.first == 0x0A, let end = rest.dropFirst().firstIndex(of: 0x0A) else { return nil }
        return bytes[position + 1..<end]
    }
}
