internal import Glibc

/// Bytes being put together: integers as varints, texts with their length before them.
struct ByteWriter {
    private(set) var bytes: [UInt8]

    init(capacity: Int) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    mutating func byte(_ value: UInt8) {
        bytes.append(value)
    }

    mutating func little16(_ value: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: value))
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
    }

    mutating func little32(_ value: UInt32) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func big64(_ value: UInt64) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// LEB128: seven bits a byte, the lowest first.
    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// A varint whose lowest bit is the sign, so that small negative numbers stay short.
    mutating func signed(_ value: Int64) {
        varint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    mutating func text(_ value: String) {
        varint(UInt64(value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    /// Bytes with their number before them.
    mutating func data(_ value: some Collection<UInt8>) {
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// The same for bytes that somebody else chose: behind each FF stands a 00, so that no frame's marker is among them.
    mutating func foreignData(_ value: [UInt8]) {
        guard value.contains(0xFF) else { return data(value) }
        var stuffed: [UInt8] = []
        stuffed.reserveCapacity(value.count + value.count / 64 + 8)
        for byte in value {
            stuffed.append(byte)
            if byte == 0xFF { stuffed.append(0) }
        }
        data(stuffed)
    }

    mutating func append(_ more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
    }

    /// Fills in what was not known when its place was written.
    mutating func overwrite(little32 value: UInt32, at index: Int) {
        for shift in 0..<4 {
            bytes[index + shift] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(shift)))
        }
    }
}

extension ArraySlice<UInt8> {
    /// Lends the bytes; unlike the library's own, it throws what `body` throws.
    func withRawBytes<Value, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Value) throws(Failure) -> Value {
        try withUnsafeBufferPointer { buffer throws(Failure) -> Value in try body(UnsafeRawBufferPointer(buffer)) }
    }
}

/// Why bytes are no entry. Such bytes passed their checksum, so they come from another program or another version of this one.
struct MalformedEntry: Error, CustomStringConvertible {
    var description: String
}

/// Reads what ``ByteWriter`` wrote. Every access is checked: any bytes at all give values or an error.
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private var index = 0

    /// The buffer must outlive the reader.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { index == bytes.count }

    mutating func byte() throws(MalformedEntry) -> UInt8 {
        guard index < bytes.count else { throw Self.truncated }
        defer { index += 1 }
        return bytes[index]
    }

    mutating func little16() throws(MalformedEntry) -> UInt16 {
        let raw = try take(2)
        return UInt16(littleEndian: raw.loadUnaligned(as: UInt16.self))
    }

    mutating func big64() throws(MalformedEntry) -> UInt64 {
        let raw = try take(8)
        return UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self))
    }

    mutating func varint() throws(MalformedEntry) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            let bits = UInt64(next & 0x7F)
            guard shift < 63 || bits <= 1 else { throw MalformedEntry(description: "an integer has more than 64 bits") }
            value |= bits << shift
            if next & 0x80 == 0 { return value }
            shift += 7
            guard shift < 64 else { throw MalformedEntry(description: "an integer has more than 64 bits") }
        }
    }

    mutating func signed() throws(MalformedEntry) -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    mutating func text() throws(MalformedEntry) -> String {
        let count = try varint()
        guard count <= UInt64(bytes.count - index) else { throw Self.truncated }
        let raw = try take(Int(count))
        // Decoding mends what is not UTF-8, and leaves what is as it was: comparing is several times quicker than the validating initializer.
        var text = String(decoding: raw, as: UTF8.self)
        let isUnchanged = text.withUTF8 { text in
            guard let left = text.baseAddress, let right = raw.baseAddress, text.count == raw.count else { return raw.isEmpty }
            return memcmp(left, right, raw.count) == 0
        }
        guard isUnchanged else { throw MalformedEntry(description: "a text is not UTF-8") }
        return text
    }

    mutating func data() throws(MalformedEntry) -> [UInt8] {
        let count = try varint()
        guard count <= UInt64(bytes.count - index) else { throw Self.truncated }
        return Array(try take(Int(count)))
    }

    mutating func foreignData() throws(MalformedEntry) -> [UInt8] {
        let stuffed = try data()
        guard stuffed.contains(0xFF) else { return stuffed }
        var value: [UInt8] = []
        value.reserveCapacity(stuffed.count)
        var isStuffing = false
        for byte in stuffed {
            if isStuffing {
                guard byte == 0 else { throw MalformedEntry(description: "an FF among bytes stands alone") }
                isStuffing = false
            } else {
                value.append(byte)
                isStuffing = byte == 0xFF
            }
        }
        guard !isStuffing else { throw MalformedEntry(description: "an FF among bytes stands alone") }
        return value
    }

    /// Passes over a field that this program does not know.
    mutating func skip() throws(MalformedEntry) {
        let count = try varint()
        guard count <= UInt64(bytes.count - index) else { throw Self.truncated }
        index += Int(count)
    }

    private mutating func take(_ count: Int) throws(MalformedEntry) -> UnsafeRawBufferPointer {
        guard count <= bytes.count - index else { throw Self.truncated }
        defer { index += count }
        return UnsafeRawBufferPointer(rebasing: bytes[index..<index + count])
    }

    private static var truncated: MalformedEntry { MalformedEntry(description: "an entry ends too early") }
}
