import Synchronization

/// What this gateway has raised and delivered.
package final class AlertMetrics: Sendable {
    package struct Series: Sendable, Hashable {
        package var level: AlertLevel
        /// A ``BudgetScope``'s or the reconciliation's.
        package var scope: String
        package var window: String

        package init(level: AlertLevel, scope: String, window: String) {
            self.level = level
            self.scope = scope
            self.window = window
        }
    }

    package enum Outcome: String, Sendable, Hashable, CaseIterable {
        case acknowledged, failed
        case givenUp = "given_up"
    }

    private struct State {
        var raised: [Series: Int64] = [:]
        var deliveries: [Outcome: Int64] = [:]
        var waiting = 0
    }

    private let state = Mutex(State())

    package init() {}

    package func count(_ series: Series) {
        state.withLock { $0.raised[series, default: 0] += 1 }
    }

    package func count(_ outcome: Outcome, by amount: Int = 1) {
        state.withLock { $0.deliveries[outcome, default: 0] += Int64(amount) }
    }

    /// Deliveries that no webhook has acknowledged yet, of all gateways on the ledger.
    package var waiting: Int {
        get { state.withLock { $0.waiting } }
        set { state.withLock { $0.waiting = newValue } }
    }

    /// Alerts raised, in a fixed order.
    package var raised: [(Series, Int64)] {
        let order: (Series) -> [String] = { [$0.level.rawValue, $0.scope, $0.window] }
        return state.withLock { Array($0.raised) }.sorted { order($0.key).lexicographicallyPrecedes(order($1.key)) }.map {
            ($0.key, $0.value)
        }
    }

    /// Tries to deliver, by outcome.
    package var deliveries: [(Outcome, Int64)] {
        state.withLock { state in Outcome.allCases.map { ($0, state.deliveries[$0] ?? 0) } }
    }
}
