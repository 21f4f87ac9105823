package import GatewayCore

/// An entry as one line of text, for a log when the journal cannot be written: `gateway-replay/1 ` and a frame in base 64.
package enum JournalLine {
    package static let prefix = "gateway-replay/1 "

    /// The line; nil for an entry that is longer than one may be.
    package static func encode(_ entry: JournalEntry) -> String? {
        Frame.encode(entry, salt: .none).map { prefix + Base64.encode($0[...]) }
    }

    /// The line of a frame whose checksum begins from a journal's id, which the line does not carry.
    static func encode(frame: ArraySlice<UInt8>) -> String {
        var plain = Array(frame)
        let sum = plain.withUnsafeBytes { Frame.frameChecksum($0, salt: .none) }
        for shift in 0..<4 { plain[8 + shift] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(shift))) }
        return prefix + Base64.encode(plain[...])
    }

    /// The entry in a line, wherever in it the prefix stands: a log may put a time before it or quotes around it.
    ///
    /// Returns nil for a line without one, and throws for one that is damaged.
    package static func decode(_ line: some StringProtocol) throws(JournalError) -> JournalEntry? {
        try decode(Array(line.utf8)[...])
    }

    /// The same from a line's bytes.
    package static func decode(_ line: ArraySlice<UInt8>) throws(JournalError) -> JournalEntry? {
        guard let start = placeBehindPrefix(in: line) else { return nil }
        guard let frame = Base64.decode(line[start...]) else { throw JournalError("a replayable line is cut or damaged") }
        return try frame[...].withRawBytes { bytes throws(JournalError) -> JournalEntry in
            guard let (kind, length, sum) = Frame.header(bytes), length == bytes.count - Frame.headerSize,
                Frame.frameChecksum(bytes, salt: .none) == sum
            else { throw JournalError("a replayable line is cut or damaged") }
            do throws(MalformedEntry) {
                guard let entry = try EntryCodec.decode(kind, UnsafeRawBufferPointer(rebasing: bytes[Frame.headerSize...])) else {
                    throw MalformedEntry(description: "an entry of kind \(kind.rawValue) was made by a newer gateway")
                }
                return entry
            } catch {
                throw JournalError("a replayable line cannot be read: \(error)")
            }
        }
    }
}

extension JournalLine {
    private static let mark = Array(prefix.utf8)

    /// Where the entry begins, behind the first prefix; nil without one.
    private static func placeBehindPrefix(in line: ArraySlice<UInt8>) -> Int? {
        var rest = line
        while let candidate = rest.firstIndex(of: mark[0]), line.endIndex - candidate >= mark.count {
            if line[candidate..<candidate + mark.count].elementsEqual(mark) { return candidate + mark.count }
            rest = line[(candidate + 1)...]
        }
        return nil
    }
}

/// RFC 4648, section 4, with padding.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, digit) in alphabet.enumerated() { values[Int(digit)] = UInt8(value) }
        return values
    }()

    static func encode(_ bytes: ArraySlice<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let rest = bytes.endIndex - index
            let first = UInt32(bytes[index]) << 16
            let second = rest > 1 ? UInt32(bytes[index + 1]) << 8 : 0
            let third = rest > 2 ? UInt32(bytes[index + 2]) : 0
            let group = first | second | third
            text.append(alphabet[Int(group >> 18)])
            text.append(alphabet[Int(group >> 12 & 63)])
            text.append(rest > 1 ? alphabet[Int(group >> 6 & 63)] : UInt8(ascii: "="))
            text.append(rest > 2 ? alphabet[Int(group & 63)] : UInt8(ascii: "="))
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of the leading base-64 digits; nil when they are no whole number of bytes.
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let digits = text.prefix { values[Int($0)] != 0xFF }
        guard digits.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 4 * 3 + 2)
        var group: UInt32 = 0
        var bits = 0
        for digit in digits {
            group = group << 6 | UInt32(values[Int(digit)])
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
                group &= 1 << UInt32(bits) - 1
            }
        }
        return bytes
    }
}
