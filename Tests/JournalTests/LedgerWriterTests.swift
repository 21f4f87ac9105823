import GatewayCore
import Journal
import LedgerConformance
import Synchronization
import Testing

/// A ledger in memory that fails as it is told, before or after it has committed.
final class MemoryLedger: KeylessLedger {
    struct State: Sendable {
        var rows: [CallID: CostRecord] = [:]
        var positions: [String: JournalPosition] = [:]
        var versions: [PriceVersionRecord] = []
        var kept: [CacheKey: KeptAnswer] = [:]
        var stored: [EntityRecord] = []
        var isAway = false
        /// One in so many batches fails; 0 for none.
        var failsOneIn = 0
        var random = RecordMaker(seed: 99)
        var isClosed = false
        var failures = 0
    }

    let state = Mutex(State())

    func change(_ body: @Sendable (inout State) -> Void) {
        state.withLock { body(&$0) }
    }

    var rows: [CallID: CostRecord] { state.withLock { $0.rows } }

    private func check() throws(LedgerError) {
        if state.withLock({ $0.isAway }) { throw LedgerError(.unavailable, "away") }
    }

    func position(ofJournal journal: String) async throws(LedgerError) -> JournalPosition? {
        try check()
        return state.withLock { $0.positions[journal] }
    }

    func apply(_ batch: LedgerBatch) async throws(LedgerError) -> LedgerOutcome {
        try check()
        let (isWell, new) = state.withLock { state in
            let before = state.rows.count
            let fails = state.failsOneIn > 0 && Int.random(in: 0..<state.failsOneIn, using: &state.random) == 0
            let commits = !fails || Bool.random(using: &state.random)
            if fails { state.failures += 1 }
            if commits {
                for record in batch.records where state.rows[record.id] == nil { state.rows[record.id] = record }
                state.versions += batch.priceVersions
                for answer in batch.kept { state.kept[answer.key] = answer }
                state.stored += batch.stored
                if let journal = batch.journal { state.positions[journal] = batch.position }
            }
            return (!fails, state.rows.count - before)
        }
        if !isWell { throw LedgerError(.unavailable, "failed") }
        return LedgerOutcome(new: new)
    }

    func dailySums(since: Timestamp) async throws(LedgerError) -> [DailySum] { [] }
    func sums(workspace: String, since: Timestamp, until: Timestamp) async throws(LedgerError) -> [DailySum] { [] }
    func onceKeys(since: Timestamp) async throws(LedgerError) -> [OnceKey] { [] }

    func record(id: CallID, workspace: String) async throws(LedgerError) -> CostRecord? {
        try check()
        return state.withLock { $0.rows[id] }
    }

    func keptAnswer(_ key: CacheKey, workspace: String, at now: Timestamp) async throws(LedgerError) -> KeptAnswer? {
        try check()
        return state.withLock { $0.kept[key] }
    }

    func sweepAnswers(at now: Timestamp, limit: Int) async throws(LedgerError) -> Bool { false }
    func spend(_ query: SpendQuery) async throws(LedgerError) -> [SpendRow] { [] }
    func quality(since: Timestamp, limit: Int) async throws(LedgerError) -> QualityReport {
        QualityReport(providers: [], examined: 0, oldest: nil)
    }

    func close() async {
        state.withLock { $0.isClosed = true }
    }
}

