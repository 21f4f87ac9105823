import Foundation
import GatewayCore
import LedgerConformance
import PostgresUnderTest
import Synchronization
import Testing

@testable import PostgresLedger

/// `gateway migrate` adds, loses nothing, and can be interrupted.
@Suite(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"), .timeLimit(.minutes(3)))
struct SchemaMigratorTests {
    private final class Report: Sendable {
        private let said = Mutex<[String]>([])

        func add(_ line: String) -> Int {
            said.withLock { lines in
                lines.append(line)
                return lines.count
            }
        }

        var lines: [String] { said.withLock { $0 } }
    }

    @discardableResult
    private func migrate(
        _ database: PostgresDatabase, isDry: Bool = false, each: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> [String] {
        let report = Report()
        try await SchemaMigrator(PostgresURL(Secret(database.url))) { each(report.add($0)) }.run(isDry: isDry)
        return report.lines
    }

    private func application(people: Int = 1000) throws -> PostgresDatabase {
        let database = try PostgresServer.shared.database()
        try database.script(ApplicationDatabase.old(people: people))
        return database
    }

    private func expectSameSchema(
        _ one: PostgresDatabase, _ other: PostgresDatabase, _ location: SourceLocation = #_sourceLocation
    ) throws {
        let (left, right) = (try one.sql(ApplicationDatabase.schema), try other.sql(ApplicationDatabase.schema))
        #expect(left.filter { !right.contains($0) } == [], sourceLocation: location)
        #expect(right.filter { !left.contains($0) } == [], sourceLocation: location)
    }

    @Test func anEmptyDatabaseGetsTheNotesTables() async throws {
        let database = try PostgresServer.shared.database()
        let said = try await migrate(database)
        #expect(said.contains { $0.contains(/CREATE TABLE IF NOT EXISTS "api_cost_tracking" .*  \d+ ms/) })
        func columns(_ table: String) throws -> [String] {
            try database.sql(
                "SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '\"\(table)\"'::regclass AND attnum > 0"
            ).map { $0[0] }
        }
        #expect(
            Set(try columns("api_cost_tracking")) == [
                "id character varying(30)", "workspaceId character varying(128)", "userId character varying(128)",
                "apiProvider character varying(128)", "endpoint character varying(100)", "operation character varying(128)",
                "cost numeric(20,9)",
                "tokensUsed bigint", "entityType character varying(128)", "entityId character varying(128)", "requestData jsonb",
                "success boolean", "errorMessage text", "createdAt timestamp with time zone", "basis text", "priceVersion text",
                "estimate numeric(20,9)", "reportedCost numeric(20,9)", "status integer", "cache text", "durationMs bigint",
                "saved numeric(20,9)", "found integer",
            ])
        #expect(
            Set(try columns("research_data").map { String($0.prefix { $0 != " " }) }) == [
                "id", "workspaceId", "entityType", "entityId", "researchType", "content", "sources", "extractedData", "confidence", "model",
                "tokensUsed", "processingTime", "cost", "createdAt", "updatedAt", "expiresAt",
            ])
        #expect(try columns("research_data").contains("cost numeric(20,9)"))
        let indexes = try database.sql(
            """
            SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE relnamespace = 'public'::regnamespace AND indisvalid AND NOT indisprimary
            """
        ).map { $0[0] }
        #expect(
            Set(indexes).isSuperset(of: [
                "people_coresignalData_idx", "people_enrichedData_idx", "people_aiIntelligence_idx", "people_dataSources_idx",
                "people_customFields_idx", "people_workspaceId_emailQualityGrade_idx", "people_workspaceId_dataQualityScore_idx",
                "companies_companyIntelligence_idx", "companies_aiIntelligence_idx", "companies_employeeCountChange_idx",
                "companies_dataSources_idx", "companies_customFields_idx", "companies_workspaceId_dataQualityScore_idx",
                "research_data_expiresAt_idx", "api_cost_tracking_entityType_entityId_idx",
            ]))
        let again = try await migrate(database)
        #expect(again.last == "nothing to do: it has the current schema")
    }

    @Test func theNotesOldStateKeepsEveryValue() async throws {
        let database = try application(people: 21_450)
        let before = try database.sql(ApplicationDatabase.checksum)
        let said = try await migrate(database)
        #expect(try database.sql(ApplicationDatabase.checksum) == before)
        let counts = try database.sql(
            """
            SELECT count("decisionPowerScore"), count("yearsExperience"), count(*) FILTER (WHERE "dataSources" = '{}'), sum("aiConfidence") FROM "people"
            UNION ALL SELECT count("speedrunRankingMode"), 0, 0, 0 FROM "users"
            UNION ALL SELECT count("newsIndustries"), 0, 0, 0 FROM "workspaces"
            """)
        #expect(counts.map { $0[0] } == ["21450", "9", "5"])
        #expect(counts[0][1] == "1" && counts[0][2] == "21450" && counts[0][3] == "0")
        // One rewrite for all seven columns, announced; what is not the gateway's to index is left out, and said.
        #expect(said.filter { $0.contains("writing \"people\" anew") }.count == 1)
        #expect(said.contains { $0.contains("left out: \"people_customFields_idx\"") })
        let types = try database.sql(
            """
            SELECT DISTINCT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '"people"'::regclass
            AND attname IN ('coresignalData', 'enrichedData', 'degrees', 'previousRoles', 'careerTimeline', 'roleHistory', 'rolePromoted')
            """)
        #expect(types == [["jsonb"]])
        // The application goes on writing as it did.
        try database.script(
            """
            INSERT INTO "people" ("id", "workspaceId", "fullName", "coresignalData") VALUES ('new', 'w1', 'New', '{"a": 1}'::json);
            DO $$ BEGIN ASSERT (SELECT "careerTimeline" = '[]' AND "phoneQualityScore" = 0 FROM "people" WHERE "id" = 'new'); END $$
            """)
    }

    @Test func theNotesOwnCostTableIsWidenedAndItsSpendingCounts() async throws {
        let database = try application(people: 10)
        try database.script(ApplicationDatabase.costs)
        let before = try database.sql(#"SELECT "id", "cost"::numeric(20,9), "createdAt" FROM "api_cost_tracking" ORDER BY 1"#)
        let said = try await migrate(database)
        #expect(try database.sql(#"SELECT "id", "cost", "createdAt" FROM "api_cost_tracking" ORDER BY 1"#) == before)
        #expect(said.contains { $0.contains("has the foreign key api_cost_tracking_workspaceId_fkey") })
        #expect(try database.books() == ["50 14005000000", "50 14005000000"])
        let ledger = try await TestLedger.open(database.url)
        let since = Timestamp(CivilDate(year: 2026, month: 10, day: 31))
        let sums = try await ledger.spend(SpendQuery(workspace: "w1", by: [.day], from: since, until: since.adding(seconds: 86_400)))
        #expect(sums == [SpendRow(workspace: "w1", day: since, sums: CallSums(calls: 12, cost: Money(nanos: 3_361_200_000), tokens: 156))])
        // New rows fit: long ids, nine digits, microseconds. One without a parent is set aside, and nothing else.
        var maker = RecordMaker(seed: 1)
        var records = (0..<3).map { _ in maker.record() }
        for index in records.indices { records[index].workspace = index == 2 ? "nobody" : "w2" }
        (records[0].user, records[0].cost) = (String(repeating: "u", count: 128), Money(nanos: 123_456_789))
        try await ledger.apply(TestLedger.batch(records))
        let read = try await ledger.record(id: records[0].id, workspace: "w2")
        #expect(read?.cost == records[0].cost && read?.user == records[0].user && read?.createdAt == records[0].createdAt)
        #expect(try database.sql(#"SELECT "workspaceId" FROM "rejected_records""#) == [["nobody"]])
        let exact = try await ledger.sums(workspace: "w2", since: RecordMaker.firstDay, until: Timestamp(microseconds: .max))
        let counted = try database.sql(
            #"SELECT (sum("cost") * 1000000000)::bigint FROM "api_cost_tracking" WHERE "workspaceId" = 'w2' AND "createdAt" >= '2026-11-01'"#
        )
        #expect(["\(exact.reduce(Money.zero) { $0 + $1.cost }.nanos)"] == counted.first)
        await ledger.close()
    }

    @Test func aDryRunChangesNothingAndPrintsWhatWouldBeDone() async throws {
        let database = try application(people: 20)
        let before = try database.sql(ApplicationDatabase.schema)
        let printed = try await migrate(database, isDry: true)
        #expect(try database.sql(ApplicationDatabase.schema) == before)
        // What it printed does the same when somebody else runs it.
        try database.script(printed.joined(separator: "\n"))
        let twin = try application(people: 20)
        try await migrate(twin)
        #expect(try database.sql(ApplicationDatabase.schema) == twin.sql(ApplicationDatabase.schema))
        #expect(try await migrate(database).last == "nothing to do: it has the current schema")
        #expect(try await migrate(database, isDry: true).count == 1)
    }

    @Test(arguments: [true, false])
    func rowsThatJsonbCannotHoldAreListedBeforeAnythingIsTouched(isDry: Bool) async throws {
        let database = try application(people: 40)
        try database.script(
            #"""
            UPDATE "people" SET "enrichedData" = '{"a": "\u0000"}' WHERE "id" = 'p7';
            UPDATE "people" SET "degrees" = '["\ud800"]' WHERE "id" IN ('p8', 'p9');
            UPDATE "people" SET "roleHistory" = ('["\u0000", ' || substr("id", 2) || ']')::json WHERE "id" NOT IN ('p1', 'p2');
            UPDATE "companies" SET "companyUpdates" = '"\u0000"' WHERE "id" = 'c3';
            """#)
        let before = try database.sql(ApplicationDatabase.schema)
        let error = await TestLedger.error { try await migrate(database, isDry: isDry) }
        let text = error?.description ?? ""
        #expect(error?.kind == .schema)
        for part in [
            "nothing was changed", #""people"."enrichedData", "id" p7: unsupported Unicode escape sequence"#,
            #""people"."degrees", "id" p8: "#,
            #""people"."degrees", "id" p9: "#, "… and 18 more", #""companies"."companyUpdates", "id" c3: "#,
        ] { #expect(text.contains(part), "\(text)") }
        #expect(try database.sql(ApplicationDatabase.schema) == before)
        try database.script(
            #"""
            UPDATE "people" SET "enrichedData" = NULL, "degrees" = NULL, "roleHistory" = NULL; UPDATE "companies" SET "companyUpdates" = NULL;
            """#)
        try await migrate(database)
    }

    @Test func endedAfterEveryFewStepsAndRunAgainItComesToTheSame() async throws {
        let (database, whole) = (try application(people: 300), try application(people: 300))
        try await migrate(whole)
        let before = try database.sql(ApplicationDatabase.checksum)
        var ends = 0
        while ends < 100 {
            let error = await TestLedger.error {
                try await migrate(database) { line in
                    // After a few steps, so that each run gets a little further than the last.
                    if line == 8 { try? database.terminateGateways() }
                }
            }
            if error == nil { break }
            ends += 1
        }
        #expect(ends >= 5)
        try expectSameSchema(database, whole)
        #expect(try database.sql(ApplicationDatabase.checksum) == before)
    }

    @Test func anIndexWhoseMakingWasInterruptedIsMadeAgain() async throws {
        let (database, whole) = (try await TestLedger.database(), try await TestLedger.database())
        try database.script(
            """
            INSERT INTO "people" ("id", "workspaceId") VALUES ('a', 'w'), ('b', 'w');
            DELETE FROM "gateway_migrations" WHERE "number" >= 4;
            DROP INDEX "people_dataSources_idx"
            """)
        #expect(throws: PostgresServerError.self) {
            try database.script(#"CREATE UNIQUE INDEX CONCURRENTLY "people_dataSources_idx" ON "people" ("workspaceId")"#)
        }
        #expect(try database.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [["1"]])
        let said = try await migrate(database)
        #expect(said.filter { $0.contains("people_dataSources_idx") }.count == 2)
        #expect(said.contains { $0.contains("DROP INDEX CONCURRENTLY IF EXISTS \"people_dataSources_idx\"") })
        try expectSameSchema(database, whole)
    }

    @Test func endedAtRandomAndRunAgainItComesToTheSame() async throws {
        let (database, whole) = (try application(people: 3000), try application(people: 3000))
        try await migrate(whole)
        let before = try database.sql(ApplicationDatabase.checksum)
        let isOver = Atomic(false)
        async let killing: Void = Task.detached {
            for _ in 0..<10 where !isOver.load(ordering: .relaxed) {
                try await Task.sleep(for: .milliseconds(Int.random(in: 20...150)))
                try database.terminateGateways()
            }
        }.value
        while await TestLedger.error(of: { try await migrate(database) }) != nil { await Task.yield() }
        isOver.store(true, ordering: .relaxed)
        try await killing
        try expectSameSchema(database, whole)
        #expect(try database.sql(ApplicationDatabase.checksum) == before)
    }

    @Test func twoAtOnceAreOneAfterTheOther() async throws {
        let (database, whole) = (try application(), try application())
        try await migrate(whole)
        async let first = migrate(database)
        async let second = migrate(database)
        let said = try await [first, second]
        #expect(said.filter { $0.contains("nothing to do: it has the current schema") }.count == 1)
        try expectSameSchema(database, whole)
    }

    @Test func nobodyWaitsLongWhileItWaitsForATable() async throws {
        let database = try application()
        // A transaction that has read the table and stays open: an ALTER TABLE must wait for it, and others behind that must not.
        async let reading = Task.detached {
            try database.sql(#"BEGIN; LOCK TABLE "people" IN ACCESS SHARE MODE; SELECT pg_sleep(2.5); COMMIT"#)
        }.value
        try await eventually("the table is locked") {
            try database.sql("SELECT count(*) FROM pg_locks WHERE relation = '\"people\"'::regclass AND granted") != [["0"]]
        }
        async let migrating = migrate(database)
        try await eventually("it waits for the table") {
            try database.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") != [["0"]]
        }
        for number in 0..<8 {
            // A second is what the application's own patience is here.
            try database.script("SET lock_timeout = '1s'; UPDATE \"people\" SET \"email\" = '\(number)' WHERE \"id\" = 'p1'")
        }
        let said = try await migrating
        _ = try await reading
        #expect(said.contains { $0.contains("waiting for transactions that use") })
        #expect(try database.sql(#"SELECT "email" FROM "people" WHERE "id" = 'p1'"#) == [["7"]])
    }

    @Test func anAutomaticVacuumGivesWay() async throws {
        let server = try PostgresServer()
        let database = try server.database()
        try database.script(ApplicationDatabase.old(people: 1000))
        // One that would take minutes: a page, and a pause.
        try database.sql(
            """
            ALTER TABLE "people" SET (
                autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_threshold = 1,
                autovacuum_vacuum_scale_factor = 0);
            UPDATE "people" SET "email" = 'x'
            """)
        func setNap(_ nap: String) throws {
            try server.sql("ALTER SYSTEM SET autovacuum_naptime = '\(nap)'", in: "postgres")
            try server.sql("SELECT pg_reload_conf()", in: "postgres")
        }
        try setNap("1s")
        try await eventually("the table is vacuumed") {
            try database.sql("SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = '\"people\"'::regclass") == [["1"]]
        }
        try setNap("1h")
        let said = try await migrate(database)
        #expect(!said.contains { $0.contains("waiting for transactions") }, "\(said)")
        #expect(try String(contentsOfFile: server.folder + "/log", encoding: .utf8).contains("canceling autovacuum task"))
        server.stop()
    }

    @Test func theFilesHaveNoStatementThatCannotBePlanned() throws {
        let statements = try SchemaMigration.all.flatMap { try SchemaStatement.read($0.sql) }
        #expect(statements.count > 40)
        for case .index(_, let table, let columns, _, _) in statements { #expect(!columns.isEmpty && !table.isEmpty) }
        #expect(SchemaMigration.all.map(\.number) == Array(1...SchemaMigration.all.count))
        #expect(throws: UnknownStatement.self) { try SchemaStatement.read("DROP TABLE \"people\";\n") }
    }

    @Test(arguments: [
        ("json", "jsonb", true), ("jsonb", "jsonb", false), ("text", "jsonb", false), ("numeric(10,4)", "numeric(20,9)", true),
        ("numeric(20,9)", "numeric(20,9)", false), ("numeric", "numeric(20,9)", false), ("numeric(30,4)", "numeric(20,9)", false),
        ("numeric(24,12)", "numeric(20,9)", false), ("character varying(30)", "varchar(128)", true),
        ("character varying(200)", "varchar(128)", false), ("character varying", "varchar(128)", false), ("text", "varchar(128)", false),
        ("timestamp(3) without time zone", "timestamp(6) without time zone", true),
        ("timestamp with time zone", "timestamp(6) without time zone", false), ("double precision", "numeric(20,9)", false),
    ])
    func onlyWhatLosesNothingIsAWidening(old: String, new: String, isNeeded: Bool) {
        #expect(Widening.isNeeded(from: old, to: new) == isNeeded)
    }
}
