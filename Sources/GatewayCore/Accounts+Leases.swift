import Synchronization

/// The accounts' part of the exchanges with a database that several gateways share, which `Leases.md` describes.
///
/// Whoever drives it calls these by turns: what to ask, then what became of it. Open leases and openings go their ways independently.
extension Accounts {
    private typealias Records = [String: [CostRecord]]

    /// What is to be said about leases that are open.
    ///
    /// - Parameter isTick: Half a second has passed since it was last true.
    package func leaseRequests(isTick: Bool, at now: Timestamp) -> [LeaseRequest] {
        requests(of: isTick ? .all : .pressing, at: now, recent: { [] }) { _, tally, isLimited, round, _ in
            if isTick { tally.lease?.tick() }
            return tally.lease?.ask(held: tally.held, isLimited: isLimited, isTick: isTick, round: round)
        }
    }

    /// Whether there are leases to open.
    package var hasLeasesToOpen: Bool {
        allShards.contains { $0.state.withLock { !$0.unopened.isEmpty } }
    }

    /// What is to be said about leases that are not open: to be sent, and its answer given to ``opened(_:_:recent:)``, while the ledger takes no
    /// records. `recent` is as for ``load(sums:at:recent:)``.
    package func openings(at now: Timestamp, recent: () -> [CostRecord]) -> [LeaseRequest] {
        requests(of: .unopened, at: now, recent: recent) { account, tally, _, round, records in
            guard let lease = tally.lease, !lease.isOpen, !lease.isAsking else { return nil }
            return tally.lease?.askToOpen(held: tally.held, unledgered: Self.spent(in: account, records), round: round)
        }
    }

    /// Which accounts are looked at.
    private enum Choice {
        /// Those that a call has found short, or nearly so, since the last look.
        case pressing
        case all
        case unopened
    }

    private func requests(
        of choice: Choice, at now: Timestamp, recent: () -> [CostRecord],
        _ ask: (AccountKey, inout Tally, _ isLimited: Bool, _ round: UInt64, Records) -> Lease.Ask?
    ) -> [LeaseRequest] {
        var requests: [LeaseRequest] = []
        var ended: [LeaseWaiter] = []
        for shard in allShards {
            shard.state.withLock { state in
                let keys =
                    switch choice {
                    case .pressing: state.pressing
                    case .all: Set(state.leases.keys)
                    case .unopened: state.unopened
                    }
                guard !keys.isEmpty else { return }
                let isOpening = choice == .unopened
                let records = isOpening ? unledgered(recent(), of: shard, in: state) : [:]
                if !isOpening { state.pressing = [] }
                state.round += 1
                for key in keys {
                    guard now < key.end, let place = state.leases[key], var tally = place.tally else {
                        // The window dies with its slices; who waits goes on in the next one.
                        ended += state.closeLease(key)
                        continue
                    }
                    let limit = state.budgets.budget(for: key.workspace).limit(on: key, place.window.kind)
                    let asked = ask(key, &tally, limit != nil, state.round, records)
                    place.tally = tally
                    guard let asked else { continue }
                    requests.append(
                        LeaseRequest(
                            key, isOpening: isOpening, limit: limit, keep: Int64(clamping: asked.keep),
                            minimum: Int64(clamping: asked.minimum), target: Int64(clamping: asked.target),
                            days: isOpening ? windowCache.days(in: place.window, zone: place.zone) : []))
                }
            }
        }
        for wake in ended { wake(.answered) }
        return requests
    }

    /// Takes the answers to ``leaseRequests(isTick:at:)``, in the same order; nil where none came.
    package func answered(_ requests: [LeaseRequest], _ replies: [LeaseReply?]?) {
        take(requests, replies) { _, lease, reply, _ in lease.answered(reply) }
    }

    /// Takes the answers to ``openings(at:recent:)``.
    package func opened(_ requests: [LeaseRequest], _ replies: [LeaseReply?]?, recent: () -> [CostRecord]) {
        take(requests, replies, recent: recent) { account, lease, reply, records in
            lease.opened(reply, unledgered: Self.spent(in: account, records))
        }
    }

