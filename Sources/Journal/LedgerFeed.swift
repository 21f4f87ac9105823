import GatewayCore
import Synchronization

extension LedgerWriter {
    /// Moves records until the task is cancelled; then ends what waits and closes the ledger.
    package func run() async {
        var feed = LedgerFeed(writer: self)
        await feed.run()
        let (jobs, ledger) = state.withLock { state in
            state.ended = true
            defer {
                state.jobs = []
                state.ledger = nil
            }
            return (state.jobs, state.ledger)
        }
        for job in jobs { job.fail(LedgerError(.unavailable, "the gateway is stopping")) }
        await ledger?.close()
    }
}

/// The writer's loop and what only it knows.
private struct LedgerFeed {
    private let writer: LedgerWriter
    private let journal: Journal
    /// Where the next batch begins.
    private var cursor = JournalPosition(segment: 0, offset: 0)
    /// The place that the ledger has been seen to keep.
    private var saved: JournalPosition?
    /// The ledger must be asked where it is: at the start, and after every failure, since a transaction may or may not have been committed
    /// and another database may stand in the old one's place.
    private var isInDoubt = true
    /// Where a transaction ends that was committed although it had failed for us. Its records are among the recent ones until they
    /// have been applied once more, and counted twice until then.
    private var committedUnknown: JournalPosition?
    private var isFirst = true
    private var pause: Duration

    init(writer: LedgerWriter) {
        self.writer = writer
        journal = writer.journal
        pause = writer.options.retry.first
    }

    mutating func run() async {
        while !Task.isCancelled {
            do throws(LedgerError) {
                try await step()
            } catch {
                isInDoubt = true
                writer.noteFailure(error)
                noteBacklog()
                await backOff()
            }
        }
    }

    /// Opens, finds its place, does what waits, writes one batch, or sleeps.
    private mutating func step() async throws(LedgerError) {
        if writer.ledger == nil { try await writer.openOnce() }
        guard let ledger = writer.ledger else { return }
        if isInDoubt { try await findPlace(in: ledger) }
        askJournal()
        try await runJobs(ledger)
        let started = ContinuousClock.now
        let (now, end) = (writer.clock(), journal.durableEnd)
        let (entries, next) = try read()
        if next == cursor {
            committedUnknown = nil
            reached(end, at: now)
            if writer.state.withLock({ $0.readyJob == nil }) { await sleep() }
            return
        }
        try await apply(entries, next, to: ledger)
        reached(end, at: now)
        journal.removeSegments(before: cursor)
        if entries.count < writer.options.batchSize, !Task.isCancelled { await gather(since: started) }
    }

    private mutating func findPlace(in ledger: any Ledger) async throws(LedgerError) {
        let place = try await ledger.position(ofJournal: journal.id)
        if isFirst || place == nil && saved != nil || (place ?? cursor) < (saved ?? cursor) {
            // The start, or a ledger that has less than it had: everything that the journal still has is applied from there.
            cursor = place ?? JournalPosition(segment: 0, offset: 0)
            // A place that the journal never reached, or has lost with the power: what is there is applied again, which changes nothing.
            if cursor > journal.durableEnd { cursor = JournalPosition(segment: 0, offset: 0) }
            writer.state.withLock { state in
                state.recent.invalidate()
                state.reached = cursor
            }
            isFirst = false
            committedUnknown = nil
        } else if let place, place > cursor {
            committedUnknown = place
        }
        saved = place
        isInDoubt = false
    }

    /// Asks the journal where everything appended so far ends, when the recent records could become complete.
    private func askJournal() {
        guard let question = writer.state.withLock({ $0.recent.ask() }) else { return }
        journal.flush { [writer] result in
            let end: JournalPosition? =
                switch result {
                case .success: writer.journal.durableEnd
                case .failure: nil
                }
            writer.state.withLock { $0.recent.answer(end, to: question) }
            writer.work.signal()
        }
    }

