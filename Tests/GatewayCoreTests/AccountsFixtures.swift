import GatewayCore

/// 2026-11-23T05:20:00Z, a Monday within its day and month in every zone of the tests.
let monday = Timestamp(seconds: 1_795_411_200)

extension Money {
    /// Whole cents.
    static func cents(_ count: Int64) -> Money { Money(nanos: count * 10_000_000) }
}

extension Budget {
    static func daily(_ cents: Int64?, monthly: Int64? = nil, enforcement: Enforcement = .enforce, zone: String = "UTC") -> Budget {
        Budget(
            workspace: WindowLimits(daily: cents.map(Money.cents), monthly: monthly.map(Money.cents)), timeZone: zone,
            enforcement: enforcement)
    }
}

/// Accounts over one standard budget, with ids of their own and nothing on record.
struct Desk {
    let accounts: Accounts
    let ids = CallIDGenerator()

    init(_ book: BudgetBook = BudgetBook(), isLoaded: Bool = true, alerts: AlertSettings = AlertSettings()) {
        accounts = Accounts(budgets: book, alerts: alerts)
        if isLoaded { _ = accounts.load(sums: [], at: monday) { [] } }
    }

    func reserve(
        _ cents: Int64, workspace: String = "acme", user: String? = nil, provider: String = "p", budget: Budget, at now: Timestamp = monday
    ) -> ReserveOutcome {
        accounts.reserve(
            id: ids.next(at: now), workspace: workspace, user: user, provider: provider, estimate: .cents(cents), budget: budget, at: now)
    }

    func status(
        workspace: String = "acme", user: String? = nil, provider: String? = "p", budget: Budget, at now: Timestamp = monday
    ) -> BudgetStatus {
        accounts.status(workspace: workspace, user: user, provider: provider, budget: budget, at: now)
    }
}

extension ReserveOutcome {
    var reservation: Reservation? {
        if case .reserved(let reservation) = self { reservation } else { nil }
    }

    var refusal: Refusal? {
        if case .refused(let refusal) = self { refusal } else { nil }
    }
}

extension WindowStatus {
    /// Spent and held, in cents.
    var cents: [Int64] { [spent.nanos / 10_000_000, held.nanos / 10_000_000] }
}

func record(
    _ reservation: Reservation, cents: Int64, user: String? = nil, provider: String = "p", at instant: Timestamp
) -> CostRecord {
    CostRecord(
        id: reservation.id, workspace: reservation.workspace, user: user, provider: provider, cost: .cents(cents), basis: .table,
        estimate: reservation.estimate, success: true, createdAt: instant, day: reservation.day)
}
