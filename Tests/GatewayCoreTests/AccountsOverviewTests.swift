import GatewayCore
import JSONPath
import Testing

/// All workspaces at a glance.
@Suite struct AccountsOverviewTests {
    private func overview(_ desk: Desk, _ book: BudgetBook, at now: Timestamp = monday) -> [String: WorkspaceOverview] {
        Dictionary(uniqueKeysWithValues: desk.accounts.overview(budgets: book, at: now).map { ($0.id, $0) })
    }

    @Test func showsThoseThatSpendAndThoseThatAreNamedOnce() throws {
        let book = BudgetBook(
            standard: .daily(100, monthly: 1000), workspaces: ["named": .daily(10, monthly: 20), "idle": .daily(5, monthly: 6)])
        let desk = Desk(book)
        let spent = try #require(desk.reserve(9, workspace: "named", budget: book.budget(for: "named")).reservation)
        desk.accounts.settle(spent, cost: .cents(9))
        _ = desk.reserve(40, workspace: "free", budget: book.standard)
        let all = overview(desk, book)
        #expect(Set(all.keys) == ["named", "idle", "free"])
        #expect(all["named"]?.status.daily.cents == [9, 0] && all["named"]?.status.state == .warning && all["named"]?.share == 900_000)
        #expect(all["free"]?.status.monthly.cents == [0, 40] && all["free"]?.share == 400_000)
        #expect(all["idle"]?.status.daily.cents == [0, 0] && all["idle"]?.status.daily.limit == .cents(5) && all["idle"]?.share == 0)
        for (id, workspace) in all {
            #expect(workspace.status == desk.status(workspace: id, provider: nil, budget: book.budget(for: id)))
        }
        // The next day, the day's window is another one.
        let later = overview(desk, book, at: monday.adding(seconds: 86_400))
        #expect(later["named"]?.status.daily.cents == [0, 0] && later["named"]?.status.monthly.cents == [9, 0])
    }

    /// The fuller window counts, rounded down, and a limit of nothing is full.
    @Test(
        arguments: [
            (0, 100, 1000, 0), (33, 100, 1000, 330_000), (1, 3, 1000, 333_333), (2, 3, nil, 666_666), (99, 100, 99, 1_000_000),
            (150, 100, nil, 1_500_000), (5, nil, 10, 500_000), (0, 0, 10, 1_000_000), (7, nil, nil, nil),
        ] as [(Int64, Int64?, Int64?, Int64?)])
    func sharesAreExact(cents: Int64, daily: Int64?, monthly: Int64?, share: Int64?) throws {
        var budget = Budget(workspace: WindowLimits(daily: daily.map { .cents($0) }, monthly: monthly.map { .cents($0) }))
        budget.enforcement = .off
        let book = BudgetBook(standard: budget, workspaces: ["acme": budget])
        let desk = Desk(book)
        if cents > 0 {
            let reservation = try #require(desk.reserve(cents, budget: budget).reservation)
            desk.accounts.settle(reservation, cost: .cents(cents))
        }
        #expect(overview(desk, book)["acme"]?.share == share)
    }

    @Test func isUnverifiedBeforeTheLedgerIsRead() throws {
        let book = BudgetBook(standard: .daily(100), workspaces: ["named": .daily(10)])
        let desk = Desk(book, isLoaded: false)
        _ = desk.reserve(1, workspace: "free", budget: book.standard)
        #expect(overview(desk, book).values.allSatisfy { $0.status.state == .unverified })
    }

    // MARK: Grades

    @Test(
        arguments: [
            (0, .f), (29, .f), (30, .d), (49, .d), (50, .c), (69, .c), (70, .b), (84, .b), (85, .a), (100, .a),
        ] as [(Int, QualityGrade)])
    func gradesBeginAtTheirScores(score: Int, grade: QualityGrade) {
        #expect(QualityGrade(Score(score)) == grade)
        if score > 0 { #expect(QualityGrade(Score(tenThousandths: score * 10_000 - 1)) >= QualityGrade(Score(score))) }
    }

    @Test func gradesOfRecordsAreCountedInTheRow() throws {
        let records = ["91.5", "85", "84.9", "0", "29.9"].map { score in
            var record = Record(.person)
            record.append(.dataQualityScore, .number(score))
            return record
        }
        let counts = GradeCounts(records + [Record(.person)])
        #expect(QualityGrade.allCases.map { counts[$0] } == [2, 1, 0, 0, 2] && counts.total == 5)
        let charge = Charge(cost: .zero, basis: .table, lines: [], dimensions: [], isBillable: true)
        #expect(
            RequestData.json(method: "GET", charge: charge, grades: counts)
                == #"{"method":"GET","dimensions":{},"lines":[],"grades":{"A":2,"B":1,"F":2}}"#)
        #expect(RequestData.json(method: "GET", charge: charge) == #"{"method":"GET","dimensions":{},"lines":[]}"#)
    }
}

extension QualityGrade {
    /// Worse grades are greater.
    fileprivate static func >= (left: QualityGrade, right: QualityGrade) -> Bool { left.rawValue >= right.rawValue }
}
