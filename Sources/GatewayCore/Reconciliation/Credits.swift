/// What a provider counts calls in (credits, requests, dollars), exact to a millionth. Sums stop at the ends of the range instead of wrapping.
package struct Credits: Sendable, Hashable, Comparable {
    /// Millionths.
    package var micros: Int64

    package init(micros: Int64) {
        self.micros = micros
    }

    package static let zero = Credits(micros: 0)
    package static let one = Credits(micros: 1_000_000)

    /// The nearest amount that is not above, or not below, an exact one; the end of the range for one beyond it.
    package init(_ exact: Exact, roundedUp: Bool) {
        guard let scaled = try? exact * Exact(1_000_000) else {
            self.init(micros: exact.isNegative ? .min : .max)
            return
        }
        self.init(micros: Int64(clamping: roundedUp ? scaled.ceiling : scaled.floor))
    }

    /// Reads a decimal number such as `123980`, `-4` or `0.25`; nil for anything else, and for what is out of range.
    package init?(_ text: some StringProtocol) {
        self.init(decimalBytes: text.utf8)
    }

    /// The same from a number's bytes.
    init?(decimalBytes bytes: some Collection<UInt8>) {
        guard let exact = try? Exact(decimalBytes: bytes), let scaled = try? exact * Exact(1_000_000),
            let rounded = try? scaled.roundedHalfUp(), let micros = Int64(exactly: rounded), micros > .min
        else { return nil }
        self.init(micros: micros)
    }

    package var magnitude: Credits { micros < 0 ? .zero - self : self }

    package static func < (left: Credits, right: Credits) -> Bool { left.micros < right.micros }

    package static func + (left: Credits, right: Credits) -> Credits {
        let (sum, overflow) = left.micros.addingReportingOverflow(right.micros)
        return Credits(micros: overflow ? right.micros < 0 ? .min : .max : sum)
    }

    package static func - (left: Credits, right: Credits) -> Credits {
        let (difference, overflow) = left.micros.subtractingReportingOverflow(right.micros)
        return Credits(micros: overflow ? right.micros < 0 ? .max : .min : difference)
    }

    package static func += (left: inout Credits, right: Credits) { left = left + right }
}

extension Credits: CustomStringConvertible {
    /// The decimal, without zeros at its end.
    package var description: String { exact.description }

    package var exact: Exact { (try? Exact(Int128(micros), over: 1_000_000)) ?? .zero }
}
