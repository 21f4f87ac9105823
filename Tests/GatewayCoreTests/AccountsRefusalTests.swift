import GatewayCore
import Testing

/// What a caller is told whose call does not fit.
@Suite struct AccountsRefusalTests {
    /// A workspace that has spent 60 cents and holds 30, of which 20 and 30 today.
    static func desk() throws -> Desk {
        let desk = Desk()
        let free = Budget(workspace: WindowLimits())
        let yesterday = monday.adding(seconds: -86_400)
        let earlier = try #require(desk.reserve(40, budget: free, at: yesterday).reservation)
        desk.accounts.settle(earlier, cost: .cents(40))
        desk.accounts.settle(try #require(desk.reserve(20, budget: free).reservation), cost: .cents(20))
        #expect(desk.reserve(30, budget: free).reservation != nil)
        return desk
    }

    @Test(
        arguments: [
            // Estimate, daily limit, monthly limit; reason, reported window, violated.
            (50, 100, nil, nil, nil, []), (51, 101, nil, nil, nil, []), (51, 101, 141, nil, nil, []), (51, nil, nil, nil, nil, []),
            (51, 101, 140, .held, .monthly, ["workspace-monthly"]),
            (51, 101, 111, .held, .monthly, ["workspace-monthly"]),
            (52, 100, 110, .spent, .monthly, ["workspace-daily", "workspace-monthly"]),
            (51, 70, nil, .spent, .daily, ["workspace-daily"]),
            (51, 71, nil, .held, .daily, ["workspace-daily"]),
            (51, 50, nil, .tooLarge, .daily, ["workspace-daily"]),
            (51, 50, 110, .tooLarge, .daily, ["workspace-daily", "workspace-monthly"]),
            (51, 50, 49, .tooLarge, .monthly, ["workspace-daily", "workspace-monthly"]),
            (51, nil, 50, .tooLarge, .monthly, ["workspace-monthly"]),
        ] as [(Int64, Int64?, Int64?, Refusal.Reason?, WindowKind?, [String])])
    func saysWhy(
        _ estimate: Int64, _ daily: Int64?, _ monthly: Int64?, _ reason: Refusal.Reason?, _ window: WindowKind?, _ violated: [String]
    ) throws {
        let refusal = try Self.desk().reserve(estimate, budget: .daily(daily, monthly: monthly)).refusal
        #expect(refusal?.reason == reason)
        #expect(refusal?.window.kind == window)
        #expect(refusal?.violated ?? [] == violated)
        guard let refusal else { return }
        #expect(refusal.scope == .workspace && refusal.held == .cents(30) && refusal.estimate == .cents(estimate))
        #expect(refusal.spent == (refusal.window.kind == .daily ? .cents(20) : .cents(60)))
        #expect(refusal.limit == .cents(try #require(refusal.window.kind == .daily ? daily : monthly)))
    }

    @Test func reportsTheLimitThatIsResetLast() throws {
        var budget = Budget.daily(1, monthly: nil)
        budget.providers["p"] = WindowLimits(daily: .cents(2), monthly: .cents(3))
        budget.users = Budget.UserLimits(standard: WindowLimits(monthly: .cents(4)))
        let desk = Desk(BudgetBook(standard: budget))
        let refusal = try #require(desk.reserve(5, user: "u", budget: budget).refusal)
        #expect(refusal.violated == ["workspace-daily", "provider-daily", "provider-monthly", "user-monthly"])
        #expect(refusal.scope == .provider && refusal.window.kind == .monthly && refusal.limit == .cents(3))
    }

    @Test func becomesAProblem() throws {
        let refusal = try #require(try Self.desk().reserve(10, budget: .daily(25)).refusal)
        let problem = refusal.problem(provider: "p", workspace: "acme", now: monday)
        #expect(problem.code == .budgetExhausted && problem.status == 429 && problem.provider == "p" && problem.workspace == "acme")
        #expect(problem.type == "https://iana.org/assignments/http-problem-types#quota-exceeded")
        let members = Dictionary(uniqueKeysWithValues: problem.members.map { ($0.name, $0.value) })
        #expect(
            members == [
                "scope": .string("workspace"), "window": .string("daily"), "limit": .money(.cents(25)), "spent": .money(.cents(20)),
                "held": .money(.cents(30)), "estimate": .money(.cents(10)), "currency": .string("USD"),
                "resets_at": .string("2026-11-24T00:00:00Z"), "violated-policies": .strings(["workspace-daily"]),
                "reason": .string("spent"),
            ])
        #expect(problem.retryAfter == 18 * 3600 + 40 * 60 && problem.shouldRetry == false)
        #expect(problem.detail.contains("0.25") && problem.detail.contains("2026-11-24T00:00:00Z"))
    }

    @Test func asksToTryAgainWhenThatMayHelp() throws {
        let spent = try #require(try Self.desk().reserve(10, budget: .daily(25)).refusal)
        // Never before the reset, not even by a part of a second.
        #expect(spent.retryAfter(at: Timestamp(microseconds: spent.window.end.microseconds - 1)) == 1)
        #expect(spent.retryAfter(at: Timestamp(microseconds: spent.window.end.microseconds - 1_000_001)) == 2)
        #expect(spent.retryAfter(at: spent.window.end.adding(seconds: -5)) == 5)
        #expect(spent.retryAfter(at: spent.window.end.adding(seconds: 5)) == 1)
        let held = try #require(try Self.desk().reserve(10, budget: .daily(55)).refusal)
        #expect(held.retryAfter(at: monday) == 1 && held.problem(provider: "p", workspace: "w", now: monday).shouldRetry == true)
        let tooLarge = try #require(try Self.desk().reserve(10, budget: .daily(5)).refusal)
        #expect(tooLarge.retryAfter(at: monday) == nil)
        #expect(tooLarge.problem(provider: "p", workspace: "w", now: monday).shouldRetry == false)
    }
}
