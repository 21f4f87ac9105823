import GatewayCore
import Testing

/// What is counted, and that it stays bounded.
@Suite struct MetricsTests {
    private func record(_ cost: String, estimate: String = "1", status: Int? = 200, tokens: Int64? = nil) -> CostRecord {
        var record = CostRecord(
            id: CallID(high: 1, low: 1), workspace: "w", provider: "acme", operation: "person", cost: Money(cost) ?? .zero, basis: .table,
            estimate: Money(estimate) ?? .zero, success: true, createdAt: Timestamp(seconds: 0), day: Timestamp(seconds: 0))
        record.status = status
        record.tokens = tokens
        return record
    }

    @Test func aHistogramPutsEachValueIntoItsRange() {
        var histogram = Histogram(bounds: [10, 20])
        for value: Int64 in [-1, 0, 10, 11, 20, 21, .max] { histogram.observe(value) }
        #expect(histogram.counts == [3, 2, 2] && histogram.count == 7)
        #expect(histogram.sum == .max, "a sum stops at its largest value")
    }

    @Test(arguments: [Histogram.ownTime, .providersTime, .commitTime, .estimateRatio])
    func boundsAscend(histogram: Histogram) {
        #expect(zip(histogram.bounds, histogram.bounds.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test func sumsAreExact() throws {
        let metrics = Metrics()
        for _ in 0..<10 { metrics.count(record("0.000000001", estimate: "0.000000003", tokens: 7)) }
        metrics.count(record("0.3", tokens: .max))
        let (series, totals) = try #require(metrics.calls.first)
        #expect(metrics.calls.count == 1 && series.outcome == "2xx" && totals.calls == 11)
        #expect(totals.cost == Money("0.30000001") && totals.estimate == Money("1.00000003") && totals.tokens == .max)
    }

    /// Whatever statuses providers invent, the series are the same few.
    @Test func thereAreFewOutcomes() {
        let metrics = Metrics()
        for status in -5...2000 { metrics.count(record("0", status: status)) }
        metrics.count(record("0", status: nil))
        #expect(Set(metrics.calls.map(\.0.outcome)) == ["2xx", "3xx", "4xx", "5xx", "other", "unanswered"])
        #expect(metrics.calls.reduce(0) { $0 + $1.1.calls } == 2007)
    }

    @Test func refusalsSayWhyABudgetHadNoRoom() throws {
        let counts = RefusalCounts()
        var problem = Problem(.budgetExhausted, "")
        problem.provider = "acme"
        problem.members = [("scope", .string("workspace")), ("reason", .string("too_large"))]
        counts.count(problem, operation: "person")
        counts.count(problem, operation: "person")
        // Not one of the gateway's words: no series of its own.
        problem.members = [("reason", .string("made up"))]
        counts.count(problem, operation: "person")
        counts.count(Problem(.unknownProvider, ""), operation: nil)
        #expect(
            counts.all.map { "\($0.0.provider) \($0.0.operation) \($0.0.code.rawValue) \($0.0.reason?.rawValue ?? "") \($0.1)" } == [
                "- - unknown_provider  1", "acme person budget_exhausted  1", "acme person budget_exhausted too_large 2",
            ])
    }

    @Test func anEstimateIsHeldAgainstTheCharge() throws {
        let times = CallTimes()
        let spans = CallSpans(total: 50_000_000, own: 200_000, firstByte: 20_000_000, upstream: 49_000_000)
        times.observe(record("0.5"), spans)
        times.observe(record("3", estimate: "2"), spans)
        // Of nothing there is no ratio; a call without an answer has no times of one.
        times.observe(record("0", estimate: "0"), CallSpans(total: 1, own: 1))
        let (operation, histograms) = try #require(times.all.first)
        #expect(operation.provider == "acme" && operation.name == "person" && times.all.count == 1)
        #expect(histograms.estimateRatio.count == 2 && histograms.estimateRatio.sum == 2_000_000_000)
        #expect(histograms.own.count == 3 && histograms.firstByte.count == 2 && histograms.upstream.sum == 98_000_000)
    }

    @Test func failOpenTimeAddsUpOverStretches() {
        let time = FailOpenTime()
        func health(ledger: Bool, budgets: Bool = true) -> Health {
            Health(
                journal: .init(), ledger: .init(failingSince: ledger ? nil : Timestamp(seconds: 0)), budgetsLoaded: budgets, backlog: 0,
                backlogBytes: 0)
        }
        func ledger(at second: Int64) -> Int64? { time.totals(at: Timestamp(seconds: second)).first { $0.0 == .ledger }?.1 }
        time.note(health(ledger: false), policy: .open, at: Timestamp(seconds: 10))
        #expect(ledger(at: 13) == 3_000_000, "one that is not over yet counts")
        time.note(health(ledger: true), policy: .open, at: Timestamp(seconds: 15))
        #expect(ledger(at: 100) == 5_000_000)
        time.note(health(ledger: false), policy: .open, at: Timestamp(seconds: 100))
        // Under `closed` calls are refused: nothing goes on.
        time.note(health(ledger: false, budgets: false), policy: .closed, at: Timestamp(seconds: 102))
        #expect(ledger(at: 200) == 7_000_000)
        #expect(time.totals(at: Timestamp(seconds: 200)).map(\.1) == [7_000_000, 0, 0])
    }
}
