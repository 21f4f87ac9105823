import GatewayCore
import TestSupport
import Testing

/// The comparison of a provider's count with the ledger's, whatever the order in which answers come.
@Suite struct HourlyComparisonTests {
    typealias Settings = SimulatedProvider.Settings

    private static let worlds: [(name: String, settings: Settings)] = [
        ("few calls", Settings(calls: 2...12)), ("many", Settings(calls: 100...200)),
        ("long ones", Settings(longest: 900_000_000)), ("mostly uncertain", Settings(uncertain: 0.7)),
        ("late counts", Settings(longest: 5_000_000, lag: 30_000_000)), ("late and long", Settings(longest: 600_000_000, lag: 600_000_000)),
        ("a top-up", Settings(topUps: 1)), ("several", Settings(calls: 100...200, topUps: 4)),
        ("a top-up among few", Settings(calls: 2...12, topUps: 1)),
        ("top-ups among long calls", Settings(longest: 900_000_000, topUps: 2, uncertain: 0.4)),
        ("late counts with top-ups", Settings(lag: 20_000_000, topUps: 3)),
    ]

    @Test(arguments: worlds.indices) func whatTheLedgerKnowsIsNeverADrift(world: Int) {
        let (name, settings) = Self.worlds[world]
        var compared = 0
        for seed in 0..<200 {
            let provider = SimulatedProvider(seed: UInt64(world * 1000 + seed), settings)
            var last: HourlyComparison?
            for comparison in provider.comparisons() {
                #expect(comparison.drift == .zero && !comparison.isBeyond, "\(name) \(seed): \(comparison)")
                #expect(comparison.low <= comparison.reported && comparison.reported <= comparison.high)
                // Nothing falls between two hours that are compared.
                if let last { #expect(comparison.from <= last.until) }
                last = comparison
                compared += 1
            }
        }
        #expect(compared > 200, "\(name)")
    }

    @Test(arguments: 0..<4) func callsBesideTheGatewayAreSeenWhenTheyAreMoreThanIsUncertain(kind: Int) {
        var decisive = 0
        for seed in 0..<150 {
            let settings = Settings(
                calls: 60...150, longest: [2_000_000, 40_000_000, 200_000_000, 10_000_000][kind], lag: kind == 3 ? 5_000_000 : 0, outside: 3
            )
            let provider = SimulatedProvider(seed: UInt64(kind * 1000 + seed), settings)
            for comparison in provider.comparisons() {
                // What was certainly taken between the balances, which are told within a call's length and a second of the ends.
                let margin = settings.longest + settings.lag + 1_000_000
                let (from, until) = (comparison.from, comparison.until)
                let inside = provider.outside.filter { taken in
                    let instant = SimulatedProvider.start.microseconds + taken.instant
                    return instant > from.microseconds && instant < until.microseconds - margin
                }.reduce(0) { $0 + $1.amount }
                guard inside > 0 else { continue }
                let least = Credits(micros: inside) - (comparison.high - comparison.low)
                #expect(comparison.drift >= least, "\(seed): \(comparison)")
                guard least > comparison.bound else { continue }
                decisive += 1
                #expect(comparison.isBeyond)
            }
        }
        // Else the test would prove little.
        #expect(decisive > 100, "\(decisive)")
    }

    @Test(arguments: [0.5, 0.9, 1.1, 2, 0]) func aWrongMapOfCreditsIsSeenOnTheRightSide(factor: Double) {
        var (beyond, all) = (0, 0)
        for seed in 0..<60 {
            let settings = Settings(calls: 300...400, longest: 3_000_000, uncertain: 0.02, factor: factor)
            for comparison in SimulatedProvider(seed: UInt64(seed), settings).comparisons()
            where comparison.reported > Credits(micros: 500_000_000) {
                all += 1
                guard comparison.isBeyond else { continue }
                beyond += 1
                #expect(comparison.drift > .zero ? factor < 1 : factor > 1, "\(comparison)")
            }
        }
        #expect(all > 100 && beyond * 100 > all * 90, "\(beyond) of \(all)")
    }

    @Test func topUpsAreCountedAndTheLeastOfThemTold() {
        var found = 0
        for seed in 0..<100 {
            let settings = Settings(calls: 300...400, longest: 2_000_000, topUps: 2)
            let comparisons = SimulatedProvider(seed: UInt64(seed), settings).comparisons()
            let (count, amount) = comparisons.reduce((0, Credits.zero)) { ($0.0 + $1.topUps, $0.1 + $1.toppedUp) }
            #expect(count <= 2 && amount <= Credits(micros: 200_002_000_000))
            #expect(amount >= Credits(micros: Int64(count) * 99_000_000_000))
            if count == 2 { found += 1 }
        }
        // The others were before the first balance, behind the last one, or both between two of them.
        #expect(found > 75)
    }

    // MARK: The bounds, against all that may have happened

    /// A unit of time that makes a second, by which clocks may differ, nothing.
    private static let unit: Int64 = 1_000_000_000

    private static func reading(_ id: UInt64, _ start: Int64, _ end: Int64, _ low: Int64, _ high: Int64, _ left: Int64? = nil)
        -> ProviderReading
    {
        func instant(_ time: Int64) -> Timestamp { Timestamp(microseconds: SimulatedProvider.start.microseconds + time * unit) }
        return ProviderReading(
            id: CallID(high: 0, low: id), pool: SimulatedProvider.pool, startedAt: instant(start), endedAt: instant(end),
            low: Credits(micros: low), high: Credits(micros: high), remaining: left.map { Credits(micros: $0) })
    }

    /// Balances told at one instant each: the bounds are what calls can come to, no more and no less.
    @Test(arguments: 0..<4) func theBoundsAreExactlyWhatMayHaveBeenCounted(seed: UInt64) throws {
        var random = SplitMix64(seed: seed + 1)
        for _ in 0..<500 {
            // The first told half a unit after 0, the second half a unit after 3, between whole instants.
            let calls = (0..<UInt64.random(in: 0...5, using: &random)).map { index in
                let start = Int64.random(in: -2...4, using: &random)
                let low = Int64.random(in: 0...9, using: &random)
                return (
                    start, start + Int64.random(in: 0...3, using: &random), low, low + Int64.random(in: 0...9, using: &random), index + 2
                )
            }
            var (low, high): (Int64, Int64) = (0, 0)
            for call in calls {
                let inside = (call.0...call.1).map { $0 > 0 && $0 <= 3 }
                if inside.allSatisfy({ $0 }) { low += call.2 }
                if inside.contains(true) { high += call.3 }
            }
            // In halves of a unit.
            let readings =
                [Self.reading(0, 1, 1, 0, 0, 1000), Self.reading(1, 7, 7, 0, 0, 500)]
                + calls.map { Self.reading($0.4, $0.0 * 2, $0.1 * 2, $0.2, $0.3) }
            // The hour that both end in.
            let hour = SimulatedProvider.start.adding(seconds: 3600)
            let comparison = try #require(
                HourlyComparison(SimulatedProvider.pool, hour: hour, readings, by: Reconciliation(), at: hour))
            #expect(comparison.low.micros == low && comparison.high.micros == high && comparison.reported.micros == 500)
        }
    }

