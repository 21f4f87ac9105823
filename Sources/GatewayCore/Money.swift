/// An amount of US dollars, exact to a nano-dollar (0.000000001).
///
/// Sums stop at ±9.2 billion dollars instead of wrapping. One call's cost never comes near: ``Money/largestCharge``
/// bounds what a single call may cost, and a larger one is a metering error.
package struct Money: Sendable, Hashable, Comparable {
    /// Nano-dollars.
    package var nanos: Int64

    package init(nanos: Int64) {
        self.nanos = nanos
    }

    package static let zero = Money(nanos: 0)

    /// The most that one call may cost: one million dollars. Anything above is taken for a mistake in an answer.
    package static let largestCharge = Money(nanos: 1_000_000_000_000_000)

    /// Reads a decimal such as `50`, `0.28` or `0.000000001`.
    ///
    /// Returns nil when the text is no plain decimal, has more than nine fraction digits that matter, or is out of range.
    package init?(_ text: some StringProtocol) {
        var digits = Substring(text).utf8
        var negative = false
        if digits.first == UInt8(ascii: "-") {
            negative = true
            digits = digits.dropFirst()
        }
        var nanos: Int64 = 0
        var fractionDigits = -1
        var seen = false
        for byte in digits {
            if byte == UInt8(ascii: ".") {
                guard fractionDigits < 0, seen else { return nil }
                fractionDigits = 0
                continue
            }
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            if fractionDigits == 9 {
                guard byte == 0x30 else { return nil }
                continue
            }
            seen = true
            let (scaled, overflow) = nanos.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(Int64(byte - 0x30))
            guard !overflow, !carry else { return nil }
            nanos = sum
            if fractionDigits >= 0 { fractionDigits += 1 }
        }
        guard seen, fractionDigits != 0 else { return nil }
        for _ in max(fractionDigits, 0)..<9 {
            let (scaled, overflow) = nanos.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            nanos = scaled
        }
        self.nanos = negative ? -nanos : nanos
    }

    package static func < (left: Money, right: Money) -> Bool {
        left.nanos < right.nanos
    }

    package static func + (left: Money, right: Money) -> Money {
        let (sum, overflow) = left.nanos.addingReportingOverflow(right.nanos)
        guard overflow else { return Money(nanos: sum) }
        return Money(nanos: right.nanos < 0 ? .min : .max)
    }

    package static func - (left: Money, right: Money) -> Money {
        let (difference, overflow) = left.nanos.subtractingReportingOverflow(right.nanos)
        guard overflow else { return Money(nanos: difference) }
        return Money(nanos: right.nanos < 0 ? .max : .min)
    }

    package static func += (left: inout Money, right: Money) {
        left = left + right
    }

    package static func -= (left: inout Money, right: Money) {
        left = left - right
    }
}

extension Int64 {
    /// Stops at the ends of 64 bits, as sums of amounts do: a count that somebody else has made up must not end the process.
    package mutating func add(saturating other: Int64) {
        let (sum, overflow) = addingReportingOverflow(other)
        self = overflow ? (other < 0 ? .min : .max) : sum
    }
}

extension Money: CustomStringConvertible {
    /// The decimal as every header and JSON answer shows it: at least two fraction digits, no further trailing zeros.
    package var description: String {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends ``description``.
    package func append(to bytes: inout [UInt8]) {
        if nanos < 0 { bytes.append(UInt8(ascii: "-")) }
        let (dollars, rest) = nanos.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        var fraction = rest
        var width = 9
        while width > 2, fraction % 10 == 0 {
            fraction /= 10
            width -= 1
        }
        DecimalDigits.append(dollars, width: 1, to: &bytes)
        bytes.append(UInt8(ascii: "."))
        DecimalDigits.append(fraction, width: width, to: &bytes)
    }
}
