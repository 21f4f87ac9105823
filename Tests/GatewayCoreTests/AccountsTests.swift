import GatewayCore
import Testing

/// Reserving, settling and releasing: each rule by itself.
@Suite struct AccountsTests {
    @Test func countsWhatACallHoldsAndCosts() throws {
        let desk = Desk()
        let budget = Budget.daily(100, monthly: 1000)
        let reservation = try #require(desk.reserve(30, budget: budget).reservation)
        #expect(reservation.day.rfc3339 == "2026-11-23T00:00:00Z" && reservation.estimate == .cents(30) && !reservation.isUnverified)
        #expect(desk.status(budget: budget).daily.cents == [0, 30])
        let status = try #require(desk.accounts.settle(reservation, cost: .cents(12)))
        #expect(status == desk.status(budget: budget))
        #expect(status.daily.cents == [12, 0] && status.monthly.cents == [12, 0])
        #expect(status.daily.remaining == .cents(88) && status.monthly.remaining == .cents(988))
        #expect(status.daily.window.resetText == "2026-11-24T00:00:00Z" && status.monthly.window.resetText == "2026-12-01T00:00:00Z")
    }

    @Test func releasesWithoutATrace() throws {
        let desk = Desk()
        let budget = Budget.daily(100)
        let reservation = try #require(desk.reserve(100, budget: budget).reservation)
        #expect(desk.accounts.release(reservation)?.daily.cents == [0, 0])
        #expect(desk.reserve(100, budget: budget).reservation != nil)
    }

    @Test func endsEachReservationOnce() throws {
        let desk = Desk()
        let budget = Budget.daily(100)
        let reservation = try #require(desk.reserve(40, budget: budget).reservation)
        #expect(desk.accounts.settle(reservation, cost: .cents(40)) != nil)
        #expect(desk.accounts.settle(reservation, cost: .cents(40)) == nil)
        #expect(desk.accounts.release(reservation) == nil)
        #expect(desk.status(budget: budget).daily.cents == [40, 0])
        #expect(desk.accounts.snapshot.unknownReservations == 2)
    }

