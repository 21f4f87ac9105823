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
        var unreadable: [String: Int64] = [:]
    }

    private let state = Mutex(State())

    /// For how long the counts of an hour are anything to go by, in seconds.
    private static let currency: Int64 = 48 * 3600

    package init() {}

    /// An hour has been compared for the first time.
    package func count(_ outcome: HourlyComparison.Outcome) {
        state.withLock { $0.hours[outcome, default: 0] += 1 }
    }

    /// A provider has been asked for its balance.
    package func count(_ outcome: PollOutcome) {
        state.withLock { $0.polls[outcome, default: 0] += 1 }
    }

    /// An answer of a provider has not told the balance that it should tell. Returns whether it is the first one of this provider.
    package func countUnreadable(_ provider: String) -> Bool {
        state.withLock { state in
            state.unreadable[provider, default: 0] += 1
            return state.unreadable[provider] == 1
        }
    }

    /// The last comparison of each pool, whoever has made it, in a fixed order.
    package var last: [HourlyComparison] {
        get { state.withLock { $0.last.values.sorted { $0.pool < $1.pool } } }
        set { state.withLock { $0.last = Dictionary(newValue.map { ($0.pool, $0) }) { first, _ in first } } }
    }

    /// Those of them that are of the last 48 hours: what an older one says is true no more.
    package func current(at now: Timestamp) -> [HourlyComparison] {
        last.filter { $0.hourEnd >= now.adding(seconds: -Self.currency) }
    }

    package var hours: [(HourlyComparison.Outcome, Int64)] {
        state.withLock { state in HourlyComparison.Outcome.allCases.map { ($0, state.hours[$0] ?? 0) } }
    }

    package var unreadable: [(provider: String, count: Int64)] {
        state.withLock { Array($0.unreadable) }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    package var polls: [(PollOutcome, Int64)] {
        state.withLock { state in PollOutcome.allCases.map { ($0, state.polls[$0] ?? 0) } }
    }
}

extension HourlyComparison {
    /// The hour's end.
    package var hourEnd: Timestamp { Timestamp(microseconds: hour.microseconds + Self.hourLength) }
}
