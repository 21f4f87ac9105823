/// A budget's limits on one call: up to three scopes, two windows each. Each such limit is a policy, `workspace-daily` one of them.
struct AppliedLimits: Sendable {
    let workspace: WindowLimits
    let provider: WindowLimits?
    var user: WindowLimits?
    let enforcement: Budget.Enforcement

    init(_ budget: Budget, provider: String?, user: String?) {
        workspace = budget.workspace
        self.provider = budget.providers.isEmpty ? nil : provider.flatMap { budget.providers[$0] }
        self.user = user.flatMap { budget.users?.limits(for: $0) }
        enforcement = budget.enforcement
    }

    /// Runs over the limits that there are, in a fixed order.
    func forEachLimit(_ body: (BudgetScope, WindowKind, Money) -> Void) {
        func visit(_ scope: BudgetScope, _ limits: WindowLimits) {
            if let limit = limits.daily { body(scope, .daily, limit) }
            if let limit = limits.monthly { body(scope, .monthly, limit) }
        }
        visit(.workspace, workspace)
        if let provider { visit(.provider, provider) }
        if let user { visit(.user, user) }
    }

    /// The workspace's windows, and the worst state of all limits. `tallies` finds a scope's.
    func status(
        in windows: Windows, isLoaded: Bool, thresholds: BudgetThresholds, tallies: (BudgetScope) -> ScopeTallies?
    ) -> BudgetStatus {
        let whole = tallies(.workspace)
        var state = isLoaded ? BudgetState.ok : .unverified
        if isLoaded, enforcement != .off {
            forEachLimit { scope, kind, limit in
                let spent = (scope == .workspace ? whole : tallies(scope))?.tally(windows[kind])?.spent ?? 0
                state = max(state, thresholds.state(spent: Money(clamping: spent), limit: limit))
            }
        }
        return BudgetStatus(
            state: state, daily: WindowStatus(windows.daily, whole, limit: workspace.daily),
            monthly: WindowStatus(windows.monthly, whole, limit: workspace.monthly))
    }
}

extension OpenReservation {
    func tallies(_ scope: BudgetScope) -> ScopeTallies? {
        switch scope {
        case .workspace: book.whole
        case .provider: providerTallies
        case .user: userTallies
        }
    }

    /// The books in the reservation's own windows.
    func status(_ thresholds: BudgetThresholds) -> BudgetStatus {
        limits.status(in: windows, isLoaded: book.knows(limits), thresholds: thresholds, tallies: tallies)
    }

    /// Why the estimate does not fit, before it is held; nil when it does.
    ///
    /// The limit that is told is the one that is reset last: of those that the estimate alone is over, where there are such, else of all.
    ///
    /// - Parameter isShort: Whether there is no room for another reason than what this gateway knows.
    func refusal(_ estimate: Money, isShort: (Tally) -> Bool = { _ in false }) -> Refusal? {
        var violated: [String] = []
        var reported: (scope: BudgetScope, kind: WindowKind, limit: Money)?
        var reason = Refusal.Reason.held
        limits.forEachLimit { scope, kind, limit in
            let tally = tallies(scope)?.tally(windows[kind])
            let (spent, held) = (tally?.spent ?? 0, tally?.held ?? 0)
            guard spent + held + amount > Int128(limit.nanos) || tally.map(isShort) == true else { return }
            violated.append("\(scope.rawValue)-\(kind.rawValue)")
            if estimate > limit, reason != .tooLarge {
                reason = .tooLarge
                reported = nil
            } else if reason == .held, spent + amount > Int128(limit.nanos) {
                reason = .spent
            }
            guard estimate > limit || reason != .tooLarge else { return }
            if reported.map({ windows[$0.kind].end < windows[kind].end }) ?? true { reported = (scope, kind, limit) }
        }
        guard let reported else { return nil }
        let window = windows[reported.kind]
        let tally = tallies(reported.scope)?.tally(window)
        return Refusal(
            scope: reported.scope, window: window, limit: reported.limit, spent: Money(clamping: tally?.spent ?? 0),
            held: Money(clamping: tally?.held ?? 0), estimate: estimate, reason: reason, violated: violated)
    }
}

extension WindowStatus {
    init(_ window: Window, _ tallies: ScopeTallies?, limit: Money?) {
        let tally = tallies?.tally(window)
        self.init(window: window, spent: Money(clamping: tally?.spent ?? 0), held: Money(clamping: tally?.held ?? 0), limit: limit)
    }
}
