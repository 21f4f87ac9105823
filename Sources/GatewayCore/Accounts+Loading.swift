import Synchronization

/// Bringing the books in line with what is on record.
///
/// A load is exact, whatever calls do meanwhile, when its caller sees to three things:
///
/// * The ledger takes no record from before the sums are read until the load returns.
/// * `recent` returns every settled record that the ledger does not have. It runs under a shard's lock: it may take the
///   lock of what it reads, and whoever holds that one must not call the accounts.
/// * A settlement is noted where `recent` finds it before it is told to the accounts, and reaches the ledger only after.
///
/// Each record is then in the sums, or in `recent`, or still open here. One that is both noted and open is left to its settlement.
extension Accounts {
    /// What is to be loaded after a change of budgets.
    package enum Reload: Sendable, Hashable {
        case nothing
        /// Each with exact sums: ``load(workspace:windows:daily:monthly:recent:)``.
        case workspaces([String])
        /// All: ``load(sums:at:recent:)``.
        case all
    }

    /// Puts other budgets in force, for zones and users, and other thresholds.
    ///
    /// Where a workspace's days begin elsewhere now, or its users are told apart for the first time, it is unverified until it
    /// is loaded again; what calls in flight hold is held on, in the new windows.
    package func adopt(budgets: BudgetBook, alerts: AlertSettings) -> Reload {
        let thresholds = BudgetThresholds(alerts)
        var affected: Set<String> = []
        var isWhole = false
        for shard in allShards {
            shard.state.withLock { state in
                let former = state.budgets
                state.budgets = budgets
                state.thresholds = thresholds
                for place in state.leases.values { place.tally?.lease?.noteLimit() }
                // Workspaces without books may have spent in what is now the current window.
                if former.standard.timeZone != budgets.standard.timeZone { state.isLoaded = false }
                if !state.isLoaded { isWhole = true }
                for (name, book) in state.books {
                    let budget = budgets.budget(for: name)
                    if budget.users == nil {
                        book.tracksUsers = false
                    } else if !book.tracksUsers {
                        book.beginTrackingUsers(holding: state.open(in: book))
                    }
                    if budget.timeZone != book.zone {
                        book.move(to: budget.timeZone, holding: state.open(in: book), from: windowCache)
                    }
                    if !book.isLoaded { affected.insert(name) }
                    state.markAll(of: book)
                }
                for name in Set(former.workspaces.keys).union(budgets.workspaces.keys)
                where shard === self.shard(of: name) && state.books[name] == nil {
                    guard former.budget(for: name).timeZone != budgets.budget(for: name).timeZone else { continue }
                    state.book(name).isLoaded = false
                    affected.insert(name)
                }
            }
        }
        if isWhole { return .all }
        return affected.isEmpty ? .nothing : .workspaces(affected.sorted())
    }

    /// How far back the sums of ``load(sums:at:recent:)`` must reach: before the month of any zone, and any day that runs into it.
    package static func sumsSince(_ now: Timestamp) -> Timestamp {
        // West of Greenwich it may still be yesterday.
        let day = CivilDate(daysSince1970: Int(now.seconds / 86_400) - 1)
        let month = CivilDate(year: day.year, month: day.month, day: 1)
        return Timestamp(CivilDate(daysSince1970: month.daysSince1970 - 3))
    }

    /// Sets what every workspace has spent in the windows current at `now`.
    ///
    /// Returns the workspaces whose days on record are not days of the zone now in force. They stay unverified until they are
    /// loaded with exact sums.
    package func load(sums: [DailySum], at now: Timestamp, recent: () -> [CostRecord]) -> [String] {
        var byShard: [ObjectIdentifier: [String: [DailySum]]] = [:]
        for sum in sums { byShard[ObjectIdentifier(shard(of: sum.workspace)), default: [:]][sum.workspace, default: []].append(sum) }
        var dayStarts: [String: [Timestamp: Bool]] = [:]
        var misaligned: [String] = []
        for shard in allShards {
            let sums = byShard[ObjectIdentifier(shard)] ?? [:]
            shard.state.withLock { state in
                let records = unledgered(recent(), of: shard, in: state)
                for name in Set(sums.keys).union(records.keys).union(state.books.keys) {
                    let zone = state.books[name]?.zone ?? state.budgets.budget(for: name).timeZone
                    let windows = windowCache.windows(zone: zone, at: now)
                    // Days before the month matter only as far as they may run into it; none has more than 26 hours.
                    let days = (sums[name] ?? []).filter {
                        windows.monthly.contains($0.day) || windows.monthly.contains($0.day.adding(seconds: 26 * 3600))
                    }
                    let isAligned = days.allSatisfy { sum in
                        if let known = dayStarts[zone]?[sum.day] { return known }
                        let isStart = windowCache.isDayStart(sum.day, zone: zone)
                        dayStarts[zone, default: [:]][sum.day] = isStart
                        return isStart
                    }
                    guard isAligned else {
                        state.book(name).isLoaded = false
                        misaligned.append(name)
                        continue
                    }
                    let charges =
                        days.map { WindowCharge($0.provider, $0.user, $0.cost, at: $0.day, in: windows) }
                        + (records[name] ?? []).map { WindowCharge($0.provider, $0.user, $0.cost, at: $0.createdAt, in: windows) }
                    let counted = charges.filter { $0.countsDaily || $0.countsMonthly }
                    guard !counted.isEmpty || state.books[name] != nil else { continue }
                    let book = state.book(name)
                    book.replaceSpent(in: windows, with: counted)
                    state.markAll(of: book)
                }
                state.isLoaded = true
            }
        }
        return misaligned.sorted()
    }

    /// Sets what one workspace has spent in the given windows, from exact sums over each of them.
    ///
    /// Returns false, and the workspace stays as it was, when its zone has changed since the windows were asked for.
    package func load(
        workspace: String, windows: Windows, daily: [DailySum], monthly: [DailySum], recent: () -> [CostRecord]
    ) -> Bool {
        let shard = shard(of: workspace)
        return shard.state.withLock { state in
            let book = state.book(workspace)
            guard windowCache.windows(zone: book.zone, at: windows.daily.start) == windows else { return false }
            let records = unledgered(recent(), of: shard, in: state)[workspace] ?? []
            let charges =
                daily.map { WindowCharge(provider: $0.provider, user: $0.user, cost: $0.cost, countsDaily: true, countsMonthly: false) }
                + monthly.map { WindowCharge(provider: $0.provider, user: $0.user, cost: $0.cost, countsDaily: false, countsMonthly: true) }
                + records.map { WindowCharge($0.provider, $0.user, $0.cost, at: $0.createdAt, in: windows) }
            book.replaceSpent(in: windows, with: charges.filter { $0.countsDaily || $0.countsMonthly })
            state.markAll(of: book)
            return true
        }
    }

    /// A shard's settled records by workspace, less those whose settlement is still to come.
    func unledgered(
        _ records: [CostRecord], of shard: AccountShard, in state: borrowing AccountShard.State
    ) -> [String: [CostRecord]] {
        let open = Set(state.open.values.map(\.id))
        return Dictionary(grouping: records.filter { self.shard(of: $0.workspace) === shard && !open.contains($0.id) }, by: \.workspace)
    }
}

extension WindowCharge {
    fileprivate init(_ provider: String, _ user: String?, _ cost: Money, at instant: Timestamp, in windows: Windows) {
        self.init(
            provider: provider, user: user, cost: cost, countsDaily: windows.daily.contains(instant),
            countsMonthly: windows.monthly.contains(instant))
    }
}