    private func take(
        _ requests: [LeaseRequest], _ replies: [LeaseReply?]?, recent: () -> [CostRecord] = { [] },
        _ answer: (AccountKey, inout Lease, LeaseReply, Records) -> Void
    ) {
        if replies != nil { isStalled.store(false, ordering: .relaxed) }
        let byShard = Dictionary(grouping: requests.indices) { ObjectIdentifier(shard(of: requests[$0].account.workspace)) }
        var waiters: [LeaseWaiter] = []
        for shard in allShards {
            guard let indices = byShard[ObjectIdentifier(shard)] else { continue }
            shard.state.withLock { state in
                let records = replies == nil ? [:] : unledgered(recent(), of: shard, in: state)
                for index in indices {
                    let key = requests[index].account
                    waiters += state.waiters.removeValue(forKey: key) ?? []
                    guard let place = state.leases[key], var tally = place.tally, var lease = tally.lease else { continue }
                    if let reply = replies?[index] {
                        answer(key, &lease, reply, records)
                        state.unopened.remove(key)
                        // What others have spent, and what this gateway has.
                        let spent = Int128(reply.spent) - Int128(reply.used) + lease.mine
                        let isNews = spent != tally.spent
                        tally.spent = spent
                        if isNews, let book = state.books[key.workspace] { state.mark(place.tallies, key.scope, key.name, of: book) }
                    } else if replies == nil {
                        lease.failed()
                    } else {
                        lease.lost()
                        state.unopened.insert(key)
                    }
                    tally.lease = lease
                    place.tally = tally
                }
            }
        }
        for wake in waiters { wake(replies == nil ? .failed : .answered) }
    }

    /// Takes the accounts that other gateways have asked for in vain.
    package func wanted(_ accounts: Set<AccountKey>) {
        for shard in allShards {
            shard.state.withLock { state in
                for (key, place) in state.leases {
                    let isWanted = accounts.contains(key)
                    if isWanted, place.tally?.lease?.isWanted == false { recalls.add(1, ordering: .relaxed) }
                    place.tally?.lease?.isWanted = isWanted
                }
            }
        }
    }

    /// What goes back at a shutdown, when nothing is held any more.
    package func leasesToReturn(at now: Timestamp) -> [LeaseRequest] {
        wanted(Set(allShards.flatMap { $0.state.withLock { Array($0.leases.keys) } }))
        return leaseRequests(isTick: true, at: now)
    }

    /// What records come to in an account.
    private static func spent(in account: AccountKey, _ records: Records) -> Int128 {
        (records[account.workspace] ?? []).reduce(0) { sum, record in
            guard account.start <= record.createdAt, record.createdAt < account.end else { return sum }
            let counts =
                switch account.scope {
                case .workspace: true
                case .provider: record.provider == account.name
                case .user: record.user == account.name
                }
            return counts ? sum + Int128(record.cost.nanos) : sum
        }
    }
}

/// What has become of the exchange that a call waits for.
package enum LeaseNews: Sendable, Hashable {
    /// The database has answered: it is worth another try.
    case answered
    case failed
}

package typealias LeaseWaiter = @Sendable (LeaseNews) -> Void

/// What a call does where its gateway's slice of a budget has no room for it.
package enum Shortage: Sendable {
    /// It waits for an exchange that begins after it came: `since` is what it was told when it came.
    case wait(since: UInt64?, LeaseWaiter)
    /// It has waited for as long as a call may.
    case end(since: UInt64)
    /// It goes on unverified.
    case goOn
}

extension OpenReservation {
    /// The accounts that its call has to do with in the database: those with a limit, and what is shown to every caller.
    private func forEachLeased(_ body: (BudgetScope, String, ScopeTallies, Window) -> Void) {
        for kind in WindowKind.allCases {
            body(.workspace, "", book.whole, windows[kind])
            if limits.provider?[kind] != nil { body(.provider, provider, providerTallies, windows[kind]) }
            if let user, let userTallies, limits.user?[kind] != nil { body(.user, user, userTallies, windows[kind]) }
        }
    }

