import Synchronization
import LedgerConformance
import TestSupport
import Testing

@testable import GatewayCore

/// Gateways that share a database in memory, in the hands of chance: calls, exchanges and openings that are lost on either way, kills and restarts,
/// batches, other limits, and a clock that goes on.
struct LeaseWorld {
    final class Call {
        let id: CallID
        let estimate: Money
        let user: String?
        let provider: String
        var createdAt: Timestamp
        var reservation: Reservation?
        var since: UInt64?
        let wasWoken = Woken()

        init(id: CallID, estimate: Money, user: String?, provider: String, createdAt: Timestamp) {
            (self.id, self.estimate, self.user, self.provider, self.createdAt) = (id, estimate, user, provider, createdAt)
        }

        func record(cost: Money) -> CostRecord {
            CostRecord(
                id: id, workspace: "acme", user: user, provider: provider, cost: cost, basis: .table, estimate: estimate, success: true,
                createdAt: createdAt, day: reservation?.day ?? createdAt)
        }
    }

    /// Set by an exchange's end, on the test's own thread.
    final class Woken: @unchecked Sendable {
        var news: LeaseNews?
    }

    /// What is on its way to the database, or back.
    struct Message {
        var requests: [LeaseRequest]
        var replies: [LeaseReply?]?
        var isOpening: Bool
    }

    struct Gateway {
        let name: String
        var accounts: Accounts
        var waiting: [Call] = []
        var open: [Call] = []
        /// Settled, and not in the ledger.
        var journal: [CostRecord] = []
        /// Those of them that an earlier process has left.
        var inherited = 0
        var messages: [Message] = []
        var isUp = false
        /// Whether it has given back what an earlier process has left.
        var hasForgotten = false
    }

    var random: SplitMix64
    var database = LeaseModel()
    var gateways: [Gateway] = []
    var now = monday
    var budget: Budget
    let ids = CallIDGenerator()
    /// Calls that went through unverified or under no limit, or cost more than was held for them, are none of the limits' fault.
    var excused: [AccountKey: Int64] = [:]
    var largest: [AccountKey: Int64] = [:]
    var isLossy = true
    var overcharges = false
    var through = 0
    var refused = 0

    init(seed: UInt64, budget: Budget, gateways count: Int = 3) {
        random = SplitMix64(seed: seed)
        self.budget = budget
        for index in 0..<count {
            gateways.append(Gateway(name: "g\(index)", accounts: Self.accounts(budget)))
            start(index)
        }
    }

    private static func accounts(_ budget: Budget) -> Accounts {
        Accounts(budgets: BudgetBook(standard: budget), askForLeases: {})
    }

