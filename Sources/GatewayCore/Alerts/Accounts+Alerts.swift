import Synchronization

/// The accounts' part in alerts: they mark what spending or a refusal has changed, at the cost of a look at a flag, and whoever raises alerts
/// looks at what is marked, about twice a second.
extension Accounts {
    /// What thresholds the marked scopes have reached, which are not marked any more. A threshold that stays reached is seen again with each
    /// change: ``AlertQueue`` tells what is new.
    package func takeSightings(at now: Timestamp) -> [AlertSighting] {
        var sightings: [AlertSighting] = []
        for shard in allShards {
            shard.state.withLock { state in
                for mark in state.marked {
                    mark.tallies.isMarked = false
                    // Marked again when it is loaded.
                    guard mark.book.isLoaded, mark.scope != .user || mark.book.areUsersLoaded else { continue }
                    sight(mark, in: state, at: now, &sightings)
                }
                state.marked.removeAll(keepingCapacity: true)
            }
        }
        return sightings
    }

    /// The same of accounts that gateways share, from what the ledger has of all of them: so that none needs this gateway to have spent from it.
    package func sightings(of spending: [(account: AccountKey, spent: Money)], at now: Timestamp) -> [AlertSighting] {
        spending.compactMap { account, spent in
            let (budget, thresholds) = shard(of: account.workspace).state.withLock {
                ($0.budgets.budget(for: account.workspace), $0.thresholds)
            }
            let kind = WindowKind(from: account.start, to: account.end)
            guard budget.enforcement != .off, let limit = budget.limits(account.scope, account.name)?[kind],
                let level = thresholds.level(spent: spent, limit: limit)
            else { return nil }
            let window = windowCache.windows(zone: budget.timeZone, at: account.start)[kind]
            // Of a zone that the workspace was in before.
            guard window.start == account.start, window.end == account.end else { return nil }
            let pace = Pace(start: window.start, end: window.end)
            return AlertSighting(
                account: account, window: window, level: level, threshold: thresholds.percentage(of: level), limit: limit, spent: spent,
                runsOutAt: pace.runsOut(limit, spent: Int128(spent.nanos), at: now))
        }
    }

    private func sight(
        _ mark: AlertMark, in state: borrowing AccountShard.State, at now: Timestamp, _ sightings: inout [AlertSighting]
    ) {
        let budget = state.budgets.budget(for: mark.book.name)
        guard budget.enforcement != .off, let limits = budget.limits(mark.scope, mark.name) else { return }
        for tally in mark.tallies.tallies {
            let kind = WindowKind(from: tally.start, to: tally.end)
            guard let limit = limits[kind] else { continue }
            let pace = mark.tallies.pace(of: tally, at: now)
            let isRefused = tally.refusedLimit.map { $0 >= limit } ?? false
            let spent = Money(clamping: tally.spent)
            guard let level = isRefused ? .emergency : state.thresholds.level(spent: spent, limit: limit) else { continue }
            let current = mark.book.windows(at: now, from: windowCache)[kind]
            let window = current.start == tally.start ? current : windowCache.windows(zone: mark.book.zone, at: tally.start)[kind]
            sightings.append(
                AlertSighting(
                    account: AccountKey(
                        workspace: mark.book.name, scope: mark.scope, name: mark.name, start: tally.start, end: tally.end),
                    window: window, level: level, threshold: state.thresholds.percentage(of: level), limit: limit, spent: spent,
                    isRefused: isRefused, runsOutAt: pace.runsOut(limit, spent: tally.spent, at: now)))
        }
    }
}

/// A scope of a workspace in which something has changed since alerts were looked for.
struct AlertMark {
    let book: WorkspaceBook
    let scope: BudgetScope
    /// The provider or the user.
    let name: String
    let tallies: ScopeTallies
}

extension AccountShard.State {
    mutating func mark(_ tallies: ScopeTallies, _ scope: BudgetScope, _ name: String = "", of book: WorkspaceBook) {
        guard !tallies.isMarked else { return }
        tallies.isMarked = true
        marked.append(AlertMark(book: book, scope: scope, name: name, tallies: tallies))
    }

    mutating func markAll(of book: WorkspaceBook) {
        mark(book.whole, .workspace, of: book)
        for (name, tallies) in book.providers { mark(tallies, .provider, name, of: book) }
        for (name, tallies) in book.users { mark(tallies, .user, name, of: book) }
    }
}

extension OpenReservation {
    /// Something has been spent.
    func mark(in state: inout AccountShard.State) {
        state.mark(book.whole, .workspace, of: book)
        state.mark(providerTallies, .provider, provider, of: book)
        if let user, let userTallies { state.mark(userTallies, .user, user, of: book) }
    }

    /// Takes note of the limits whose rest is too small for the call, now and whatever calls in flight come to.
    func markRefused(_ refusal: Refusal, in state: inout AccountShard.State) {
        guard refusal.reason == .spent else { return }
        var isNews = false
        limits.forEachLimit { scope, kind, limit in
            guard let tallies = tallies(scope), let tally = tallies.tally(windows[kind]), tally.spent + amount > Int128(limit.nanos),
                tally.refusedLimit.map({ $0 < limit }) ?? true
            else { return }
            tallies.update(windows[kind]) { $0.refusedLimit = limit }
            isNews = true
        }
        if isNews { mark(in: &state) }
    }
}

extension WindowKind {
    /// No day has more than 26 hours, no month less than 28 days.
    fileprivate init(from start: Timestamp, to end: Timestamp) {
        self = end.microseconds - start.microseconds > 172_800_000_000 ? .monthly : .daily
    }
}

extension ScopeTallies {
    /// How fast a window's spending grows, this look included.
    fileprivate func pace(of tally: Tally, at now: Timestamp) -> Pace {
        let index =
            paces.firstIndex { $0.start == tally.start && $0.end == tally.end }
            ?? {
                paces.removeAll { pace in !tallies.contains { $0.start == pace.start && $0.end == pace.end } }
                paces.append(Pace(start: tally.start, end: tally.end))
                return paces.count - 1
            }()
        paces[index].note(tally.spent, at: now)
        return paces[index]
    }
}
