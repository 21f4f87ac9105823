internal import JSONPath

/// One line of the log in the making. Whatever a name or a value has in it, it stays one line and one value.
package struct LogLine {
    package private(set) var bytes: [UInt8] = []
    private let format: LogFormat

    package init(_ message: String, level: StaticString, at instant: Timestamp, as format: LogFormat) {
        self.format = format
        bytes.reserveCapacity(512)
        switch format {
        case .text:
            appendTime(instant)
            write(" ")
            write(level)
            write(" ")
            appendMessage(message)
        case .json:
            write(#"{"time":""#)
            appendTime(instant)
            write(#"","level":""#)
            write(level)
            write(#"","message":"#)
            JSONText.appendString(message, to: &bytes)
        }
    }

    package mutating func add(_ name: StaticString, _ value: String) {
        begin(name)
        append(value)
    }

    /// A name that is not the gateway's own.
    package mutating func add(named name: String, _ value: String) {
        switch format {
        case .text:
            write(" ")
            append(name)
            write("=")
        case .json:
            write(",")
            JSONText.appendString(name, to: &bytes)
            write(":")
        }
        append(value)
    }

    /// A decimal string in JSON too: a number there would be read as a binary fraction.
    package mutating func add(_ name: StaticString, _ amount: Money) {
        begin(name)
        if format == .json { write("\"") }
        amount.append(to: &bytes)
        if format == .json { write("\"") }
    }

    package mutating func add(_ name: StaticString, _ number: Int) {
        begin(name)
        if number < 0 { write("-") }
        DecimalDigits.append(UInt64(number.magnitude), width: 1, to: &bytes)
    }

    package mutating func add(_ name: StaticString, _ flag: Bool) {
        begin(name)
        write(flag ? "true" : "false")
    }

    /// Nanoseconds, as milliseconds to the microsecond.
    package mutating func add(_ name: StaticString, milliseconds nanoseconds: Int64) {
        begin(name)
        let microseconds = UInt64(max(0, nanoseconds)) / 1000
        DecimalDigits.append(microseconds / 1000, width: 1, to: &bytes)
        write(".")
        DecimalDigits.append(microseconds % 1000, width: 3, to: &bytes)
    }

    package mutating func end() {
        if format == .json { write("}") }
        write("\n")
    }

    private mutating func begin(_ name: StaticString) {
        switch format {
        case .text:
            write(" ")
            write(name)
            write("=")
        case .json:
            write(",\"")
            write(name)
            write("\":")
        }
    }

    private mutating func append(_ value: String) {
        let isPlain =
            format == .text && !value.isEmpty
            && value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
        if isPlain { bytes.append(contentsOf: value.utf8) } else { JSONText.appendString(value, to: &bytes) }
    }

    /// A sentence as it is; what would begin another line is escaped.
    private mutating func appendMessage(_ message: String) {
        guard message.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return bytes.append(contentsOf: message.utf8) }
        JSONText.appendString(message, to: &bytes)
    }

    /// RFC 3339 in UTC, to the millisecond.
    private mutating func appendTime(_ instant: Timestamp) {
        let seconds = instant.seconds
        let day = Int(seconds >= 0 ? seconds / 86_400 : (seconds + 1) / 86_400 - 1)
        let date = CivilDate(daysSince1970: day)
        let second = Int(seconds) - day * 86_400
        digits(date.year, 4, "-")
        digits(date.month, 2, "-")
        digits(date.day, 2, "T")
        digits(second / 3600, 2, ":")
        digits(second / 60 % 60, 2, ":")
        digits(second % 60, 2, ".")
        digits(Int(instant.milliseconds - seconds * 1000), 3, "Z")
    }

    private mutating func digits(_ value: Int, _ width: Int, _ behind: StaticString) {
        DecimalDigits.append(UInt64(max(0, value)), width: width, to: &bytes)
        write(behind)
    }

    private mutating func write(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
