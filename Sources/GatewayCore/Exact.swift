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
        try self.init(decimalBytes: text.utf8)
    }

    /// The same from a number's bytes.
    init?(decimalBytes bytes: some Collection<UInt8>) throws(ArithmeticError) {
        var bytes = bytes[...]
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative { bytes = bytes.dropFirst() }
        // The digits up to the last that is not 0 are the significand: zeros behind it, however many, cost no range.
        var significand: Int128 = 0
        var digits = 0
        var significant = 0
        var point: Int?
        while let byte = bytes.first {
            if byte == UInt8(ascii: "."), point == nil, digits > 0 {
                point = digits
            } else if byte >= 0x30, byte <= 0x39 {
                digits += 1
                if byte != 0x30 {
                    try Self.append(Int128(byte - 0x30), after: significand == 0 ? 0 : digits - significant - 1, to: &significand)
                    significant = digits
                }
            } else {
                break
            }
            bytes = bytes.dropFirst()
        }
        guard digits > 0, point != digits, let power = Self.exponent(bytes) else { return nil }
        guard significand != 0 else {
            self = .zero
            return
        }
        let exponent = (point ?? digits) - significant + power
        guard exponent >= -38, exponent <= 38 else { throw .overflow }
        if isNegative { significand = -significand }
        if exponent < 0 {
            try self.init(significand, over: Self.powerOfTen(exponent.magnitude))
        } else {
            let (value, overflow) = significand.multipliedReportingOverflow(by: Self.powerOfTen(exponent.magnitude))
            guard !overflow, value != .min else { throw .overflow }
            self.init(reduced: value, over: 1)
        }
    }

    private static func append(_ digit: Int128, after zeros: Int, to significand: inout Int128) throws(ArithmeticError) {
        guard zeros < 38 else { throw .overflow }
        let (scaled, overflow) = significand.multipliedReportingOverflow(by: powerOfTen(UInt(zeros + 1)))
        let (sum, carry) = scaled.addingReportingOverflow(digit)
        guard !overflow, !carry else { throw .overflow }
        significand = sum
    }

    /// The power of ten of what follows the digits: nothing, or `e` and an integer. Nil for anything else.
    private static func exponent(_ bytes: some Collection<UInt8>) -> Int? {
        guard let mark = bytes.first else { return 0 }
        guard mark | 0x20 == UInt8(ascii: "e") else { return nil }
        var digits = bytes.dropFirst()
        let sign = digits.first == UInt8(ascii: "-") ? -1 : 1
        if digits.first == UInt8(ascii: "-") || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        guard !digits.isEmpty else { return nil }
        var power = 0
        for digit in digits {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            // Beyond any text's length nothing changes.
            power = min(power * 10 + Int(digit - 0x30), 1 << 48)
        }
        return sign * power
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
        let rest = Exact(reduced: remainder, over: denominator)
        let otherRest = Exact(reduced: other.remainder, over: other.denominator)
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

    /// The numerator's distance from ``floor`` × denominator, which itself may be out of range.
    private var remainder: Int128 {
        let remainder = numerator % denominator
        return remainder < 0 ? remainder + denominator : remainder
    }

    package var isNegative: Bool { numerator < 0 }
    package var isZero: Bool { numerator == 0 }

    /// The nearest integer; of two equally near, the greater.
    package func roundedHalfUp() throws(ArithmeticError) -> Int128 {
        // Compared without doubling, which could overflow.
        guard remainder >= denominator - remainder else { return floor }
        let (rounded, overflow) = floor.addingReportingOverflow(1)
        guard !overflow else { throw .overflow }
        return rounded
    }

    /// Dollars rounded once, half up, to a nano-dollar. Throws `overflow` beyond ``Money/largestCharge`` either way.
    package func money() throws(ArithmeticError) -> Money {
        let nanos = try self * Exact(1_000_000_000)
        let rounded = try nanos.roundedHalfUp()
        guard rounded.magnitude <= Money.largestCharge.nanos.magnitude else { throw .overflow }
        return Money(nanos: Int64(rounded))
    }
}

extension Exact: CustomStringConvertible {
    /// The decimal when it ends within 18 fraction digits, else the fraction `n/d`.
    package var description: String {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends ``description``.
    func append(to bytes: inout [UInt8]) {
        if numerator < 0 { bytes.append(UInt8(ascii: "-")) }
        let (whole, rest) = numerator.magnitude.quotientAndRemainder(dividingBy: denominator.magnitude)
        guard rest != 0 else { return DecimalDigits.append(whole, to: &bytes) }
        guard let denominator = UInt64(exactly: denominator), let digits = Self.fractionDigits(over: denominator) else {
            DecimalDigits.append(numerator.magnitude, to: &bytes)
            bytes.append(UInt8(ascii: "/"))
            return DecimalDigits.append(self.denominator.magnitude, to: &bytes)
        }
        DecimalDigits.append(whole, to: &bytes)
        bytes.append(UInt8(ascii: "."))
        // Below 10^digits, which has at most 18 zeros.
        DecimalDigits.append(UInt64(rest) * (UInt64(Self.powerOfTen(UInt(digits))) / denominator), width: digits, to: &bytes)
    }

    /// How many fraction digits an `n/denominator` in lowest terms has; nil when it does not end within 18.
    private static func fractionDigits(over denominator: UInt64) -> Int? {
        let twos = denominator.trailingZeroBitCount
        var rest = denominator >> UInt64(twos)
        var fives = 0
        while rest.isMultiple(of: 5) {
            rest /= 5
            fives += 1
        }
        let digits = max(twos, fives)
        return rest == 1 && digits <= 18 ? digits : nil
    }
}

/// Digits as ASCII, straight into a buffer.
enum DecimalDigits {
    static func append(_ value: UInt128, to bytes: inout [UInt8]) {
        if let word = UInt64(exactly: value) {
            append(word, width: 1, to: &bytes)
        } else {
            bytes += Array(String(value).utf8)
        }
    }

    /// At least `width` digits, 20 at most, with zeros before.
    static func append(_ value: UInt64, width: Int, to bytes: inout [UInt8]) {
        // From the right, in a place that holds the longest number: twenty digits.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = value
            var index = 20
            while rest != 0 || 20 - index < width {
                index -= 1
                digits[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[index...]))
        }
    }
}
