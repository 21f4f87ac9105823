import Foundation
import GatewayCore
import LedgerConformance
import PostgresUnderTest
import Testing

@testable import PostgresLedger

/// What is Postgres' own; the rest is in the conformance tests.
@Suite(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
struct PostgresLedgerTests {
    private func records(_ count: Int, seed: UInt64) -> [CostRecord] {
        var maker = RecordMaker(seed: seed)
        return (0..<count).map { _ in maker.record() }
    }

    @Test func aSecondOwnerIsToldWhoHasItAndAReaderIsLetIn() async throws {
        let database = try await TestLedger.database()
        let first = try await TestLedger.open(database.url)
        let all = records(3, seed: 1)
        try await first.apply(TestLedger.batch(all))
        let error = await TestLedger.error {
            _ = try await TestLedger.open(database.url, settings: PostgresSettings(owning: 0))
        }
        #expect(error?.kind == .owned)
        let text = error?.description ?? ""
        #expect(text.contains("(process \(ProcessInfo.processInfo.processIdentifier)), connected from 127.0.0.1"), "\(text)")
        #expect(text.contains("with a copy of this gateway's journal"))
        let reader = try await PostgresLedger.readOnly(PostgresURL(Secret(database.url)), clock: { RecordMaker.firstDay })
        let read = try await reader.record(id: all[0].id, workspace: all[0].workspace)
        #expect(read?.cost == all[0].cost)
        let refused = await TestLedger.error { try await reader.apply(TestLedger.batch(all)) }
        #expect(refused?.kind == .owned)
        await reader.close()
        await first.close()
        await (try TestLedger.open(database.url)).close()
    }

    @Test func otherSchemasAreRefusedWithWhatToDo() async throws {
        let empty = try PostgresServer.shared.database()
        let nothing = await TestLedger.error { _ = try await TestLedger.open(empty.url) }
        #expect(nothing?.kind == .schema && nothing?.description.contains("run 'gateway migrate'") == true)
        let database = try await TestLedger.database()
        try database.sql(#"INSERT INTO "gateway_migrations" VALUES (99, '0099-later', 'x')"#)
        let newer = await TestLedger.error { _ = try await TestLedger.open(database.url) }
        #expect(newer?.kind == .schema && newer?.description.contains("made by a newer gateway (it has migration 0099-later)") == true)
        try database.sql(#"DELETE FROM "gateway_migrations" WHERE "number" > 3"#)
        let older = await TestLedger.error { _ = try await TestLedger.open(database.url) }
        #expect(older?.kind == .schema && older?.description.contains("(migration 3 of 11); run 'gateway migrate'") == true)
        try database.sql(#"UPDATE "gateway_migrations" SET "checksum" = 'x'"#)
        let changed = await TestLedger.error { _ = try await TestLedger.open(database.url) }
        #expect(changed?.kind == .schema && changed?.description.contains("0001-ledger differs") == true)
    }

    @Test func rowsThatTheDatabaseRefusesAreSetAsideAlone() async throws {
        let database = try await TestLedger.database()
        let all = records(100, seed: 2)
        let (refused, tooLong) = (all[40], CostRecord(all[70], workspace: String(repeating: "w", count: 129)))
        let sent = all.prefix(70) + [tooLong] + all.suffix(29)
        try database.sql(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON "api_cost_tracking" FOR EACH ROW WHEN (NEW."id" = '\(refused.id)') EXECUTE FUNCTION refuse()
            """)
        let ledger = try await TestLedger.open(database.url)
        try await ledger.apply(TestLedger.batch(Array(sent)))
        try database.expect(sent.filter { $0.id != refused.id && $0.id != tooLong.id })
        let reasons = try database.sql(
            #"SELECT "id", "reason", "record" LIKE '%' || "id" || '%' FROM "rejected_records" ORDER BY "reason""#)
        #expect(reasons.count == 2)
        #expect(reasons.first == [refused.id.description, "not this one", "t"])
        #expect(reasons.last?.first == tooLong.id.description && reasons.last?[1].contains("too long") == true)
        let place = try await ledger.position(ofJournal: "j")
        #expect(place == JournalPosition(segment: 1, offset: 1))
        await ledger.close()
    }

    @Test func aColumnThatOnlyTheApplicationFillsSetsNothingAside() async throws {
        let database = try await TestLedger.database()
        let ledger = try await TestLedger.open(database.url)
        try database.sql(#"ALTER TABLE "api_cost_tracking" ADD COLUMN "theirs" text NOT NULL"#)
        let all = records(20, seed: 3)
        let error = await TestLedger.error { try await ledger.apply(TestLedger.batch(all)) }
        #expect(error?.kind == .unavailable && error?.description.contains("theirs") == true)
        #expect(try database.sql(#"SELECT count(*) FROM "rejected_records""#) == [["0"]])
        try database.sql(#"ALTER TABLE "api_cost_tracking" ALTER COLUMN "theirs" DROP NOT NULL"#)
        try await ledger.apply(TestLedger.batch(all))
        try database.expect(all)
        await ledger.close()
    }

    @Test func aFailedBatchLeavesNothing() async throws {
        let database = try await TestLedger.database()
        let ledger = try await TestLedger.open(database.url)
        let all = records(20, seed: 4)
        // The position is written last.
        try database.sql(#"ALTER TABLE "journal_positions" RENAME TO "elsewhere""#)
        let error = await TestLedger.error { try await ledger.apply(TestLedger.batch(all)) }
        #expect(error?.kind == .schema)
        #expect(try database.books() == ["0 0", "0 0"])
        try database.sql(#"ALTER TABLE "elsewhere" RENAME TO "journal_positions""#)
        try await ledger.apply(TestLedger.batch(all))
        try database.expect(all)
        await ledger.close()
    }

    @Test func priceVersionsAreKeptOnceAsTheyFirstStood() async throws {
        let database = try await TestLedger.database()
        let ledger = try await TestLedger.open(database.url)
        let versions = ["{\"a\": \"\\u0000\"}", "second"].map { PriceVersionRecord(provider: "p", version: "v", canonical: $0) }
        try await ledger.apply(LedgerBatch(journal: nil, position: nil, records: [], priceVersions: versions))
        try await ledger.apply(LedgerBatch(journal: nil, position: nil, records: [], priceVersions: [versions[1]]))
        #expect(try database.sql(#"SELECT "canonical" FROM "price_versions""#) == [["{\"a\": \"\\u0000\"}"]])
        await ledger.close()
    }

    @Test(arguments: [
        (#"{"a":"\u0000"}"#, #"{"a":"\uFFFD"}"#), (#"{"a":"\\u0000"}"#, #"{"a":"\\u0000"}"#),
        (#"{"a":"\\\u0000\u00001"}"#, #"{"a":"\\\uFFFD\uFFFD1"}"#), (#"{"\"\u0001":1}"#, #"{"\"\u0001":1}"#),
    ])
    func theEscapeOfNULIsReplacedWhereItIsOne(json: String, expected: String) {
        #expect(CostColumns.withoutEscapedNUL(json) == expected)
    }
}

extension CostRecord {
    fileprivate init(_ record: CostRecord, workspace: String) {
        self = record
        self.workspace = workspace
    }
}
