package import GatewayCore
import Synchronization

/// Moves the journal's settlements into the ledger, in order, in large batches, each in one transaction with the place it reaches.
///
/// It is also the ``DurableLog`` that the data path is given: a settlement passes through it on its way into the journal, so that it can
/// answer for what is settled and not in the ledger yet. While the ledger fails it tries again and the journal grows; nothing is lost and
/// nothing is counted twice. Call ``open()``, then ``run()`` in a task of its own; cancelling that task ends it.
package final class LedgerWriter: DurableLog {
    package struct Options: Sendable {
        /// How long settlements are gathered before they are written.
        package var interval: Duration
        /// The most entries that are read for one batch.
        package var batchSize: Int
        /// The most records kept for ``pending(id:)`` and ``whenCaughtUp(_:)``.
        package var largestRecent: Int
        /// The first and the longest pause after a failure. Each is shortened at random by up to a half.
        package var retry: (first: Duration, longest: Duration)

        package init(
            interval: Duration = .milliseconds(200), batchSize: Int = 10_000, largestRecent: Int = 50_000,
            retry: (first: Duration, longest: Duration) = (.milliseconds(50), .seconds(2))
        ) {
            self.interval = interval
            self.batchSize = batchSize
            self.largestRecent = largestRecent
            self.retry = retry
        }
    }

    /// How the writing goes.
    package struct Status: Sendable {
        /// Bytes of the journal that are not in the ledger.
        package var backlogBytes: UInt64 = 0
        /// Since when the oldest of them waits; nil when there is nothing.
        package var backlogSince: Timestamp?
        /// Settled records that are not in the ledger, as far as they are kept in memory.
        package var recentRecords = 0
        /// Whether those are all.
        package var recentIsComplete = false
        /// When the ledger began to fail; nil while it is well.
        package var failingSince: Timestamp?
        /// Why; nil while it is well.
        package var lastError: LedgerError?
        /// The ledger has been opened.
        package var isOpen = false
        /// How long each batch took.
        package var commits = Histogram.commitTime
        /// Records given to the ledger since the start.
        package var recordsApplied = 0
        /// Those of them that could not be rows.
        package var recordsSetAside = 0
        package var batchesApplied = 0
    }

    struct State {
        var status = Status()
        var recent: RecentRecords
        var ledger: (any Ledger)?
        var jobs: [LedgerJob] = []
        var jobCount: UInt64 = 0
        var ended = false
        /// The ledger has everything before this place.
        var reached = JournalPosition(segment: 0, offset: 0)

        /// The first job whose condition is met.
        var readyJob: Int? {
            jobs.firstIndex { job in
                switch job.condition {
                case .exact: recent.isComplete
                case .reached(let place): reached >= place
                }
            }
        }
    }

    let journal: Journal
    let options: Options
    let clock: WallClock
    let openLedger: @Sendable () async throws(LedgerError) -> any Ledger
    let state: Mutex<State>
    /// There is something to do.
    let work = Nudge()
    /// Something should be done before the interval is over.
    let hurry = Nudge()

    /// - Parameter open: Opens the ledger; called again until it succeeds once. After that the ledger heals itself.
    package init(
        journal: Journal, options: Options = Options(), clock: @escaping WallClock,
        open: @escaping @Sendable () async throws(LedgerError) -> any Ledger
    ) {
        self.journal = journal
        self.options = options
        self.clock = clock
        openLedger = open
        state = Mutex(State(recent: RecentRecords(limit: options.largestRecent)))
    }

    /// Opens the ledger for the first time. One that is away, locked or full is no error here: ``run()`` tries on.
    ///
    /// Throws what waiting does not help: `.owned` and `.schema`.
    package func open() async throws(LedgerError) {
        guard ledger == nil else { return }
        do throws(LedgerError) {
            try await openOnce()
        } catch {
            noteFailure(error)
            guard error.kind == .unavailable else { throw error }
        }
    }

    func openOnce() async throws(LedgerError) {
        let opened = try await openLedger()
        state.withLock { state in
            state.ledger = opened
            state.status.isOpen = true
        }
    }

    func noteFailure(_ error: LedgerError) {
        let now = clock()
        state.withLock { state in
            state.status.failingSince = state.status.failingSince ?? now
            state.status.lastError = error
        }
    }

    /// As whom it writes: the journal's id.
    package var gateway: String { journal.id }

    /// The ledger for reading, once it has been opened.
    package var ledger: (any Ledger)? {
        state.withLock { $0.ledger }
    }

    /// The ledger for reading. Throws why it cannot be opened, until it has been.
    package var openedLedger: any Ledger {
        get throws(LedgerError) {
            let (ledger, error) = state.withLock { ($0.ledger, $0.status.lastError) }
            guard let ledger else { throw error ?? LedgerError(.unavailable, "the ledger has not been opened yet") }
            return ledger
        }
    }

    package func append(_ appends: [LogAppend]) {
        let leftOut = state.withLock { state in
            appends.reduce(0) { count, append in
                guard case .settled(let record) = append.entry else { return count }
                return state.recent.insert(record) ? count : count + 1
            }
        }
        journal.append(appends)
        guard leftOut > 0 else { return }
        state.withLock { state in
            for _ in 0..<leftOut { state.recent.appendedLeftOut() }
        }
    }

    /// A settled record that is not in the ledger yet; nil also for one for which there was no room (``Status/recentIsComplete``).
    package func pending(id: CallID) -> CostRecord? {
        state.withLock { $0.recent.records[id] }
    }

    /// How the writing goes.
    package var status: Status {
        let (status, reached) = state.withLock { state in
            var status = state.status
            status.recentRecords = state.recent.records.count
            status.recentIsComplete = state.recent.isComplete
            return (status, state.reached)
        }
        var full = status
        full.backlogBytes = journal.bytes(after: reached)
        return full
    }
}
