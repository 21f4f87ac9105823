/// One unit of a call's cost.
package struct CostLine: Sendable, Hashable, CustomStringConvertible {
    package let unit: String
    package let quantity: Exact
    package let rate: Rate
    /// US dollars, quantity × rate, not rounded.
    package let cost: Exact

    package init(unit: String, quantity: Exact, rate: Rate, cost: Exact) {
        self.unit = unit
        self.quantity = quantity
        self.rate = rate
        self.cost = cost
    }

    /// `input_token: 1200 × 0.25 / 1M = 0.0003`
    package var description: String { "\(unit): \(quantity) × \(rate.text) = \(cost)" }
}

/// A dimension and its value in one call.
package struct DimensionValue: Sendable, Hashable, CustomStringConvertible {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    package var description: String { "\(name)=\(value)" }
}

/// The most that a call can cost, known before it is made: what is held for it.
package struct Estimate: Sendable, Hashable {
    package let cost: Money
    package let lines: [CostLine]
    /// Those that the request decides.
    package let dimensions: [DimensionValue]

    package init(cost: Money, lines: [CostLine], dimensions: [DimensionValue]) {
        self.cost = cost
        self.lines = lines
        self.dimensions = dimensions
    }
}

/// What a call did cost.
package struct Charge: Sendable, Hashable {
    package let cost: Money
    package let basis: CostBasis
    /// What the cost is the sum of; none for an answer that is not billable.
    package let lines: [CostLine]
    package let dimensions: [DimensionValue]
    /// The sum of the charged quantities whose unit ends in `token`; nil when there are none.
    package let tokens: Int64?
    /// What the provider itself says it cost.
    package let reported: Money?
    package let isBillable: Bool
    /// For log and metrics: why the estimate stands in for what the answer should have told.
    package let meteringProblem: String?

    package init(
        cost: Money, basis: CostBasis, lines: [CostLine], dimensions: [DimensionValue], reported: Money? = nil, isBillable: Bool = true,
        meteringProblem: String? = nil
    ) {
        self.cost = cost
        self.basis = basis
        self.lines = lines
        self.dimensions = dimensions
        self.reported = reported
        self.isBillable = isBillable
        self.meteringProblem = meteringProblem
        tokens = Self.tokens(lines)
    }

    /// The whole estimate, for an answer that could not be metered, was cut short or never came.
    package static func estimated(_ estimate: Estimate, because problem: String?, reported: Money? = nil) -> Charge {
        Charge(
            cost: estimate.cost, basis: .estimate, lines: estimate.lines, dimensions: estimate.dimensions, reported: reported,
            meteringProblem: problem)
    }

    private static func tokens(_ lines: [CostLine]) -> Int64? {
        var sum: Exact?
        for line in lines where line.unit.hasSuffix("token") {
            guard let next = try? (sum ?? .zero) + line.quantity else { return .max }
            sum = next
        }
        guard let rounded = try? sum?.roundedHalfUp() else { return nil }
        return Int64(clamping: rounded)
    }
}
