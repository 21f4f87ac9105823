import TestSupport
import Testing

@testable import GatewayCore

/// The suggested order costs least of all orders.
@Suite struct WaterfallOrderTests {
    private static func provider(_ name: String, _ calls: Int64, _ satisfied: Int64, cents: Int64, duration: Int64 = 0)
        -> WaterfallOrder.Statistics
    {
        .init(provider: name, calls: calls, satisfied: satisfied, cost: Money(nanos: cents * 10_000_000), duration: duration)
    }

    private static func permutations<Element>(_ elements: [Element]) -> [[Element]] {
        guard !elements.isEmpty else { return [[]] }
        return elements.indices.flatMap { index in
            var rest = elements
            let first = rest.remove(at: index)
            return permutations(rest).map { [first] + $0 }
        }
    }

    /// What a question costs in an order, in whole units of a denominator that all orders of the same providers share: the mean costs are whole
    /// nano-dollars here, and each factor of the probability that a provider is reached is taken over the product of all denominators.
    private static func cost(of order: [WaterfallOrder.Statistics]) -> Int128 {
        let all = order.reduce(Int128(1)) { $0 * Int128($1.probability.of) }
        var reached = all
        var cost: Int128 = 0
        for provider in order {
            cost += reached * Int128(provider.cost.nanos / provider.calls)
            let (hits, of) = provider.probability
            #expect(reached % Int128(of) == 0)
            reached = reached / Int128(of) * Int128(of - hits)
        }
        return cost
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func noPermutationIsCheaper(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<40 {
            let providers = (0..<Int.random(in: 1...5, using: &random)).map { index in
                let calls = Int64.random(in: 20...200, using: &random)
                // Some are free, and some never know.
                let mean =
                    Bool.random(using: &random)
                    ? Int64.random(in: 0...3, using: &random) : Int64.random(in: 0...900_000_000, using: &random)
                let satisfied =
                    Bool.random(using: &random) ? Int64.random(in: 0...calls, using: &random) : Int64.random(in: 0...2, using: &random)
                return WaterfallOrder.Statistics(
                    provider: "p\(index)", calls: calls, satisfied: satisfied, cost: Money(nanos: mean * calls))
            }
            let order = WaterfallOrder(providers)
            #expect(Set(order.suggested) == Set(providers) && order.configured == providers)
            let suggested = Self.cost(of: order.suggested)
            for other in Self.permutations(providers) { #expect(suggested <= Self.cost(of: other), "\(order.suggested) \(other)") }
            let all = providers.reduce(Int128(1)) { $0 * Int128($1.probability.of) }
            #expect(abs(Int128(WaterfallOrder.expectation(of: order.suggested).cost.nanos) - suggested / all) <= 1)
        }
    }

    /// As long as there are few rows, a rate is taken for less than it seems, and the less the fewer they are.
    @Test func theEstimateIsNeverCertain() {
        #expect(Self.provider("a", 20, 20, cents: 0).probability == (21, 22))
        #expect(Self.provider("a", 1000, 1, cents: 0).probability == (2, 1002))
        #expect(Self.provider("a", 1000, 0, cents: 0).probability == (0, 1))
        // 20 of 20 at 0.10 against 995 of 1000 at 0.104: what is known better is not passed over for luck.
        let order = WaterfallOrder([Self.provider("lucky", 20, 20, cents: 200), Self.provider("known", 1000, 995, cents: 10_400)])
        #expect(order.suggested.map(\.provider) == ["known", "lucky"])
    }

    @Test func whoIsFreeAndSometimesKnowsComesFirstAndWhoNeverKnowsLast() {
        let order = WaterfallOrder([
            Self.provider("new", 19, 19, cents: 1), Self.provider("never", 500, 0, cents: 5000),
            Self.provider("dear", 100, 90, cents: 9000),
            Self.provider("cheap", 100, 50, cents: 500), Self.provider("idle", 0, 0, cents: 0), Self.provider("free", 400, 1, cents: 0),
            Self.provider("useless", 20, 0, cents: 0),
        ])
        #expect(order.suggested.map(\.provider) == ["free", "cheap", "dear", "new", "idle", "never", "useless"])
        #expect(order.suggested.map(\.standing) == [.ranked, .ranked, .ranked, .tooFew, .tooFew, .never, .never])
        #expect(
            order.suggested.map(\.reason) == [
                "answers less than 1 % for nothing", "answers 50 % at $0.05: $0.10 a hit", "answers 90 % at $0.90: $1.0088 a hit",
                "19 calls are too few to judge", "no calls to judge by", "none of 500 calls was enough, at $0.10 each",
                "none of 20 calls was enough",
            ])
        #expect(order.suggested.map(\.confidence) == ["fair", "fair", "fair", "none", "none", "fair", "low"])
    }

    @Test func tiesKeepTheConfiguredOrder() {
        let same = ["c", "a", "b"].map { Self.provider($0, 98, 49, cents: 98) }
        // Twice the price for twice the probability: (49 + 1) / 100 against (24 + 1) / 100.
        let half = WaterfallOrder.Statistics(provider: "half", calls: 98, satisfied: 24, cost: Money(nanos: 98 * 5_000_000))
        for providers in Self.permutations(same + [half]) { #expect(WaterfallOrder(providers).suggested == providers) }
        let free = ["x", "y"].map { Self.provider($0, 50, $0 == "x" ? 1 : 40, cents: 0) }
        #expect(WaterfallOrder(free).suggested == free)
    }

    @Test func whatIsExpected() {
        let providers = [
            Self.provider("a", 98, 49, cents: 980), Self.provider("few", 3, 3, cents: 900),
            Self.provider("b", 98, 79, cents: 9800, duration: 197),
        ]
        // 0.10 + 1/2 × 1.00; 1 − 1/2 × 1/5
        #expect(WaterfallOrder.expectation(of: providers) == .init(cost: Money(nanos: 600_000_000), hitRate: 9000))
        // 1.00 + 1/5 × 0.10
        #expect(WaterfallOrder.expectation(of: providers.reversed()) == .init(cost: Money(nanos: 1_020_000_000), hitRate: 9000))
        #expect(WaterfallOrder.expectation(of: []) == .init())
        #expect(providers[2].meanDuration == 2 && providers[2].rate == 8061 && providers[0].meanCost == Money("0.10"))
        #expect(providers[0].costPerSatisfied == Money("0.20") && providers[1].costPerSatisfied == nil)
    }

    /// Far beyond what rows can add up to, nothing overflows.
    @Test func extremesAreCompared() {
        let most = Int64(100_000)
        let extremes = [(Int64.max, most - 1), (.max, 1), (1, 1), (0, 1), (.max, 0)].enumerated().map { index, each in
            WaterfallOrder.Statistics(provider: "p\(index)", calls: most, satisfied: each.1, cost: Money(nanos: each.0), duration: .max)
        }
        let order = WaterfallOrder(extremes)
        #expect(order.suggested.map(\.provider) == ["p3", "p2", "p0", "p1", "p4"])
        #expect(WaterfallOrder.expectation(of: order.suggested).cost > .zero)
        #expect(extremes.allSatisfy { !$0.reason.isEmpty && $0.meanDuration == .max / most })
    }

    /// Rows are told apart by provider, operation and what is wanted.
    @Test func answersAreGatheredByWhoGaveThem() {
        func sum(_ provider: String, _ operation: String, _ worth: AnswerWorth, _ calls: Int64) -> WorthSum {
            WorthSum(
                operation: OperationName(provider: provider, operation: operation), worth: worth, calls: calls, cost: Money(nanos: calls),
                duration: 10 * calls)
        }
        let good = AnswerWorth(json: #"{"quality":50,"confidence":80,"email":95,"fields":["email"]}"#) ?? .nothing
        let sums = [
            sum("a", "find", good, 30), sum("a", "find", .nothing, 10), sum("a", "other", good, 7), sum("b", "find", good, 3),
            sum("a", "match", good, 2), sum("c", "find", good, 9),
        ]
        func order(_ wanted: [RecordField], _ score: Int) -> [WaterfallOrder.Statistics] {
            WaterfallOrder([("a", ["find", "match"]), ("b", ["find"]), ("d", [])], from: sums, wanted: wanted, as: Score(score)).configured
        }
        #expect(
            order([.email], 90) == [
                .init(provider: "a", calls: 42, satisfied: 32, cost: Money(nanos: 42), duration: 420),
                .init(provider: "b", calls: 3, satisfied: 3, cost: Money(nanos: 3), duration: 30), .init(provider: "d"),
            ])
        for (wanted, score, satisfied) in [([], 50, 32), ([], 51, 0), ([.email], 96, 0), ([.email, .phone], 0, 0)]
            as [([RecordField], Int, Int64)]
        {
            #expect(order(wanted, score)[0].satisfied == satisfied)
        }
    }
}
