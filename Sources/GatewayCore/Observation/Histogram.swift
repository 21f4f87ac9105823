/// How often values fell into a few fixed ranges, and their sum.
///
/// Values and bounds are whole billionths of their unit (a second, a dollar for each dollar), so that sums are exact; a sum stops at its
/// largest value. Observing looks through a dozen bounds and allocates nothing.
package struct Histogram: Sendable, Hashable {
    /// The upper ends of the ranges, ascending.
    package let bounds: [Int64]
    /// How many values fell into each range and into none of the ranges before; the last one has no end.
    package private(set) var counts: [Int64]
    package private(set) var sum: Int64 = 0

    package init(bounds: [Int64]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    package var count: Int64 { counts.reduce(0, +) }

    package mutating func observe(_ value: Int64) {
        var index = 0
        while index < bounds.count, value > bounds[index] { index += 1 }
        counts[index] += 1
        let (total, overflow) = sum.addingReportingOverflow(value)
        sum = overflow ? .max : total
    }

    // MARK: The gateway's own

    /// The gateway's part of a call: 100 µs to a second.
    package static let ownTime = Histogram(
        bounds: [100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000].map { $0 * 1000 })
    /// A provider's part: 5 ms to a minute.
    package static let providersTime = Histogram(
        bounds: [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000].map { $0 * 1_000_000 })
    /// The ledger's part: a millisecond to ten seconds.
    package static let commitTime = Histogram(
        bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 10_000].map { $0 * 1_000_000 })
    /// Charged for each dollar that was estimated. Above 1 the estimate was no upper bound.
    package static let estimateRatio = Histogram(
        bounds: [0, 100, 250, 500, 750, 900, 1000, 1100, 1500, 2000, 5000].map { $0 * 1_000_000 })
}
