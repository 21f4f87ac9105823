import GatewayCore

extension Timestamp {
    /// RFC 3339 in UTC with microseconds, always 27 characters, so that texts sort as the instants do; nil outside the years 1 to 9999.
    var fixedText: String? {
        guard Self.calendar.contains(self) else { return nil }
        let days = Int(seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400)
        let date = CivilDate(daysSince1970: days)
        let second = Int(seconds) - days * 86_400
        let fraction = Int(microseconds - seconds * 1_000_000)
        return String(unsafeUninitializedCapacity: 27) { buffer in
            func put(_ value: Int, _ width: Int, at index: Int) {
                var rest = value
                for place in stride(from: index + width - 1, through: index, by: -1) {
                    buffer[place] = UInt8(0x30 + rest % 10)
                    rest /= 10
                }
            }
            put(date.year, 4, at: 0)
            buffer[4] = UInt8(ascii: "-")
            put(date.month, 2, at: 5)
            buffer[7] = UInt8(ascii: "-")
            put(date.day, 2, at: 8)
            buffer[10] = UInt8(ascii: "T")
            put(second / 3600, 2, at: 11)
            buffer[13] = UInt8(ascii: ":")
            put(second / 60 % 60, 2, at: 14)
            buffer[16] = UInt8(ascii: ":")
            put(second % 60, 2, at: 17)
            buffer[19] = UInt8(ascii: ".")
            put(fraction, 6, at: 20)
            buffer[26] = UInt8(ascii: "Z")
            return 27
        }
    }

    /// The nearest instant that has a ``fixedText``, for boundaries of queries.
    var fixedBoundary: String {
        if let text = fixedText { return text }
        return microseconds < 0 ? "0001-01-01T00:00:00.000000Z" : "9999-12-31T23:59:59.999999Z"
    }

    /// Reads a ``fixedText``.
    init(fixedText text: String) throws {
        guard let instant = Timestamp(text) else { throw MalformedRow(description: "\(text) is no instant") }
        self = instant
    }
}

extension Money {
    /// Reads a column; the lowest amount of all is the only one whose text has no positive counterpart.
    init(column text: String) throws {
        if let money = Money(text) {
            self = money
        } else if text == Money(nanos: .min).description {
            self.init(nanos: .min)
        } else {
            throw MalformedRow(description: "\(text) is no amount")
        }
    }
}

/// A row that this program cannot have written.
struct MalformedRow: Error, CustomStringConvertible {
    var description: String
}
