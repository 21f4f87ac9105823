/// A JSON number, exactly as it was written. Equality and order are those of the values: `1.0`, `1` and `10e-1` are one number, and `1e400` is more
/// than `1e399`.
package struct JSONNumber: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The number as it was written.
    package let text: String

    /// A number in RFC 8259's grammar; nil for anything else.
    package init?(_ text: String) {
        let bytes = [UInt8](text.utf8)
        let isNumber = bytes.withUnsafeBufferPointer { buffer -> Bool in
            guard let base = buffer.baseAddress, !buffer.isEmpty, buffer.count <= Tape.maximumOffset else { return false }
            let parser = JSONParser(bytes: base, count: buffer.count)
            return (try? parser.scanNumber(0)) == buffer.count
        }
        guard isNumber else { return nil }
        self.text = text
    }

    /// An integer.
    package init(_ value: Int64) {
        text = String(value)
    }

    /// A text that is known to be a number.
    init(checked text: String) {
        self.text = text
    }

    /// The number as it was written.
    package var description: String { text }

    /// The value as a 64-bit integer; nil when it has a fractional part or is out of range. `1e2` is 100.
    package var int64: Int64? {
        guard let (significand, exponent) = decimal, exponent >= 0, exponent <= 18, var value = Int64(exactly: significand) else {
            return nil
        }
        for _ in 0..<exponent {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            value = product
        }
        return value
    }

    /// Whether the value has no fractional part.
    package var isInteger: Bool {
        withDecimal { decimal in
            if decimal.isZero { return true }
            guard let exponent = decimal.exponent else { return !decimal.exponentIsNegative }
            var count = 0
            decimal.forEachDigit { _ in count += 1 }
            return decimal.point + exponent >= count
        }
    }

    /// The value as `significand` × 10^`exponent`, with no trailing zero in the significand; nil when that takes more than 36 digits or the exponent
    /// as written more than fifteen.
    package var decimal: (significand: Int128, exponent: Int)? {
        withDecimal { decimal in
            guard !decimal.isZero else { return (0, 0) }
            guard let exponent = decimal.exponent else { return nil }
            var significand: Int128 = 0
            var count = 0
            decimal.forEachDigit { digit in
                count += 1
                if count <= 36 { significand = significand * 10 + Int128(digit) }
            }
            guard count <= 36 else { return nil }
            return (decimal.isNegative ? -significand : significand, decimal.point + exponent - count)
        }
    }

    /// One text for all ways to write a value: plain digits from 1e-6 to below 1e21, otherwise `d.ddde±n`, as ECMAScript writes numbers but with
    /// every digit. Exponents of more than fifteen digits stay as written, but for upper case.
    package var normalizedText: String {
        withDecimal { decimal in
            guard !decimal.isZero else { return "0" }
            guard let written = decimal.exponent else { return text.lowercased() }
            var digits: [UInt8] = []
            decimal.forEachDigit { digits.append($0 + UInt8(ascii: "0")) }
            let point = decimal.point + written
            var result: [UInt8] = decimal.isNegative ? [UInt8(ascii: "-")] : []
            if point > 0, point <= 21 {
                result += digits.prefix(point)
                if digits.count > point {
                    result.append(UInt8(ascii: "."))
                    result += digits.dropFirst(point)
                } else {
                    result += repeatElement(UInt8(ascii: "0"), count: point - digits.count)
                }
            } else if point <= 0, point > -6 {
                result += Array("0.".utf8)
                result += repeatElement(UInt8(ascii: "0"), count: -point)
                result += digits
            } else {
                result.append(digits[0])
                if digits.count > 1 {
                    result.append(UInt8(ascii: "."))
                    result += digits.dropFirst()
                }
                result += Array("e\(point > 0 ? "+" : "-")\((point - 1).magnitude)".utf8)
            }
            return String(decoding: result, as: UTF8.self)
        }
    }

    /// Whether the values are the same, exactly.
    package static func == (left: JSONNumber, right: JSONNumber) -> Bool {
        left.withDecimal { left in right.withDecimal { Decimal.compare(left, $0) == 0 } }
    }

    /// Whether the left value is less, exactly.
    package static func < (left: JSONNumber, right: JSONNumber) -> Bool {
        left.withDecimal { left in right.withDecimal { Decimal.compare(left, $0) < 0 } }
    }

    /// Feeds the value, not the way it is written, into a hasher.
    package func hash(into hasher: inout Hasher) {
        withDecimal { decimal in
            hasher.combine(decimal.isNegative)
            // The power of ten is left out: numbers that differ in it alone are rare.
            decimal.forEachDigit { hasher.combine($0) }
        }
    }

    private func withDecimal<Result>(_ body: (Decimal) -> Result) -> Result {
        var text = text
        return text.withUTF8 { body(Decimal($0)) }
    }
}
