/// The pieces of a JSON text that hold most of its bytes: white space, strings, numbers.
extension JSONParser {
    /// The byte at an offset, or 0 behind the end, which no rule of the grammar accepts.
    @inline(__always)
    func peek(_ position: Int) -> UInt8 {
        position < count ? bytes[position] : 0
    }

    @inline(__always)
    private func load8(_ position: Int) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(bytes + position).loadUnaligned(as: UInt64.self))
    }

    func error(_ reason: JSONError.Reason, at position: Int) -> JSONError {
        position < count ? JSONError(offset: position, reason: reason) : JSONError(offset: count, reason: .unexpectedEnd)
    }

    @inline(__always)
    func skipSpace(_ start: Int) -> Int {
        peek(start) > 0x20 ? start : skipSomeSpace(start)
    }

    private func skipSomeSpace(_ start: Int) -> Int {
        var position = start
        while position < count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0D: position += 1
            case 0x0A:
                position += 1
                // Indentation follows.
                while position + 8 <= count, load8(position) == 0x2020_2020_2020_2020 { position += 8 }
            default: return position
            }
        }
        return position
    }

    /// Finds the quote that ends a string and checks all before it.
    ///
    /// Eight bytes at a time: in `marks` the lowest bit set is the top bit of the first byte that is a quote, a backslash, a control character or not
    /// ASCII. (Borrows only disturb bytes above the first one that matches.)
    @inline(__always)
    func scanString(_ start: Int) throws(JSONError) -> (end: Int, escaped: Bool) {
        var position = start
        var escaped = false
        while true {
            while position + 8 <= count {
                let chunk = load8(position)
                let quotes = (chunk ^ 0x2222_2222_2222_2222) &- 0x0101_0101_0101_0101
                let slashes = (chunk ^ 0x5C5C_5C5C_5C5C_5C5C) &- 0x0101_0101_0101_0101
                let controls = chunk &- 0x2020_2020_2020_2020
                let marks = (quotes | slashes | controls | chunk) & 0x8080_8080_8080_8080
                guard marks == 0 else {
                    position += marks.trailingZeroBitCount >> 3
                    break
                }
                position += 8
            }
            let byte = peek(position)
            if byte == UInt8(ascii: "\"") { return (position, escaped) }
            if byte >= 0x80 {
                position = try scanUTF8(position)
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
                position = try scanEscape(position)
            } else if byte < 0x20 {
                throw error(.controlCharacter, at: position)
            } else {
                position += 1
            }
        }
    }

    /// Checks a run of characters that are not ASCII: shortest forms only, no surrogates, nothing above U+10FFFF.
    private func scanUTF8(_ start: Int) throws(JSONError) -> Int {
        var position = start
        while true {
            let lead = peek(position)
            guard lead >= 0x80 else { return position }
            let second: ClosedRange<UInt8>
            let length: Int
            switch lead {
            case 0xC2...0xDF: (second, length) = (0x80...0xBF, 2)
            case 0xE0: (second, length) = (0xA0...0xBF, 3)
            case 0xED: (second, length) = (0x80...0x9F, 3)
            case 0xE1...0xEF: (second, length) = (0x80...0xBF, 3)
            case 0xF0: (second, length) = (0x90...0xBF, 4)
            case 0xF1...0xF3: (second, length) = (0x80...0xBF, 4)
            case 0xF4: (second, length) = (0x80...0x8F, 4)
            default: throw error(.invalidUTF8, at: position)
            }
            guard second.contains(peek(position + 1)),
                length < 3 || peek(position + 2) & 0xC0 == 0x80,
                length < 4 || peek(position + 3) & 0xC0 == 0x80
            else { throw position + length > count ? error(.unexpectedEnd, at: count) : error(.invalidUTF8, at: position) }
            position += length
        }
    }

    private func scanEscape(_ start: Int) throws(JSONError) -> Int {
        switch peek(start + 1) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            return start + 2
        case UInt8(ascii: "u"):
            let unit = try scanHex(start + 2)
            guard unit & 0xF800 == 0xD800 else { return start + 6 }
            guard unit < 0xDC00 else { throw error(.loneSurrogate, at: start) }
            guard start + 6 < count else { throw error(.unexpectedEnd, at: count) }
            guard peek(start + 6) == UInt8(ascii: "\\") else { throw error(.loneSurrogate, at: start) }
            guard start + 7 < count else { throw error(.unexpectedEnd, at: count) }
            guard peek(start + 7) == UInt8(ascii: "u"), try scanHex(start + 8) & 0xFC00 == 0xDC00 else {
                throw error(.loneSurrogate, at: start)
            }
            return start + 12
        default:
            throw error(.invalidEscape, at: start + 1)
        }
    }

    private func scanHex(_ start: Int) throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for position in start..<start + 4 {
            guard let digit = hexDigit(peek(position)) else { throw error(.invalidEscape, at: position) }
            unit = unit << 4 | digit
        }
        return unit
    }

    /// Finds the end of a number and checks it: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
    @inline(__always)
    func scanNumber(_ start: Int) throws(JSONError) -> Int {
        var position = start
        if peek(position) == UInt8(ascii: "-") { position += 1 }
        if peek(position) == UInt8(ascii: "0") {
            position += 1
            guard !isDigit(peek(position)) else { throw error(.invalidNumber, at: position) }
        } else {
            position = try scanDigits(position)
        }
        var byte = peek(position)
        if byte == UInt8(ascii: ".") {
            position = try scanDigits(position + 1)
            byte = peek(position)
        }
        if byte | 0x20 == UInt8(ascii: "e") {
            position += 1
            if peek(position) == UInt8(ascii: "+") || peek(position) == UInt8(ascii: "-") { position += 1 }
            position = try scanDigits(position)
        }
        return position
    }

    @inline(__always)
    private func scanDigits(_ start: Int) throws(JSONError) -> Int {
        var position = start
        guard isDigit(peek(position)) else { throw error(.invalidNumber, at: position) }
        repeat { position += 1 } while isDigit(peek(position))
        return position
    }
}

@inline(__always)
func isDigit(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") < 10
}

/// The value of a hexadecimal digit in ASCII.
@inline(__always)
func hexDigit(_ byte: UInt8) -> UInt16? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte &- UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte &- UInt8(ascii: "a") &+ 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte &- UInt8(ascii: "A") &+ 10)
    default: nil
    }
}