    private func read() throws(LedgerError) -> (entries: [JournalEntry], next: JournalPosition) {
        do throws(JournalError) {
            // Holds are most of the journal's other half, and none of the ledger's business.
            return try journal.entries(from: cursor, limit: writer.options.batchSize) { $0 != .held && $0 != .released }
        } catch {
            throw LedgerError(.unavailable, error.description)
        }
    }

    private mutating func apply(_ entries: [JournalEntry], _ next: JournalPosition, to ledger: any Ledger) async throws(LedgerError) {
        noteBacklog()
        var batch = LedgerBatch(journal: journal.id, position: next, records: [])
        for entry in entries { _ = batch.add(entry) }
        var duration: Duration?
        var outcome = LedgerOutcome()
        if !batch.isEmpty {
            let started = ContinuousClock.now
            outcome = try await ledger.apply(batch)
            duration = ContinuousClock.now - started
            saved = next
        }
        cursor = next
        writer.state.withLock { state in
            state.recent.remove(batch.records)
            state.status.recordsApplied += batch.records.count
            state.status.recordsSetAside += outcome.setAside + outcome.additionsSetAside
            if let duration {
                state.status.batchesApplied += 1
                state.status.commits.observe(Int64(clamping: duration.attoseconds / 1_000_000_000))
            }
        }
    }

    /// Tells that the ledger has everything before the cursor, and works. What lies behind `end` has come since `now`.
    private mutating func reached(_ end: JournalPosition, at now: Timestamp) {
        pause = writer.options.retry.first
        if let end = committedUnknown, cursor >= end { committedUnknown = nil }
        let isBehind = journal.bytes(after: cursor) > 0
        writer.state.withLock { state in
            state.reached = cursor
            state.recent.reached(cursor)
            state.status.failingSince = nil
            state.status.lastError = nil
            if !isBehind {
                state.status.backlogSince = nil
            } else if cursor >= end {
                state.status.backlogSince = now
            }
        }
    }

    private func noteBacklog() {
        guard journal.bytes(after: cursor) > 0 else { return }
        let now = writer.clock()
        writer.state.withLock { $0.status.backlogSince = $0.status.backlogSince ?? now }
    }

    /// Runs what waits and may run now, while no batch is on its way.
    private mutating func runJobs(_ ledger: any Ledger) async throws(LedgerError) {
        guard writer.state.withLock({ !$0.jobs.isEmpty }) else { return }
        // One after the other, each with the records as they are then: a job may itself write to the ledger.
        repeat {
            // The ledger may have been exchanged under us since the last batch, and since the last job.
            guard try await ledger.position(ofJournal: journal.id) == saved else {
                try await findPlace(in: ledger)
                return
            }
            guard committedUnknown == nil, let (job, recent) = takeReadyJob() else { return }
            await job.run(ledger, recent)
        } while writer.state.withLock({ $0.readyJob != nil })
    }

    private func takeReadyJob() -> (LedgerJob, [CallID: CostRecord])? {
        writer.state.withLock { state in
            state.readyJob.map { (state.jobs.remove(at: $0), state.recent.records) }
        }
    }

    // MARK: Waiting

    /// Waits until there is something to do, and then for more of it.
    private func sleep() async {
        journal.whenDurable(beyond: cursor) { [work = writer.work] in work.signal() }
        let isComplete = writer.state.withLock { $0.recent.isComplete }
        // Without completeness the journal has to be asked again, which nothing else would remind of.
        await writer.work.wait(timeout: isComplete ? nil : .milliseconds(250))
        guard journal.bytes(after: cursor) > 0, !Task.isCancelled else { return }
        noteBacklog()
        await gather(since: .now)
    }

    /// Lets settlements gather until the interval is over, unless something waits for them.
    private func gather(since started: ContinuousClock.Instant) async {
        let rest = writer.options.interval - (ContinuousClock.now - started)
        guard rest > .zero, writer.state.withLock({ $0.jobs.isEmpty }) else { return }
        await writer.hurry.wait(timeout: rest)
    }

    private mutating func backOff() async {
        // Cancelled when the writer ends, which the loop sees.
        try? await Task.sleep(for: pause * Double.random(in: 0.5...1))
        pause = min(pause * 2, writer.options.retry.longest)
    }
}
