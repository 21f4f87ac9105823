import GatewayCore

/// What every answer tells its caller: what the call cost, and what is left.
struct CallReport {
    enum Basis {
        case charged(CostBasis)
        /// The cost follows.
        case pending

        var text: String {
            switch self {
            case .charged(let basis): basis.rawValue
            case .pending: "pending"
            }
        }
    }

    var id: CallID?
    var provider: String?
    var operation: String?
    var workspace: String
    /// Nil while it is pending.
    var cost: Money?
    var basis: Basis
    var priceVersion: String?
    var status: BudgetStatus?
    var cache = CacheOutcome.none
    /// The tracker failed, and the call went through.
    var isUnverified: Bool
    /// The call was refused because its budget is spent, whatever is left of it.
    var isExhausted = false

    func write(to head: inout ResponseHead) {
        if let id { head.add("X-Gateway-Request-Id", id.description) }
        if let provider { head.add("X-Gateway-Provider", provider) }
        if let operation { head.add("X-Gateway-Operation", operation) }
        head.add("X-Gateway-Workspace", workspace)
        if let cost { head.add("X-Gateway-Cost", cost) }
        head.add("X-Gateway-Cost-Basis", basis.text)
        if let priceVersion { head.add("X-Gateway-Price-Version", priceVersion) }
        if let status {
            let (daily, monthly) = (status.daily, status.monthly)
            head.add("X-Gateway-Spend-Daily", daily.spent)
            head.add("X-Gateway-Spend-Monthly", monthly.spent)
            if let limit = daily.limit, let remaining = daily.remaining {
                head.add("X-Gateway-Limit-Daily", limit)
                head.add("X-Gateway-Remaining-Daily", remaining)
            }
            if let limit = monthly.limit, let remaining = monthly.remaining {
                head.add("X-Gateway-Limit-Monthly", limit)
                head.add("X-Gateway-Remaining-Monthly", remaining)
            }
            head.add("X-Gateway-Reset-Daily", daily.window.resetText)
            head.add("X-Gateway-Reset-Monthly", monthly.window.resetText)
        }
        head.add("X-Gateway-Budget", budget)
        head.add("X-Gateway-Cache", cache.rawValue)
    }

    private var budget: String {
        if isExhausted { return "exhausted" }
        guard !isUnverified, let status else { return "unverified" }
        return status.state.rawValue
    }
}
