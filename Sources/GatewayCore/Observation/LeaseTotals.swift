/// Leases are told apart by what their account counts and for how long; there are six kinds.
package struct LeaseKind: Sendable, Hashable {
    package var scope: BudgetScope
    package var window: WindowKind

    package init(scope: BudgetScope, window: WindowKind) {
        self.scope = scope
        self.window = window
    }
}

/// What a gateway has leased of the accounts of one kind.
package struct LeaseTotals: Sendable, Hashable {
    /// Leases that are open.
    package var open = 0
    /// What is granted, as far as this gateway knows.
    package var granted = Money.zero
    /// What of it is neither spent nor held.
    package var inHand = Money.zero

    package init() {}
}

extension AccountShard.State {
    func countLeases(into totals: inout [LeaseKind: LeaseTotals]) {
        for (account, place) in leases {
            guard let tally = place.tally, let lease = tally.lease, lease.isOpen else { continue }
            let kind = LeaseKind(scope: account.scope, window: place.window.kind)
            totals[kind, default: LeaseTotals()].open += 1
            totals[kind]?.granted += Money(clamping: lease.believed)
            totals[kind]?.inHand += Money(clamping: lease.believed - lease.mine - tally.held)
        }
    }
}
