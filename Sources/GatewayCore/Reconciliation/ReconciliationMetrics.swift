import Synchronization

/// What has been compared with providers' own counts.
package final class ReconciliationMetrics: Sendable {
    package enum PollOutcome: String, Sendable, Hashable, CaseIterable {
        case answered, failed
    }

    private struct State {
        var last: [ProviderPool: HourlyComparison] = [:]
        var hours: [HourlyComparison.Outcome: Int64] = [:]
        var polls: [PollOutcome: Int64] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// An hour has been compared for the first time.
    package func count(_ outcome: HourlyComparison.Outcome) {
        state.withLock { $0.hours[outcome, default: 0] += 1 }
    }

    /// A provider has been asked for its balance.
    package func count(_ outcome: PollOutcome) {
        state.withLock { $0.polls[outcome, default: 0] += 1 }
    }

    /// The last comparison of each pool, whoever has made it, in a fixed order.
    package var last: [HourlyComparison] {
        get { state.withLock { $0.last.values.sorted { $0.pool < $1.pool } } }
        set { state.withLock { $0.last = Dictionary(newValue.map { ($0.pool, $0) }) { first, _ in first } } }
    }

    package var hours: [(HourlyComparison.Outcome, Int64)] {
        state.withLock { state in HourlyComparison.Outcome.allCases.map { ($0, state.hours[$0] ?? 0) } }
    }

    package var polls: [(PollOutcome, Int64)] {
        state.withLock { state in PollOutcome.allCases.map { ($0, state.polls[$0] ?? 0) } }
    }
}
