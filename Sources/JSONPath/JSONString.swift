/// Strings of a checked document: their characters, and comparisons without building them.
extension Tape {
    /// The characters of a string or member name.
    func string(_ index: Int) -> String {
        let text = text(index)
        guard isEscaped(index) else { return String(decoding: text, as: UTF8.self) }
        return String(decoding: unescaped(index), as: UTF8.self)
    }

    /// The UTF-8 of a string or member name with its escapes resolved.
    func unescaped(_ index: Int) -> [UInt8] {
        let text = text(index)
        guard isEscaped(index) else { return [UInt8](text) }
        return [UInt8](unsafeUninitializedCapacity: text.count) { buffer, count in
            var written = 0
            Self.unescape(text) { byte in
                buffer[written] = byte
                written += 1
                return true
            }
            count = written
        }
    }

    /// Lends the UTF-8 of a string or member name with its escapes resolved; without escapes nothing is copied.
    @inline(__always)
    func withUTF8<Result, Failure: Error>(
        _ index: Int, _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if isEscaped(index) {
            try unescaped(index).withUnsafeBufferPointer(body)
        } else {
            try body(text(index))
        }
    }

    /// Whether a string or member name has exactly these UTF-8 characters.
    @inline(__always)
    func matches(_ index: Int, _ other: UnsafeBufferPointer<UInt8>) -> Bool {
        if isEscaped(index) { return matchesEscaped(index, other) }
        return length(index) == other.count && equalBytes(text(index), other)
    }

    /// Calls `body` with each byte of the UTF-8 that a checked string stands for, until it returns false.
    @inline(__always)
    private static func unescape(_ text: UnsafeBufferPointer<UInt8>, _ body: (UInt8) -> Bool) {
        var position = 0
        while position < text.count {
            let byte = text[position]
            guard byte == UInt8(ascii: "\\") else {
                guard body(byte) else { return }
                position += 1
                continue
            }
            let escape = text[position + 1]
            position += 2
            guard escape == UInt8(ascii: "u") else {
                let byte: UInt8 =
                    switch escape {
                    case UInt8(ascii: "b"): 0x08
                    case UInt8(ascii: "f"): 0x0C
                    case UInt8(ascii: "n"): 0x0A
                    case UInt8(ascii: "r"): 0x0D
                    case UInt8(ascii: "t"): 0x09
                    default: escape
                    }
                guard body(byte) else { return }
                continue
            }
            var code = unit(text, position)
            position += 4
            if code & 0xFC00 == 0xD800 {
                // The parser has seen the other half.
                code = 0x10000 + (code & 0x3FF) << 10 + (unit(text, position + 2) & 0x3FF)
                position += 6
            }
            guard let scalar = Unicode.Scalar(code) else { return }
            for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                guard body(byte) else { return }
            }
        }
    }

    /// The value of four hexadecimal digits that the parser has seen.
    private static func unit(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> UInt32 {
        var unit: UInt32 = 0
        for position in start..<start + 4 { unit = unit << 4 | UInt32(hexDigit(text[position]) ?? 0) }
        return unit
    }

    /// Compares without building the string, so that a lookup among many escaped names costs no allocation.
    private func matchesEscaped(_ index: Int, _ other: UnsafeBufferPointer<UInt8>) -> Bool {
        // An escape is never shorter than what it stands for.
        guard length(index) > other.count else { return false }
        var matched = 0
        var isEqual = true
        Self.unescape(text(index)) { byte in
            isEqual = matched < other.count && other[matched] == byte
            matched += 1
            return isEqual
        }
        return isEqual && matched == other.count
    }
}

/// Whether two runs of bytes are the same.
@inline(__always)
func equalBytes(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
    let count = left.count
    guard count == right.count else { return false }
    guard count > 0, let a = left.baseAddress, let b = right.baseAddress else { return true }
    var position = 0
    while position + 8 <= count {
        guard UnsafeRawPointer(a + position).loadUnaligned(as: UInt64.self) == UnsafeRawPointer(b + position).loadUnaligned(as: UInt64.self)
        else { return false }
        position += 8
    }
    while position < count {
        guard a[position] == b[position] else { return false }
        position += 1
    }
    return true
}

/// Whether the left run of bytes comes first; for UTF-8 that is the order of Unicode scalar values.
func precedes(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
    let count = min(left.count, right.count)
    for position in 0..<count where left[position] != right[position] {
        return left[position] < right[position]
    }
    return left.count < right.count
}
