import GatewayCore
import Testing

/// Bringing the books in line with the ledger.
@Suite struct AccountsLoadingTests {
    static let day = Timestamp(seconds: 1_795_392_000)

    static func sum(_ cents: Int64, workspace: String = "acme", day: Timestamp = day, provider: String = "p", user: String? = nil)
        -> DailySum
    {
        DailySum(workspace: workspace, day: day, provider: provider, user: user, cost: .cents(cents))
    }

    @Test func isUnverifiedUntilLoaded() throws {
        let desk = Desk(isLoaded: false)
        let budget = Budget.daily(10)
        #expect(desk.status(budget: budget).state == .unverified && desk.status(budget: budget).isUnverified)
        let reservation = try #require(desk.reserve(500, budget: budget).reservation)
        #expect(reservation.isUnverified)
        #expect(desk.accounts.settle(reservation, cost: .cents(500))?.state == .unverified)
        #expect(desk.accounts.load(sums: [], at: monday) { [record(reservation, cents: 500, at: monday)] }.isEmpty)
        #expect(desk.status(budget: budget).state == .exhausted && desk.status(budget: budget).daily.cents == [500, 0])
        #expect(desk.status(workspace: "new", budget: budget).state == .ok)
        #expect(desk.accounts.snapshot.unverifiedWorkspaces == 0)
    }

    @Test func takesSpendingFromTheLedgerAndWhatIsOnItsWay() throws {
        var budget = Budget.daily(1000, monthly: 10_000)
        budget.users = Budget.UserLimits(standard: WindowLimits(daily: .cents(100)))
        let desk = Desk(BudgetBook(standard: budget), isLoaded: false)
        let open = try #require(desk.reserve(7, user: "u", budget: budget).reservation)
        let settled = try #require(desk.reserve(9, user: "u", budget: budget).reservation)
        desk.accounts.settle(settled, cost: .cents(9))
        let yesterday = Self.day.adding(seconds: -86_400)
        let sums = [
            Self.sum(20, user: "u"), Self.sum(30, provider: "q"), Self.sum(400, day: yesterday, user: "u"),
            Self.sum(5000, day: Timestamp(seconds: 1_793_404_800)), Self.sum(3, workspace: "other"),
        ]
        #expect(desk.accounts.load(sums: sums, at: monday) { [record(settled, cents: 9, user: "u", at: monday)] }.isEmpty)
        let scopes = desk.accounts.scopes(workspace: "acme", user: "u", budget: budget, at: monday)
        #expect(scopes.map(\.name) == [nil, "p", "q", "u"])
        #expect(scopes.map(\.daily.cents) == [[59, 7], [29, 7], [30, 0], [29, 7]])
        #expect(scopes.map(\.monthly.cents) == [[459, 7], [429, 7], [30, 0], [429, 7]])
        #expect(desk.status(workspace: "other", budget: budget).daily.cents == [3, 0])
        desk.accounts.settle(open, cost: .cents(5))
        #expect(desk.status(budget: budget).daily.cents == [64, 0])
    }

    @Test func aRecordWhoseSettlementIsStillToComeCountsOnce() throws {
        let desk = Desk()
        let budget = Budget.daily(100)
        let reservation = try #require(desk.reserve(10, budget: budget).reservation)
        _ = desk.accounts.load(sums: [], at: monday) { [record(reservation, cents: 8, at: monday)] }
        #expect(desk.status(budget: budget).daily.cents == [0, 10])
        desk.accounts.settle(reservation, cost: .cents(8))
        #expect(desk.status(budget: budget).daily.cents == [8, 0])
    }

    @Test func daysOfAnotherZoneNeedExactSums() throws {
        let budget = Budget.daily(100, monthly: 1000, zone: "America/New_York")
        let desk = Desk(BudgetBook(standard: budget), isLoaded: false)
        let local = Timestamp(seconds: 1_795_410_000)
        let sums = [
            Self.sum(5), Self.sum(6, workspace: "local", day: local), Self.sum(7, workspace: "old", day: Timestamp(seconds: 1_793_404_800)),
        ]
        #expect(desk.accounts.load(sums: sums, at: monday) { [] } == ["acme"])
        #expect(desk.status(budget: budget).state == .unverified)
        #expect(desk.status(workspace: "local", budget: budget).daily.cents == [6, 0])
        #expect(desk.status(workspace: "old", budget: budget).state == .ok)
        let windows = desk.accounts.windows(workspace: "acme", at: monday)
        #expect(windows.daily.start == local)
        #expect(desk.accounts.load(workspace: "acme", windows: windows, daily: [Self.sum(2)], monthly: [Self.sum(90), Self.sum(5)]) { [] })
        #expect(desk.status(budget: budget).daily.cents == [2, 0] && desk.status(budget: budget).monthly.cents == [95, 0])
        #expect(desk.status(budget: budget).state == .ok)
        // Windows of a zone that it has no longer.
        let utc = Zone.utc.windows(at: monday)
        #expect(!desk.accounts.load(workspace: "acme", windows: utc, daily: [], monthly: []) { [] })
        #expect(desk.status(budget: budget).daily.cents == [2, 0])
    }

