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
    /// Bytes of the journal's segments, and how many they may be; nil for any number.
    package var journalBytes: Int
    package var journalLimit: Int?
    /// Entries that wait in memory until the journal can be written.
    package var retained: Int
    /// Entries for which there was no room in memory: their records are in the log alone, to be replayed.
    package var dropped: Int
    /// Records that the ledger could not make rows of.
    package var setAside: Int
    /// How long the ledger took for each batch of records.
    package var commits: Histogram

    /// A record is in the ledger within a second while all is well; one that waits for longer than this shows that it is not.
    private static let longestWait: Int64 = 5

    /// Per cent of its limit that the journal has grown to when it is said to fill: at each of them once.
    package static let fillingLevels = [50, 75, 90]

    package init(
        journal: Part, ledger: Part, budgetsLoaded: Bool, backlog: Int, backlogBytes: Int, backlogSince: Timestamp? = nil,
        journalBytes: Int = 0, journalLimit: Int? = nil, retained: Int = 0, dropped: Int = 0, setAside: Int = 0,
        commits: Histogram = .commitTime
    ) {
        self.journal = journal
        self.ledger = ledger
        self.budgetsLoaded = budgetsLoaded
        self.backlog = backlog
        self.backlogBytes = backlogBytes
        self.backlogSince = backlogSince
        self.journalBytes = journalBytes
        self.journalLimit = journalLimit
        self.retained = retained
        self.dropped = dropped
        self.setAside = setAside
        self.commits = commits
    }

    /// The highest of ``fillingLevels`` that the journal has reached; nil below all of them, and without a limit.
    package var fillingLevel: Int? {
        guard let journalLimit else { return nil }
        return Self.fillingLevels.last { Int128(journalBytes) * 100 >= Int128(journalLimit) * Int128($0) }
    }

    /// Seconds until the journal is full if the ledger goes on taking nothing and records come as they have; nil where that is not so.
    package func secondsUntilFull(at now: Timestamp) -> Int? {
        guard let journalLimit, let backlogSince, backlogBytes > 0, journalBytes < journalLimit else { return nil }
        let waited = max(1, now.seconds - backlogSince.seconds)
        return Int(clamping: Int128(journalLimit - journalBytes) * Int128(waited) / Int128(backlogBytes))
    }

    /// Whether the ledger, without an error, takes records too slowly.
    package func isBehind(at now: Timestamp) -> Bool {
        guard ledger.isWell, let backlogSince else { return false }
        return backlogSince.adding(seconds: Self.longestWait) < now
    }
}
