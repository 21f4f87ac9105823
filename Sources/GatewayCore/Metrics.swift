package import Synchronization

/// What the gateway counts about itself.
package final class Metrics: Sendable {
    /// One number that only grows.
    package final class Counter: Sendable {
        private let value = Atomic<Int64>(0)

        package init() {}

        package func increment(by amount: Int64 = 1) {
            value.wrappingAdd(amount, ordering: .relaxed)
        }

        package var count: Int64 { value.load(ordering: .relaxed) }
    }

    /// Settled calls are told apart by these; each has few values, so that the number of series stays bounded: providers and operations are
    /// the adapters', never what a caller or an answer says.
    package struct Series: Sendable, Hashable {
        package var provider: String
        package var operation: String
        /// `2xx` … `5xx`, `other`, or `unanswered`.
        package var outcome: String
        package var basis: CostBasis

        package init(provider: String, operation: String, outcome: String, basis: CostBasis) {
            self.provider = provider
            self.operation = operation
            self.outcome = outcome
            self.basis = basis
        }
    }

    package struct Totals: Sendable, Hashable {
        package var calls: Int64 = 0
        package var cost = Money.zero
        package var estimate = Money.zero
        package var tokens: Int64 = 0

        /// Sums stop at their largest value: a provider's absurd figure must not end the process.
        fileprivate mutating func add(_ record: CostRecord) {
            calls += 1
            cost += record.cost
            estimate += record.estimate
            tokens.add(saturating: record.tokens ?? 0)
        }
    }

    private let series = Mutex<[Series: Totals]>([:])
    /// Refusals, and how long calls took.
    package let refusals = RefusalCounts()
    package let times = CallTimes()
    /// For how long calls have gone on although a part of the tracker failed.
    package let failOpen = FailOpenTime()
    private let shared = Mutex<[CacheSeries: CacheTotals]>([:])

    /// Calls of operations whose answers are kept.
    package struct CacheSeries: Sendable, Hashable {
        package var provider: String
        package var operation: String
        package var outcome: CacheOutcome
    }

    package struct CacheTotals: Sendable, Hashable {
        package var calls: Int64 = 0
        package var saved = Money.zero
    }

    /// Requests that were no HTTP that the gateway serves.
    package let refusedRequests = Counter()
    package let connectionsAccepted = Counter()
    package let connectionsRefused = Counter()
    /// Calls that went on although the tracker could not vouch for their budget.
    package let unverifiedCalls = Counter()
    /// Holds or records that could not be written to the journal at once.
    package let journalFailures = Counter()
    /// Answers that should have been metered and were charged their estimate.
    package let meteringProblems = Counter()
    /// Calls that were sent and had no response head.
    package let unansweredCalls = Counter()
    /// Calls that shadow budgets would have refused.
    package let shadowRefusals = Counter()
    /// Times that the ledger could not say, or not in time, whether it keeps an answer.
    package let failedLookups = Counter()
    /// Kept answers in memory, and about what they take.
    package let keptAnswers = Atomic<Int>(0)
    package let keptBytes = Atomic<Int>(0)
    /// Bytes of answers that are kept for metering at the moment: what `limits.buffered_total` bounds.
    package let bufferedBytes = Atomic<Int>(0)
    /// Bytes of copies of answers in which records are counted at the moment: what an eighth of `limits.buffered_total` bounds.
    package let countedBytes = Atomic<Int>(0)

    package let alerts = AlertMetrics()
    package let reconciliation = ReconciliationMetrics()

    package init() {}

    /// Counts a settled call.
    package func count(_ record: CostRecord) {
        let key = Series(
            provider: record.provider, operation: record.operation ?? "-", outcome: Self.outcome(record.status), basis: record.basis)
        series.withLock { $0[key, default: Totals()].add(record) }
        countCache(record)
    }

    private static func outcome(_ status: Int?) -> String {
        switch status.map({ $0 / 100 }) {
        case nil: "unanswered"
        case 2?: "2xx"
        case 3?: "3xx"
        case 4?: "4xx"
        case 5?: "5xx"
        case _?: "other"
        }
    }

    /// Of operations whose answers are kept; others have no outcome.
    private func countCache(_ record: CostRecord) {
        guard record.cache != .none else { return }
        let key = CacheSeries(provider: record.provider, operation: record.operation ?? "-", outcome: record.cache)
        shared.withLock { shared in
            shared[key, default: CacheTotals()].calls += 1
            shared[key]?.saved += record.saved ?? .zero
        }
    }

    /// What caches have done, in a fixed order.
    package var cacheCalls: [(CacheSeries, CacheTotals)] {
        shared.withLock { Array($0) }.sorted { left, right in
            let (a, b) = (left.key, right.key)
            return (a.provider, a.operation, a.outcome.rawValue) < (b.provider, b.operation, b.outcome.rawValue)
        }.map { ($0.key, $0.value) }
    }

    /// All series, in a fixed order.
    package var calls: [(Series, Totals)] {
        series.withLock { Array($0) }.sorted { left, right in
            let (a, b) = (left.key, right.key)
            return (a.provider, a.operation, a.outcome, a.basis.rawValue) < (b.provider, b.operation, b.outcome, b.basis.rawValue)
        }.map { ($0.key, $0.value) }
    }
}