    @Test func sumsReachBackBeforeTheMonthOfEveryZone() throws {
        for (now, since) in [
            ("2026-11-23T05:20:00Z", "2026-10-29"), ("2026-12-01T11:59:59Z", "2026-10-29"), ("2026-12-02T00:00:00Z", "2026-11-28"),
            ("2027-01-01T03:00:00Z", "2026-11-28"),
        ] {
            let since = try #require(Timestamp(since))
            let now = try #require(Timestamp(now))
            #expect(Accounts.sumsSince(now) == since)
            for name in ["Etc/GMT+12", "Pacific/Kiritimati"] {
                let month = try #require(Zone(name)).windows(at: now).monthly
                #expect(since <= month.start.adding(seconds: -26 * 3600))
            }
        }
    }

    @Test func aChangeOfZoneMovesWhatIsHeldAndAsksForSums() throws {
        let acme = Budget.daily(100, monthly: 1000)
        let book = BudgetBook(workspaces: ["acme": acme, "same": .daily(5)])
        let desk = Desk(book)
        // Early on the 24th in UTC, still the 23rd in New York.
        let now = Timestamp(seconds: 1_795_480_000)
        let open = try #require(desk.reserve(30, budget: acme, at: now).reservation)
        desk.accounts.settle(try #require(desk.reserve(5, budget: acme, at: now).reservation), cost: .cents(5))
        var changed = book
        let moved = Budget.daily(100, monthly: 1000, zone: "America/New_York")
        changed.workspaces["acme"] = moved
        changed.workspaces["named"] = .daily(1, zone: "Asia/Kolkata")
        #expect(desk.accounts.adopt(budgets: changed, alerts: AlertSettings()) == .workspaces(["acme", "named"]))
        // Until then what was known binds, in the windows that it is known of.
        for (workspace, isLoading) in [("acme", true), ("named", true), ("same", false)] {
            #expect(
                desk.accounts.isLoading(workspace) == isLoading && !desk.status(workspace: workspace, budget: moved, at: now).isUnverified)
            #expect(desk.status(workspace: workspace, budget: moved, at: now).daily.window.end.rfc3339 == "2026-11-25T00:00:00Z")
        }
        #expect(desk.status(budget: moved, at: now).daily.cents == [5, 30])
        #expect(desk.reserve(66, budget: moved, at: now).refusal?.reason == .held)
        desk.accounts.purge(at: now)
        #expect(desk.accounts.isLoading("named"))
        #expect(desk.accounts.adopt(budgets: changed, alerts: AlertSettings()) == .workspaces(["acme", "named"]))
        let windows = desk.accounts.windowsToLoad(workspace: "acme", at: now)
        #expect(windows.daily.end.rfc3339 == "2026-11-24T05:00:00Z")
        #expect(desk.accounts.load(workspace: "acme", windows: windows, daily: [Self.sum(45)], monthly: [Self.sum(45)]) { [] })
        #expect(desk.status(budget: moved, at: now).daily.cents == [45, 30])
        #expect(desk.reserve(26, budget: moved, at: now).refusal?.reason == .held)
        // Its record keeps the day it was made with; its cost counts in the new one.
        #expect(desk.accounts.settle(open, cost: .cents(30))?.daily.window == windows.daily)
        #expect(desk.status(budget: moved, at: now).daily.cents == [75, 0])
        #expect(desk.accounts.adopt(budgets: changed, alerts: AlertSettings()) == .workspaces(["named"]))
        // Back again before it is loaded: nothing was ever lost.
        #expect(desk.accounts.adopt(budgets: book, alerts: AlertSettings()) == .workspaces(["acme"]))
        #expect(!desk.accounts.isLoading("named"))
    }

