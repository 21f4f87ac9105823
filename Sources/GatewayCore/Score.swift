/// A number with four fraction digits: what scores and confidences are rounded to, once, half up.
package struct Score: Sendable, Hashable {
    package let tenThousandths: Int

    package init(tenThousandths: Int) {
        self.tenThousandths = tenThousandths
    }

    /// A whole number.
    package init(_ value: Int) {
        tenThousandths = value * 10_000
    }

    /// The nearest one within a range; nil for what is outside.
    package init?(_ value: Exact, in range: ClosedRange<Int>) {
        guard !value.isLess(than: Exact(range.lowerBound)), !Exact(range.upperBound).isLess(than: value),
            let rounded = try? (value * Exact(10_000)).roundedHalfUp()
        else { return nil }
        tenThousandths = Int(rounded)
    }

    package static let zero = Score(0)
    package static let full = Score(100)
}

extension Score: Comparable {
    package static func < (left: Score, right: Score) -> Bool { left.tenThousandths < right.tenThousandths }
}

extension Score: CustomStringConvertible {
    /// Digits without trailing zeros: `92.5`.
    package var description: String { FixedDecimal.text(Int128(tenThousandths), fractionDigits: 4) }
}

/// Numbers that are whole in some power of ten.
package enum FixedDecimal {
    /// A share of 1 with all of its four fraction digits: `0.6250`.
    package static func share(tenThousandths: Int) -> String {
        let digits = String(tenThousandths + 100_000).dropFirst()
        return "\(digits.prefix(1)).\(digits.dropFirst())"
    }

    /// `value` / 10^`fractionDigits`, without trailing zeros.
    static func text(_ value: Int128, fractionDigits: Int) -> String {
        var scale: UInt128 = 1
        for _ in 0..<fractionDigits { scale *= 10 }
        let (whole, rest) = value.magnitude.quotientAndRemainder(dividingBy: scale)
        var text = (value < 0 ? "-" : "") + String(whole)
        guard rest != 0 else { return text }
        var digits = String(rest)
        digits = String(repeating: "0", count: fractionDigits - digits.utf8.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        text += ".\(digits)"
        return text
    }
}

/// How likely mail to an address arrives.
package enum EmailGrade: String, Sendable, Hashable, CaseIterable {
    case best = "A+"
    case a = "A"
    case b = "B"
    case c = "C"
    case d = "D"

    package var score: Score {
        switch self {
        case .best: Score(95)
        case .a: Score(85)
        case .b: Score(75)
        case .c: Score(60)
        case .d: Score(40)
        }
    }
}
