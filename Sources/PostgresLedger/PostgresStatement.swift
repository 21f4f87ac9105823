import GatewayCore

/// One statement and its parameters, in libpq's text format.
struct PostgresStatement {
    var sql: String
    var parameters: [PostgresParameter] = []

    init(_ sql: String, _ parameters: PostgresParameter...) {
        self.sql = sql
        self.parameters = parameters
    }

    init(_ sql: String, parameters: [PostgresParameter]) {
        self.sql = sql
        self.parameters = parameters
    }
}

/// A parameter's text with the null at its end; nil for NULL.
struct PostgresParameter: ExpressibleByStringLiteral {
    let bytes: [UInt8]?

    init(_ text: String?) {
        bytes = text.map { text in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(text.utf8.count + 1)
            for byte in text.utf8 { PostgresArray.append(byte, to: &bytes) }
            bytes.append(0)
            return bytes
        }
    }

    init(_ value: Int64) {
        self.init(String(value))
    }

    /// An instant; the ends of time for those that have no text.
    init(_ instant: Timestamp) {
        self.init(PostgresInstant.text(instant))
    }

    init(instant: Timestamp?) {
        if let instant { self.init(instant) } else { self.init(nil as String?) }
    }

    init(_ array: PostgresArray) {
        bytes = array.literal
    }

    init(stringLiteral text: String) {
        self.init(text)
    }
}

/// An array in the making, as the server reads it: `{"a","b\"c",NULL}`.
struct PostgresArray {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    /// The whole text with the null at its end.
    var literal: [UInt8] { bytes + [UInt8(ascii: "}"), 0] }

    mutating func append(_ text: String?) {
        separate()
        guard let text else {
            bytes.append(contentsOf: "NULL".utf8)
            return
        }
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            Self.append(byte, to: &bytes)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func append(_ money: Money?) {
        guard let money else { return append(nil as String?) }
        separate()
        money.append(to: &bytes)
    }

    mutating func append(_ number: Int64?) {
        append(number.map { String($0) })
    }

    private mutating func separate() {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
    }

    /// U+0000, where C's texts end, becomes U+FFFD.
    static func append(_ byte: UInt8, to bytes: inout [UInt8]) {
        if byte == 0 { bytes.append(contentsOf: [0xEF, 0xBF, 0xBD]) } else { bytes.append(byte) }
    }
}
