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
        var thresholds: BudgetThresholds
        /// Whether a workspace without books is known to have spent nothing.
        var isLoaded = false
        var shadowRefusals = 0

        init(budgets: BudgetBook, thresholds: BudgetThresholds) {
            self.budgets = budgets
            self.thresholds = thresholds
        }

        /// A workspace's books, which are opened if need be.
        mutating func book(_ workspace: String) -> WorkspaceBook {
            if let book = books[workspace] { return book }
            let budget = budgets.budget(for: workspace)
            let book = WorkspaceBook(
                name: workspace, zone: budget.timeZone, tracksUsers: budget.users != nil, isLoaded: isLoaded)
            books[workspace] = book
            return book
        }

        /// Keeps a reservation; the token finds it again, once.
        mutating func insert(_ reservation: OpenReservation) -> UInt64 {
            lastToken &+= 1
            open[lastToken] = reservation
            return lastToken
        }

        func open(in book: WorkspaceBook) -> [OpenReservation] {
            open.values.filter { $0.book === book }
        }
    }

    let state: Mutex<State>

    init(budgets: BudgetBook, thresholds: BudgetThresholds) {
        state = Mutex(State(budgets: budgets, thresholds: thresholds))
    }
}
