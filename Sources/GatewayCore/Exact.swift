/// Why an exact computation has no result.
package enum ArithmeticError: Error, Sendable, Hashable {
    /// A denominator of zero.
    case divisionByZero
    /// A value beyond 127 bits of numerator or denominator.
    case overflow
}

/// An exact rational number: quantities, rates and their products. Never a binary fraction.
///
/// Always in lowest terms with a positive denominator, so that equal values are equal bit for bit.
package struct Exact: Sendable, Hashable {
    package let numerator: Int128
    package let denominator: Int128

    package static let zero = Exact(0)
    package static let one = Exact(1)

    package init(_ value: some FixedWidthInteger & SignedInteger) {
        numerator = Int128(truncatingIfNeeded: value)
        denominator = 1
    }

    private init(reduced numerator: Int128, over denominator: Int128) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// `numerator / denominator` in lowest terms.
    package init(_ numerator: Int128, over denominator: Int128) throws(ArithmeticError) {
        guard denominator != 0 else { throw .divisionByZero }
        guard numerator != .min, denominator != .min else { throw .overflow }
        let divisor = Self.greatestCommonDivisor(numerator.magnitude, denominator.magnitude)
        let sign: Int128 = denominator < 0 ? -1 : 1
        self.init(reduced: sign * numerator / divisor, over: sign * denominator / divisor)
    }

    /// Reads a JSON or YAML number: `12`, `-0.25`, `1.5e-3`. Throws `overflow` for one that is out of range;
    /// returns nil for text that is no number.
    package init?(decimal text: some StringProtocol) throws(ArithmeticError) {
        var significand: Int128 = 0
        var exponent = 0
        var negative = false
        var seenDigit = false
        var seenPoint = false
        var bytes = Substring(text).utf8
        if bytes.first == UInt8(ascii: "-") {
            negative = true
            bytes = bytes.dropFirst()
        }
        while let byte = bytes.first {
            if byte == UInt8(ascii: "."), !seenPoint, seenDigit {
                seenPoint = true
            } else if byte >= 0x30, byte <= 0x39 {
                seenDigit = true
                let (scaled, overflow) = significand.multipliedReportingOverflow(by: 10)
                let (sum, carry) = scaled.addingReportingOverflow(Int128(byte - 0x30))
                guard !overflow, !carry else { throw .overflow }
                significand = sum
                if seenPoint { exponent -= 1 }
            } else {
                break
            }
            bytes = bytes.dropFirst()
        }
        guard seenDigit else { return nil }
        if let byte = bytes.first {
            guard byte | 0x20 == UInt8(ascii: "e") else { return nil }
            bytes = bytes.dropFirst()
            var sign = 1
            if let mark = bytes.first, mark == UInt8(ascii: "+") || mark == UInt8(ascii: "-") {
                sign = mark == UInt8(ascii: "-") ? -1 : 1
                bytes = bytes.dropFirst()
            }
            guard !bytes.isEmpty else { return nil }
            var power = 0
            for digit in bytes {
                guard digit >= 0x30, digit <= 0x39 else { return nil }
                power = min(power * 10 + Int(digit - 0x30), 1_000_000)
            }
            exponent += sign * power
        }
        if significand == 0 { exponent = 0 }
        guard exponent > -38, exponent < 38 else { throw .overflow }
        if negative { significand = -significand }
        let power = Self.powerOfTen(exponent.magnitude)
        if exponent >= 0 {
            let (value, overflow) = significand.multipliedReportingOverflow(by: power)
            guard !overflow else { throw .overflow }
            try self.init(value, over: 1)
        } else {
            try self.init(significand, over: power)
        }
    }

    private static func powerOfTen(_ exponent: UInt) -> Int128 {
        var power: Int128 = 1
        for _ in 0..<exponent { power *= 10 }
        return power
    }

    private static func greatestCommonDivisor(_ left: UInt128, _ right: UInt128) -> Int128 {
        var (a, b) = (left, right)
        while b != 0 {
            // Most operands fit a machine word, where the remainder is one instruction.
            if a <= UInt128(UInt64.max), b <= UInt128(UInt64.max) {
                var (x, y) = (UInt64(a), UInt64(b))
                while y != 0 { (x, y) = (y, x % y) }
                return Int128(x)
            }
            (a, b) = (b, a % b)
        }
        return a == 0 ? 1 : Int128(a)
    }
}

