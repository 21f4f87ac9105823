import Testing

@testable import GatewayCore

/// What thresholds the books show to be reached, and when.
@Suite struct AccountsAlertTests {
    private func spend(
        _ desk: Desk, _ cents: Int64, workspace: String = "acme", user: String? = nil, provider: String = "p", budget: Budget,
        at now: Timestamp = monday
    ) throws {
        let reservation = try #require(
            desk.reserve(cents, workspace: workspace, user: user, provider: provider, budget: budget, at: now).reservation)
        desk.accounts.settle(reservation, cost: .cents(cents))
    }

    /// `scope name window level`, in an order of their own.
    private func seen(_ desk: Desk, at now: Timestamp = monday) -> [String] {
        desk.accounts.takeSightings(at: now).map { sighting in
            "\(sighting.account.scope)\(sighting.account.name) \(sighting.window.kind) \(sighting.level)"
        }.sorted()
    }

    @Test func eachThresholdIsSeenAtItsAmountAndNotBefore() throws {
        let budget = Budget.daily(100)
        let desk = Desk(BudgetBook(standard: budget))
        for (cents, level) in [(79, nil), (1, AlertLevel.warning), (14, .warning), (1, .critical), (4, .critical), (1, .emergency)]
            as [(Int64, AlertLevel?)]
        {
            try spend(desk, cents, budget: budget)
            let sightings = desk.accounts.takeSightings(at: monday)
            #expect(sightings.map(\.level) == (level.map { [$0] } ?? []))
            #expect(sightings.allSatisfy { $0.limit == .cents(100) && !$0.isRefused && $0.window.resetText == "2026-11-24T00:00:00Z" })
        }
        #expect(seen(desk).isEmpty, "nothing has changed since")
    }

    @Test func aHoldIsNoSpendingAndAReleaseIsNone() throws {
        let budget = Budget.daily(100)
        let desk = Desk(BudgetBook(standard: budget))
        let reservation = try #require(desk.reserve(100, budget: budget).reservation)
        #expect(seen(desk).isEmpty)
        desk.accounts.release(reservation)
        #expect(seen(desk).isEmpty)
    }

    @Test func everyScopeAndWindowHasItsOwn() throws {
        var budget = Budget.daily(1000, monthly: 50)
        budget.providers["p"] = WindowLimits(daily: .cents(50))
        budget.users = Budget.UserLimits(standard: WindowLimits(daily: .cents(45), monthly: .cents(52)))
        let desk = Desk(BudgetBook(standard: budget))
        try spend(desk, 45, user: "ada", budget: budget)
        #expect(
            seen(desk) == ["providerp daily warning", "userada daily emergency", "userada monthly warning", "workspace monthly warning"])
        try spend(desk, 5, user: "bob", provider: "q", budget: budget)
        #expect(seen(desk) == ["workspace monthly emergency"])
    }

    @Test func aRefusalForWhatIsSpentIsAnEmergency() throws {
        let budget = Budget(workspace: WindowLimits(daily: Money(nanos: 1000)))
        let desk = Desk(BudgetBook(standard: budget))
        func reserve(_ nanos: Int64) -> ReserveOutcome {
            desk.accounts.reserve(
                id: desk.ids.next(at: monday), workspace: "acme", user: nil, provider: "p", estimate: Money(nanos: nanos), budget: budget,
                at: monday)
        }
        desk.accounts.settle(try #require(reserve(700).reservation), cost: Money(nanos: 700))
        #expect(seen(desk).isEmpty)
        // Held by a call in flight, or too large for any window: nothing that an operator could be woken for.
        let open = try #require(reserve(294).reservation)
        #expect(reserve(10).refusal?.reason == .held && reserve(1001).refusal?.reason == .tooLarge)
        #expect(seen(desk).isEmpty)
        desk.accounts.settle(open, cost: Money(nanos: 294))
        #expect(seen(desk) == ["workspace daily warning"].map { $0.replacing("warning", with: "critical") })
        #expect(reserve(7).refusal?.reason == .spent)
        let sightings = desk.accounts.takeSightings(at: monday)
        #expect(sightings.map(\.level) == [.emergency] && sightings.first?.isRefused == true)
        #expect(sightings.first?.spent == Money(nanos: 994) && sightings.first?.threshold == Exact(100))
        // Callers that try again and again bring nothing new; what is spent later is an emergency still.
        #expect(reserve(7).refusal != nil)
        #expect(seen(desk).isEmpty)
        desk.accounts.settle(try #require(reserve(1).reservation), cost: Money(nanos: 1))
        #expect(seen(desk) == ["workspace daily emergency"])
        // A raised limit takes it back.
        let raised = Budget(workspace: WindowLimits(daily: Money(nanos: 1240)))
        _ = desk.accounts.adopt(budgets: BudgetBook(standard: raised), alerts: AlertSettings())
        #expect(seen(desk) == ["workspace daily warning"])
    }

    @Test func onlyTheLimitsThatAreSpentAreBlamed() throws {
        var budget = Budget.daily(100, monthly: 1000)
        budget.providers["p"] = WindowLimits(daily: .cents(10))
        let desk = Desk(BudgetBook(standard: budget))
        try spend(desk, 7, budget: budget)
        #expect(desk.reserve(92, provider: "q", budget: budget).reservation != nil)
        // The workspace's rest is held, the provider's is spent.
        #expect(desk.reserve(4, budget: budget).refusal?.reason == .spent)
        #expect(seen(desk) == ["providerp daily emergency"])
    }

    @Test func shadowBudgetsAlertAndOthersThatAreOffDoNot() throws {
        let shadow = Budget.daily(10, enforcement: .shadow)
        let desk = Desk(BudgetBook(standard: shadow))
        try spend(desk, 9, budget: shadow)
        #expect(seen(desk) == ["workspace daily warning"])
        let reservation = try #require(desk.reserve(5, budget: shadow).reservation)
        #expect(reservation.shadowRefusal?.reason == .spent && desk.accounts.snapshot.shadowRefusals == 1)
        #expect(seen(desk) == ["workspace daily emergency"])

        let off = Budget.daily(10, enforcement: .off)
        let quiet = Desk(BudgetBook(standard: off))
        try spend(quiet, 20, budget: off)
        #expect(seen(quiet).isEmpty)
        // What a reload puts in force is seen without a call.
        _ = quiet.accounts.adopt(budgets: BudgetBook(standard: .daily(20)), alerts: AlertSettings())
        #expect(seen(quiet) == ["workspace daily emergency"])
        _ = quiet.accounts.adopt(budgets: BudgetBook(standard: .daily(100)), alerts: AlertSettings(warning: Exact(20)))
        #expect(seen(quiet) == ["workspace daily warning"])
    }

    @Test func whatIsLoadedIsSeenAndWhatIsNotKnownIsNot() throws {
        let budget = Budget.daily(100)
        let desk = Desk(BudgetBook(standard: budget), isLoaded: false)
        try spend(desk, 90, budget: budget)
        #expect(seen(desk).isEmpty, "unverified")
        let sum = DailySum(
            workspace: "acme", day: monday.adding(seconds: -monday.seconds % 86_400), provider: "p", user: nil, cost: .cents(96))
        _ = desk.accounts.load(sums: [sum], at: monday) { [] }
        #expect(seen(desk) == ["workspace daily critical"])
    }

    @Test func whatIsSpentAtTheEndOfAWindowIsSeenInTheNext() throws {
        let budget = Budget.daily(100)
        let desk = Desk(BudgetBook(standard: budget))
        let late = Timestamp("2026-11-23T23:59:59Z") ?? monday
        let open = try #require(desk.reserve(90, budget: budget, at: late).reservation)
        let next = late.adding(seconds: 2)
        try spend(desk, 85, budget: budget, at: next)
        desk.accounts.settle(open, cost: .cents(90))
        let sightings = desk.accounts.takeSightings(at: next)
        #expect(sightings.map(\.spent).sorted() == [.cents(85), .cents(90)])
        let ended = try #require(sightings.first { $0.spent == .cents(90) })
        #expect(ended.window.resetText == "2026-11-24T00:00:00Z" && ended.runsOutAt == nil)
    }

    @Test func aLeasesAnswerShowsWhatOthersHaveSpent() throws {
        let budget = Budget.daily(100)
        let accounts = Accounts(budgets: BudgetBook(standard: budget), askForLeases: {})
        _ = accounts.load(sums: [], at: monday) { [] }
        let ids = CallIDGenerator()
        _ = accounts.reserve(
            id: ids.next(at: monday), workspace: "acme", user: nil, provider: "p", estimate: .cents(1), budget: budget, at: monday,
            shortage: .goOn)
        let requests = accounts.openings(at: monday) { [] }.filter { $0.limit != nil }
        #expect(requests.count == 1 && accounts.takeSightings(at: monday).isEmpty)
        let others = LeaseReply(
            granted: 0, used: 0, spent: Money.cents(95).nanos, available: Money.cents(5).nanos, isRefused: false)
        accounts.opened(requests, [others]) { [] }
        let sightings = accounts.takeSightings(at: monday)
        #expect(sightings.map(\.level) == [.critical] && sightings.first?.spent == .cents(95))
    }

    @Test func accountsOfAllGatewaysAreHeldAgainstTheLimitsInForce() throws {
        var budget = Budget.daily(100, zone: "Asia/Tokyo")
        budget.providers["p"] = WindowLimits(monthly: .cents(10))
        let off = Budget.daily(1, enforcement: .off)
        let desk = Desk(BudgetBook(standard: budget, workspaces: ["off": off]))
        let windows = desk.accounts.windows(workspace: "acme", at: monday)
        func account(_ workspace: String, _ scope: BudgetScope, _ name: String, _ window: Window) -> AccountKey {
            AccountKey(workspace: workspace, scope: scope, name: name, start: window.start, end: window.end)
        }
        let elsewhere = desk.accounts.windows(workspace: "off", at: monday)
        let sightings = desk.accounts.sightings(
            of: [
                (account("acme", .workspace, "", windows.daily), .cents(79)), (account("beta", .workspace, "", windows.daily), .cents(80)),
                (account("beta", .workspace, "", windows.monthly), .cents(1000)),
                (account("beta", .provider, "p", windows.monthly), .cents(10)),
                (account("beta", .provider, "q", windows.monthly), .cents(10)), (account("beta", .user, "u", windows.daily), .cents(10)),
                (account("off", .workspace, "", elsewhere.daily), .cents(10)),
                // Of a zone that is not the workspace's any more.
                (account("beta", .workspace, "", elsewhere.daily), .cents(100)),
            ], at: monday)
        #expect(sightings.map(\.account.scope) == [.workspace, .provider] && sightings.map(\.level) == [.warning, .emergency])
        #expect(sightings.map(\.window.resetText) == ["2026-11-24T00:00:00+09:00", "2026-12-01T00:00:00+09:00"])
    }

    @Test func manyWorkspacesAreLookedAtOnceEach() throws {
        let budget = Budget.daily(10)
        let desk = Desk(BudgetBook(standard: budget))
        for number in 0..<3000 {
            for _ in 0..<2 { try spend(desk, number % 3 == 0 ? 4 : 1, workspace: "w\(number)", budget: budget) }
        }
        let sightings = desk.accounts.takeSightings(at: monday)
        #expect(sightings.count == 1000 && Set(sightings.map(\.account.workspace)).count == 1000)
        #expect(desk.accounts.takeSightings(at: monday).isEmpty)
    }

    /// Whatever has been lost, loaded, leased, settled and forgotten before: what a gateway knows to be spent, its alerts know.
    @Test func whatAGatewayKnowsToBeSpentIsSeen() {
        var count = 0
        for seed: UInt64 in 0..<6 {
            var world = LeaseWorld(seed: seed, budget: LeaseTests.limits)
            LeaseTests().walk(&world, steps: 300, changesLimits: seed.isMultiple(of: 2))
            // One more hour with many calls, so that limits are near.
            for step in 0..<200 {
                let index = step % world.gateways.count
                world.begin(index)
                world.exchange(index, isOpening: step % 5 == 0, isTick: step % 3 == 0)
                world.retry(index)
                world.end(index)
                if step % 7 == 0 { world.write(index) }
            }
            world.settleDown(rounds: 2)
            for gateway in world.gateways { count += thresholdsThatAreSeen(gateway, in: world) }
        }
        #expect(count > 0)
    }

    private func thresholdsThatAreSeen(_ gateway: LeaseWorld.Gateway, in world: LeaseWorld) -> Int {
        guard world.budget.enforcement != .off else { return 0 }
        let sightings = gateway.accounts.takeSightings(at: world.now)
        let seen = Dictionary(sightings.map { ($0.account, $0) }) { first, _ in first }
        var count = 0
        for (key, _) in world.truth where key.end > world.now {
            let scopes = gateway.accounts.scopes(workspace: "acme", user: key.name, budget: world.budget, at: world.now)
            guard let scope = scopes.first(where: { $0.kind == key.scope && $0.name ?? "" == key.name }) else { continue }
            let window = scope.daily.window.end == key.end ? scope.daily : scope.monthly
            guard let limit = window.limit, window.spent.nanos * 100 >= limit.nanos * 80 else { continue }
            #expect(seen[key]?.spent == window.spent, "\(gateway.name) \(key)")
            count += 1
        }
        return count
    }

    // MARK: When it runs out

    private func pace(_ points: [(minute: Int64, nanos: Int128)], at minute: Int64, limit: Int64) -> Int64? {
        var pace = Pace(start: monday, end: monday.adding(seconds: 86_400))
        for point in points { pace.note(point.nanos, at: monday.adding(seconds: point.minute * 60)) }
        let instant = pace.runsOut(Money(nanos: limit), spent: points.last?.nanos ?? 0, at: monday.adding(seconds: minute * 60))
        return instant.map { ($0.seconds - monday.seconds) / 60 }
    }

    @Test func theRateIsThatOfTheWindowAndLaterOfTheLastHours() {
        // 80 in ten hours: 100 after twelve and a half.
        #expect(pace([(600, 80)], at: 600, limit: 100) == 750)
        // Just started, and at such a pace that the window ends first.
        #expect(pace([(600, 30)], at: 600, limit: 100) == nil)
        // Ten hours of little, then a burst: 70 within the last hour.
        #expect(pace([(600, 10), (660, 10), (720, 80)], at: 720, limit: 100) == 737)
        #expect(pace([(600, 50), (600, 50)], at: 600, limit: 50) == 600)
        #expect(pace([(0, 0)], at: 0, limit: 100) == nil)
    }

    @Test func theLargestAmountsOverflowNothing() {
        let pace = Pace(start: monday, end: monday.adding(seconds: 31 * 86_400))
        #expect(pace.runsOut(Money(nanos: .max), spent: 1, at: monday.adding(seconds: 30 * 86_400)) == nil)
        #expect(
            pace.runsOut(Money(nanos: .max), spent: Int128(Int64.max) - 1, at: monday.adding(seconds: 1))?.seconds == monday.seconds + 1)
    }
}
