import Foundation
import GRDB
import GatewayCore
import LedgerConformance
import Testing

@testable import SQLiteLedger

@Suite struct SQLiteLedgerTests {
    private let folder: ScratchFolder
    private let path: String

    init() throws {
        folder = try ScratchFolder()
        path = folder.path + "/ledger.db"
    }

    private func open() throws -> SQLiteLedger {
        try SQLiteLedger(path: path, settings: SQLiteSettings(busyTimeout: 0.01), clock: { RecordMaker.firstDay })
    }

    private func batch(_ records: [CostRecord], offset: UInt64 = 1) -> LedgerBatch {
        LedgerBatch(journal: "j", position: JournalPosition(segment: 1, offset: offset), records: records)
    }

    private func edit(_ sql: String) throws {
        // A ledger that has given up its connection may be closing it still.
        var configuration = GRDB.Configuration()
        configuration.busyMode = .timeout(10)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.write { try $0.execute(sql: sql) }
        try queue.close()
    }

    private func kind(of body: () async throws -> Void) async -> LedgerError.Kind? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? LedgerError)?.kind
        }
    }

    @Test func theSchemaIsTheContracts() async throws {
        await (try open()).close()
        let queue = try DatabaseQueue(path: path)
        let (columns, indexes) = try await queue.read { database in
            (
                try database.columns(in: "api_cost_tracking").map(\.name),
                try database.indexes(on: "api_cost_tracking").filter { !$0.name.hasPrefix("sqlite_") }.map(\.columns)
            )
        }
        #expect(
            columns == [
                "id", "workspaceId", "userId", "apiProvider", "endpoint", "operation", "cost", "tokensUsed", "entityType", "entityId",
                "requestData", "success", "errorMessage", "createdAt", "basis", "priceVersion", "estimate", "reportedCost", "status",
                "cache",
                "durationMs", "saved", "found",
            ])
        #expect(
            Set(indexes) == [
                ["workspaceId"], ["apiProvider"], ["createdAt"], ["workspaceId", "apiProvider"], ["entityType", "entityId"],
                ["workspaceId", "createdAt"],
            ])
    }

    @Test func aSecondOwnerIsRefusedAndAReaderIsNot() async throws {
        let first = try open()
        var maker = RecordMaker(seed: 1)
        let record = maker.record()
        try await first.apply(batch([record]))
        let error = #expect(throws: LedgerError.self) { try open() }
        #expect(error?.kind == .owned)
        #expect(error?.description.contains("process \(ProcessInfo.processInfo.processIdentifier)") == true)
        let reader = try SQLiteLedger.readOnly(path, clock: { RecordMaker.firstDay })
        let read = try await reader.record(id: record.id, workspace: record.workspace)
        #expect(read == record)
        await #expect(throws: LedgerError.self) { try await reader.apply(batch([record])) }
        await reader.close()
        await first.close()
        await (try open()).close()
    }

    @Test func newerForeignAndChangedSchemasAreRefused() async throws {
        await (try open()).close()
        try edit(#"INSERT INTO schema_migrations VALUES (99, '0099-later', 'x', 'y')"#)
        let newer = #expect(throws: LedgerError.self) { try open() }
        #expect(newer?.kind == .schema)
        #expect(newer?.description.contains("made by a newer gateway") == true)
        try edit(#"DELETE FROM schema_migrations WHERE number = 99; UPDATE schema_migrations SET checksum = 'x'"#)
        #expect(throws: LedgerError.self) { try open() }
        try FileManager.default.removeItem(atPath: path)
        try edit("CREATE TABLE people (id TEXT)")
        let foreign = #expect(throws: LedgerError.self) { try open() }
        #expect(foreign?.kind == .schema)
        #expect(foreign?.description.contains("another program's") == true)
    }

    /// As the gateway before kept answers has left it.
    @Test func anOlderLedgerIsBroughtUpToDateByItsOwnerAlone() async throws {
        var maker = RecordMaker(seed: 9)
        var record = maker.record()
        (record.saved, record.found) = (nil, nil)
        let first = try open()
        try await first.apply(batch([record]))
        await first.close()
        try edit(
            """
            DROP TABLE cached_answers; DROP TABLE research_data; ALTER TABLE cost_rollups DROP COLUMN savedNanos;
            \(CallSums.columns.dropFirst(4).map { "ALTER TABLE cost_rollups DROP COLUMN \($0.name);" }.joined())
            ALTER TABLE api_cost_tracking DROP COLUMN found; ALTER TABLE api_cost_tracking DROP COLUMN saved; DROP TABLE budget_alerts; DROP TABLE alert_deliveries;
            DROP TABLE workspace_budgets; DROP TABLE audit_log; DROP TABLE provider_readings; DROP TABLE reconciliations;
            DROP INDEX "api_cost_tracking_workspaceId_createdAt_idx";
            DELETE FROM schema_migrations WHERE number >= 3
            """)
        let error = #expect(throws: LedgerError.self) { try SQLiteLedger.readOnly(path, clock: { RecordMaker.firstDay }) }
        #expect(error?.kind == .schema && error?.description.contains("gateway serve") == true)
        let ledger = try open()
        #expect(try await ledger.record(id: record.id, workspace: record.workspace) == record)
        var saving = maker.record()
        (saving.workspace, saving.day, saving.saved) = (record.workspace, record.day, Money(nanos: 5))
        try await ledger.apply(batch([saving]))
        let rows = try await ledger.spend(
            SpendQuery(workspace: record.workspace, by: [], from: record.day, until: record.day.adding(seconds: 1)))
        #expect(rows.map(\.saved) == [Money(nanos: 5)] && rows.map(\.calls) == [2])
        await ledger.close()
    }

    @Test func aRowThatTheDatabaseRefusesIsSetAside() async throws {
        let ledger = try open()
        var maker = RecordMaker(seed: 2)
        let records = (0..<3).map { _ in maker.record() }
        try edit(
            """
            CREATE TRIGGER refuse BEFORE INSERT ON api_cost_tracking WHEN NEW.id = '\(records[1].id)'
            BEGIN SELECT RAISE(ABORT, 'not this one'); END
            """)
        try await ledger.apply(batch(records))
        await ledger.close()
        let queue = try DatabaseQueue(path: path)
        let (rows, reason, record) = try await queue.read { database in
            (
                try Int.fetchOne(database, sql: "SELECT count(*) FROM api_cost_tracking"),
                try String.fetchOne(database, sql: "SELECT reason FROM rejected_records"),
                try String.fetchOne(database, sql: "SELECT record FROM rejected_records")
            )
        }
        #expect(rows == 2)
        #expect(reason?.contains("not this one") == true)
        #expect(record?.contains(records[1].id.description) == true)
    }

    @Test func aFailedBatchLeavesNothing() async throws {
        let ledger = try open()
        var maker = RecordMaker(seed: 3)
        let records = (0..<20).map { _ in maker.record() }
        // The position is written last.
        try edit("CREATE TRIGGER fail BEFORE INSERT ON journal_positions BEGIN SELECT RAISE(ABORT, 'no'); END")
        await #expect(throws: LedgerError.self) { try await ledger.apply(batch(records)) }
        try edit("DROP TRIGGER fail")
        let empty = try await ledger.dailySums(since: RecordMaker.firstDay)
        #expect(empty.isEmpty)
        let row = try await ledger.record(id: records[0].id, workspace: records[0].workspace)
        #expect(row == nil)
        try await ledger.apply(batch(records))
        let sums = try await ledger.dailySums(since: RecordMaker.firstDay)
        #expect(sums.reduce(Money.zero) { $0 + $1.cost } == records.reduce(Money.zero) { $0 + $1.cost })
        await ledger.close()
    }

    @Test(arguments: [true, false])
    func aDeletedOrReplacedFileIsNoticed(isReplaced: Bool) async throws {
        let ledger = try open()
        var maker = RecordMaker(seed: 4)
        let records = (0..<20).map { _ in maker.record() }
        try await ledger.apply(batch(Array(records.prefix(10))))
        if isReplaced {
            let other = try SQLiteLedger(path: folder.path + "/other.db", clock: { RecordMaker.firstDay })
            try await other.apply(batch(Array(records.suffix(2)), offset: 77))
            await other.close()
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.moveItem(atPath: folder.path + "/other.db", toPath: path)
        } else {
            try FileManager.default.removeItem(atPath: path)
        }
        let failed = await kind { try await ledger.apply(batch(Array(records.suffix(10)), offset: 2)) }
        #expect(failed == .unavailable)
        // It fails until the writer has asked for the position.
        let again = await kind { try await ledger.apply(batch(Array(records.suffix(10)), offset: 2)) }
        #expect(again == .unavailable)
        let place = try await ledger.position(ofJournal: "j")
        #expect(place == (isReplaced ? JournalPosition(segment: 1, offset: 77) : nil))
        try await ledger.apply(batch(records, offset: 2))
        let sums = try await ledger.dailySums(since: RecordMaker.firstDay)
        #expect(sums.reduce(Money.zero) { $0 + $1.cost } == records.reduce(Money.zero) { $0 + $1.cost })
        await ledger.close()
        let queue = try DatabaseQueue(path: path)
        let verdict = try await queue.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
        #expect(verdict == "ok")
    }

    /// The rows of a database alone, without the log that may stand beside it.
    private func rows(ofCopy path: String) async throws -> Int? {
        let copy = folder.path + "/\(UUID().uuidString).db"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        let queue = try DatabaseQueue(path: copy)
        return try await queue.read { database in
            try #expect(String.fetchOne(database, sql: "PRAGMA integrity_check") == "ok")
            return try Int.fetchOne(database, sql: "SELECT count(*) FROM api_cost_tracking")
        }
    }

    @Test func aClosedLedgerIsWholeInItsFile() async throws {
        let ledger = try open()
        var maker = RecordMaker(seed: 8)
        try await ledger.apply(batch((0..<50).map { _ in maker.record() }))
        await ledger.close()
        #expect(try await rows(ofCopy: path) == 50)
    }

    @Test func aFileThatIsMovedAwayInUseIsWholeAndCanBeMovedBack() async throws {
        let ledger = try open()
        var maker = RecordMaker(seed: 9)
        let records = (0..<50).map { _ in maker.record() }
        try await ledger.apply(batch(records))
        let away = folder.path + "/away.db"
        try FileManager.default.moveItem(atPath: path, toPath: away)
        let more = maker.record()
        _ = await kind { try await ledger.apply(batch([more], offset: 2)) }
        _ = try await ledger.position(ofJournal: "j")
        try await ledger.apply(batch([more], offset: 2))
        #expect(try await rows(ofCopy: away) == 50)
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: away, toPath: path)
        _ = await kind { try await ledger.apply(batch([more], offset: 2)) }
        let place = try await ledger.position(ofJournal: "j")
        #expect(place == JournalPosition(segment: 1, offset: 1))
        try await ledger.apply(batch([more], offset: 2))
        await ledger.close()
        #expect(try await rows(ofCopy: path) == 51)
    }

    @Test func aSoundCopyDoesNotGetTheLogOfTheDamagedFileThatItReplaces() async throws {
        var maker = RecordMaker(seed: 10)
        let first = try open()
        try await first.apply(batch((0..<20).map { _ in maker.record() }))
        await first.close()
        let copy = folder.path + "/copy.db"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        // As a killed gateway leaves it: a file, and a log ahead of it.
        let second = try open()
        try await second.apply(batch((0..<300).map { _ in maker.record() }, offset: 2))
        let log = try Data(contentsOf: URL(fileURLWithPath: path + "-wal"))
        await second.close()
        try log.write(to: URL(fileURLWithPath: path + "-wal"))
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: 4096)
        try handle.write(contentsOf: Data(repeating: 0xA5, count: 1 << 20))
        try handle.close()

        let opener = SQLiteLedger.opener(path: path, clock: { RecordMaker.firstDay })
        let failed = await kind { _ = try await opener() }
        #expect(failed == .unavailable)
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: copy, toPath: path)
        let ledger = try await opener()
        let place = try await ledger.position(ofJournal: "j")
        #expect(place == JournalPosition(segment: 1, offset: 1))
        await ledger.close()
        #expect(try await rows(ofCopy: path) == 20)
    }

    @Test func aLockedFileHeals() async throws {
        let ledger = try open()
        var maker = RecordMaker(seed: 5)
        let record = maker.record()
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try await queue.writeWithoutTransaction { database in
            try database.execute(sql: "BEGIN IMMEDIATE")
        }
        let failed = await kind { try await ledger.apply(batch([record])) }
        #expect(failed == .unavailable)
        try await queue.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        try await ledger.apply(batch([record]))
        let read = try await ledger.record(id: record.id, workspace: record.workspace)
        #expect(read == record)
        await ledger.close()
    }

    @Test func aDamagedFileIsRefusedAndKept() async throws {
        let garbage = Data((0..<8192).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        try garbage.write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: LedgerError.self) { try open() }
        #expect(error?.kind == .unavailable)
        #expect(error?.description.contains("move it away") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == garbage)
    }

    @Test func damageWhileInUseHealsWhenTheFileIsMovedAway() async throws {
        let ledger = try open()
        var maker = RecordMaker(seed: 6)
        let records = (0..<500).map { _ in maker.record() }
        try await ledger.apply(batch(records))
        // Through the same file, so that its identity stays; the log goes, so that the pages are read from it.
        try edit("PRAGMA user_version = 1")
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.write(contentsOf: Data(repeating: 0xA5, count: 1 << 20))
        try handle.close()
        try FileHandle(forUpdating: URL(fileURLWithPath: path + "-wal")).truncate(atOffset: 0)
        let more = maker.record()
        var failed: LedgerError.Kind?
        // What is in the page cache may still answer once.
        for _ in 0..<3 where failed == nil {
            failed = await kind {
                _ = try await ledger.spend(
                    SpendQuery(workspace: nil, by: [.entity], from: RecordMaker.firstDay, until: Timestamp(microseconds: .max)))
            }
        }
        #expect(failed == .unavailable)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".damaged")
        _ = await kind { try await ledger.apply(batch([more])) }
        let place = try await ledger.position(ofJournal: "j")
        #expect(place == nil)
        try await ledger.apply(batch(records + [more]))
        let read = try await ledger.record(id: more.id, workspace: more.workspace)
        #expect(read == more)
        await ledger.close()
    }

    @Test(arguments: [0, 1, -1, 1_700_000_000_123_456, -62_135_596_800_000_000, 253_402_300_799_999_999])
    func fixedTextsRoundTrip(microseconds: Int64) throws {
        let instant = Timestamp(microseconds: microseconds)
        let text = try #require(instant.fixedText)
        #expect(text.utf8.count == 27)
        #expect(try Timestamp(fixedText: text) == instant)
    }

    @Test(arguments: [Int64.min, .max, -62_135_596_800_000_001, 253_402_300_800_000_000])
    func instantsWithoutAFixedText(microseconds: Int64) {
        #expect(Timestamp(microseconds: microseconds).fixedText == nil)
    }

    @Test func valuesThatNoLedgerWritesAreErrors() async throws {
        let ledger = try open()
        var maker = RecordMaker(seed: 7)
        let record = maker.record()
        try await ledger.apply(batch([record]))
        try edit("UPDATE api_cost_tracking SET cost = 'much', status = 'abc', tokensUsed = x'00ff'")
        let failed = await kind { _ = try await ledger.record(id: record.id, workspace: record.workspace) }
        #expect(failed == .unavailable)
        await ledger.close()
    }
}
