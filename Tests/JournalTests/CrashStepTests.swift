import GatewayCore
import Glibc
import Journal
import LedgerConformance
import Synchronization
import Testing

/// A machine that stops at one step of what it does to its disk or its ledger. What it did before that stays; of the write at which it
/// stops a part may be there, and the ledger may have committed a batch of which nobody heard.
private final class StoppingMachine: Sendable {
    private let stepsLeft: Mutex<Int>
    private let ledger: MemoryLedger

    init(stopsAfter steps: Int, ledger: MemoryLedger) {
        stepsLeft = Mutex(steps)
        self.ledger = ledger
    }

    var isStopped: Bool { stepsLeft.withLock { $0 < 0 } }

    /// False at the step at which it stops, and for ever after.
    private func step() -> Bool {
        stepsLeft.withLock { left in
            if left >= 0 { left -= 1 }
            return left >= 0
        }
    }

    private func onDisk(_ operation: String) throws(SystemError) {
        if !step() { throw SystemError(code: EIO, operation: operation) }
    }

    var storage: JournalStorage {
        let real = JournalStorage.hasty
        var storage = real
        storage.create = { path throws(SystemError) in
            try self.onDisk("create")
            return try real.create(path)
        }
        storage.write = { file, bytes, offset throws(SystemError) in
            let wasStopped = self.isStopped
            if !self.step() {
                // A part of the last write.
                if !wasStopped { _ = try real.write(file, UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count * 2 / 3)]), offset) }
                throw SystemError(code: EIO, operation: "write")
            }
            return try real.write(file, bytes, offset)
        }
        storage.synchronize = { _ throws(SystemError) in try self.onDisk("fdatasync") }
        storage.truncate = { file, size throws(SystemError) in
            try self.onDisk("truncate")
            try real.truncate(file, size)
        }
        storage.rename = { from, to, folder throws(SystemError) in
            try self.onDisk("rename")
            try real.rename(from, to, folder)
            try self.onDisk("fsync of the folder")
        }
        return storage
    }

    var writtenTo: any Ledger { StoppingLedger(machine: self, ledger: ledger) }

    private struct StoppingLedger: KeylessLedger {
        let machine: StoppingMachine
        let ledger: MemoryLedger

        private func onLedger() throws(LedgerError) {
            if !machine.step() { throw LedgerError(.unavailable, "the machine has stopped") }
        }

        func position(ofJournal journal: String) async throws(LedgerError) -> JournalPosition? {
            try onLedger()
            return try await ledger.position(ofJournal: journal)
        }

        func apply(_ batch: LedgerBatch) async throws(LedgerError) -> LedgerOutcome {
            try onLedger()
            let outcome = try await ledger.apply(batch)
            try onLedger()
            return outcome
        }

        func dailySums(since: Timestamp) async throws(LedgerError) -> [DailySum] { [] }
        func sums(workspace: String, since: Timestamp, until: Timestamp) async throws(LedgerError) -> [DailySum] { [] }
        func onceKeys(since: Timestamp) async throws(LedgerError) -> [OnceKey] { [] }
        func record(id: CallID, workspace: String) async throws(LedgerError) -> CostRecord? { nil }
        func keptAnswer(_ key: CacheKey, workspace: String, at now: Timestamp) async throws(LedgerError) -> KeptAnswer? { nil }
        func sweepAnswers(at now: Timestamp, limit: Int) async throws(LedgerError) -> Bool { false }
        func spend(_ query: SpendQuery) async throws(LedgerError) -> [SpendRow] { [] }
        func quality(since: Timestamp, limit: Int) async throws(LedgerError) -> QualityReport {
            QualityReport(providers: [], examined: 0, oldest: nil)
        }
        func close() async {}
    }
}

@Suite(.timeLimit(.minutes(2))) struct CrashStepTests {
    /// What callers know when the machine stops.
    private struct Known: Sendable {
        var forwarded: [CostRecord] = []
        var answered: [CostRecord] = []
    }

    /// Makes calls on a machine that stops after so many steps, or to their end. Returns whether it stopped.
    private func run(
        _ calls: [(held: CostRecord, settled: CostRecord)], stopsAfter steps: Int, in folder: String, _ ledger: MemoryLedger,
        _ synchronous: Journal.Synchronization, noting known: inout Known
    ) async throws -> Bool {
        let machine = StoppingMachine(stopsAfter: steps, ledger: ledger)
        // Small segments, so that nearly every call begins one and removes one.
        let test = try TestJournal(
            folder,
            options: Journal.Options(synchronous: synchronous, segmentSize: 1500, retry: 60_000...60_000, storage: machine.storage))
        let writer = LedgerWriter(
            journal: test.journal, options: LedgerWriter.Options(interval: .zero, batchSize: 3, retry: (.seconds(60), .seconds(60))),
            clock: fixedClock, open: { machine.writtenTo })
        _ = try test.journal.recover()
        let feeding = Task { await writer.run() }
        for call in calls {
            guard await isDurable(.held(call.held), writer) else { break }
            known.forwarded.append(call.held)
            guard await isDurable(.settled(call.settled), writer) else { break }
            known.answered.append(call.settled)
        }
        // To its end, or until it has stopped.
        while !machine.isStopped {
            if await writer.drain(within: .milliseconds(20)) { break }
        }
        feeding.cancel()
        await feeding.value
        test.journal.close()
        return machine.isStopped
    }

    private func isDurable(_ entry: JournalEntry, _ writer: LedgerWriter) async -> Bool {
        await withCheckedContinuation { continuation in
            writer.append(entry) { continuation.resume(returning: (try? $0.get()) != nil) }
        }
    }

    /// Calls whose records differ from their holds, so that a call that was taken for interrupted can be told.
    private func calls(_ maker: inout RecordMaker, _ count: Int) -> [(held: CostRecord, settled: CostRecord)] {
        (0..<count).map { _ in
            let settled = maker.record()
            var held = settled
            (held.cost, held.basis, held.errorMessage) = (held.estimate, .estimate, "interrupted")
            return (held, settled)
        }
    }

    @Test(arguments: [Journal.Synchronization.normal, .full])
    func aStopAtAnyStepLosesNothingAndTwiceInARowNeither(synchronous: Journal.Synchronization) async throws {
        var steps = 0
        var stops = 0
        while true {
            // The second stop falls into the recovery from the first, at another of its steps each time.
            var maker = RecordMaker(seed: 11)
            let (first, second) = (calls(&maker, 5), calls(&maker, 2))
            let (folder, ledger) = (try ScratchFolder(), MemoryLedger())
            var known = Known()
            let stopped = try await run(first, stopsAfter: steps, in: folder.path, ledger, synchronous, noting: &known)
            if stopped { stops += 1 }
            _ = try await run(second, stopsAfter: steps * 7 % 23, in: folder.path, ledger, synchronous, noting: &known)
            #expect(try await !run([], stopsAfter: .max, in: folder.path, ledger, synchronous, noting: &known))
            let rows = ledger.rows
            for record in known.answered { #expect(rows[record.id] == record, "answered, and stopped at step \(steps)") }
            for held in known.forwarded { #expect(rows[held.id] != nil, "forwarded, and stopped at step \(steps)") }
            let possible = Set((first + second).flatMap { [$0.held, $0.settled] })
            #expect(possible.isSuperset(of: rows.values), "nothing is invented at step \(steps)")
            if !stopped { break }
            steps += 1
        }
        // It has really been stopped at each step of five calls, and not only once or twice.
        #expect(stops > 30)
    }
}