    // MARK: The rest, case by case

    /// Seconds within an hour.
    private func reading(_ id: UInt64, _ start: Double, _ end: Double, _ credits: Int64, left: Int64? = nil) -> ProviderReading {
        func instant(_ seconds: Double) -> Timestamp {
            Timestamp(microseconds: SimulatedProvider.start.microseconds + Int64(seconds * 1_000_000))
        }
        return ProviderReading(
            id: CallID(high: 0, low: id), pool: SimulatedProvider.pool, startedAt: instant(start), endedAt: instant(end),
            low: Credits(micros: credits * 1_000_000), high: Credits(micros: credits * 1_000_000),
            remaining: left.map { Credits(micros: $0 * 1_000_000) })
    }

    private func compare(_ readings: [ProviderReading], _ rule: Reconciliation = Reconciliation(), hour: Int64 = 0) -> HourlyComparison? {
        let start = SimulatedProvider.start.adding(seconds: hour * 3600)
        return HourlyComparison(SimulatedProvider.pool, hour: start, readings, by: rule, at: start)
    }

    @Test func whereNothingCanBeComparedNothingIs() {
        #expect(compare([]) == nil)
        #expect(compare([reading(1, 10, 11, 5)]) == nil, "no balance")
        #expect(compare([reading(1, 10, 11, 5, left: 100)]) == nil, "one balance")
        #expect(compare([reading(1, 10, 11, 5, left: 100), reading(2, 10.5, 11.5, 5, left: 95)]) == nil, "two that race")
        #expect(compare([reading(1, 10, 11, 5, left: 100), reading(2, 11.9, 12, 5, left: 95)]) == nil, "two that may race")
        #expect(compare([reading(1, 10, 11, 5, left: 100), reading(2, 12, 12, 5, left: 95)])?.reported == Credits("5"))
        // A balance of an earlier hour is compared with one of this one, but not with itself, and not from further back than forty days.
        let first = reading(1, 10, 11, 5, left: 100)
        #expect(compare([first], hour: 1) == nil)
        #expect(compare([first, reading(2, 86_000, 86_001, 5, left: 95)], hour: 23)?.from == first.endedAt)
        #expect(compare([first, reading(2, 3_456_100, 3_456_101, 5, left: 95)], hour: 960)?.from == first.endedAt)
        #expect(compare([first, reading(2, 3_459_700, 3_459_701, 5, left: 95)], hour: 961) == nil)
    }