    @Test func knowsWhichCallsAreInFlight() throws {
        let desk = Desk()
        let open = try (0..<3).map { try #require(desk.reserve(1, workspace: "w\($0)", budget: .daily(100)).reservation) }
        let ids = Set(open.map(\.id))
        #expect(desk.accounts.callsInFlight(among: ids.union([desk.ids.next(at: monday)])) == ids)
        desk.accounts.settle(open[0], cost: .zero)
        desk.accounts.release(open[1])
        #expect(desk.accounts.callsInFlight(among: ids) == [open[2].id])
    }

    @Test func letsThroughWhatFitsExactly() throws {
        let desk = Desk()
        let budget = Budget.daily(100)
        #expect(desk.reserve(60, budget: budget).reservation != nil)
        #expect(desk.reserve(40, budget: budget).reservation != nil)
        #expect(desk.reserve(1, budget: budget).refusal != nil)
        #expect(desk.reserve(0, budget: budget).reservation != nil)
        #expect(desk.reserve(-5, budget: budget).reservation?.estimate == .zero)
    }

    @Test func aCallOfNothingPassesAnExhaustedBudget() throws {
        let desk = Desk()
        let budget = Budget.daily(0)
        #expect(desk.reserve(1, budget: budget).refusal?.reason == .tooLarge)
        let free = try #require(desk.reserve(0, budget: budget).reservation)
        // It may cost something all the same.
        #expect(desk.accounts.settle(free, cost: .cents(3))?.daily.cents == [3, 0])
        #expect(desk.status(budget: budget).state == .exhausted && desk.status(budget: budget).daily.remaining == .zero)
    }

    @Test func mayCostMoreThanWasHeld() throws {
        let desk = Desk()
        let budget = Budget.daily(100)
        let reservation = try #require(desk.reserve(90, budget: budget).reservation)
        let status = try #require(desk.accounts.settle(reservation, cost: .cents(150)))
        #expect(status.daily.cents == [150, 0] && status.daily.remaining == .zero && status.state == .exhausted)
    }

    @Test func holdsInAllScopesAndWindowsOrNone() throws {
        var budget = Budget.daily(1000, monthly: 1000)
        budget.providers["p"] = WindowLimits(daily: .cents(50))
        budget.users = Budget.UserLimits(standard: WindowLimits(daily: .cents(20)), named: ["vip": WindowLimits()])
        let desk = Desk(BudgetBook(standard: budget))
        #expect(try #require(desk.reserve(30, user: "u", budget: budget).refusal).violated == ["user-daily"])
        #expect(desk.status(user: "u", budget: budget).daily.cents == [0, 0])
        #expect(desk.reserve(30, user: "vip", budget: budget).reservation != nil)
        #expect(desk.reserve(15, user: "u", budget: budget).reservation != nil)
        #expect(try #require(desk.reserve(6, user: "u", budget: budget).refusal).violated == ["provider-daily", "user-daily"])
        #expect(desk.reserve(6, user: "w", provider: "q", budget: budget).reservation != nil)
        // Other workspaces have books of their own.
        #expect(desk.reserve(15, workspace: "other", user: "u", budget: budget).reservation != nil)
        let scopes = desk.accounts.scopes(workspace: "acme", user: "u", budget: budget, at: monday)
        #expect(scopes.map(\.kind) == [.workspace, .provider, .provider, .user])
        #expect(scopes.map(\.name) == [nil, "p", "q", "u"])
        #expect(scopes.map(\.daily.cents) == [[0, 51], [0, 45], [0, 6], [0, 15]])
        #expect(scopes.map(\.monthly.cents) == [[0, 51], [0, 45], [0, 6], [0, 15]])
        #expect(scopes.map(\.daily.limit) == [.cents(1000), .cents(50), nil, .cents(20)])
    }

    @Test func usersAreToldApartOnlyWhereTheyHaveLimits() throws {
        let desk = Desk()
        let budget = Budget.daily(100)
        #expect(desk.reserve(10, user: "u", budget: budget).reservation != nil)
        #expect(desk.accounts.scopes(workspace: "acme", user: "u", budget: budget, at: monday).map(\.kind) == [.workspace, .provider])
    }

    @Test func shadowHoldsAndCountsWhatItWouldHaveRefused() throws {
        let desk = Desk()
        let budget = Budget.daily(10, enforcement: .shadow)
        #expect(try #require(desk.reserve(10, budget: budget).reservation).shadowRefusal == nil)
        let over = try #require(desk.reserve(5, budget: budget).reservation)
        #expect(over.shadowRefusal?.violated == ["workspace-daily"] && over.shadowRefusal?.reason == .held)
        #expect(desk.status(budget: budget).daily.cents == [0, 15])
        #expect(desk.accounts.snapshot.shadowRefusals == 1 && desk.accounts.snapshot(workspace: "acme")?.shadowRefusals == 1)
    }

    @Test func offOnlyRecords() throws {
        let desk = Desk()
        let budget = Budget.daily(10, enforcement: .off)
        let reservation = try #require(desk.reserve(500, budget: budget).reservation)
        #expect(reservation.shadowRefusal == nil)
        let status = try #require(desk.accounts.settle(reservation, cost: .cents(500)))
        #expect(status.daily.cents == [500, 0] && status.state == .ok)
        #expect(desk.accounts.snapshot.shadowRefusals == 0)
        // Enforcement may change between calls.
        #expect(desk.reserve(1, budget: .daily(10)).refusal?.reason == .spent)
    }

    @Test func aLoweredLimitRefusesAndARaisedOneLetsThrough() throws {
        let desk = Desk()
        let reservation = try #require(desk.reserve(50, budget: .daily(100)).reservation)
        desk.accounts.settle(reservation, cost: .cents(50))
        #expect(desk.reserve(1, budget: .daily(40)).refusal?.reason == .spent)
        #expect(desk.reserve(51, budget: .daily(200)).reservation != nil)
    }

    @Test(
        arguments: [
            (0, .ok), (79, .ok), (80, .warning), (94, .warning), (95, .critical), (99, .critical), (100, .exhausted), (130, .exhausted),
        ] as [(Int64, BudgetState)])
    func tellsHowNearTheLimitIs(_ spent: Int64, _ state: BudgetState) throws {
        let desk = Desk()
        let budget = Budget.daily(100)
        let reservation = try #require(desk.reserve(1, budget: budget).reservation)
        #expect(desk.accounts.settle(reservation, cost: .cents(spent))?.state == state)
        #expect(desk.status(budget: budget).state == state)
    }

    @Test func comparesThresholdsExactly() throws {
        let third = try Exact(100, over: 3)
        let fine = try Exact(Int128(1) << 100, over: (Int128(1) << 100) / 99 + 1)
        let desk = Desk(alerts: AlertSettings(warning: third, critical: fine))
        let budget = Budget(workspace: WindowLimits(daily: Money(nanos: 3_000_000_000)))
        func spend(_ nanos: Int64) throws -> BudgetState {
            let reservation = try #require(desk.reserve(0, budget: budget).reservation)
            return try #require(desk.accounts.settle(reservation, cost: Money(nanos: nanos))).state
        }
        #expect(try spend(999_999_999) == .ok)
        #expect(try spend(1) == .warning)
        // A hair below 99 per cent.
        #expect(try spend(1_969_999_999) == .warning)
        #expect(try spend(1) == .critical)
    }

    @Test func reportsTheWorstScope() throws {
        var budget = Budget.daily(1000, monthly: 1000)
        budget.providers["p"] = WindowLimits(monthly: .cents(10))
        let desk = Desk()
        desk.accounts.settle(try #require(desk.reserve(10, budget: budget).reservation), cost: .cents(10))
        #expect(desk.status(provider: "p", budget: budget).state == .exhausted)
        #expect(desk.status(provider: "q", budget: budget).state == .ok)
        #expect(desk.status(provider: nil, budget: budget).state == .ok)
    }

    @Test func amountsBeyondRangeLeaveNothingBehind() throws {
        let desk = Desk()
        let budget = Budget(workspace: WindowLimits())
        let huge = Money(nanos: .max)
        let reservations = try (0..<5).map { _ in
            try #require(
                desk.accounts.reserve(
                    id: desk.ids.next(at: monday), workspace: "acme", user: nil, provider: "p", estimate: huge, budget: budget, at: monday
                ).reservation)
        }
        #expect(desk.status(budget: budget).daily.held == huge)
        for reservation in reservations { desk.accounts.release(reservation) }
        #expect(desk.status(budget: budget).daily.held == .zero)
    }

    @Test func ofManyThreadsExactlyAsManyGoThroughAsFit() async throws {
        let desk = Desk()
        var budget = Budget.daily(1000, monthly: 5000)
        budget.providers["p"] = WindowLimits(daily: .cents(777))
        let limits = budget
        let through = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<500).count { round in
                        guard let reservation = desk.reserve(1, budget: limits).reservation else { return false }
                        // Some come back and make room for others.
                        if round % 7 == 0 {
                            desk.accounts.release(reservation)
                            return false
                        }
                        desk.accounts.settle(reservation, cost: .cents(1))
                        return true
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(through == 777)
        #expect(desk.status(budget: budget).daily.cents == [777, 0])
        #expect(desk.accounts.snapshot.openReservations == 0)
    }
}
