import Foundation
import GatewayCore
import Glibc
import Journal
import LedgerConformance
import Synchronization
import Testing

/// A disk that fails when it is told to.
final class FailingDisk: Sendable {
    struct Fault: Sendable {
        /// The errno of writes; with `shortBy`, after half of the bytes.
        var write: Int32?
        var writesHalf = false
        var synchronize: Int32?
        /// How many more times synchronizing fails; nil for ever.
        var synchronizeCount: Int?
        var truncate: Int32?
        var create: Int32?
    }

    let fault = Mutex(Fault())

    func set(_ change: @Sendable (inout Fault) -> Void) {
        fault.withLock { change(&$0) }
    }

    var storage: JournalStorage {
        let real = JournalStorage.system
        var storage = real
        storage.write = { [self] file, bytes, offset throws(SystemError) in
            let (code, half) = fault.withLock { ($0.write, $0.writesHalf) }
            guard let code else { return try real.write(file, bytes, offset) }
            guard half, bytes.count > 1 else { throw SystemError(code: code, operation: "write") }
            let count = try real.write(file, UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]), offset)
            fault.withLock { $0.writesHalf = false }
            return count
        }
        storage.synchronize = { [self] file throws(SystemError) in
            let code = fault.withLock { fault in
                if let left = fault.synchronizeCount {
                    guard left > 0 else { return nil as Int32? }
                    fault.synchronizeCount = left - 1
                }
                return fault.synchronize
            }
            if let code { throw SystemError(code: code, operation: "fdatasync") }
            try real.synchronize(file)
        }
        storage.truncate = { [self] file, size throws(SystemError) in
            if let code = fault.withLock({ $0.truncate }) { throw SystemError(code: code, operation: "truncate") }
            try real.truncate(file, size)
        }
        storage.create = { [self] path throws(SystemError) in
            if let code = fault.withLock({ $0.create }) { throw SystemError(code: code, operation: "create") }
            return try real.create(path)
        }
        return storage
    }
}

@Suite struct JournalFailureTests {
    private let folder: ScratchFolder
    private let disk = FailingDisk()

    init() throws {
        folder = try ScratchFolder()
    }

    private func open(
        _ synchronous: Journal.Synchronization = .normal, retention: (entries: Int, bytes: Int) = (1000, 1 << 20),
        retry: ClosedRange<Int> = 1...5
    ) throws -> TestJournal {
        try TestJournal(
            folder.path,
            options: Journal.Options(synchronous: synchronous, largestRetention: retention, retry: retry, storage: disk.storage))
    }

    private func failed(_ result: Result<Void, DurabilityError>) -> Bool {
        if case .failure = result { true } else { false }
    }

    enum Trouble: CaseIterable {
        case noSpace, halfWritten, halfWrittenAndNotCutBack, readOnly, synchronize, everything
    }

    @Test(arguments: Trouble.allCases)
    func entriesOfAFailureAreThereOnceAfterIt(trouble: Trouble) async throws {
        var maker = RecordMaker(seed: 1)
        let records = (0..<6).map { _ in maker.record() }
        let version = PriceVersionRecord(provider: "alpha", version: "v", canonical: "{}")
        // Long pauses: only an append tries again.
        let test = try open(trouble == .synchronize ? .full : .normal, retry: 60_000...60_000)
        await test.append(.held(records[0]))
        await test.append(.held(records[1]))
        disk.set { fault in
            switch trouble {
            case .noSpace: fault.write = ENOSPC
            case .halfWritten: (fault.write, fault.writesHalf) = (ENOSPC, true)
            case .halfWrittenAndNotCutBack: (fault.write, fault.writesHalf, fault.truncate, fault.create) = (EIO, true, EIO, EIO)
            case .readOnly: (fault.write, fault.create) = (EROFS, EROFS)
            case .synchronize: fault.synchronize = EIO
            case .everything: (fault.write, fault.truncate, fault.create, fault.synchronize) = (EIO, EIO, EIO, EIO)
            }
        }
        #expect(failed(await test.append(.settled(records[0]))))
        #expect(failed(await test.append(.priced(version))))
        #expect(failed(await test.append(.held(records[2]))))
        #expect(await !test.flush())
        let health = test.journal.health
        #expect(!health.isHealthy)
        #expect(health.failingSince == RecordMaker.firstDay)
        #expect(health.lastError?.description.contains("cannot be written") == true)
        #expect(health.retainedEntries == 3)
        #expect(health.queuedBytes > 0)
        #expect(try test.replayLines.map { try JournalLine.decode($0) } == [.settled(records[0]), .priced(version)])
        #expect(try test.all() == [.held(records[0]), .held(records[1])])

        disk.set { $0 = FailingDisk.Fault() }
        #expect(!failed(await test.append(.settled(records[1]))))
        #expect(test.journal.health.isHealthy)
        #expect(test.journal.health.retainedEntries == 0)
        let expected: [JournalEntry] = [
            .held(records[0]), .held(records[1]), .settled(records[0]), .priced(version), .held(records[2]), .settled(records[1]),
        ]
        #expect(try test.all() == expected)
        test.journal.close()
        let again = try TestJournal(folder.path)
        #expect(try again.all() == expected)
        #expect(try again.journal.recover() == [records[2]])
        again.journal.close()
    }

