import Synchronization

/// The books of some workspaces, behind one lock.
///
/// Books, tallies and open reservations are classes that no one else refers to: they never leave the lock.
final class AccountShard: Sendable {
    struct State {
        var books: [String: WorkspaceBook] = [:]
        var open: [UInt64: OpenReservation] = [:]
        private var lastToken: UInt64 = 0
        /// The budgets adopted last.
        var budgets: BudgetBook
        /// Those in whose zones it is known what workspaces without books have spent, where that is still to be loaded for the ones adopted last.
        var formerBudgets: BudgetBook?
        var thresholds: BudgetThresholds
        /// Whether a workspace without books is known to have spent nothing.
        var isLoaded = false
        var shadowRefusals = 0
        /// The scopes in which something has changed since alerts were looked for, each once.
        var marked: [AlertMark] = []
        /// Where the leases are, of accounts that gateways share.
        var leases: [AccountKey: LeasePlace] = [:]
        /// Those of them that are not open.
        var unopened: Set<AccountKey> = []
        /// Those that should be asked about before the next tick.
        var pressing: Set<AccountKey> = []
        /// Calls that wait for room in an account.
        var waiters: [AccountKey: [LeaseWaiter]] = [:]
        /// How often has been looked for what is to be asked about leases.
        var round: UInt64 = 0

        init(budgets: BudgetBook, thresholds: BudgetThresholds) {
            self.budgets = budgets
            self.thresholds = thresholds
        }

        /// A workspace's books, which are opened if need be, in the zone that it has in budgets that were in force before.
        mutating func book(_ workspace: String, zoneOf former: BudgetBook? = nil) -> WorkspaceBook {
            if let book = books[workspace] { return book }
            let budget = budgets.budget(for: workspace)
            let zone = former?.budget(for: workspace).timeZone ?? zone(of: workspace)
            let book = WorkspaceBook(
                name: workspace, zone: zone, nextZone: zone == budget.timeZone ? nil : budget.timeZone, tracksUsers: budget.users != nil,
                isLoaded: isLoaded)
            books[workspace] = book
            return book
        }

        /// The zone whose windows bind a workspace.
        func zone(of workspace: String) -> String {
            books[workspace]?.zone ?? (formerBudgets ?? budgets).budget(for: workspace).timeZone
        }

        /// The zone in whose windows its spending is to be loaded.
        func zoneToLoad(of workspace: String) -> String {
            books[workspace].map { $0.nextZone ?? $0.zone } ?? budgets.budget(for: workspace).timeZone
        }

        /// Whether something of a workspace is still to be loaded.
        func isLoading(_ workspace: String) -> Bool {
            books[workspace]?.isLoading ?? (!isLoaded || zone(of: workspace) != zoneToLoad(of: workspace))
        }

        /// Puts what a workspace has spent into its books, which are in the zone of its budget from here on.
        mutating func replaceSpent(of workspace: String, in windows: Windows, with charges: [WindowCharge], from cache: WindowCache) {
            let book = book(workspace)
            if let zone = book.nextZone { book.move(to: zone, holding: open(in: book), from: cache) }
            book.replaceSpent(in: windows, with: charges)
            markAll(of: book)
        }

        /// Keeps a reservation; the token finds it again, once.
        mutating func insert(_ reservation: OpenReservation) -> UInt64 {
            lastToken &+= 1
            open[lastToken] = reservation
            return lastToken
        }

        /// Forgets where a lease is. Returns who waited for it.
        mutating func closeLease(_ account: AccountKey) -> [LeaseWaiter] {
            leases[account] = nil
            unopened.remove(account)
            return waiters.removeValue(forKey: account) ?? []
        }

        func open(in book: WorkspaceBook) -> [OpenReservation] {
            open.values.filter { $0.book === book }
        }
    }

    struct LeasePlace {
        let tallies: ScopeTallies
        let window: Window
        let zone: String

        /// Nil where it, or its lease, is gone.
        var tally: Tally? {
            get { tallies.tally(window).flatMap { $0.lease == nil ? nil : $0 } }
            nonmutating set {
                if let newValue, tally != nil { tallies.update(window) { $0 = newValue } }
            }
        }
    }

    let state: Mutex<State>

    init(budgets: BudgetBook, thresholds: BudgetThresholds) {
        state = Mutex(State(budgets: budgets, thresholds: thresholds))
    }
}