extension Exact {
    package static func + (left: Exact, right: Exact) throws(ArithmeticError) -> Exact {
        if left.denominator == 1, right.denominator == 1 {
            let (sum, overflow) = left.numerator.addingReportingOverflow(right.numerator)
            guard !overflow else { throw .overflow }
            return Exact(sum)
        }
        let (a, first) = left.numerator.multipliedReportingOverflow(by: right.denominator)
        let (b, second) = right.numerator.multipliedReportingOverflow(by: left.denominator)
        let (sum, third) = a.addingReportingOverflow(b)
        let (denominator, fourth) = left.denominator.multipliedReportingOverflow(by: right.denominator)
        guard !first, !second, !third, !fourth else { throw .overflow }
        return try Exact(sum, over: denominator)
    }

    package static func - (left: Exact, right: Exact) throws(ArithmeticError) -> Exact {
        guard right.numerator != .min else { throw .overflow }
        return try left + Exact(reduced: -right.numerator, over: right.denominator)
    }

    package static func * (left: Exact, right: Exact) throws(ArithmeticError) -> Exact {
        // Reducing across first keeps the products small, so that only a result that really is too large overflows.
        let first = try Exact(left.numerator, over: right.denominator)
        let second = try Exact(right.numerator, over: left.denominator)
        let (numerator, overflow) = first.numerator.multipliedReportingOverflow(by: second.numerator)
        let (denominator, carry) = first.denominator.multipliedReportingOverflow(by: second.denominator)
        guard !overflow, !carry else { throw .overflow }
        return Exact(reduced: numerator, over: denominator)
    }

    package static func / (left: Exact, right: Exact) throws(ArithmeticError) -> Exact {
        guard right.numerator != 0 else { throw .divisionByZero }
        return try left * Exact(right.denominator, over: right.numerator)
    }

    /// Whether `self` is below `other`, compared exactly; wide values are compared by whole part first.
    package func isLess(than other: Exact) -> Bool {
        if denominator == other.denominator { return numerator < other.numerator }
        let (left, first) = numerator.multipliedReportingOverflow(by: other.denominator)
        let (right, second) = other.numerator.multipliedReportingOverflow(by: denominator)
        if !first, !second { return left < right }
        let (a, b) = (floor, other.floor)
        guard a == b else { return a < b }
        // Equal whole parts: what remains is below one, and its inverse compares the other way round.
        let rest = Exact(reduced: numerator - a * denominator, over: denominator)
        let otherRest = Exact(reduced: other.numerator - b * other.denominator, over: other.denominator)
        guard rest.numerator != 0, otherRest.numerator != 0 else { return rest.numerator == 0 && otherRest.numerator != 0 }
        return Exact(reduced: otherRest.denominator, over: otherRest.numerator)
            .isLess(than: Exact(reduced: rest.denominator, over: rest.numerator))
    }

    /// The greatest integer that is not above.
    package var floor: Int128 {
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The least integer that is not below.
    package var ceiling: Int128 {
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        return remainder > 0 ? quotient + 1 : quotient
    }

    package var isNegative: Bool { numerator < 0 }
    package var isZero: Bool { numerator == 0 }

    /// Dollars rounded once, half up, to a nano-dollar. Throws `overflow` beyond ``Money/largestCharge`` either way.
    package func money() throws(ArithmeticError) -> Money {
        let nanos = try self * Exact(1_000_000_000)
        let rounded = try (nanos + Exact(1, over: 2)).floor
        guard rounded.magnitude <= Money.largestCharge.nanos.magnitude else { throw .overflow }
        return Money(nanos: Int64(rounded))
    }
}

extension Exact: CustomStringConvertible {
    /// The decimal when it ends within 18 fraction digits, else the fraction `n/d`.
    package var description: String {
        if denominator == 1 { return String(numerator) }
        var scaled = self
        for digits in 1...18 {
            guard let next = try? scaled * Exact(10) else { break }
            scaled = next
            guard scaled.denominator == 1 else { continue }
            let text = String(scaled.numerator.magnitude)
            let padded = String(repeating: "0", count: max(0, digits + 1 - text.utf8.count)) + text
            return "\(isNegative ? "-" : "")\(padded.dropLast(digits)).\(padded.suffix(digits))"
        }
        return "\(numerator)/\(denominator)"
    }
}