    @Test func itHealsWithoutAnAppend() async throws {
        var maker = RecordMaker(seed: 2)
        let record = maker.record()
        let test = try open()
        disk.set { $0.write = ENOSPC }
        disk.set { $0.create = ENOSPC }
        #expect(failed(await test.append(.settled(record))))
        let written = Task {
            await withCheckedContinuation { done in
                test.journal.whenDurable(beyond: JournalPosition(segment: 0, offset: 0)) { done.resume() }
            }
        }
        disk.set { $0 = FailingDisk.Fault() }
        await written.value
        #expect(try test.all() == [.settled(record)])
        test.journal.close()
    }

    @Test func aFailedSynchronizingBeginsANewSegment() async throws {
        var maker = RecordMaker(seed: 3)
        let entries = (0..<3).map { _ in JournalEntry.settled(maker.record()) }
        let test = try open(.full)
        await test.append(entries[0])
        // Once; the new segment's own header is synchronized after that.
        disk.set { ($0.synchronize, $0.synchronizeCount) = (EIO, 1) }
        #expect(!failed(await test.append(entries[1])))
        #expect(!failed(await test.append(entries[2])))
        #expect(try segments(in: folder.path).count == 2)
        #expect(try test.all() == entries)
        #expect(test.journal.health.isHealthy)
        #expect(test.replayLines.isEmpty)
        test.journal.close()
    }

    @Test func beyondTheBoundOnlyEndsOfHeldCallsAreKept() async throws {
        var maker = RecordMaker(seed: 4)
        let records = (0..<8).map { _ in maker.record() }
        let test = try open(retention: (2, 1 << 20), retry: 60_000...60_000)
        await test.append(.held(records[0]))
        disk.set { $0.write = ENOSPC }
        disk.set { $0.create = ENOSPC }
        for entry in [
            JournalEntry.held(records[1]), .settled(records[2]), .settled(records[3]), .held(records[4]), .settled(records[4]),
            .settled(records[1]), .settled(records[0]),
        ] {
            #expect(failed(await test.append(entry)))
        }
        #expect(test.journal.health.droppedEntries == 3)
        #expect(test.replayLines.count == 5)
        disk.set { $0 = FailingDisk.Fault() }
        #expect(await test.flush())
        #expect(try test.all() == [.held(records[0]), .held(records[1]), .settled(records[2]), .settled(records[1]), .settled(records[0])])
        test.journal.close()
        let again = try TestJournal(folder.path)
        #expect(try again.journal.recover() == [])
        again.journal.close()
    }

    @Test func aFullJournalTakesEntriesAgainWhenTheLedgerHasTakenSome() async throws {
        var maker = RecordMaker(seed: 6)
        let limit: UInt64 = 16_384
        let test = try TestJournal(folder.path, options: Journal.Options(limit: limit, retry: 1...5, storage: .hasty))
        var written: [JournalEntry] = []
        // Twice around: the room that comes back is as good as the first.
        for _ in 0..<2 {
            var refused: JournalEntry?
            while refused == nil {
                let entry = JournalEntry.settled(maker.record())
                if failed(await test.append(entry)) { refused = entry } else { written.append(entry) }
                #expect(test.journal.health.size <= limit)
            }
            let health = test.journal.health
            #expect(health.size > limit / 2)
            #expect(health.lastError?.description.contains("is full") == true)
            #expect(try test.replayLines.last.map { try JournalLine.decode($0) } == refused)
            test.journal.removeSegments(before: test.journal.durableEnd)
            while !test.journal.health.isHealthy { await Task.yield() }
            if let refused { written.append(refused) }
            #expect(try written.suffix(3) == test.all().suffix(3))
        }
        test.journal.close()
    }

    @Test func anUnlinkedSegmentIsReadToItsEndAndANewOneBegun() async throws {
        var maker = RecordMaker(seed: 5)
        let entries = (0..<4).map { _ in JournalEntry.settled(maker.record()) }
        let test = try open()
        await test.append(entries[0])
        await test.append(entries[1])
        try FileManager.default.removeItem(atPath: folder.path)
        #expect(!failed(await test.append(entries[2])))
        #expect(!failed(await test.append(entries[3])))
        #expect(try test.all() == entries)
        #expect(try segments(in: folder.path).count == 1)
        test.journal.close()
    }

    @Test func anUnwritableStartIsNoReasonNotToOpen() async throws {
        var maker = RecordMaker(seed: 6)
        let record = maker.record()
        disk.set { $0.create = EROFS }
        let test = try open()
        #expect(failed(await test.append(.settled(record))))
        disk.set { $0 = FailingDisk.Fault() }
        #expect(await test.flush())
        #expect(try test.all() == [.settled(record)])
        test.journal.close()
    }

    /// A real full disk, where the machine lets the test make one.
    @Test(.enabled(if: geteuid() == 0)) func aFullDisk() async throws {
        let mounted = folder.path + "/small"
        try FileManager.default.createDirectory(atPath: mounted, withIntermediateDirectories: true)
        guard mount("none", mounted, "tmpfs", 0, "size=256k") == 0 else { return }
        defer { umount2(mounted, Int32(MNT_DETACH)) }
        var maker = RecordMaker(seed: 7)
        let test = try TestJournal(mounted + "/journal")
        var acknowledged: [JournalEntry] = []
        var all: [JournalEntry] = []
        while all.count == acknowledged.count, all.count < 10_000 {
            let entry = JournalEntry.settled(maker.record())
            all.append(entry)
            if !failed(await test.append(entry)) { acknowledged.append(entry) }
        }
        #expect(all.count == acknowledged.count + 1)
        #expect(try test.all() == acknowledged)
        #expect(mount("none", mounted, "tmpfs", UInt(MS_REMOUNT), "size=8m") == 0)
        #expect(await test.flush())
        #expect(try test.all() == all)
        test.journal.close()
    }
}