    @Test func aCallOfAnEarlierGenerationDoesNotTurnTheZoneBack() throws {
        let desk = Desk(BudgetBook(standard: .daily(100)))
        let moved = Budget.daily(100, zone: "Asia/Kolkata")
        #expect(desk.accounts.adopt(budgets: BudgetBook(standard: moved), alerts: AlertSettings()) == .all)
        let reservation = try #require(desk.reserve(1, budget: .daily(100)).reservation)
        // Of a workspace that nobody has heard of it is known what it has spent, in the former zone.
        #expect(reservation.day.rfc3339 == "2026-11-23T00:00:00Z" && !reservation.isUnverified && desk.accounts.isLoading("other"))
        #expect(desk.reserve(100, workspace: "other", budget: moved).reservation != nil)
        #expect(desk.reserve(1, workspace: "other", budget: moved).refusal?.violated == ["workspace-daily"])
        #expect(desk.accounts.load(sums: [], at: monday) { [] }.isEmpty)
        let start = try #require(Zone("Asia/Kolkata")).windows(at: monday).daily.start
        for workspace in ["acme", "other", "third"] {
            #expect(desk.status(workspace: workspace, budget: moved).daily.window.start == start && !desk.accounts.isLoading(workspace))
        }
        #expect(desk.status(workspace: "other", budget: moved).daily.cents == [0, 100])
        #expect(desk.accounts.adopt(budgets: BudgetBook(standard: moved), alerts: AlertSettings()) == .nothing)
        #expect(!desk.status(budget: moved).isUnverified)
    }

    @Test func usersAreToldApartFromWhenTheyGetLimits() throws {
        let plain = Budget.daily(1000)
        var limited = plain
        limited.users = Budget.UserLimits(standard: WindowLimits(daily: .cents(50)))
        let desk = Desk(BudgetBook(standard: plain))
        let open = try #require(desk.reserve(20, user: "u", budget: plain).reservation)
        #expect(desk.accounts.adopt(budgets: BudgetBook(standard: limited), alerts: AlertSettings()) == .workspaces(["acme"]))
        // The workspace's own limit binds on; what a user has spent is not known yet.
        #expect(desk.status(user: "u", budget: limited).isUnverified && !desk.status(budget: limited).isUnverified)
        #expect(try #require(desk.reserve(981, user: "u", budget: limited).refusal).violated == ["workspace-daily"])
        let unknown = try #require(desk.reserve(51, user: "u", budget: limited).reservation)
        let anonymous = try #require(desk.reserve(1, budget: limited).reservation)
        #expect(unknown.isUnverified && !anonymous.isUnverified)
        for each in [unknown, anonymous] { desk.accounts.release(each) }
        let windows = desk.accounts.windowsToLoad(workspace: "acme", at: monday)
        #expect(desk.accounts.load(workspace: "acme", windows: windows, daily: [Self.sum(25, user: "u")], monthly: []) { [] })
        #expect(try #require(desk.reserve(6, user: "u", budget: limited).refusal).violated == ["user-daily"])
        desk.accounts.settle(open, cost: .cents(0))
        let second = try #require(desk.reserve(6, user: "u", budget: limited).reservation)
        // Away and back again, with a call in flight all the time.
        _ = desk.accounts.adopt(budgets: BudgetBook(standard: plain), alerts: AlertSettings())
        #expect(desk.accounts.adopt(budgets: BudgetBook(standard: limited), alerts: AlertSettings()) == .workspaces(["acme"]))
        #expect(desk.accounts.load(workspace: "acme", windows: windows, daily: [Self.sum(25, user: "u")], monthly: []) { [] })
        let user = try #require(desk.accounts.scopes(workspace: "acme", user: "u", budget: limited, at: monday).last)
        #expect(user.daily.cents == [25, 6])
        desk.accounts.release(second)
        #expect(desk.accounts.snapshot.held == .zero)
    }

    @Test func thresholdsAreAdopted() throws {
        let desk = Desk()
        let budget = Budget.daily(100)
        desk.accounts.settle(try #require(desk.reserve(50, budget: budget).reservation), cost: .cents(50))
        _ = desk.accounts.adopt(budgets: BudgetBook(), alerts: AlertSettings(warning: Exact(10), critical: Exact(50)))
        #expect(desk.status(budget: budget).state == .critical)
    }
}
