/// Carriage return.
@inlinable
package var CR: UInt8 { 0x0D }
/// Line feed.
@inlinable
package var LF: UInt8 { 0x0A }
/// Space.
@inlinable
package var SP: UInt8 { 0x20 }
/// Horizontal tabulator.
@inlinable
package var TAB: UInt8 { 0x09 }

/// Whether a byte is white space within a line.
@inlinable
package func isSpace(_ byte: UInt8) -> Bool {
    byte == SP || byte == TAB
}

/// RFC 9110, section 5.6.2: `tchar`.
@inlinable
@inline(__always)
package func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"), UInt8(ascii: "'"),
        UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"),
        UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
        true
    default: false
    }
}

/// Whether these bytes are a token: a method's or a field's name.
@inlinable
package func isToken(_ bytes: some Sequence<UInt8>) -> Bool {
    var isEmpty = true
    for byte in bytes {
        guard isTokenByte(byte) else { return false }
        isEmpty = false
    }
    return !isEmpty
}

/// Whether a byte that ends a line or a C string is among these.
@inlinable
package func containsLineBreak(_ bytes: some Sequence<UInt8>) -> Bool {
    for byte in bytes where byte == LF || byte == CR || byte == 0 { return true }
    return false
}

/// Whether this is the path and query of a request line: visible ASCII only, so that nothing ends the line early, and no fragment, since
/// servers disagree on what one means.
@inlinable
package func isTarget(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard bytes.first == UInt8(ascii: "/") else { return false }
    for byte in bytes where byte < 0x21 || byte > 0x7E || byte == UInt8(ascii: "#") { return false }
    return true
}
