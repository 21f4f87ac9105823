/// Every workspace's limits, as config.yaml gives them.
package struct BudgetBook: Sendable, Hashable {
    /// For workspaces that are not named, and for what a named one leaves out.
    package var standard: Budget
    package var workspaces: [String: Budget]

    package init(standard: Budget = Budget(), workspaces: [String: Budget] = [:]) {
        self.standard = standard
        self.workspaces = workspaces
    }

    package func budget(for workspace: String) -> Budget {
        workspaces[workspace] ?? standard
    }
}

/// One workspace's limits.
package struct Budget: Sendable, Hashable {
    package enum Enforcement: String, Sendable, Hashable, CaseIterable {
        /// Calls that do not fit are refused.
        case enforce
        /// Calls that would have been refused are counted and go on.
        case shadow
        /// Spending is recorded and nothing else.
        case off
    }

    package var workspace: WindowLimits
    /// An IANA name: days and months begin when they begin there.
    package var timeZone: String
    package var enforcement: Enforcement
    /// Further limits on what is spent with single providers.
    package var providers: [String: WindowLimits]
    /// Further limits on what single users spend.
    package var users: UserLimits?

    package struct UserLimits: Sendable, Hashable {
        /// For each user that is not named; nil for no limit.
        package var standard: WindowLimits?
        package var named: [String: WindowLimits]

        package init(standard: WindowLimits? = nil, named: [String: WindowLimits] = [:]) {
            self.standard = standard
            self.named = named
        }

        package func limits(for user: String) -> WindowLimits? { named[user] ?? standard }
    }

    /// The limits on a scope; `name` is the provider or the user.
    package func limits(_ scope: BudgetScope, _ name: String) -> WindowLimits? {
        switch scope {
        case .workspace: workspace
        case .provider: providers[name]
        case .user: users?.limits(for: name)
        }
    }

    package init(
        workspace: WindowLimits = WindowLimits(daily: Money(nanos: 50_000_000_000), monthly: Money(nanos: 1_000_000_000_000)),
        timeZone: String = "UTC", enforcement: Enforcement = .enforce, providers: [String: WindowLimits] = [:], users: UserLimits? = nil
    ) {
        self.workspace = workspace
        self.timeZone = timeZone
        self.enforcement = enforcement
        self.providers = providers
        self.users = users
    }
}

/// Limits of the two windows; nil for none.
package struct WindowLimits: Sendable, Hashable {
    package var daily: Money?
    package var monthly: Money?

    package init(daily: Money? = nil, monthly: Money? = nil) {
        self.daily = daily
        self.monthly = monthly
    }

    package subscript(kind: WindowKind) -> Money? {
        switch kind {
        case .daily: daily
        case .monthly: monthly
        }
    }
}
