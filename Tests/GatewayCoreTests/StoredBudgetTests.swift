import GatewayCore
import JSONPath
import Testing

/// Budgets as a database has them.
@Suite struct StoredBudgetTests {
    private static let standard = Budget(
        workspace: WindowLimits(daily: .cents(5000), monthly: .cents(100_000)), timeZone: "Asia/Tokyo",
        providers: ["p": WindowLimits(daily: .cents(7))], users: Budget.UserLimits(standard: WindowLimits(daily: .cents(3))))

    @Test func whatIsLeftOutIsTheStandards() throws {
        let text = #"""
            {"daily": "2.50", "enforcement": "shadow", "providers": {"q": {"monthly": 9}, "p": {"monthly": "1.00"}},
             "users": {"default": {"monthly": 4}, "ada": {"daily": "8"}}}
            """#
        let budget = try StoredBudgets.budget(text, inheriting: Self.standard)
        #expect(budget.workspace == WindowLimits(daily: .cents(250), monthly: .cents(100_000)))
        #expect(budget.enforcement == .shadow && budget.timeZone == "Asia/Tokyo")
        #expect(budget.providers == ["p": WindowLimits(daily: .cents(7), monthly: .cents(100)), "q": WindowLimits(monthly: .cents(900))])
        #expect(budget.users?.limits(for: "grace") == WindowLimits(daily: .cents(3), monthly: .cents(400)))
        #expect(budget.users?.limits(for: "ada") == WindowLimits(daily: .cents(800), monthly: .cents(400)))
        let empty = try StoredBudgets.budget("{}", inheriting: Self.standard)
        #expect(empty == Self.standard)
    }

    @Test(arguments: [
        ("", "it is not JSON"), ("[]", "a budget is an object"), (#"{"dayly": 1}"#, "unknown member 'dayly'"),
        (#"{"daily": -1}"#, "daily is no amount"), (#"{"daily": "much"}"#, "daily is no amount"),
        (#"{"daily": null}"#, "daily is no amount"),
        (#"{"timezone": "Mars/Base"}"#, "timezone is no"), (#"{"enforcement": "maybe"}"#, "enforcement is"),
        (#"{"providers": {"p": 1}}"#, "limits is an object"),
    ])
    func whatIsNoBudgetIsSaid(text: String, reason: String) {
        do {
            _ = try StoredBudgets.budget(text, inheriting: Self.standard)
            Issue.record("\(text) was read")
        } catch {
            #expect(error.description.contains(reason), "\(error)")
        }
    }

    @Test func theFilesWinWhereTheyNameAWorkspaceAndAReloadKeepsTheRest() throws {
        func generation(_ number: Int, _ book: BudgetBook) -> Generation {
            var configuration = Configuration(plugins: "/", ledger: LedgerSettings(engine: .sqlite(path: "/"), journal: "/"))
            configuration.budgets = book
            return Generation(number: number, configuration: configuration, adapters: [:], loadedAt: monday)
        }
        let named = Budget.daily(11)
        let current = CurrentGeneration(generation(1, BudgetBook(standard: Self.standard, workspaces: ["named": named])))
        let stored = StoredBudgets(
            version: 3, texts: ["named": #"{"daily": 1}"#, "stored": #"{"daily": 2}"#, "broken": #"{"daily": "x"}"#])
        var problems: [String] = []
        let adopted = current.adopt(stored) { workspace, _ in problems.append(workspace) }
        #expect(problems == ["broken"] && current.storedVersion == 3)
        #expect(adopted == current.generation.configuration)
        #expect(adopted.budgets.workspaces.keys.sorted() == ["named", "stored"])
        #expect(adopted.budgets.budget(for: "named") == named && adopted.budgets.budget(for: "stored").workspace.daily == .cents(200))
        // A reload changes the standard and names the other one.
        let next = generation(2, BudgetBook(standard: .daily(9), workspaces: ["stored": .daily(8)]))
        #expect(current.merged(next).budgets.budget(for: "named") == Budget.daily(100))
        current.replace(with: next)
        #expect(current.generation.number == 2 && current.generation.configuration.budgets == current.merged(next).budgets)
        #expect(current.generation.configuration.budgets.budget(for: "stored") == .daily(8))
        #expect(current.fileBudgets == next.configuration.budgets)
        // What the database has no more is gone.
        _ = current.adopt(StoredBudgets(version: 4)) { _, _ in }
        #expect(current.generation.configuration.budgets == next.configuration.budgets)
    }
}
