import Foundation
import GatewayCore
import Journal
import LedgerConformance
import Testing

@Suite struct ReplaySourceTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    private struct Found {
        var entries: [JournalEntry] = []
        var unreadable: [String] = []
        var passedOver: [String] = []
    }

    private func read(_ path: String) async throws -> Found {
        var found = Found()
        try await ReplaySource(path: path).forEach(
            unreadable: { found.unreadable.append($0) }, passedOver: { found.passedOver.append($0) }, { found.entries.append($0) })
        return found
    }

    private func file(_ bytes: Data) throws -> String {
        let path = folder.path + "/some.log"
        try bytes.write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test func linesAreFoundAmongOthersAndDamagedOnesAreNumbered() async throws {
        var maker = RecordMaker(seed: 1)
        let entries: [JournalEntry] = [
            .settled(maker.record()), .priced(PriceVersionRecord(provider: "alpha", version: "v", canonical: "{}")),
            .settled(maker.record(onceKey: "ü")),
        ]
        let lines = try entries.map { try #require(JournalLine.encode($0)) }
        var text = Data("no such line\n\n".utf8)
        text += Data("12:00 app[1]: \(lines[0])\r\n".utf8)
        text += Data("\(lines[1].dropLast(30))\n".utf8)
        // What is no UTF-8 at all, and very long.
        text += Data(repeating: 0xFF, count: 3 << 20) + Data("\n".utf8)
        text += Data("{\"message\":\"\(lines[1])\"}\n".utf8)
        text += Data("gateway-replay/1 \n".utf8)
        text += Data("gateway-replay/2 AAAA\n".utf8)
        // Without an end, as the last line of a killed process may be.
        text += Data(lines[2].utf8)
        let path = try file(text)
        let found = try await read(path)
        #expect(found.entries == entries)
        #expect(found.unreadable.map { $0.prefix(path.utf8.count + 3) } == ["\(path):4:", "\(path):7:"])
        #expect(found.passedOver.isEmpty)
    }

    @Test(arguments: [Data(), Data("a log of a gateway that was well\n".utf8), Data(repeating: 0xFE, count: 5000)])
    func aFileWithoutAReplayableLineIsNoLog(bytes: Data) async throws {
        let path = try file(bytes)
        let error = await #expect(throws: JournalError.self) { try await read(path) }
        #expect(error?.description == "\(path) has no replayable line ('gateway-replay/1 …')")
    }

    @Test(arguments: 1...20)
    func hostileFilesGiveEntriesOrSentences(seed: Int) async throws {
        var maker = RecordMaker(seed: UInt64(seed))
        var text = Data()
        var entries: [JournalEntry] = []
        for _ in 0..<30 {
            let entry = JournalEntry.settled(maker.record())
            entries.append(entry)
            text += Data("\(try #require(JournalLine.encode(entry)))\n".utf8)
        }
        for _ in 0..<10 { text[Int.random(in: 0..<text.count, using: &maker)] = UInt8.random(in: .min ... .max, using: &maker) }
        let found = try await read(file(text))
        // In order, nothing invented, and each damaged line has its sentence or has lost its prefix.
        var rest = entries[...]
        for entry in found.entries {
            let index = try #require(rest.firstIndex(of: entry))
            rest = rest[(index + 1)...]
        }
        #expect(found.entries.count >= 20)
        #expect(found.unreadable.count <= 10)
    }

    @Test func aLostMachinesJournalSettlesWhatWasInFlight() async throws {
        var maker = RecordMaker(seed: 2)
        let (open, done, released) = (maker.record(), maker.record(), maker.record())
        let version = PriceVersionRecord(provider: "alpha", version: "v", canonical: "{}")
        let test = try TestJournal(folder.path)
        for entry in [JournalEntry.priced(version), .held(open), .held(done), .held(released), .settled(done), .released(released.id)] {
            await test.append(entry)
        }
        let error = #expect(throws: JournalError.self) { try ReplaySource(path: folder.path) }
        #expect(error?.description.contains("in use by process") == true, "calls in flight must not be taken for interrupted")
        test.journal.close()
        let found = try await read(folder.path)
        #expect(found.entries == [.priced(version), .settled(done), .settled(open)])
        #expect(found.unreadable.isEmpty && found.passedOver.isEmpty)

        let segment = try #require(segments(in: folder.path).first)
        let torn = try copyOfFolder([(segment.name, segment.bytes + segment.bytes.suffix(20))])
        defer { withExtendedLifetime(torn) {} }
        let tornFound = try await read(torn.path)
        #expect(tornFound.entries == found.entries && tornFound.unreadable.isEmpty && tornFound.passedOver.count == 1)
        var bytes = segment.bytes
        bytes[60] ^= 1
        let damaged = try copyOfFolder([(segment.name, bytes)])
        defer { withExtendedLifetime(damaged) {} }
        let damagedFound = try await read(damaged.path)
        #expect(damagedFound.entries == [.settled(done), .settled(open)])
        #expect(damagedFound.unreadable.count == 1)
    }

    @Test func whatIsNoJournalIsRefused() async throws {
        let empty = #expect(throws: JournalError.self) { try ReplaySource(path: folder.path) }
        #expect(empty?.description.contains("without a journal") == true)
        let missing = #expect(throws: JournalError.self) { try ReplaySource(path: folder.path + "/none") }
        #expect(missing?.description.contains("No such file") == true)
    }
}