    /// The last balance of an hour is compared with one that is certainly older, however far back, so that the next hour can begin with it.
    @Test func aBalanceThatRacesWithTheOneBeforeTheHourIsComparedWithAnEarlierOne() {
        let calls = [reading(1, 10, 11, 0, left: 10_000), reading(2, 3500, 3550, 0, left: 10_000), reading(3, 3540, 4140, 0, left: 5000)]
        let comparison = compare(calls, hour: 1)
        #expect(comparison?.from == calls[0].endedAt && comparison?.until == calls[2].endedAt && comparison?.drift == Credits("5000"))
        #expect(compare(Array(calls.dropFirst()), hour: 1) == nil)
    }

    /// A call may have been counted before or behind each of the top-ups that it saw, but once.
    @Test func aLongCallCountsOnceHoweverManyTopUpsItSees() {
        let topped = (1...10).flatMap { index in
            let time = Double(index) * 100
            return [
                reading(UInt64(index) * 2, time, time + 1, 0, left: Int64(index) * 1000),
                reading(UInt64(index) * 2 + 1, time + 50, time + 51, 1, left: Int64(index) * 1000 - 1),
            ]
        }
        var interrupted = reading(99, 50, 1200, 100)
        interrupted.low = .zero
        let comparison = compare(topped + [interrupted])
        #expect(comparison?.topUps == 9 && comparison?.reported == Credits("10") && comparison?.drift == .zero)
        #expect(comparison?.low == Credits("10") && comparison?.high == Credits("110"))
    }

    @Test func anAnswersBalanceHasItsOwnCallCountedUnlessTheProviderIsLate() {
        let calls = [reading(1, 0, 1, 40, left: 100), reading(2, 10, 11, 7), reading(3, 20, 21, 20, left: 73)]
        #expect(compare(calls)?.drift == .zero)
        let wrong = calls.dropLast() + [reading(3, 20, 21, 20, left: 74)]
        #expect(compare(Array(wrong))?.drift == Credits("-1"))
        #expect(compare(Array(wrong))?.low == Credits("27") && compare(Array(wrong))?.high == Credits("27"))
        let late = compare(calls, Reconciliation(lag: 1))
        #expect(late?.low == Credits("7") && late?.high == Credits("67"))
    }

    @Test func theBoundIsAShareOfTheGreaterCountOrANumber() throws {
        let hundred = [reading(1, 0, 1, 0, left: 10_000), reading(2, 10, 11, 1000), reading(3, 20, 21, 0, left: 8_989)]
        let share = try #require(compare(hundred))
        #expect(share.drift == Credits("11") && share.bound == Credits("10.11") && share.isBeyond && share.outcome == .beyond)
        #expect(share.counted == Credits("1000") && share.reported == Credits("1011"))
        #expect(compare(hundred, Reconciliation(bound: .credits(Credits(micros: 11_000_000))))?.isBeyond == false)
        #expect(compare(hundred, Reconciliation(bound: .percent(Exact(2))))?.outcome == .within)
        // One credit is never an alarm.
        let one = [reading(1, 0, 1, 0, left: 10), reading(3, 20, 21, 0, left: 9)]
        for bound in [Reconciliation.Bound.percent(.zero), .credits(.zero), .percent(.one)] {
            #expect(compare(one, Reconciliation(bound: bound))?.isBeyond == false)
        }
        let fewer = try #require(
            compare([reading(1, 0, 1, 0, left: 10_000), reading(2, 10, 11, 1000), reading(3, 20, 21, 0, left: 9_500)]))
        #expect(fewer.drift == Credits("-500") && fewer.counted == Credits("1000") && fewer.bound == Credits("10"))
    }

    @Test func aRiseIsATopUpOnlyWhereTheOrderIsCertain() throws {
        let racing = [
            reading(1, 0, 1, 5, left: 100), reading(2, 9, 12, 5, left: 95), reading(3, 10, 11.5, 5, left: 90),
            reading(4, 20, 21, 5, left: 85),
        ]
        #expect(compare(racing)?.topUps == 0 && compare(racing)?.drift == .zero)
        let raised = try #require(
            compare([
                reading(1, 0, 1, 5, left: 100), reading(2, 10, 11, 5, left: 95), reading(3, 20, 21, 5, left: 1090),
                reading(4, 30, 31, 5, left: 1085), reading(5, 40, 41, 5, left: 3000), reading(6, 50, 51, 9, left: 2991),
            ]))
        #expect(raised.topUps == 2 && raised.toppedUp == Credits("2910") && raised.outcome == .topUp)
        // The pieces before, between and behind, without what is at the cuts.
        #expect(raised.reported == Credits("19") && raised.low == Credits("19") && raised.drift == .zero)
    }

    @Test(
        arguments: [
            ("12", "12"), ("-4.5", "-4.5"), ("0.000001", "0.000001"), ("1e3", "1000"), ("9000000000000", "9000000000000"), ("", nil),
            ("1,000", nil),
            ("{'minute': 9}", nil), ("1, 2", nil), ("NaN", nil), ("9300000000000", nil), ("0x10", nil), ("1 ", nil),
        ] as [(String, String?)])
    func aBalanceIsADecimalNumber(text: String, read: String?) {
        #expect(Credits(text)?.description == read)
    }
}
