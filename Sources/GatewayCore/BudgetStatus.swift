/// What a limit is on.
package enum BudgetScope: String, Sendable, Hashable, CaseIterable {
    /// All that a workspace spends.
    case workspace
    /// What a workspace spends with one provider.
    case provider
    /// What one user of a workspace spends.
    case user
}

/// How near to its limits a workspace is. Later cases are worse.
package enum BudgetState: String, Sendable, Hashable, CaseIterable, Comparable {
    case ok, warning, critical, exhausted
    /// What was spent before is not known yet.
    case unverified

    private var rank: Int {
        switch self {
        case .ok: 0
        case .warning: 1
        case .critical: 2
        case .exhausted: 3
        case .unverified: 4
        }
    }

    package static func < (left: BudgetState, right: BudgetState) -> Bool {
        left.rank < right.rank
    }
}

/// One window of one scope.
package struct WindowStatus: Sendable, Hashable {
    package var window: Window
    package var spent: Money
    /// For calls in flight.
    package var held: Money
    /// nil for none.
    package var limit: Money?

    package init(window: Window, spent: Money, held: Money, limit: Money?) {
        self.window = window
        self.spent = spent
        self.held = held
        self.limit = limit
    }

    /// What a call may still cost: limit − spent − held, never below 0; nil without a limit.
    package var remaining: Money? {
        limit.map { max(.zero, $0 - spent - held) }
    }
}

/// What an answer tells its caller: the workspace's windows, and the worst state of all limits that concern the call.
///
/// With enforcement `off` limits are shown and mean nothing: the state is `ok`.
package struct BudgetStatus: Sendable, Hashable {
    package var state: BudgetState
    package var daily: WindowStatus
    package var monthly: WindowStatus

    package init(state: BudgetState, daily: WindowStatus, monthly: WindowStatus) {
        self.state = state
        self.daily = daily
        self.monthly = monthly
    }

    package var isUnverified: Bool { state == .unverified }
}

/// Both windows of one scope.
package struct ScopeStatus: Sendable, Hashable {
    package var kind: BudgetScope
    /// The provider or the user.
    package var name: String?
    package var daily: WindowStatus
    package var monthly: WindowStatus

    package init(kind: BudgetScope, name: String?, daily: WindowStatus, monthly: WindowStatus) {
        self.kind = kind
        self.name = name
        self.daily = daily
        self.monthly = monthly
    }
}

/// The shares of a limit at which a budget's state changes.
struct BudgetThresholds: Sendable {
    private let warning: Threshold
    private let critical: Threshold
    private let emergency: Threshold

    init(_ alerts: AlertSettings) {
        warning = Threshold(alerts.warning)
        critical = Threshold(alerts.critical)
        emergency = Threshold(alerts.emergency)
    }

    func state(spent: Money, limit: Money?) -> BudgetState {
        guard let limit else { return .ok }
        if spent >= limit { return .exhausted }
        if critical.isReached(spent: spent, limit: limit) { return .critical }
        return warning.isReached(spent: spent, limit: limit) ? .warning : .ok
    }

    /// The worst alert that spending calls for; nil for none, and where nothing has been spent.
    func level(spent: Money, limit: Money) -> AlertLevel? {
        guard spent > .zero else { return nil }
        return AlertLevel.allCases.last { self[$0].isReached(spent: spent, limit: limit) }
    }

    func percentage(of level: AlertLevel) -> Exact { self[level].percent }

    private subscript(level: AlertLevel) -> Threshold {
        switch level {
        case .warning: warning
        case .critical: critical
        case .emergency: emergency
        }
    }

    private struct Threshold: Sendable {
        let percent: Exact
        let numerator: UInt128
        /// 100 times the percentage's own, so that it divides by the whole limit.
        let denominator: UInt128
        /// A threshold below 0, or one too fine to be told from 0.
        let isAlwaysReached: Bool

        init(_ percent: Exact) {
            self.percent = percent
            numerator = percent.numerator > 0 ? percent.numerator.magnitude : 0
            let (hundredfold, overflow) = percent.denominator.magnitude.multipliedReportingOverflow(by: 100)
            denominator = hundredfold
            isAlwaysReached = numerator == 0 || overflow
        }

        /// spent ÷ limit ≥ threshold, compared as exact products.
        func isReached(spent: Money, limit: Money) -> Bool {
            if isAlwaysReached { return true }
            guard spent > .zero else { return limit <= .zero }
            let (left, right) = (UInt128(spent.nanos.magnitude), UInt128(limit.nanos.magnitude))
            if numerator <= UInt128(UInt64.max), denominator <= UInt128(UInt64.max) {
                return left * denominator >= right * numerator
            }
            let (a, b) = (left.multipliedFullWidth(by: denominator), right.multipliedFullWidth(by: numerator))
            return (a.high, a.low) >= (b.high, b.low)
        }
    }
}