    mutating func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }

    // MARK: Calls

    mutating func begin(_ index: Int, estimate: Int64? = nil) {
        guard gateways[index].isUp else { return }
        let call = Call(
            id: ids.next(at: now), estimate: Money(nanos: estimate ?? .random(in: 1...40, using: &random)),
            user: chance(3) ? nil : chance(2) ? "u" : "v", provider: chance(2) ? "p" : "q", createdAt: now)
        reserve(call, index, .wait(since: nil) { [woken = call.wasWoken] in woken.news = $0 })
    }

    mutating func reserve(_ call: Call, _ index: Int, _ shortage: Shortage) {
        call.createdAt = now
        call.wasWoken.news = nil
        let outcome = gateways[index].accounts.reserve(
            id: call.id, workspace: "acme", user: call.user, provider: call.provider, estimate: call.estimate, budget: budget, at: now,
            shortage: shortage)
        switch outcome {
        case .waiting(let since):
            call.since = since
            gateways[index].waiting.append(call)
        case .unanswered:
            // The policy: half go through.
            if chance(2) { reserve(call, index, .goOn) }
        case .refused:
            refused += 1
        case .reserved(let reservation):
            through += 1
            call.reservation = reservation
            gateways[index].open.append(call)
            if reservation.isUnverified || budget.enforcement != .enforce { excuse(call.record(cost: call.estimate), call.estimate.nanos) }
        }
    }

    private mutating func excuse(_ record: CostRecord, _ amount: Int64) {
        for key in keys(of: record) { excused[key, default: 0] += amount }
    }

    /// Calls that were woken try again; at times one has waited for too long.
    mutating func retry(_ index: Int) {
        let calls = gateways[index].waiting
        gateways[index].waiting = []
        for call in calls {
            if call.wasWoken.news == .failed {
                if chance(2) { reserve(call, index, .goOn) }
            } else if call.wasWoken.news == .answered {
                reserve(call, index, .wait(since: call.since) { [woken = call.wasWoken] in woken.news = $0 })
            } else if isLossy, chance(30) {
                reserve(call, index, .end(since: call.since ?? 0))
            } else {
                gateways[index].waiting.append(call)
            }
        }
    }

    mutating func end(_ index: Int) {
        guard let place = gateways[index].open.indices.randomElement(using: &random) else { return }
        let call = gateways[index].open.remove(at: place)
        guard let reservation = call.reservation else { return }
        if chance(5) {
            gateways[index].accounts.release(reservation)
            return
        }
        let most = overcharges && chance(4) ? call.estimate.nanos * 2 : call.estimate.nanos
        let record = call.record(cost: Money(nanos: chance(3) ? most : .random(in: 0...most, using: &random)))
        // Noted before it is told, as the data plane does.
        gateways[index].journal.append(record)
        excuse(record, max(0, record.cost.nanos - call.estimate.nanos))
        gateways[index].accounts.settle(reservation, cost: record.cost)
    }

    // MARK: Messages

    /// The gateway's one message about open leases, or its one opening, goes on by a step: sent, heard, answered; or lost in between.
    mutating func exchange(_ index: Int, isOpening: Bool, isTick: Bool = false) {
        guard gateways[index].isUp else { return }
        let accounts = gateways[index].accounts
        let journal = gateways[index].journal
        guard let place = gateways[index].messages.firstIndex(where: { $0.isOpening == isOpening }) else {
            if isOpening, !gateways[index].hasForgotten {
                // When the journal is drained.
                guard gateways[index].inherited == 0 else { return }
                _ = database.forget(gateways[index].name)
                gateways[index].hasForgotten = !isLossy || !chance(8)
                return
            }
            let requests = isOpening ? accounts.openings(at: now) { journal } : accounts.leaseRequests(isTick: isTick, at: now)
            if !requests.isEmpty { gateways[index].messages.append(Message(requests: requests, isOpening: isOpening)) }
            return
        }
        var message = gateways[index].messages[place]
        let isLost = isLossy && chance(8)
        if !isLost, message.replies == nil {
            message.replies = database.exchange(message.requests, gateway: gateways[index].name)
            gateways[index].messages[place] = message
            return
        }
        gateways[index].messages.remove(at: place)
        let replies = isLost ? nil : message.replies
        if isOpening {
            accounts.opened(message.requests, replies) { journal }
        } else {
            accounts.answered(message.requests, replies)
        }
    }

    /// Some of the journal comes into the ledger; not during an opening.
    mutating func write(_ index: Int, everything: Bool = false) {
        guard !gateways[index].messages.contains(where: \.isOpening) else { return }
        let count = everything ? gateways[index].journal.count : Int.random(in: 0...gateways[index].journal.count, using: &random)
        database.apply(Array(gateways[index].journal.prefix(count)), gateway: gateways[index].name)
        gateways[index].journal.removeFirst(count)
        gateways[index].inherited = max(0, gateways[index].inherited - count)
    }

    mutating func look(_ index: Int) {
        gateways[index].accounts.wanted(database.wanted(by: gateways[index].name))
    }

    // MARK: Processes

    /// Killed: what is on its way has been heard, or never will be; calls in flight are charged their estimate.
    mutating func kill(_ index: Int) {
        for message in gateways[index].messages where message.replies == nil && chance(2) {
            _ = database.exchange(message.requests, gateway: gateways[index].name)
        }
        gateways[index].messages = []
        gateways[index].waiting = []
        gateways[index].journal += gateways[index].open.map { $0.record(cost: $0.estimate) }
        gateways[index].open = []
        gateways[index].inherited = gateways[index].journal.count
        gateways[index].isUp = false
    }

    mutating func start(_ index: Int) {
        gateways[index].accounts = Self.accounts(budget)
        (gateways[index].isUp, gateways[index].hasForgotten) = (true, false)
        let journal = gateways[index].journal
        let sums = database.rows.values.map {
            DailySum(workspace: $0.workspace, day: $0.day, provider: $0.provider, user: $0.user, cost: $0.cost)
        }
        _ = gateways[index].accounts.load(sums: sums, at: now) { journal }
    }

    mutating func adopt(_ next: Budget) {
        budget = next
        for gateway in gateways { _ = gateway.accounts.adopt(budgets: BudgetBook(standard: next), alerts: AlertSettings()) }
    }

    // MARK: What holds

    func keys(of record: CostRecord) -> [AccountKey] {
        let windows = Zone.utc.windows(at: record.createdAt)
        return WindowKind.allCases.flatMap { kind in
            [(BudgetScope.workspace, ""), (.provider, record.provider), (.user, record.user ?? "")].map {
                AccountKey(workspace: "acme", scope: $0.0, name: $0.1, start: windows[kind].start, end: windows[kind].end)
            }
        }
    }

    func limit(_ key: AccountKey) -> Int64? {
        let kind = key.end.seconds - key.start.seconds > 90_000 ? WindowKind.monthly : .daily
        return switch key.scope {
        case .workspace: budget.workspace[kind]?.nanos
        case .provider: budget.providers[key.name]?[kind]?.nanos
        case .user: key.name.isEmpty ? nil : budget.users?.limits(for: key.name)?[kind]?.nanos
        }
    }

    /// Spent and held, by all gateways, whatever they or the database know of it.
    var truth: [AccountKey: Int64] {
        var sums: [AccountKey: Int64] = [:]
        var counted: Set<CallID> = []
        let open = gateways.flatMap { $0.open.map { $0.record(cost: $0.estimate) } }
        for record in Array(database.rows.values) + gateways.flatMap(\.journal) + open where counted.insert(record.id).inserted {
            for key in keys(of: record) { sums[key, default: 0] += record.cost.nanos }
        }
        return sums
    }

    mutating func check(_ location: SourceLocation = #_sourceLocation) {
        #expect(database.isConsistent, sourceLocation: location)
        for sums in [truth, database.allocated] {
            for (key, sum) in sums {
                guard let limit = limit(key) else { continue }
                let largest = max(self.largest[key] ?? 0, limit)
                self.largest[key] = largest
                #expect(sum <= largest + (excused[key] ?? 0), "\(key)", sourceLocation: location)
            }
        }
        for gateway in gateways where gateway.isUp {
            for (key, believed) in gateway.accounts.believed {
                #expect(believed <= database.granted(key, gateway.name) ?? 0, "\(gateway.name) \(key)", sourceLocation: location)
            }
        }
    }

    /// Sends a message and brings its answer, and before that brings the answer of one on its way.
    private mutating func finish(_ index: Int, isOpening: Bool, isTick: Bool = false) {
        while gateways[index].messages.contains(where: { $0.isOpening == isOpening }) { exchange(index, isOpening: isOpening) }
        exchange(index, isOpening: isOpening, isTick: isTick)
        while gateways[index].messages.contains(where: { $0.isOpening == isOpening }) { exchange(index, isOpening: isOpening) }
    }

    /// Everybody is back, messages arrive, and half a second passes again and again.
    mutating func settleDown(rounds: Int = 20) {
        isLossy = false
        for index in gateways.indices where !gateways[index].isUp { start(index) }
        for round in 0..<rounds {
            database.forgetWishes()
            for index in gateways.indices {
                while !gateways[index].open.isEmpty { end(index) }
                finish(index, isOpening: true)
                write(index, everything: true)
                finish(index, isOpening: true)
                finish(index, isOpening: false, isTick: round > 0)
                retry(index)
            }
        }
    }
}

extension Accounts {
    /// What it believes to have been granted.
    fileprivate var believed: [AccountKey: Int64] {
        allShards.reduce(into: [:]) { found, shard in
            shard.state.withLock { state in
                for (key, place) in state.leases { found[key] = Int64(clamping: place.tally?.lease?.believed ?? 0) }
            }
        }
    }
}