@Suite(.timeLimit(.minutes(2))) struct LedgerWriterTests {
    private let folder: ScratchFolder
    private let ledger = MemoryLedger()

    init() throws {
        folder = try ScratchFolder()
    }

    private func writer(_ test: TestJournal, largestRecent: Int = 50_000, batchSize: Int = 64) -> LedgerWriter {
        LedgerWriter(
            journal: test.journal,
            options: LedgerWriter.Options(
                interval: .zero, batchSize: batchSize, largestRecent: largestRecent, retry: (.microseconds(100), .milliseconds(1))),
            clock: fixedClock, open: { [ledger] in ledger })
    }

    private func settle(_ record: CostRecord, through writer: LedgerWriter) {
        writer.append(.held(record)) { _ in }
        writer.append(.settled(record)) { _ in }
    }

    @Test(arguments: [0, 2, 5])
    func eachRecordIsInTheLedgerOnce(failsOneIn: Int) async throws {
        ledger.change { $0.failsOneIn = failsOneIn }
        let test = try TestJournal(folder.path, options: Journal.Options(segmentSize: 20_000, retry: 1...5))
        let writer = writer(test)
        let run = Task { await writer.run() }
        var maker = RecordMaker(seed: 1)
        let records = (0..<2000).map { _ in maker.record() }
        writer.append(.priced(PriceVersionRecord(provider: "alpha", version: "v", canonical: "{}"))) { _ in }
        for record in records { settle(record, through: writer) }
        #expect(await writer.drain(within: .seconds(60)))
        #expect(ledger.rows == Dictionary(uniqueKeysWithValues: records.map { ($0.id, $0) }))
        #expect(!ledger.state.withLock { $0.versions }.isEmpty)
        #expect(failsOneIn == 0 || ledger.state.withLock { $0.failures } > 0)
        #expect(try segments(in: folder.path).count <= 2, "what the ledger has is removed")
        let status = writer.status
        #expect(status.backlogBytes == 0)
        #expect(status.backlogSince == nil)
        #expect(status.failingSince == nil)
        #expect(status.recentRecords == 0)
        run.cancel()
        await run.value
        #expect(ledger.state.withLock { $0.isClosed })
        test.journal.close()
    }

    /// They go the way of the records: in order, and none is lost however often a batch fails.
    @Test(arguments: [0, 3])
    func keptAnswersAndStoredRecordsReachTheLedger(failsOneIn: Int) async throws {
        ledger.change { $0.failsOneIn = failsOneIn }
        let test = try TestJournal(folder.path, options: Journal.Options(segmentSize: 20_000, retry: 1...5))
        let writer = writer(test)
        var maker = RecordMaker(seed: 7)
        let (kept, stored) = ((0..<300).map { _ in maker.keptAnswer() }, (0..<300).map { _ in maker.entity() })
        let run = Task { await writer.run() }
        for (answer, entity) in zip(kept, stored) {
            writer.append(.kept(answer)) { _ in }
            settle(maker.record(), through: writer)
            writer.append(.stored(entity)) { _ in }
        }
        #expect(await writer.drain(within: .seconds(60)))
        let state = ledger.state.withLock { $0 }
        #expect(state.kept == Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0) }) && state.rows.count == 300)
        if failsOneIn == 0 { #expect(state.stored == stored) }
        // A batch that failed after it had been committed is applied once more as a whole: storing twice is storing once.
        #expect(state.stored.reduce(into: [EntityRecord]()) { if !$0.contains($1) { $0.append($1) } } == stored)
        let found = try await writer.keptAnswer(kept[7].key, workspace: kept[7].workspace, at: kept[7].keptAt)
        #expect(found == kept[7])
        run.cancel()
        await run.value
        await #expect(throws: LedgerError.self) {
            _ = try await writer.keptAnswer(kept[7].key, workspace: kept[7].workspace, at: kept[7].keptAt)
        }
        test.journal.close()
    }

    @Test func aRestartGoesOnWhereTheLedgerIs() async throws {
        var maker = RecordMaker(seed: 2)
        let records = (0..<30).map { _ in maker.record() }
        for part in 0..<3 {
            let test = try TestJournal(folder.path)
            let writer = writer(test)
            let run = Task { await writer.run() }
            for record in records[part * 10..<part * 10 + 10] { settle(record, through: writer) }
            if part != 1 { #expect(await writer.drain(within: .seconds(60))) }
            #expect(await test.flush())
            run.cancel()
            await run.value
            test.journal.close()
        }
        #expect(ledger.rows.count == 30)
    }

    @Test func theLedgerAndTheRecentRecordsAreTheWholeTruth() async throws {
        ledger.change { $0.failsOneIn = 7 }
        let test = try TestJournal(folder.path)
        let writer = writer(test, batchSize: 16)
        let run = Task { await writer.run() }
        // What had been settled before the question must be in the answer; what had not been begun when it came must not.
        let counters = Counters()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask {
                    var maker = RecordMaker(seed: UInt64(100 + thread))
                    for index in 0..<1500 {
                        var record = maker.record()
                        record.id = CallID(high: UInt64(thread), low: UInt64(index))
                        counters.begin()
                        settle(record, through: writer)
                        counters.end()
                        if index % 50 == 0 { await Task.yield() }
                    }
                }
            }
            for _ in 0..<200 {
                let before = counters.ended
                let (rows, recent) = try await writer.whenCaughtUp { ledger, recent in ((ledger as? MemoryLedger)?.rows ?? [:], recent) }
                let after = counters.begun
                #expect(recent.keys.filter { rows[$0] != nil }.isEmpty)
                #expect((before...after).contains(rows.count + recent.count))
            }
            try await group.waitForAll()
        }
        let total = try await writer.whenCaughtUp { ledger, recent in ((ledger as? MemoryLedger)?.rows.count ?? 0) + recent.count }
        #expect(total == 6000)
        run.cancel()
        await run.value
        test.journal.close()
    }

    @Test func recentRecordsBeyondTheBoundAreMissedUntilTheLedgerHasThem() async throws {
        let test = try TestJournal(folder.path)
        let writer = writer(test, largestRecent: 10)
        let run = Task { await writer.run() }
        try await writer.whenCaughtUp { _, _ in }
        ledger.change { $0.isAway = true }
        var maker = RecordMaker(seed: 4)
        let records = (0..<40).map { _ in maker.record() }
        for record in records { settle(record, through: writer) }
        #expect(writer.pending(id: records[9].id) == records[9])
        #expect(writer.pending(id: records[10].id) == nil)
        #expect(!writer.status.recentIsComplete)
        ledger.change { $0.isAway = false }
        let (rows, recent) = try await writer.whenCaughtUp { ledger, recent in ((ledger as? MemoryLedger)?.rows ?? [:], recent) }
        #expect(rows.count == 40)
        #expect(recent.isEmpty)
        #expect(writer.status.recentIsComplete)
        run.cancel()
        await run.value
        test.journal.close()
    }

    @Test func whatAnEarlierProcessLeftInTheJournalCountsBeforeTheBarrierOpens() async throws {
        var maker = RecordMaker(seed: 5)
        let (settled, held) = (maker.record(), maker.record())
        let first = try TestJournal(folder.path)
        for entry in [JournalEntry.held(settled), .settled(settled), .held(held)] { await first.append(entry) }
        first.journal.close()
        let test = try TestJournal(folder.path)
        #expect(try test.journal.recover() == [held])
        let writer = writer(test)
        let run = Task { await writer.run() }
        let rows = try await writer.whenCaughtUp { ledger, _ in (ledger as? MemoryLedger)?.rows ?? [:] }
        #expect(Set(rows.keys) == [settled.id, held.id])
        run.cancel()
        await run.value
        test.journal.close()
    }

    @Test func aLedgerThatLostWhatItHadGetsWhatTheJournalStillHas() async throws {
        let test = try TestJournal(folder.path)
        let writer = writer(test)
        let run = Task { await writer.run() }
        var maker = RecordMaker(seed: 6)
        let records = (0..<20).map { _ in maker.record() }
        for record in records { settle(record, through: writer) }
        #expect(await writer.drain(within: .seconds(60)))
        ledger.change { $0 = MemoryLedger.State() }
        let rows = try await writer.whenCaughtUp { ledger, _ in (ledger as? MemoryLedger)?.rows ?? [:] }
        #expect(rows.count == 20)
        run.cancel()
        await run.value
        test.journal.close()
    }

    @Test func whileTheLedgerIsAwayWaitingCanBeGivenUp() async throws {
        let test = try TestJournal(folder.path)
        ledger.change { $0.isAway = true }
        let writer = writer(test)
        let run = Task { await writer.run() }
        var maker = RecordMaker(seed: 7)
        let record = maker.record()
        settle(record, through: writer)
        #expect(await !writer.drain(within: .milliseconds(20)))
        let waiting = Task { try await writer.whenCaughtUp { _, _ in } }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let late = Task { try await writer.whenCaughtUp { _, _ in } }
        #expect(writer.pending(id: record.id) == record)
        #expect(writer.status.backlogBytes > 0)
        #expect(writer.status.lastError?.description == "away")
        run.cancel()
        await run.value
        await #expect(throws: LedgerError.self) { try await late.value }
        await #expect(throws: LedgerError.self) { try await writer.whenCaughtUp { _, _ in } }
        test.journal.close()
    }

    @Test(arguments: [LedgerError.Kind.owned, .schema, .unavailable])
    func theFirstOpeningTellsWhatWaitingDoesNotHelp(kind: LedgerError.Kind) async throws {
        let test = try TestJournal(folder.path)
        let tries = Collected<Int>()
        let options = LedgerWriter.Options(interval: .zero, retry: (.microseconds(100), .milliseconds(1)))
        let writer = LedgerWriter(journal: test.journal, options: options, clock: fixedClock) { [ledger] () async throws(LedgerError) in
            tries.add(1)
            if tries.all.count < 4 { throw LedgerError(kind, "no") }
            return ledger
        }
        if kind == .unavailable {
            try await writer.open()
        } else {
            await #expect(throws: LedgerError.self) { try await writer.open() }
        }
        #expect(writer.status.lastError?.kind == kind)
        let run = Task { await writer.run() }
        try await writer.whenCaughtUp { _, _ in }
        #expect(tries.all.count == 4)
        #expect(writer.status.failingSince == nil)
        run.cancel()
        await run.value
        test.journal.close()
    }

    @Test func replayedRecordsAreNoLongerRecent() async throws {
        let test = try TestJournal(folder.path)
        let writer = writer(test)
        let run = Task { await writer.run() }
        var maker = RecordMaker(seed: 8)
        let records = (0..<3).map { _ in maker.record() }
        #expect(try await writer.replay(records) == LedgerOutcome(new: 3))
        #expect(try await writer.replay(records) == LedgerOutcome())
        let (rows, recent) = try await writer.whenCaughtUp { ledger, recent in ((ledger as? MemoryLedger)?.rows.count, recent.count) }
        #expect(rows == 3)
        #expect(recent == 0)
        run.cancel()
        await run.value
        test.journal.close()
    }

    /// A copy of a journal that was taken while a call was in flight says that it was interrupted.
    @Test func aReplayedCopyDoesNotOvertakeWhatThisProcessKnows() async throws {
        let test = try TestJournal(folder.path)
        let writer = writer(test)
        let run = Task { await writer.run() }
        try await writer.whenCaughtUp { _, _ in }
        var maker = RecordMaker(seed: 9)
        let settled = maker.record()
        var copied = settled
        (copied.cost, copied.basis) = (copied.estimate, .estimate)
        // Settled in the accounts, and its record not yet in the journal.
        writer.noteSettled(settled)
        #expect(try await writer.replay([copied]) == LedgerOutcome(new: 1))
        #expect(ledger.rows[settled.id] == settled)
        settle(settled, through: writer)
        #expect(await writer.drain(within: .seconds(60)))
        #expect(ledger.rows.count == 1 && writer.status.recentRecords == 0)
        run.cancel()
        await run.value
        test.journal.close()
    }

    @Test func theBacklogsAgeIsThatOfItsOldestRecord() async throws {
        let clock = SteppingClock()
        let test = try TestJournal(folder.path)
        let writer = LedgerWriter(
            journal: test.journal, options: LedgerWriter.Options(interval: .zero, retry: (.microseconds(100), .milliseconds(1))),
            clock: { clock.now }, open: { [ledger] in ledger })
        let run = Task { await writer.run() }
        try await writer.whenCaughtUp { _, _ in }
        #expect(writer.status.backlogSince == nil)
        ledger.change { $0.isAway = true }
        var maker = RecordMaker(seed: 10)
        settle(maker.record(), through: writer)
        while writer.status.failingSince == nil { await Task.yield() }
        let since = try #require(writer.status.backlogSince)
        clock.advance(seconds: 60)
        settle(maker.record(), through: writer)
        #expect(await !writer.drain(within: .milliseconds(5)))
        #expect(writer.status.backlogSince == since, "the first one still waits")
        ledger.change { $0.isAway = false }
        #expect(await writer.drain(within: .seconds(60)))
        #expect(writer.status.backlogSince == nil)
        run.cancel()
        await run.value
        test.journal.close()
    }
}

/// A clock that a test moves.
private final class SteppingClock: Sendable {
    private let seconds = Mutex<Int64>(0)

    var now: Timestamp { RecordMaker.firstDay.adding(seconds: seconds.withLock { $0 }) }

    func advance(seconds count: Int64) { seconds.withLock { $0 += count } }
}

/// What several threads have begun and ended to settle.
final class Counters: Sendable {
    private let counts = Mutex((begun: 0, ended: 0))

    func begin() { counts.withLock { $0.begun += 1 } }
    func end() { counts.withLock { $0.ended += 1 } }
    var begun: Int { counts.withLock { $0.begun } }
    var ended: Int { counts.withLock { $0.ended } }
}
