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
    /// Where a workspace's days begin elsewhere now, those that it has been held to bind until what it has spent in the new ones is loaded; then
    /// all that it holds is held in those. Where its users are told apart for the first time, their limits bind when it is loaded.
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
                // Workspaces without books may have spent in what will be the current window.
                if former.standard.timeZone != budgets.standard.timeZone, state.isLoaded, state.formerBudgets == nil {
                    state.formerBudgets = former
                }
                if !state.isLoaded || state.formerBudgets != nil { isWhole = true }
                for (name, book) in state.books {
                    let budget = budgets.budget(for: name)
                    if budget.users == nil {
                        book.tracksUsers = false
                    } else if !book.tracksUsers {
                        book.beginTrackingUsers(holding: state.open(in: book))
                    }
                    if budget.timeZone == book.zone {
                        book.nextZone = nil
                    } else if book.isLoaded {
                        book.nextZone = budget.timeZone
                    } else {
                        book.move(to: budget.timeZone, holding: state.open(in: book), from: windowCache)
                    }
                    if book.isLoading { affected.insert(name) }
                    state.markAll(of: book)
                }
                for name in Set(former.workspaces.keys).union(budgets.workspaces.keys)
                where shard === self.shard(of: name) && state.books[name] == nil {
                    guard former.budget(for: name).timeZone != budgets.budget(for: name).timeZone else { continue }
                    _ = state.book(name, zoneOf: state.isLoaded ? state.formerBudgets ?? former : nil)
                    affected.insert(name)
                }
            }
        }
        if isWhole { return .all }
        return affected.isEmpty ? .nothing : .workspaces(affected.sorted())
    }

    /// Whether what a workspace's budget in force asks for is still to be loaded.
    package func isLoading(_ workspace: String) -> Bool {
        shard(of: workspace).state.withLock { $0.isLoading(workspace) }
    }

    /// The day and the month in which a workspace's spending is to be loaded.
    package func windowsToLoad(workspace: String, at now: Timestamp) -> Windows {
        shard(of: workspace).state.withLock { windowCache.windows(zone: $0.zoneToLoad(of: workspace), at: now) }
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
    /// Returns the workspaces whose days on record are not days of the zone that they are loaded for. They stay as they are until they are
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
                    let zone = state.zoneToLoad(of: name)
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
                        _ = state.book(name)
                        misaligned.append(name)
                        continue
                    }
                    let charges =
                        days.map { WindowCharge($0.provider, $0.user, $0.cost, at: $0.day, in: windows) }
                        + (records[name] ?? []).map { WindowCharge($0.provider, $0.user, $0.cost, at: $0.createdAt, in: windows) }
                    let counted = charges.filter { $0.countsDaily || $0.countsMonthly }
                    guard !counted.isEmpty || state.books[name] != nil else { continue }
                    state.replaceSpent(of: name, in: windows, with: counted, from: windowCache)
                }
                state.isLoaded = true
                state.formerBudgets = nil
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
            guard windowCache.windows(zone: state.zoneToLoad(of: workspace), at: windows.daily.start) == windows else { return false }
            let records = unledgered(recent(), of: shard, in: state)[workspace] ?? []
            let charges =
                daily.map { WindowCharge(provider: $0.provider, user: $0.user, cost: $0.cost, countsDaily: true, countsMonthly: false) }
                + monthly.map { WindowCharge(provider: $0.provider, user: $0.user, cost: $0.cost, countsDaily: false, countsMonthly: true) }
                + records.map { WindowCharge($0.provider, $0.user, $0.cost, at: $0.createdAt, in: windows) }
            state.replaceSpent(of: workspace, in: windows, with: charges.filter { $0.countsDaily || $0.countsMonthly }, from: windowCache)
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
