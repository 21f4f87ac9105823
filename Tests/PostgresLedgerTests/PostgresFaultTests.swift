import Foundation
import GatewayCore
import Journal
import LedgerConformance
import PostgresUnderTest
import Testing

@testable import PostgresLedger

/// Whatever happens to the server or the way to it: each record is there once, and the ledger heals by itself.
@Suite(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"), .timeLimit(.minutes(3)))
struct PostgresFaultTests {
    private static func records(_ count: Int, seed: UInt64) -> [CostRecord] {
        var maker = RecordMaker(seed: seed)
        return (0..<count).map { index in maker.record(onceKey: index % 5 == 0 ? "k\(index)" : nil) }
    }

    /// Feeds records through a journal and its writer, as the gateway does, while `disturb` is at work, until the ledger has them all.
    private func feed(
        _ records: [CostRecord], to url: String, settings: PostgresSettings = PostgresSettings(),
        while disturb: @escaping @Sendable (Int, LedgerWriter) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("journal-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let journal = try Journal(folder: folder.path, clock: { RecordMaker.firstDay }, replayLine: { _ in })
        let options = LedgerWriter.Options(
            interval: .milliseconds(1), batchSize: 40, retry: (first: .milliseconds(5), longest: .milliseconds(100)))
        let address = try PostgresURL(Secret(url))
        let writer = LedgerWriter(journal: journal, options: options, clock: { RecordMaker.firstDay }) { () async throws(LedgerError) in
            try await PostgresLedger.open(address, gateway: "j", settings: settings, clock: { RecordMaker.firstDay })
        }
        let writing = Task { await writer.run() }
        for (round, start) in stride(from: 0, to: records.count, by: 100).enumerated() {
            for record in records[start..<min(start + 100, records.count)] { writer.append(.settled(record)) { _ in } }
            try await disturb(round, writer)
        }
        let isDrained = await writer.drain(within: .seconds(60))
        #expect(isDrained, "\(String(describing: writer.status.lastError))")
        writing.cancel()
        await writing.value
        journal.close()
    }

    @Test func connectionsEndedAtRandomLoseAndDoubleNothing() async throws {
        let database = try await TestLedger.database()
        let records = Self.records(3000, seed: 1)
        try await feed(records, to: database.url) { _, _ in try database.terminateGateways() }
        try database.expect(records)
        #expect(try database.sql(#"SELECT count(*) FROM "once_charges" JOIN "api_cost_tracking" USING ("id")"#) == [["600"]])
    }

    @Test func aServerThatIsKilledAndOneThatRestartsLoseNothing() async throws {
        let server = try PostgresServer()
        let database = try server.database()
        try await SchemaMigrator(PostgresURL(Secret(database.url))) { _ in }.run()
        let records = Self.records(1200, seed: 2)
        try await feed(records, to: database.url) { round, _ in
            switch round {
            case 2, 7: server.kill9()
            case 4: server.stop()
            case 3, 5, 9: try server.start()
            default: break
            }
        }
        try database.expect(records)
        server.stop()
    }

    /// Under the tables alone, where statements fail, or under the server's log too, where it ends and does not come back by itself.
    @Test(.enabled(if: SmallDisk.isPossible, "a small disk can be mounted by root alone"), arguments: [false, true])
    func aFullDiskUnderPostgresCostsNoRecord(isLogThere: Bool) async throws {
        let disk = try SmallDisk(megabytes: isLogThere ? 200 : 24)
        let server = try isLogThere ? PostgresServer(in: disk.path) : PostgresServer()
        let database = try server.database()
        if !isLogThere {
            // Made by the server's own user, in a program that reads what it is sent: the server complains of one that does not.
            try server.sql("COPY (SELECT) TO PROGRAM 'cat > /dev/null && mkdir \(disk.path)/tables'", in: "postgres")
            try server.sql("CREATE TABLESPACE small LOCATION '\(disk.path)/tables'", in: "postgres")
            try server.sql("ALTER DATABASE \(database.name) SET TABLESPACE small", in: "postgres")
        }
        try await SchemaMigrator(PostgresURL(Secret(database.url))) { _ in }.run()
        let records = Self.records(1200, seed: 9)
        try await feed(records, to: database.url) { round, writer in
            switch round {
            case 3:
                try disk.fill()
                // Until a new file is needed for the log.
                if isLogThere { while (try? database.sql("SELECT pg_logical_emit_message(false, '', repeat('x', 1000000))")) != nil {} }
            case 4:
                try await eventually("the ledger fails for want of room") {
                    guard let error = writer.status.lastError else { return false }
                    return isLogThere || error.description.contains("No space left on device")
                }
            case 9:
                #expect(writer.status.backlogBytes > 0 || isLogThere)
                try disk.free()
                if isLogThere {
                    server.stop()
                    try server.start()
                }
            default: break
            }
        }
        try database.expect(records)
        server.stop()
    }

    @Test func aBatchWhoseAnswerIsLostIsNotCountedTwice() async throws {
        let database = try await TestLedger.database()
        let wire = try FaultyWire(to: database.server.port)
        defer { wire.close() }
        let records = Self.records(20, seed: 3)
        let ledger = try await TestLedger.open(through(wire, database))
        _ = try await ledger.position(ofJournal: "j")
        wire.mode = .deaf
        async let failure = TestLedger.error { try await ledger.apply(TestLedger.batch(records)) }
        try await eventually("it is committed") { try database.sql(#"SELECT count(*) FROM "journal_positions""#) == [["1"]] }
        wire.mode = .sound
        wire.cut()
        #expect(await failure?.kind == .unavailable)
        // Committed, though it failed for us. Until the position has been asked for, nothing more is written.
        let next = await TestLedger.error { try await ledger.apply(TestLedger.batch(records, offset: 2)) }
        #expect(next?.description.contains("connected again") == true, "\(String(describing: next))")
        let place = try await ledger.position(ofJournal: "j")
        #expect(place == JournalPosition(segment: 1, offset: 1))
        try await ledger.apply(TestLedger.batch(records, offset: 2))
        try database.expect(records)
        await ledger.close()
    }

    @Test func aSilentServerIsGivenUpAndItsLockTakenBack() async throws {
        let database = try await TestLedger.database()
        let wire = try FaultyWire(to: database.server.port)
        defer { wire.close() }
        let records = Self.records(20, seed: 4)
        let ledger = try await TestLedger.open(through(wire, database), settings: PostgresSettings(writing: 1))
        wire.mode = .silent
        let failure = await TestLedger.error { try await ledger.apply(TestLedger.batch(records)) }
        #expect(failure?.description.contains("not answered in time") == true, "\(String(describing: failure))")
        // The server still holds the lock for the connection that is of no use any more.
        wire.mode = .sound
        _ = try await ledger.position(ofJournal: "j")
        try await ledger.apply(TestLedger.batch(records))
        try database.expect(records)
        await ledger.close()
    }

    @Test func aReadOnlyServerAndOneWithoutRoomForAnotherConnectionHeal() async throws {
        let database = try await TestLedger.database()
        let ledger = try await TestLedger.open(database.url)
        let records = Self.records(40, seed: 5)
        for (prevented, allowed, reason) in [
            ("SET default_transaction_read_only = on", "RESET default_transaction_read_only", "read-only"),
            ("CONNECTION LIMIT 0", "CONNECTION LIMIT -1", "too many connections"),
        ] {
            try database.server.sql("ALTER DATABASE \(database.name) \(prevented)", in: "postgres")
            try database.terminateGateways()
            // The connection is found lost, then made anew.
            _ = await TestLedger.error { _ = try await ledger.position(ofJournal: "j") }
            _ = await TestLedger.error { _ = try await ledger.position(ofJournal: "j") }
            let failure = await TestLedger.error { try await ledger.apply(TestLedger.batch(records)) }
            #expect(failure?.kind == .unavailable)
            #expect(failure?.description.contains(reason) == true, "\(String(describing: failure))")
            try database.server.sql("ALTER DATABASE \(database.name) \(allowed)", in: "postgres")
            try await eventually("it heals after \(prevented)") {
                await TestLedger.error {
                    _ = try await ledger.position(ofJournal: "j")
                    try await ledger.apply(TestLedger.batch(records))
                } == nil
            }
        }
        try database.expect(records)
        await ledger.close()
    }

    /// A key that is revoked, a budget that is set and a neighbour in want are seen while reports keep every reader busy.
    @Test func longQueriesKeepNobodyFromWhatOthersHaveChanged() async throws {
        let database = try await TestLedger.database()
        let ledger = try await TestLedger.open(database.url)
        async let locked: Void = Task.detached {
            // Ended from outside, below.
            _ = try? database.sql(#"BEGIN; LOCK TABLE "cost_rollups"; SELECT pg_sleep(60); COMMIT"#)
        }.value
        try await eventually("the table is locked") {
            try database.sql(
                "SELECT count(*) FROM pg_locks WHERE relation = 'cost_rollups'::regclass AND granted AND mode = 'AccessExclusiveLock'")
                == [["1"]]
        }
        let reports = (0..<2).map { _ in Task { try await ledger.dailySums(since: RecordMaker.firstDay) } }
        let waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'cost_rollups'::regclass AND NOT granted"
        try await eventually("both readers wait") { try database.sql(waiting) == [["2"]] }
        let secret = KeySecret.make()
        let key = CallerKey(
            id: CallIDGenerator().next(at: RecordMaker.firstDay), workspace: "acme", name: nil, digest: KeyDigest(of: secret),
            createdAt: RecordMaker.firstDay)
        try await ledger.add(
            key, ChangeMark(id: key.id, instant: RecordMaker.firstDay, origin: ChangeMark.command))
        let seen = try await ledger.keys(changedAfter: 0)
        let budgets = try await ledger.budgets(after: 1)
        let wanted = try await ledger.wanted()
        #expect(seen.keys == [key] && budgets == StoredBudgets(version: 0) && wanted.isEmpty)
        #expect(try database.sql(waiting) == [["2"]], "the reports wait still")
        try database.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()")
        for report in reports { #expect(try await report.value.isEmpty) }
        await locked
        await ledger.close()
    }

    @Test func aStatementThatIsCancelledAndOneThatTakesTooLongAreTriedAgain() async throws {
        let database = try await TestLedger.database()
        let ledger = try await TestLedger.open(database.url, settings: PostgresSettings(writing: 1, longestWriting: 60))
        let records = Self.records(10, seed: 6)
        // Everybody waits for the table for a while, longer than a batch may take at first.
        async let blocked = Task.detached {
            try database.sql(#"BEGIN; LOCK TABLE "cost_rollups"; SELECT pg_sleep(3); COMMIT"#)
        }.value
        try await eventually("the table is locked") {
            try database.sql(
                "SELECT count(*) FROM pg_locks WHERE relation = 'cost_rollups'::regclass AND granted AND mode = 'AccessExclusiveLock'")
                == [["1"]]
        }
        async let cancelled = TestLedger.error { try await ledger.apply(TestLedger.batch(records)) }
        try await eventually("the batch waits") {
            try database.sql(
                """
                SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
                """) != [["0"]]
        }
        #expect(await cancelled?.description.contains("canceling statement") == true)
        var errors: [LedgerError] = []
        while errors.count < 10, let error = await TestLedger.error(of: { try await ledger.apply(TestLedger.batch(records)) }) {
            errors.append(error)
        }
        // Two seconds are too short as well, as one would be for ever; four are not.
        #expect((1...3).contains(errors.count), "\(errors)")
        _ = try await blocked
        try database.expect(records)
        await ledger.close()
    }

    @Test func readersComeBackByThemselvesAndClosingWaitsForNobody() async throws {
        let database = try await TestLedger.database()
        let wire = try FaultyWire(to: database.server.port)
        defer { wire.close() }
        let ledger = try await TestLedger.open(through(wire, database))
        let records = Self.records(5, seed: 7)
        try await ledger.apply(TestLedger.batch(records))
        for _ in 0..<2 { _ = try await ledger.dailySums(since: RecordMaker.firstDay) }
        try database.terminateGateways()
        for _ in 0..<4 {
            let sums = try await ledger.dailySums(since: RecordMaker.firstDay)
            #expect(sums.reduce(Money.zero) { $0 + $1.cost } == records.reduce(Money.zero) { $0 + $1.cost })
        }
        wire.mode = .silent
        async let failure = TestLedger.error { _ = try await ledger.dailySums(since: RecordMaker.firstDay) }
        // A caller that has gone does not wait for the server either.
        let waiting = Task { await TestLedger.error { _ = try await ledger.onceKeys(since: RecordMaker.firstDay) } }
        waiting.cancel()
        #expect(await waiting.value?.description.contains("cancelled") == true)
        await ledger.close()
        #expect(await failure?.kind == .unavailable)
    }

    @Test func aLockThatAnotherHasTakenIsReportedAndTakenBack() async throws {
        let database = try await TestLedger.database()
        let ledger = try await TestLedger.open(database.url, settings: PostgresSettings(owning: 0))
        let records = Self.records(10, seed: 8)
        try await ledger.apply(TestLedger.batch(Array(records.prefix(5))))
        try database.terminateGateways()
        let other = try await TestLedger.open(database.url)
        // The first use finds the connection lost, the second another owner.
        _ = await TestLedger.error { _ = try await ledger.position(ofJournal: "j") }
        let owned = await TestLedger.error { _ = try await ledger.position(ofJournal: "j") }
        #expect(owned?.kind == .owned)
        await other.close()
        try await eventually("it takes the lock again") {
            await TestLedger.error { _ = try await ledger.position(ofJournal: "j") } == nil
        }
        try await ledger.apply(TestLedger.batch(records, offset: 2))
        try database.expect(records)
        await ledger.close()
    }

    private func through(_ wire: FaultyWire, _ database: PostgresDatabase) -> String {
        "postgres://\(PostgresServer.role):\(PostgresServer.password)@127.0.0.1:\(wire.port)/\(database.name)"
    }
}

/// Waits until a condition holds; records an issue when it never does.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("never happened: \(what)")
}
