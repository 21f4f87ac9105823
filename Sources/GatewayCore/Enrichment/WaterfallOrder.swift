/// The order in which providers are asked that costs least, from what their answers were worth so far.
///
/// A provider costs c a call and satisfies a question with probability p. Let two neighbours in an order be reached with probability r. Asking i
/// and then j costs r(cᵢ + (1 − pᵢ)cⱼ) for both, asking j and then i r(cⱼ + (1 − pⱼ)cᵢ), and what comes behind them is reached with r(1 − pᵢ)(1 − pⱼ)
/// either way. So i belongs before j where pⱼcᵢ ≤ pᵢcⱼ, that is where cᵢ/pᵢ ≤ cⱼ/pⱼ. An order without neighbours that could be exchanged for
/// less is sorted by c/p, the expected cost of a satisfying answer; and as all sorted orders cost the same, none is cheaper. This takes the
/// providers to be independent: whom one does not know, another knows as often as anybody.
package struct WaterfallOrder: Sendable, Hashable {
    /// What a provider's calls have come to.
    package struct Statistics: Sendable, Hashable {
        package var provider: String
        package var calls: Int64
        /// Those whose answer would have been enough.
        package var satisfied: Int64
        /// Of all of them.
        package var cost: Money
        /// Milliseconds, of all of them.
        package var duration: Int64

        package init(provider: String, calls: Int64 = 0, satisfied: Int64 = 0, cost: Money = .zero, duration: Int64 = 0) {
            self.provider = provider
            self.calls = calls
            self.satisfied = satisfied
            self.cost = cost
            self.duration = duration
        }
    }

    /// What can be said of a provider.
    package enum Standing: String, Sendable, Hashable {
        case ranked
        /// None of its answers would have been enough.
        case never = "never_satisfied"
        case tooFew = "too_few_calls"
    }

    /// Fewer calls say nothing.
    package static let fewestCalls: Int64 = 20

    /// As they were given.
    package let configured: [Statistics]
    /// The cheapest order; behind it those with too few calls, and last those that never were enough, both in the order in which they were given.
    package let suggested: [Statistics]

    /// - Parameter configured: In the order in which they are asked now; of equals the earlier stays before the later.
    package init(_ configured: [Statistics]) {
        self.configured = configured
        let ranked = configured.enumerated().filter { $0.element.standing == .ranked }.sorted { left, right in
            let (a, b) = (left.element.costPerAnswer, right.element.costPerAnswer)
            return a != b ? a < b : left.offset < right.offset
        }
        suggested = ranked.map(\.element) + [Standing.tooFew, .never].flatMap { standing in configured.filter { $0.standing == standing } }
    }

    /// What a question costs and how often it is satisfied when providers are asked in an order.
    package struct Expectation: Sendable, Hashable {
        package var cost = Money.zero
        /// Hundredths of a per cent.
        package var hitRate = 0
    }

    /// Those with too few calls are left out, whatever the order: nothing is known of them.
    package static func expectation(of order: [Statistics]) -> Expectation {
        // In 10⁻¹⁸, rounded at each step, which no figure that is shown can tell.
        let one: Int128 = 1_000_000_000_000_000_000
        var reached = one
        var cost: Int128 = 0
        for provider in order where provider.standing != .tooFew {
            cost += reached * Int128(provider.cost.nanos) / Int128(provider.calls)
            let (hits, of) = provider.probability
            reached = reached * Int128(of - hits) / Int128(of)
        }
        return Expectation(
            cost: Money(nanos: Int64(clamping: (cost + one / 2) / one)), hitRate: Int(((one - reached) * 10_000 + one / 2) / one))
    }
}

extension WaterfallOrder.Statistics {
    package var standing: WaterfallOrder.Standing {
        calls < WaterfallOrder.fewestCalls ? .tooFew : satisfied == 0 ? .never : .ranked
    }

    /// How likely an answer is enough: (hits + 1) / (calls + 2), the mean of what the rate can be after so many calls when before them any was as
    /// likely as any other. It is never 1, however few calls say so: a provider with 20 hits of 20 is not taken for one that always knows. One that
    /// has never hit in so many calls is taken for one that never does.
    var probability: (hits: Int64, of: Int64) { satisfied == 0 ? (0, 1) : (satisfied + 1, calls + 2) }

    /// What a satisfying answer is expected to cost, as a fraction of nano-dollars: the mean cost over the probability.
    var costPerAnswer: Fraction {
        let (hits, of) = probability
        return Fraction(numerator: Int128(cost.nanos) * Int128(of), denominator: Int128(calls) * Int128(max(1, hits)))
    }

    /// A quotient of whole numbers that are not negative, compared exactly. Rows that are looked at are few enough for products in 128 bits.
    struct Fraction: Comparable {
        var numerator: Int128
        var denominator: Int128

        static func < (left: Fraction, right: Fraction) -> Bool { left.numerator * right.denominator < right.numerator * left.denominator }
        static func == (left: Fraction, right: Fraction) -> Bool {
            left.numerator * right.denominator == right.numerator * left.denominator
        }

        /// Half up.
        var rounded: Int64 { Int64(clamping: (2 * numerator + denominator) / (2 * denominator)) }
    }

    /// The mean of all calls; nil without any.
    package var meanCost: Money? {
        calls > 0 ? Money(nanos: Fraction(numerator: Int128(cost.nanos), denominator: Int128(calls)).rounded) : nil
    }

    /// ``costPerAnswer`` of a provider that is ranked.
    package var costPerSatisfied: Money? { standing == .ranked ? Money(nanos: costPerAnswer.rounded) : nil }

    /// Milliseconds; nil without any call.
    package var meanDuration: Int64? { calls > 0 ? duration / calls : nil }

    /// The share of calls whose answer would have been enough, hundredths of a per cent, rounded half up; nil without any call.
    package var rate: Int? {
        calls > 0 ? Int(Fraction(numerator: Int128(satisfied) * 10_000, denominator: Int128(calls)).rounded) : nil
    }

    /// How much its rate can be trusted: with 100 calls it is within about 10 per cent points, with 1,000 within about 3.
    package var confidence: String {
        switch calls {
        case ..<WaterfallOrder.fewestCalls: "none"
        case ..<100: "low"
        case ..<1000: "fair"
        default: "high"
        }
    }

    /// Why it stands where it stands.
    package var reason: String {
        func dollars(_ amount: Money?) -> String {
            guard let amount else { return "" }
            // Nobody reads nine digits; what is less than a hundredth of a cent is nothing without them.
            guard amount.nanos >= 1_000_000 else { return "$\(amount)" }
            return "$\(Money(nanos: (amount.nanos + 50_000) / 100_000 * 100_000))"
        }
        switch standing {
        case .tooFew:
            return calls == 0 ? "no calls to judge by" : calls == 1 ? "1 call is too few to judge" : "\(calls) calls are too few to judge"
        case .never: return "none of \(calls) calls was enough" + (cost == .zero ? "" : ", at \(dollars(meanCost)) each")
        case .ranked:
            let percent = Fraction(numerator: Int128(satisfied) * 100, denominator: Int128(calls)).rounded
            let share = "answers \(percent == 0 ? "less than 1" : String(percent)) %"
            return share + (cost == .zero ? " for nothing" : " at \(dollars(meanCost)): \(dollars(costPerSatisfied)) a hit")
        }
    }
}
