/// Percent-encoding (RFC 3986, section 2.1) of paths and queries.
package enum PercentCoding {
    /// The text with every `%XX` replaced by its byte, and `+` by a space where the text is a query's. What is no `%XX` stays.
    package static func decoded(_ text: Substring, isQuery: Bool = false) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || ($0 == UInt8(ascii: "+") && isQuery) }) else { return String(text) }
        return String(decoding: replaced(text.utf8) { _ in true }.map { isQuery && $0.isPlus ? UInt8(ascii: " ") : $0.byte }, as: UTF8.self)
    }

    /// A path with the characters that need no encoding written plainly (RFC 3986, section 6.2.2.2), so that two spellings of a path are one.
    static func normalized(path: String) -> String {
        guard path.utf8.contains(UInt8(ascii: "%")) else { return path }
        return String(decoding: replaced(Substring(path).utf8, where: isUnreserved).map(\.byte), as: UTF8.self)
    }

    /// A name or value as it stands in a query.
    package static func encoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isUnreserved(byte) {
                bytes.append(byte)
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                bytes += Array("%\(byte < 16 ? "0" : "")\(hex)".utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private struct Unit {
        let byte: UInt8
        /// A `+` that stood there as such, not as `%2B`.
        let isPlus: Bool
    }

    private static func replaced(_ text: Substring.UTF8View, where condition: (UInt8) -> Bool) -> [Unit] {
        let bytes = Array(text)
        var units: [Unit] = []
        units.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = digit(bytes[index + 1]),
                let low = digit(bytes[index + 2]),
                condition(high << 4 | low)
            {
                units.append(Unit(byte: high << 4 | low, isPlus: false))
                index += 3
            } else {
                units.append(Unit(byte: bytes[index], isPlus: bytes[index] == UInt8(ascii: "+")))
                index += 1
            }
        }
        return units
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }
}
