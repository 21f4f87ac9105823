internal import CZlib
import GatewayCore

/// An entry in a segment: a marker, its kind, its length, a checksum, the payload.
///
///     FF FE | kind | 0 | length, little-endian 32 bits | checksum, little-endian 32 bits | payload
///
/// The two marker bytes occur in no UTF-8 text, so the search for the next frame after damage cannot stop inside a text that a
/// caller chose. The checksum (CRC-32) begins from the journal's id, which no caller knows: bytes of another journal, or of a forged
/// frame inside a payload, do not pass.
enum Frame {
    static let headerSize = 12
    /// The longest payload. A record is a few hundred bytes; this bounds what a damaged length can make a reader load.
    static let largestPayload = 16 << 20

    /// What the checksums of a journal begin from.
    struct Salt: Hashable, Sendable {
        fileprivate var value: UInt

        init(journal id: JournalID) {
            value = id.bytes.withUnsafeBytes { checksum(0, $0) }
        }

        /// For frames that stand alone, outside any journal.
        static let none = Salt(value: 0)

        private init(value: UInt) {
            self.value = value
        }
    }

    /// The whole frame; nil when the payload is longer than a frame may be.
    static func encode(_ entry: JournalEntry, salt: Salt) -> [UInt8]? {
        var writer = ByteWriter(capacity: 640)
        writer.byte(0xFF)
        writer.byte(0xFE)
        writer.byte(entry.kind.rawValue)
        writer.byte(0)
        writer.little32(0)
        writer.little32(0)
        EntryCodec.encode(entry, into: &writer)
        let length = writer.bytes.count - headerSize
        guard length <= largestPayload else { return nil }
        writer.overwrite(little32: UInt32(length), at: 4)
        let sum = writer.bytes.withUnsafeBytes { frameChecksum($0, salt: salt) }
        writer.overwrite(little32: sum, at: 8)
        return writer.bytes
    }

    /// What a frame's first bytes say; nil when they are no frame's. Needs ``headerSize`` bytes.
    static func header(_ bytes: UnsafeRawBufferPointer) -> (kind: EntryKind, length: Int, checksum: UInt32)? {
        guard bytes.count >= headerSize, bytes[0] == 0xFF, bytes[1] == 0xFE, bytes[3] == 0 else { return nil }
        let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        let sum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        guard length <= largestPayload else { return nil }
        return (EntryKind(rawValue: bytes[2]), Int(length), sum)
    }

    /// The checksum of a whole frame: of its kind and length, and of its payload.
    static func frameChecksum(_ frame: UnsafeRawBufferPointer, salt: Salt) -> UInt32 {
        let head = checksum(salt.value, UnsafeRawBufferPointer(rebasing: frame[2..<8]))
        return UInt32(truncatingIfNeeded: checksum(head, UnsafeRawBufferPointer(rebasing: frame[headerSize...])))
    }

    /// CRC-32 (zlib's polynomial), going on from `start`.
    static func checksum(_ start: UInt, _ bytes: UnsafeRawBufferPointer) -> UInt {
        guard let base = bytes.bindMemory(to: UInt8.self).baseAddress else { return start }
        return UInt(crc32_z(uLong(start), base, z_size_t(bytes.count)))
    }
}

/// What tells one journal from every other: 128 random bits, made with its first segment.
struct JournalID: Hashable, Sendable, CustomStringConvertible {
    static let size = 16
    var bytes: [UInt8]

    init() {
        var random = SystemRandomNumberGenerator()
        bytes = (0..<Self.size).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }

    /// Needs ``size`` bytes.
    init(bytes: some Collection<UInt8>) {
        self.bytes = Array(bytes)
    }

    /// 32 hexadecimal digits.
    var description: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// The first bytes of a segment.
///
///     "GWJRNL\r\n" | version, 32 bits | 0, 32 bits | journal id, 16 bytes | segment number, 64 bits | 0, 32 bits | CRC-32
struct SegmentHeader: Hashable, Sendable {
    static let size = 48
    static let version: UInt32 = 1
    private static let magic = Array("GWJRNL\r\n".utf8)

    var journal: JournalID
    var segment: UInt64

    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: Self.size)
        writer.append(Self.magic)
        writer.little32(Self.version)
        writer.little32(0)
        writer.append(journal.bytes)
        writer.big64(segment)
        writer.little32(0)
        let sum = writer.bytes.withUnsafeBytes { Frame.checksum(0, $0) }
        writer.little32(UInt32(truncatingIfNeeded: sum))
        return writer.bytes
    }

    /// What the bytes at a file's start say: nil when they are damaged or none of ours.
    ///
    /// Throws for a sound header of a later format.
    static func decode(_ bytes: [UInt8]) throws(JournalError) -> SegmentHeader? {
        guard bytes.count >= size, bytes.starts(with: magic) else { return nil }
        return try bytes[...].withRawBytes { raw throws(JournalError) -> SegmentHeader? in
            let sum = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 44, as: UInt32.self))
            guard UInt32(truncatingIfNeeded: Frame.checksum(0, UnsafeRawBufferPointer(rebasing: raw[..<44]))) == sum else { return nil }
            let version = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
            guard version == Self.version else {
                throw JournalError("the journal has format \(version), which is newer than this gateway's \(Self.version)")
            }
            let number = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
            return SegmentHeader(journal: JournalID(bytes: raw[16..<32]), segment: number)
        }
    }
}
