package import JSONPath

/// A workspace's windows as JSON: what callers read at `/_gateway/budget` and operators at the admin plane.
package enum BudgetReport {
    /// The limits in force, what is spent and held in the current windows, and when they end; with a user, that user's as well.
    ///
    /// - Parameter showsBudget: Whether the budget is added in config.yaml's words, the limits on all users included: for operators.
    package static func json(
        _ accounts: Accounts, workspace: String, user: String? = nil, budget: Budget, showsBudget: Bool = false, at now: Timestamp
    ) -> JSONValue {
        let scopes = accounts.scopes(workspace: workspace, user: user, budget: budget, at: now)
        let status = accounts.status(workspace: workspace, user: user, provider: nil, budget: budget, at: now)
        let members: [JSONValue.Member] = [
            .init("workspace", .string(workspace)),
            .init("currency", .string("USD")),
            .init("enforcement", .string(budget.enforcement.rawValue)),
            .init("timezone", .string(budget.timeZone)),
            .init("state", .string(status.state.rawValue)),
            .init("daily", window(status.daily)),
            .init("monthly", window(status.monthly)),
            .init("scopes", .array(scopes.map(scope))),
        ]
        return .object(members + (showsBudget ? [.init("budget", budget.json)] : []))
    }

    private static func scope(_ scope: ScopeStatus) -> JSONValue {
        var members = [JSONValue.Member("scope", .string(scope.kind.rawValue))]
        if let name = scope.name { members.append(.init("name", .string(name))) }
        return .object(members + [.init("daily", window(scope.daily)), .init("monthly", window(scope.monthly))])
    }

    /// One window.
    package static func window(_ status: WindowStatus) -> JSONValue {
        var members = [
            JSONValue.Member("spent", .string(status.spent.description)), .init("held", .string(status.held.description)),
        ]
        if let limit = status.limit { members.insert(.init("limit", .string(limit.description)), at: 0) }
        if let remaining = status.remaining { members.append(.init("remaining", .string(remaining.description))) }
        return .object(members + [.init("resets_at", .string(status.window.resetText))])
    }
}