    /// Sees to it that there is a lease, open or not, for each of them. Returns whether one is new.
    func claimLeases(in state: inout AccountShard.State) -> Bool {
        var isNew = false
        forEachLeased { scope, name, tallies, window in
            guard tallies.tally(window)?.lease == nil else { return }
            tallies.update(window) { $0.lease = Lease() }
            let key = AccountKey(workspace: book.name, scope: scope, name: name, start: window.start, end: window.end)
            state.leases[key] = AccountShard.LeasePlace(tallies: tallies, window: window, zone: book.zone)
            state.unopened.insert(key)
            isNew = true
        }
        return isNew
    }

    /// Notes the leases that should be asked more for, before the next call has to wait. Returns whether there are any.
    func noteLow(in state: inout AccountShard.State) -> Bool {
        var isLow = false
        forEachLeased { scope, _, tallies, window in
            guard let tally = tallies.tally(window), tally.lease?.isLow(held: tally.held) == true else { return }
            state.pressing.insert(account(scope, window.kind))
            isLow = true
        }
        return isLow
    }

    /// Runs over the leases that have no room for the estimate.
    func forEachShortage(_ body: (BudgetScope, WindowKind, ScopeTallies, Lease) -> Void) {
        guard limits.enforcement == .enforce, amount > 0 else { return }
        limits.forEachLimit { scope, kind, _ in
            guard let tallies = tallies(scope), let tally = tallies.tally(windows[kind]), let lease = tally.lease else { return }
            if !lease.admits(amount, held: tally.held) { body(scope, kind, tallies, lease) }
        }
    }

    /// What becomes of a call for which some lease has no room; nil where it may be held, `isShort` when that is in spite of it.
    func waitForLeases(
        _ shortage: Shortage, isStalled: borrowing Atomic<Bool>, in state: inout AccountShard.State, isShort: inout Bool
    ) -> ReserveOutcome? {
        var lacking: [AccountKey] = []
        var (lastRefusal, firstAnswer) = (UInt64(0), UInt64.max)
        forEachShortage { scope, kind, _, lease in
            lacking.append(account(scope, kind))
            lastRefusal = max(lastRefusal, lease.refusedRound)
            firstAnswer = min(firstAnswer, lease.answeredRound)
        }
        guard let first = lacking.first else { return nil }
        let estimate = Money(clamping: amount)
        func refused() -> ReserveOutcome? {
            refusal(estimate) { [amount] tally in tally.lease.map { !$0.admits(amount, held: tally.held) } ?? false }.map { .refused($0) }
        }
        switch shortage {
        case .goOn:
            isShort = true
            return nil
        case .end(let since):
            // Where it has answered others meanwhile, it is the budget that is short, and not the database.
            if lastRefusal > since || firstAnswer > since { return refused() }
            isStalled.store(true, ordering: .relaxed)
            return .unanswered
        case .wait(let since, let wake):
            if let since, lastRefusal > since { return refused() }
            forEachShortage { _, kind, tallies, _ in tallies.update(windows[kind]) { [amount] in $0.lease?.lack(amount) } }
            state.pressing.formUnion(lacking)
            if isStalled.load(ordering: .relaxed) { return .unanswered }
            state.waiters[first, default: []].append(wake)
            return .waiting(since: since ?? state.round)
        }
    }

    func account(_ scope: BudgetScope, _ kind: WindowKind) -> AccountKey {
        let name =
            switch scope {
            case .workspace: ""
            case .provider: provider
            case .user: user ?? ""
            }
        return AccountKey(workspace: book.name, scope: scope, name: name, start: windows[kind].start, end: windows[kind].end)
    }
}

extension Budget {
    /// The limit on an account that calls are held to; nil for none.
    fileprivate func limit(on account: AccountKey, _ kind: WindowKind) -> Money? {
        enforcement == .enforce ? limits(account.scope, account.name)?[kind] : nil
    }
}
