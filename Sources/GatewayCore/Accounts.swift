import Synchronization

/// What every workspace has spent and holds, in memory: the only place where a call is let through or refused for its budget.
///
/// A workspace's books lie in one of a few shards, each behind its own lock, so that a reservation over all of its scopes
/// and windows is one step, and calls of different workspaces seldom wait for each other. Nothing waits while it holds a lock.
///
/// Zones, and whether users are told apart, follow the budgets last adopted; limits come with each call, from the
/// generation that it began with.
package final class Accounts: Sendable {
    private let shards: [AccountShard]
    let windowCache = WindowCache()
    private let unknown = Atomic<Int>(0)
    /// Asks for an exchange about leases, soon; nil where this gateway has the budgets to itself, and each limit is its own to spend.
    private let askForLeases: (@Sendable () -> Void)?
    /// The database has kept a call waiting for too long. Until it answers, none waits for it.
    let isStalled = Atomic(false)
    /// Times that another gateway has wanted some of a lease.
    let recalls = Atomic<Int>(0)
    private static let shardCount = 16

    /// How long an ended window is kept: a clock that steps back by less finds it as it was. Seconds.
    package static let memory: Int64 = 3600

    /// Books with nothing in them. Every workspace is unverified until ``load(sums:at:recent:)``.
    ///
    /// - Parameter askForLeases: For budgets that several gateways share: called, on any thread, when ``leaseRequests(isTick:at:)`` or
    ///   ``openings(at:recent:)`` should be asked before the next tick.
    package init(budgets: BudgetBook, alerts: AlertSettings = AlertSettings(), askForLeases: (@Sendable () -> Void)? = nil) {
        self.askForLeases = askForLeases
        shards = (0..<Self.shardCount).map { _ in AccountShard(budgets: budgets, thresholds: BudgetThresholds(alerts)) }
    }

    private func shardIndex(_ workspace: String) -> Int {
        workspace.hashValue & (Self.shardCount - 1)
    }

    func shard(of workspace: String) -> AccountShard {
        shards[shardIndex(workspace)]
    }

    var allShards: [AccountShard] { shards }

    // MARK: A call's way

    /// Holds a call's estimate in all of its scopes and windows, or in none.
    ///
    /// - Parameters:
    ///   - estimate: the most that it may cost. A call of nothing always passes.
    ///   - budget: the workspace's limits in force.
    ///   - shortage: what to do where the budget may have room and this gateway's slice of it has none.
    package func reserve(
        id: CallID, workspace: String, user: String?, provider: String, estimate: Money, budget: Budget, at now: Timestamp,
        shortage: Shortage = .goOn
    ) -> ReserveOutcome {
        let index = shardIndex(workspace)
        let (outcome, isAsking) = shards[index].state.withLock { shard -> (ReserveOutcome, Bool) in
            var isAsking = false
            let book = shard.book(workspace)
            let windows = book.windows(at: now, from: windowCache)
            let estimate = max(.zero, estimate)
            let tracked = book.tracksUsers ? user : nil
            var limits = AppliedLimits(budget, provider: provider, user: tracked)
            let isKnown = book.knows(limits)
            // What is not known of the user alone keeps no other limit from binding.
            if !isKnown, book.isLoaded { limits.user = nil }
            let reservation = OpenReservation(
                id: id, book: book, provider: provider, providerTallies: book.tallies(ofProvider: provider), user: user,
                userTallies: tracked.map { book.tallies(ofUser: $0) }, amount: Int128(estimate.nanos), createdAt: now, windows: windows,
                limits: limits)
            var refusal: Refusal?
            if book.isLoaded, budget.enforcement != .off, estimate > .zero {
                refusal = reservation.refusal(estimate)
                if let refusal { reservation.markRefused(refusal, in: &shard) }
                if let refusal, budget.enforcement == .enforce { return (.refused(refusal), false) }
                if refusal != nil {
                    book.shadowRefusals += 1
                    shard.shadowRefusals += 1
                }
            }
            var isShort = false
            if askForLeases != nil, book.isLoaded {
                isAsking = reservation.claimLeases(in: &shard)
                if let outcome = reservation.waitForLeases(shortage, isStalled: isStalled, in: &shard, isShort: &isShort) {
                    if case .refused(let refusal) = outcome { reservation.markRefused(refusal, in: &shard) }
                    return (outcome, true)
                }
            }
            reservation.forEachScope { $0.hold(reservation.amount, in: windows) }
            if askForLeases != nil, reservation.noteLow(in: &shard) || isShort { isAsking = true }
            let token = shard.insert(reservation)
            return (
                .reserved(
                    Reservation(
                        id: id, workspace: workspace, estimate: estimate, windows: windows, isUnverified: !isKnown || isShort,
                        shadowRefusal: refusal, shard: index, token: token)), isAsking
            )
        }
        if isAsking { askForLeases?() }
        return outcome
    }

    /// Takes a hold back and counts what the call cost, in the windows of its reservation.
    ///
    /// Returns the workspace's books in those windows; nil, and nothing is changed, when the reservation has been settled
    /// or released before.
    @discardableResult
    package func settle(_ reservation: Reservation, cost: Money) -> BudgetStatus? {
        end(reservation, cost: cost)
    }

    /// Takes a hold back: the call never was. Returns nil when the reservation has been settled or released before.
    @discardableResult
    package func release(_ reservation: Reservation) -> BudgetStatus? {
        end(reservation, cost: .zero)
    }

    private func end(_ reservation: Reservation, cost: Money) -> BudgetStatus? {
        let status: BudgetStatus? = shards[reservation.shard].state.withLock { shard in
            guard let open = shard.open.removeValue(forKey: reservation.token) else { return nil }
            open.forEachScope { $0.end(open.amount, cost: Int128(cost.nanos), in: open.windows) }
            if cost != .zero { open.mark(in: &shard) }
            return open.status(shard.thresholds)
        }
        if status == nil { unknown.wrappingAdd(1, ordering: .relaxed) }
        return status
    }

    // MARK: Looking

    /// The workspace's current windows, and the worst state of the limits on it, on the provider and on the user.
    package func status(workspace: String, user: String?, provider: String?, budget: Budget, at now: Timestamp) -> BudgetStatus {
        shard(of: workspace).state.withLock { shard in
            let limits = AppliedLimits(budget, provider: provider, user: user)
            guard let book = shard.books[workspace] else {
                let windows = windowCache.windows(zone: shard.zone(of: workspace), at: now)
                return limits.status(in: windows, isLoaded: shard.isLoaded, thresholds: shard.thresholds) { _ in nil }
            }
            return limits.status(
                in: book.windows(at: now, from: windowCache), isLoaded: book.knows(limits), thresholds: shard.thresholds
            ) { scope in
                switch scope {
                case .workspace: book.whole
                case .provider: provider.flatMap { book.providers[$0] }
                case .user: user.flatMap { book.users[$0] }
                }
            }
        }
    }

    /// The current windows of the workspace, of each provider that it has a limit for or spending with, and of the user where
    /// users are told apart.
    package func scopes(workspace: String, user: String?, budget: Budget, at now: Timestamp) -> [ScopeStatus] {
        shard(of: workspace).state.withLock { shard in
            let book = shard.books[workspace]
            let windows = windows(workspace, in: shard, at: now)
            func status(_ kind: BudgetScope, _ name: String?, _ tallies: ScopeTallies?, _ limits: WindowLimits?) -> ScopeStatus {
                ScopeStatus(
                    kind: kind, name: name, daily: .init(windows.daily, tallies, limit: limits?.daily),
                    monthly: .init(windows.monthly, tallies, limit: limits?.monthly))
            }
            var scopes = [status(.workspace, nil, book?.whole, budget.workspace)]
            let used = (book?.providers ?? [:]).filter { $0.value.index(of: windows.monthly) != nil }
            for name in Set(used.keys).union(budget.providers.keys).sorted() {
                scopes.append(status(.provider, name, used[name], budget.providers[name]))
            }
            if let user, book?.tracksUsers ?? (budget.users != nil) {
                scopes.append(status(.user, user, book?.users[user], budget.users?.limits(for: user)))
            }
            return scopes
        }
    }

    /// The day and the month of a workspace at an instant.
    package func windows(workspace: String, at now: Timestamp) -> Windows {
        shard(of: workspace).state.withLock { windows(workspace, in: $0, at: now) }
    }

    private func windows(_ workspace: String, in shard: borrowing AccountShard.State, at now: Timestamp) -> Windows {
        shard.books[workspace]?.windows(at: now, from: windowCache)
            ?? windowCache.windows(zone: shard.zone(of: workspace), at: now)
    }

    /// Those of some calls that are reserved and neither settled nor released.
    package func callsInFlight(among ids: Set<CallID>) -> Set<CallID> {
        shards.reduce(into: []) { found, shard in
            shard.state.withLock { shard in
                for open in shard.open.values where ids.contains(open.id) { found.insert(open.id) }
            }
        }
    }

    // MARK: Upkeep

    /// Forgets windows that ended more than ``memory`` ago with nothing held, and whole books with no others. To be called every few minutes.
    package func purge(at now: Timestamp) {
        let instant = now.adding(seconds: -Self.memory)
        for shard in shards {
            shard.state.withLock { shard in
                // While zones are about to change, what is known of a workspace without books is known of its former one.
                guard shard.formerBudgets == nil else { return }
                // A book that waits to be loaded says so by being there.
                for (name, book) in shard.books
                where book.purge(before: instant) && book.isLoaded == shard.isLoaded && book.nextZone == nil {
                    shard.books[name] = nil
                }
            }
        }
    }

    /// Figures about all books.
    package var snapshot: AccountsSnapshot {
        var total = AccountsSnapshot(unknownReservations: unknown.load(ordering: .relaxed))
        for shard in shards {
            shard.state.withLock { shard in
                let held = shard.open.values.reduce(Int128(0)) { $0 + $1.amount }
                total.held += Money(clamping: held)
                total.openReservations += shard.open.count
                total.shadowRefusals += shard.shadowRefusals
                total.workspaces += shard.books.count
                total.unverifiedWorkspaces += shard.books.values.count { !$0.isLoaded }
                shard.countLeases(into: &total.leases)
            }
        }
        total.leaseRecalls = recalls.load(ordering: .relaxed)
        return total
    }

    /// The same about one workspace; nil without books. Its shadow refusals are counted from when its books were opened.
    package func snapshot(workspace: String) -> AccountsSnapshot? {
        shard(of: workspace).state.withLock { shard in
            guard let book = shard.books[workspace] else { return nil }
            var total = AccountsSnapshot(
                shadowRefusals: book.shadowRefusals, workspaces: 1, unverifiedWorkspaces: book.isLoaded ? 0 : 1)
            for open in shard.open.values where open.book === book {
                total.held += Money(clamping: open.amount)
                total.openReservations += 1
            }
            return total
        }
    }
}

/// Figures about the accounts, for metrics.
package struct AccountsSnapshot: Sendable, Hashable {
    package var held = Money.zero
    package var openReservations = 0
    /// Calls that shadow budgets would have refused.
    package var shadowRefusals = 0
    /// Settlements and releases of reservations that had been settled or released before: a bug, without effect on the books.
    package var unknownReservations = 0
    /// Workspaces with books open.
    package var workspaces = 0
    package var unverifiedWorkspaces = 0
    /// What this gateway has leased of budgets that it shares with others, by kind of account.
    package var leases: [LeaseKind: LeaseTotals] = [:]
    /// Times that another gateway has wanted some of it back.
    package var leaseRecalls = 0
}
