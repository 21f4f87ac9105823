/// One limit's account, which all gateways on a database share: a scope of a workspace in one window.
package struct AccountKey: Sendable, Hashable {
    package var workspace: String
    package var scope: BudgetScope
    /// The provider or the user; empty for a workspace as a whole.
    package var name: String
    package var start: Timestamp
    package var end: Timestamp

    package init(workspace: String, scope: BudgetScope, name: String = "", start: Timestamp, end: Timestamp) {
        self.workspace = workspace
        self.scope = scope
        self.name = name
        self.start = start
        self.end = end
    }
}

/// What a gateway says about its lease of an account, in absolute nano-dollars: to say it twice is to say it once.
package struct LeaseRequest: Sendable, Hashable {
    package var account: AccountKey
    /// The gateway does not know what it has there: the account and the lease are made where they are missing, and the amounts are beyond
    /// what the lease has used.
    package var isOpening: Bool
    /// nil for none.
    package var limit: Money?
    /// What the gateway may be using until it has the answer: the lease is never less.
    package var keep: Int64
    /// What is of use to the call that waits and asks for least; `keep` when none does.
    package var minimum: Int64
    package var target: Int64
    /// For an opening: when the days begin that lie in the window, and the one before it.
    package var days: [Timestamp]

    package init(
        _ account: AccountKey, isOpening: Bool = false, limit: Money?, keep: Int64, minimum: Int64, target: Int64, days: [Timestamp] = []
    ) {
        self.account = account
        self.isOpening = isOpening
        self.limit = limit
        self.keep = keep
        self.minimum = minimum
        self.target = target
        self.days = days
    }
}

/// What the database says to it, in nano-dollars.
package struct LeaseReply: Sendable, Hashable {
    /// What the lease is now.
    package var granted: Int64
    /// The part of it that is in the ledger.
    package var used: Int64
    /// What the ledger has in the window, of all gateways.
    package var spent: Int64
    /// The most that the lease could be within the limit.
    package var available: Int64
    /// There was not enough for the minimum.
    package var isRefused: Bool

    package init(granted: Int64, used: Int64, spent: Int64, available: Int64, isRefused: Bool) {
        self.granted = granted
        self.used = used
        self.spent = spent
        self.available = available
        self.isRefused = isRefused
    }
}

/// The accounts that gateways share; the protocol is described in `Leases.md`. One implementation an engine that several gateways may use.
///
/// It belongs to a ledger, whose batches raise what leases have used, and to one gateway, as whose they are written.
package protocol LeaseStore: Sendable {
    /// Answers all requests in one transaction, in their order; nil for a lease that is not there, and that is no opening.
    func exchange(_ requests: [LeaseRequest]) async throws(LedgerError) -> [LeaseReply?]
    /// The accounts that another gateway could not get enough of a moment ago.
    func wanted() async throws(LedgerError) -> [AccountKey]
    /// What is spent, as the ledger has it, from every account whose window ends after an instant.
    func spending(endingAfter instant: Timestamp) async throws(LedgerError) -> [(account: AccountKey, spent: Money)]
    /// Removes accounts whose windows ended long ago.
    func removeEndedAccounts() async throws(LedgerError)
    /// What each gateway has leased in windows that have not ended.
    func leases() async throws(LedgerError) -> [LeaseSummary]
    /// Takes away what a gateway has leased, and returns it. It must not run elsewhere.
    func forget(gateway: String) async throws(LedgerError) -> [LeaseSummary]
}

/// What one gateway has leased from one workspace's account of one window.
package struct LeaseSummary: Sendable, Hashable {
    package var gateway: String
    package var account: AccountKey
    package var granted: Money
    package var used: Money
    /// Whether the gateway is connected.
    package var isRunning: Bool

    package init(gateway: String, account: AccountKey, granted: Money, used: Money, isRunning: Bool) {
        self.gateway = gateway
        self.account = account
        self.granted = granted
        self.used = used
        self.isRunning = isRunning
    }

    /// What is leased and not spent, as far as the ledger knows.
    package var unused: Money { granted - used }
}
