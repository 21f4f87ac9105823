import Synchronization

/// A workspace among all others: its own windows, without those of its providers and users.
package struct WorkspaceOverview: Sendable {
    package var id: String
    package var enforcement: Budget.Enforcement
    package var timeZone: String
    package var status: BudgetStatus

    /// Of the fuller window, how much of its limit is spent or held, in millionths, rounded down; nil without a limit.
    package var share: Int64? {
        [status.daily, status.monthly].compactMap(\.share).max()
    }
}

extension WindowStatus {
    /// A limit of nothing is used up from the beginning.
    fileprivate var share: Int64? {
        guard let limit else { return nil }
        let used = Int128(spent.nanos) + Int128(held.nanos)
        guard limit > .zero else { return used > 0 ? .max : 1_000_000 }
        return Int64(clamping: max(0, used) * 1_000_000 / Int128(limit.nanos))
    }
}

extension Accounts {
    /// The current windows of every workspace that has spent or holds something in them, or whose budget is named, in no order.
    ///
    /// Each shard's lock is held while its books are read, and not while anything else is done.
    package func overview(budgets: BudgetBook, at now: Timestamp) -> [WorkspaceOverview] {
        var all: [WorkspaceOverview] = []
        all.reserveCapacity(budgets.workspaces.count)
        for shard in allShards {
            shard.state.withLock { shard in
                for book in shard.books.values {
                    all.append(
                        WorkspaceOverview(
                            book.name, budget: budgets.budget(for: book.name), whole: book.whole,
                            windows: book.windows(at: now, from: windowCache), isLoaded: book.isLoaded, thresholds: shard.thresholds))
                }
            }
        }
        let seen = Set(all.lazy.map(\.id))
        for (name, budget) in budgets.workspaces where !seen.contains(name) {
            let windows = windows(workspace: name, at: now)
            let (isLoaded, thresholds) = shard(of: name).state.withLock { ($0.isLoaded, $0.thresholds) }
            all.append(
                WorkspaceOverview(name, budget: budget, whole: nil, windows: windows, isLoaded: isLoaded, thresholds: thresholds))
        }
        return all
    }
}

extension WorkspaceOverview {
    fileprivate init(
        _ id: String, budget: Budget, whole: ScopeTallies?, windows: Windows, isLoaded: Bool, thresholds: BudgetThresholds
    ) {
        self.id = id
        enforcement = budget.enforcement
        timeZone = budget.timeZone
        status = AppliedLimits(budget, provider: nil, user: nil).status(
            in: windows, isLoaded: isLoaded, thresholds: thresholds
        ) { $0 == .workspace ? whole : nil }
    }
}
