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
    /// Since when the oldest of them waits; nil when there are none.
    package var backlogSince: Timestamp?
    /// Entries that wait in memory until the journal can be written.
    package var retained: Int
    /// Entries for which there was no room in memory: their records are in the log alone, to be replayed.
    package var dropped: Int
    /// Records that the ledger could not make rows of.
    package var setAside: Int

    /// A record is in the ledger within a second while all is well; one that waits for longer than this shows that it is not.
    private static let longestWait: Int64 = 5

    package init(
        journal: Part, ledger: Part, budgetsLoaded: Bool, backlog: Int, backlogBytes: Int, backlogSince: Timestamp? = nil,
        retained: Int = 0, dropped: Int = 0, setAside: Int = 0
    ) {
        self.journal = journal
        self.ledger = ledger
        self.budgetsLoaded = budgetsLoaded
        self.backlog = backlog
        self.backlogBytes = backlogBytes
        self.backlogSince = backlogSince
        self.retained = retained
        self.dropped = dropped
        self.setAside = setAside
    }

    /// Whether the ledger, without an error, takes records too slowly.
    package func isBehind(at now: Timestamp) -> Bool {
        guard ledger.isWell, let backlogSince else { return false }
        return backlogSince.adding(seconds: Self.longestWait) < now
    }
}
