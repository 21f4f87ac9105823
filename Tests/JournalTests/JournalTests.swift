import Foundation
import GatewayCore
import Journal
import LedgerConformance
import Testing

@Suite struct JournalTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    @Test(arguments: [Journal.Synchronization.normal, .full])
    func entriesComeBackInOrder(synchronous: Journal.Synchronization) async throws {
        var maker = RecordMaker(seed: 1)
        let entries = (0..<200).map { _ in maker.entry() }
        let first = try TestJournal(folder.path, options: Journal.Options(synchronous: synchronous, segmentSize: 4096))
        for entry in entries.prefix(100) { await first.append(entry) }
        #expect(try first.all() == Array(entries.prefix(100)))
        let id = first.journal.id
        first.journal.close()
        let second = try TestJournal(folder.path)
        #expect(second.journal.id == id)
        for entry in entries.dropFirst(100) { await second.append(entry) }
        #expect(try second.all() == entries)
        #expect(second.journal.damage.isEmpty)
        #expect(second.journal.bytes(after: second.journal.durableEnd) == 0)
        second.journal.close()
        #expect(try segments(in: folder.path).count > 3)
        let reader = try JournalReader(folder: folder.path)
        var read: [JournalEntry] = []
        try await reader.forEach { read.append($0) }
        #expect(reader.id == id)
        #expect(Array(read.prefix(entries.count)) == entries)
    }

    @Test func aSecondProcessIsRefused() throws {
        let first = try TestJournal(folder.path)
        let error = #expect(throws: JournalError.self) { try TestJournal(folder.path) }
        #expect(error?.description.contains("in use by process \(ProcessInfo.processInfo.processIdentifier)") == true)
        first.journal.close()
        try TestJournal(folder.path).journal.close()
    }

    @Test func appendsAfterTheCloseFail() async throws {
        let test = try TestJournal(folder.path)
        test.journal.close()
        var maker = RecordMaker(seed: 1)
        let result = await test.append(maker.entry())
        #expect(throws: DurabilityError.self) { try result.get() }
    }

    @Test func completionsOfEightThreadsRunInOrder() async throws {
        let test = try TestJournal(folder.path)
        let completed = Collected<CallID>()
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<8 {
                group.addTask {
                    for index in 0..<500 {
                        let id = CallID(high: UInt64(thread), low: UInt64(index))
                        test.journal.append(.released(id)) { result in
                            if case .success = result { completed.add(id) }
                        }
                    }
                }
            }
        }
        #expect(await test.flush())
        let ids = completed.all
        let written = try test.all().compactMap { entry in if case .released(let id) = entry { id } else { nil } }
        #expect(ids.count == 4000)
        #expect(ids == written)
        for thread in 0..<8 { #expect(ids.filter { $0.high == UInt64(thread) }.map(\.low) == (0..<500).map(UInt64.init)) }
        test.journal.close()
    }

    @Test func segmentsAreRemovedWhenAppliedAndNothingIsHeldInThem() async throws {
        var maker = RecordMaker(seed: 3)
        let test = try TestJournal(folder.path, options: Journal.Options(segmentSize: 1))
        let records = (0..<4).map { _ in maker.record() }
        for record in records { await test.append(.held(record)) }
        await test.append(.settled(records[0]))
        await test.append(.settled(records[2]))
        #expect(try segments(in: folder.path).count == 6)
        let end = test.journal.durableEnd
        test.journal.removeSegments(before: JournalPosition(segment: 1, offset: 50))
        #expect(try segments(in: folder.path).count == 6, "the first ends behind that place")
        test.journal.removeSegments(before: end)
        #expect(try segments(in: folder.path).count == 5, "the second has an open hold")
        await test.append(.released(records[1].id))
        test.journal.removeSegments(before: end)
        #expect(try segments(in: folder.path).count == 4, "the fourth has one, and only leading ones go")
        await test.append(.settled(records[3]))
        test.journal.removeSegments(before: test.journal.durableEnd)
        #expect(try segments(in: folder.path).count == 1, "the last one stays")
        // A place in a segment that is gone stands for the first that is there.
        let (entries, next) = try test.journal.entries(from: JournalPosition(segment: 2, offset: 48), limit: 10)
        #expect(entries == [.settled(records[3])])
        #expect(next == test.journal.durableEnd)
        test.journal.close()
        let again = try TestJournal(folder.path)
        #expect(again.journal.id == test.journal.id)
        again.journal.close()
    }

    @Test func aTornEndIsCutAtEveryByte() async throws {
        var maker = RecordMaker(seed: 4)
        let entries = (0..<3).map { _ in maker.entry() }
        let test = try TestJournal(folder.path)
        var ends: [Int] = []
        for entry in entries {
            await test.append(entry)
            ends.append(Int(test.journal.durableEnd.offset))
        }
        test.journal.close()
        let segment = try #require(segments(in: folder.path).first)
        for length in 0..<segment.bytes.count {
            let copy = try copyOfFolder([(segment.name, segment.bytes.prefix(length))])
            defer { withExtendedLifetime(copy) {} }
            let opened = try TestJournal(copy.path)
            let whole = ends.filter { $0 <= length }.count
            #expect(try opened.all() == Array(entries.prefix(whole)))
            // What is appended behind the cut is read behind it.
            await opened.append(entries[2])
            opened.journal.close()
            let again = try TestJournal(copy.path)
            #expect(try again.all() == Array(entries.prefix(whole)) + [entries[2]])
            again.journal.close()
        }
    }

    @Test(arguments: 1...150)
    func flippedBytesLoseWhatTheyHitAndNothingElse(seed: Int) async throws {
        var maker = RecordMaker(seed: UInt64(seed))
        let entries = (0..<12).map { _ in maker.entry() }
        let test = try TestJournal(folder.path, options: Journal.Options(segmentSize: 2000))
        for entry in entries { await test.append(entry) }
        test.journal.close()
        var damaged = try segments(in: folder.path)
        var hits = 0
        for _ in 0..<Int.random(in: 1...3, using: &maker) {
            let segment = Int.random(in: 0..<damaged.count, using: &maker)
            let index = Int.random(in: 0..<damaged[segment].bytes.count, using: &maker)
            damaged[segment].bytes[index] ^= UInt8.random(in: 1...255, using: &maker)
            hits += 1
        }
        let copy = try copyOfFolder(damaged)
        defer { withExtendedLifetime(copy) {} }
        let opened: TestJournal
        do {
            opened = try TestJournal(copy.path)
        } catch {
            Issue.record("a flipped byte must not keep the journal from opening: \(error)")
            return
        }
        let read = try opened.all()
        // In order, nothing invented, and no more lost than was hit.
        var rest = entries[...]
        for entry in read {
            let index = try #require(rest.firstIndex(of: entry))
            rest = rest[(index + 1)...]
        }
        #expect(entries.count - read.count <= hits)
        #expect(read.count == entries.count || !opened.journal.damage.isEmpty)
        opened.journal.close()
    }

    @Test func anUnreadableSegmentKeepsItsFile() async throws {
        var maker = RecordMaker(seed: 8)
        let test = try TestJournal(folder.path, options: Journal.Options(segmentSize: 1))
        for _ in 0..<3 { await test.append(.settled(maker.record())) }
        test.journal.close()
        var damaged = try segments(in: folder.path)
        damaged[0].bytes[100] ^= 1
        let copy = try copyOfFolder(damaged)
        defer { withExtendedLifetime(copy) {} }
        let opened = try TestJournal(copy.path)
        opened.journal.removeSegments(before: opened.journal.durableEnd)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: copy.path).filter { $0.hasSuffix(".damaged") } == [
                damaged[0].name + ".damaged"
            ])
        #expect(try segments(in: copy.path).map(\.name) == [damaged[2].name])
        opened.journal.close()
    }

    @Test func recoverySettlesEachOpenHoldOnceHoweverOftenItIsCut() async throws {
        var maker = RecordMaker(seed: 6)
        let records = (0..<6).map { _ in maker.record() }
        let test = try TestJournal(folder.path)
        for record in records { await test.append(.held(record)) }
        await test.append(.settled(records[1]))
        await test.append(.released(records[4].id))
        test.journal.close()
        let before = try segments(in: folder.path)
        let first = try TestJournal(folder.path)
        #expect(try first.journal.recover() == [records[0], records[2], records[3], records[5]])
        #expect(await first.flush())
        first.journal.close()
        let recovered = try #require(segments(in: folder.path).last)
        // Killed at places all over the recovery's bytes, none of its frames spared, and once more at a byte of the second one.
        for cut in stride(from: 0, through: recovered.bytes.count, by: 11) {
            let copy = try copyOfFolder(before + [(recovered.name, recovered.bytes.prefix(cut))])
            defer { withExtendedLifetime(copy) {} }
            let second = try TestJournal(copy.path)
            let left = try second.journal.recover()
            #expect(await second.flush())
            second.journal.close()
            let settled = try await settledIDs(in: copy.path)
            #expect(settled.sorted() == [0, 1, 2, 3, 5].map { records[$0].id }.sorted())
            guard !left.isEmpty, let last = try segments(in: copy.path).last else { continue }
            let again = try copyOfFolder(try segments(in: copy.path).dropLast() + [(last.name, last.bytes.prefix(cut % last.bytes.count))])
            defer { withExtendedLifetime(again) {} }
            let third = try TestJournal(again.path)
            _ = try third.journal.recover()
            #expect(await third.flush())
            third.journal.close()
            let all = try await settledIDs(in: again.path)
            #expect(all.sorted() == settled.sorted())
        }
    }

    @Test func aReaderSettlesWhatALostMachineLeftOpen() async throws {
        var maker = RecordMaker(seed: 7)
        let (open, done) = (maker.record(), maker.record())
        let test = try TestJournal(folder.path)
        for entry in [JournalEntry.held(open), .held(done), .settled(done)] { await test.append(entry) }
        // Beside the journal that is still in use: reading takes no lock.
        #expect(try await settledIDs(in: folder.path) == [done.id, open.id])
        test.journal.close()
    }

    private func settledIDs(in folder: String) async throws -> [CallID] {
        let reader = try JournalReader(folder: folder)
        var ids: [CallID] = []
        try await reader.forEach { if let id = $0.settledID { ids.append(id) } }
        return ids
    }
}
