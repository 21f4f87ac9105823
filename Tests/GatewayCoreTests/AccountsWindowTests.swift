import GatewayCore
import Testing

/// What happens where one window ends and the next begins.
@Suite struct AccountsWindowTests {
    static let midnight = Timestamp(seconds: 1_795_478_400)

    @Test func aCallCountsInTheWindowsOfItsReservation() throws {
        let desk = Desk()
        let budget = Budget.daily(100, monthly: 1000)
        let before = Timestamp(microseconds: Self.midnight.microseconds - 1)
        let reservation = try #require(desk.reserve(100, budget: budget, at: before).reservation)
        #expect(desk.reserve(1, budget: budget, at: before).refusal?.reason == .held)
        // The new day is empty; the month goes on.
        #expect(desk.status(budget: budget, at: Self.midnight).daily.cents == [0, 0])
        #expect(desk.status(budget: budget, at: Self.midnight).monthly.cents == [0, 100])
        desk.accounts.purge(at: Self.midnight.adding(seconds: 86_400))
        let status = try #require(desk.accounts.settle(reservation, cost: .cents(70)))
        #expect(status.daily.window.end == Self.midnight && status.daily.cents == [70, 0])
        #expect(desk.status(budget: budget, at: Self.midnight).daily.cents == [0, 0])
        #expect(desk.status(budget: budget, at: Self.midnight).monthly.cents == [70, 0])
        #expect(desk.accounts.snapshot.held == .zero)
    }

    @Test func aClockThatStepsBackFindsTheWindowAsItWas() throws {
        let desk = Desk()
        let budget = Budget.daily(100)
        let before = Self.midnight.adding(seconds: -1)
        desk.accounts.settle(try #require(desk.reserve(90, budget: budget, at: before).reservation), cost: .cents(90))
        let new = try #require(desk.reserve(50, budget: budget, at: Self.midnight).reservation)
        desk.accounts.purge(at: Self.midnight.adding(seconds: 60))
        #expect(desk.reserve(11, budget: budget, at: before).refusal?.reason == .spent)
        #expect(desk.reserve(10, budget: budget, at: before).reservation != nil)
        #expect(desk.status(budget: budget, at: Self.midnight).daily.cents == [0, 50])
        desk.accounts.settle(new, cost: .cents(50))
        #expect(desk.status(budget: budget, at: Self.midnight).daily.cents == [50, 0])
        #expect(desk.status(budget: budget, at: before).daily.cents == [90, 10])
    }

    @Test(arguments: [
        ("America/New_York", "2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
        ("America/New_York", "2026-11-01T03:59:59Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
        ("America/Sao_Paulo", "2018-11-04T02:59:59Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
        ("Asia/Kolkata", "2026-11-22T18:29:59Z", "2026-11-22T18:30:00Z", "2026-11-23T18:30:00Z"),
    ])
    func limitsAreResetAtTheZonesMidnight(_ zone: String, _ last: String, _ first: String, _ next: String) throws {
        let budget = Budget.daily(100, zone: zone)
        let desk = Desk(BudgetBook(standard: budget))
        let instants = try [last, first, next].map { try #require(Timestamp($0)) }
        for instant in instants {
            let reservation = try #require(desk.reserve(100, budget: budget, at: instant).reservation)
            desk.accounts.settle(reservation, cost: .cents(100))
            #expect(desk.reserve(1, budget: budget, at: instant).refusal?.reason == .spent)
        }
        let day = desk.status(budget: budget, at: instants[1]).daily.window
        #expect(day.start == instants[1] && day.end == instants[2])
        #expect(desk.reserve(1, budget: budget, at: Timestamp(microseconds: instants[2].microseconds - 1)).refusal != nil)
    }

    @Test func purgingForgetsWorkspacesThatAreGone() throws {
        let desk = Desk()
        let budget = Budget.daily(100)
        for number in 0..<50 {
            let reservation = try #require(desk.reserve(1, workspace: "w\(number)", budget: budget).reservation)
            if number > 0 { desk.accounts.settle(reservation, cost: .cents(1)) }
        }
        desk.accounts.purge(at: monday)
        #expect(desk.accounts.snapshot.workspaces == 50)
        // What one call holds is kept for as long as it lasts.
        desk.accounts.purge(at: monday.adding(seconds: 86_400 * 365))
        #expect(desk.accounts.snapshot.workspaces == 1 && desk.accounts.snapshot.held == .cents(1))
        // A call that holds nothing is in flight all the same.
        let free = try #require(desk.reserve(0, workspace: "free", budget: budget).reservation)
        desk.accounts.purge(at: monday.adding(seconds: 86_400 * 365))
        #expect(desk.accounts.snapshot(workspace: "free")?.openReservations == 1)
        desk.accounts.release(free)
        desk.accounts.purge(at: monday.adding(seconds: 86_400 * 365))
        #expect(desk.accounts.snapshot(workspace: "free") == nil)
    }
}
