/// How the parts behind the data path are, for `/readyz` and the metrics.
package struct Health: Sendable, Hashable {
    package struct Part: Sendable, Hashable {
        /// Since when it fails; nil while it is well.
        package var failingSince: Timestamp?
        /// What it said last, for operators.
        package var lastError: String?

        package init(failingSince: Timestamp? = nil, lastError: String? = nil) {
            self.failingSince = failingSince
            self.lastError = lastError
        }

        package var isWell: Bool { failingSince == nil }
    }

    package var journal: Part
    package var ledger: Part
    /// Whether the budgets know what was spent before this start.
    package var budgetsLoaded: Bool
    /// Records that are in the journal and not yet in the ledger.
    package var backlog: Int
    /// Bytes of the journal that the ledger has not reached.
    package var backlogBytes: Int

    package init(journal: Part, ledger: Part, budgetsLoaded: Bool, backlog: Int, backlogBytes: Int) {
        self.journal = journal
        self.ledger = ledger
        self.budgetsLoaded = budgetsLoaded
        self.backlog = backlog
        self.backlogBytes = backlogBytes
    }
}
