import Foundation
import GatewayCore
import LedgerConformance
import PostgresUnderTest
import Testing

@testable import PostgresLedger

/// Normalized records in `people` and `companies`.
@Suite(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
struct EntityTests {
    private static let now = RecordMaker.firstDay

    private func record(
        _ number: UInt64, _ kind: EntityRecord.Kind = .person, id: String = "p1", provider: String = "alpha", _ fields: String,
        raw: String? = nil, rawColumn: String? = nil, workspace: String = "w1"
    ) -> EntityRecord {
        EntityRecord(
            id: CallID(high: 7, low: number), workspace: workspace, kind: kind, entityID: id, provider: provider, fields: fields, raw: raw,
            rawColumn: rawColumn, storedAt: Self.now.adding(seconds: Int64(number)))
    }

    /// Writes batches as one gateway after the other would, and returns how many records were set aside.
    @discardableResult
    private func store(_ database: PostgresDatabase, _ batches: [EntityRecord]...) async throws -> Int {
        let ledger = try await TestLedger.open(database.url)
        var setAside = 0
        for (index, batch) in batches.enumerated() {
            let outcome = try await ledger.apply(
                LedgerBatch(journal: "j", position: JournalPosition(segment: 1, offset: UInt64(index)), records: [], stored: batch))
            setAside += outcome.additionsSetAside
        }
        await ledger.close()
        return setAside
    }

    @Test func presentFieldsReplaceAndAbsentOnesStay() async throws {
        let database = try await TestLedger.database()
        let setAside = try await store(
            database,
            [
                record(
                    1, .person,
                    #"{"fullName":"Ada \u0000","email":"a@x.example","emails":["a@x.example","b,\"}\\"],"linkedinConnections":500,"#
                        + #""dataQualityScore":71.5,"salaryProjections":{"p25":1.50},"dataSources":["alpha"],"dataLastVerified":"2026-01-02T03:04:05Z"}"#,
                    raw: #"{"a":[1.50,"\u0000"]}"#, rawColumn: "coresignalData")
            ],
            [
                record(
                    2, provider: "beta", #"{"fullName":"Ada Example","jobTitle":"CFO","dataSources":["beta","alpha"],"notAColumn":1}"#,
                    raw: "[1]"),
                record(3, provider: "gamma", #"{"dataSources":["gamma"],"aiIntelligence":{"wants":["x"]}}"#, raw: #""text""#),
                record(4, provider: "beta", #"{"city":"Turin"}"#, raw: "[2]"),
            ])
        #expect(setAside == 0)
        let rows = try database.sql(
            """
            SELECT "fullName", "email", "emails"[2], "linkedinConnections", "dataQualityScore", "salaryProjections", "jobTitle", "city",
                "dataSources", "coresignalData", "enrichedData", "aiIntelligence", "dataLastVerified" AT TIME ZONE 'UTC',
                "aiLastUpdated" = timestamptz '2026-11-01 00:00:03Z', "updatedAt" = timestamptz '2026-11-01 00:00:04Z', "createdAt" = timestamptz '2026-11-01 00:00:01Z'
            FROM "people" WHERE "workspaceId" = 'w1' AND "id" = 'p1'
            """)
        #expect(
            rows == [
                [
                    "Ada Example", "a@x.example", "b,\"}\\", "500", "71.5", #"{"p25": 1.50}"#, "CFO", "Turin", "{alpha,beta,gamma}",
                    #"{"a": [1.50, "�"]}"#, #"{"beta": [2], "gamma": "text"}"#, #"{"wants": ["x"]}"#, "2026-01-02 03:04:05", "t", "t", "t",
                ]
            ])
    }

    @Test func whatIsNullIsEmptied() async throws {
        let database = try await TestLedger.database()
        try await store(
            database, [record(1, .person, #"{"fullName":"Ada","email":"a@x.example","emailQualityGrade":"A"}"#)],
            [record(2, .person, #"{"email":"b@x.example","emailQualityGrade":null,"phoneQualityScore":null,"skills":null,"phone":"1"}"#)])
        let rows = try database.sql(
            #"SELECT "fullName", "email", "emailQualityGrade" IS NULL, "phoneQualityScore" IS NULL, "phone" FROM "people""#)
        #expect(rows == [["Ada", "b@x.example", "t", "t", "1"]])
    }

    @Test func companiesAndWorkspacesHaveRowsOfTheirOwn() async throws {
        let database = try await TestLedger.database()
        try await store(
            database,
            [
                record(
                    1, .company, id: "c1", #"{"name":"Nike","employeeCount":79000,"fundingRounds":[{"y":1}],"technologies":["a"]}"#,
                    raw: "{}"),
                record(2, .company, id: "c1", #"{"name":"Other"}"#, workspace: "w2"), record(3, id: "c1", #"{"fullName":"A person"}"#),
            ])
        let companies = try database.sql(
            #"SELECT "workspaceId", "name", "employeeCount", "fundingRounds", "enrichedData" FROM "companies" ORDER BY 1"#)
        #expect(companies == [["w1", "Nike", "79000", #"[{"y": 1}]"#, #"{"alpha": {}}"#], ["w2", "Other", "", "", ""]])
        #expect(try database.sql(#"SELECT "fullName" FROM "people""#) == [["A person"]])
    }

    /// What an application owns keeps its keys, its required columns and its rows.
    @Test func anApplicationsRowsAreUpdatedByItsOwnKey() async throws {
        let database = try PostgresServer.shared.database()
        try database.script(ApplicationDatabase.old(people: 40))
        try await SchemaMigrator(PostgresURL(Secret(database.url))) { _ in }.run()
        let setAside = try await store(
            database,
            [
                // No full name, which the table requires: the row is there.
                record(1, id: "p3", #"{"email":"new@x.example","dataSources":["alpha"]}"#, raw: #"{"n":1}"#, workspace: "w4"),
                // Another workspace's.
                record(2, id: "p3", #"{"fullName":"Thief","email":"thief@x.example"}"#, workspace: "w5"),
                // A new row without what the table requires.
                record(3, id: "new1", #"{"email":"x"}"#, workspace: "w4"),
                record(4, id: "new2", #"{"fullName":"New","email":"y"}"#, workspace: "w4"),
                record(5, .company, id: "c7", #"{"name":"Renamed"}"#, raw: "1", workspace: "w1"),
            ])
        #expect(setAside == 2)
        let people = try database.sql(
            #"SELECT "id", "fullName", "email", "enrichedData", "dataSources" FROM "people" WHERE "email" IS NOT NULL ORDER BY 1"#)
        #expect(
            people == [
                ["new2", "New", "y", "", "{}"],
                ["p3", "Ada 3", "new@x.example", #"{"alpha": {"n": 1}, "lusha": {"emails": ["x@example.com"]}}"#, "{alpha}"],
            ])
        #expect(try database.sql(#"SELECT "name", "enrichedData" FROM "companies" WHERE "id" = 'c7'"#) == [["Renamed", #"{"alpha": 1}"#]])
        let rejected = try database.sql(
            #"SELECT split_part("id", ' ', 2), "reason", "record"::jsonb ->> 'entityId' FROM "rejected_records" ORDER BY "workspaceId""#)
        #expect(rejected.map { [$0[0], $0[2]] } == [["people", "new1"], ["people", "p3"]])
        #expect(rejected.first?[1].contains("fullName") == true && rejected.last?[1] == "the id is that of another workspace")
    }

    @Test(arguments: [
        #"ALTER TABLE "people" ALTER COLUMN "dataSources" DROP DEFAULT, ALTER COLUMN "dataSources" TYPE jsonb USING '[]'"#,
        #"ALTER TABLE "people" ALTER COLUMN "email" TYPE integer USING NULL"#, #"ALTER TABLE "people" DROP CONSTRAINT "people_pkey""#,
        #"ALTER TABLE "people" DROP COLUMN "workspaceId" CASCADE"#, #"DROP TABLE "people""#,
        #"ALTER TABLE "people" ADD COLUMN "owner" text NOT NULL"#,
        #"ALTER TABLE "people" DROP COLUMN "coresignalData""#, #"ALTER TABLE "people" ADD CHECK ("email" <> 'a@x.example')"#,
    ])
    func aTableThatDoesNotFitSetsRecordsAsideAndBlocksNothing(change: String) async throws {
        let database = try await TestLedger.database()
        try database.sql(change)
        var maker = RecordMaker(seed: 5)
        let calls = (0..<20).map { _ in maker.record() }
        let ledger = try await TestLedger.open(database.url)
        let person = record(1, .person, #"{"email":"a@x.example","dataSources":["alpha"]}"#, raw: "{}", rawColumn: "coresignalData")
        let company = record(2, .company, id: "c1", #"{"name":"Nike"}"#)
        var batch = TestLedger.batch(calls)
        batch.stored = [person, company]
        let outcome = try await ledger.apply(batch)
        #expect(outcome == LedgerOutcome(new: 20, additionsSetAside: 1))
        try database.expect(calls)
        #expect(try database.sql(#"SELECT "name" FROM "companies""#) == [["Nike"]])
        let rejected = try database.sql(
            #"SELECT "workspaceId", "id", length("reason") > 5, "record"::jsonb ->> 'fields' FROM "rejected_records""#)
        #expect(rejected == [["w1", "\(person.id) people", "t", person.fields]])
        // Applied again after a failure of another kind, it is set aside once.
        _ = try await ledger.apply(batch)
        #expect(try database.sql(#"SELECT count(*) FROM "rejected_records""#) == [["1"]])
        await ledger.close()
    }

    @Test func researchIsOneRowAndOneThatDoesNotFitIsSetAside() async throws {
        let database = try await TestLedger.database()
        var maker = RecordMaker(seed: 6)
        var kept = maker.keptAnswer()
        (kept.workspace, kept.cost) = ("w1", Money(nanos: 12_345_678))
        kept.research = ResearchRecord(
            entityType: "company", entityID: "nike", type: "web", content: "CFO \u{0}", sources: #"["a\u0000"]"#, model: "sonar",
            confidence: "0.8",
            tokens: 120, duration: 950)
        let ledger = try await TestLedger.open(database.url)
        let batch = LedgerBatch(journal: "j", position: JournalPosition(segment: 1, offset: 1), records: [], kept: [kept])
        for _ in 0..<2 { #expect(try await ledger.apply(batch) == LedgerOutcome()) }
        let rows = try database.sql(
            """
            SELECT "id", "workspaceId", "entityType", "entityId", "researchType", "content", "sources", "confidence", "model", "tokensUsed",
                "processingTime", "cost", "expiresAt" > "createdAt" FROM "research_data"
            """)
        #expect(
            rows == [
                [
                    kept.id.description, "w1", "company", "nike", "web", "CFO �", #"["a�"]"#, "0.8", "sonar", "120", "950", "0.012345678",
                    "t",
                ]
            ])
        try database.sql(#"ALTER TABLE "research_data" ALTER COLUMN "content" TYPE integer USING NULL"#)
        kept.id = CallID(high: 1, low: 1)
        kept.key = maker.keptAnswer().key
        let outcome = try await ledger.apply(
            LedgerBatch(journal: "j", position: JournalPosition(segment: 1, offset: 2), records: [], kept: [kept]))
        #expect(outcome == LedgerOutcome(additionsSetAside: 1))
        // The answer itself is kept all the same.
        #expect(try await ledger.keptAnswer(kept.key, workspace: "w1", at: kept.keptAt)?.answer == kept.answer)
        #expect(try database.sql(#"SELECT "id" FROM "rejected_records""#) == [["\(kept.id) research_data"]])
        await ledger.close()
    }

    /// Several gateways store the same entities at the same time, new ones too: every source and every answer of each is there.
    @Test func gatewaysAtOnceLoseNoUpdate() async throws {
        let database = try await TestLedger.database()
        let url = try PostgresURL(Secret(database.url))
        let (gateways, rounds, entities) = (4, 30, 3)
        await withTaskGroup(of: Void.self) { tasks in
            for gateway in 0..<gateways {
                tasks.addTask {
                    await withCheckedContinuation { continuation in
                        Thread.detachNewThread {
                            defer { continuation.resume() }
                            do {
                                let connection = try PostgresConnection(url, applicationName: "test", patience: 30, isStopped: StopFlag())
                                for round in 0..<rounds {
                                    let source = "s\(gateway)-\(round)"
                                    let stored = (0..<entities).map { entity in
                                        record(
                                            UInt64(gateway * 1000 + round * 10 + entity), id: "p\(round / 3)-\(entity)", provider: source,
                                            #"{"dataSources":["\#(source)"],"city":"\#(source)"}"#, raw: #"{"by":"\#(source)"}"#)
                                    }
                                    let batch = LedgerBatch(journal: nil, position: nil, records: [], stored: stored.shuffled())
                                    // Two that wait for each other are told so, and one tries again, as the writer does.
                                    while true {
                                        do {
                                            var writing = BatchWriting(batch, on: connection, now: Self.now)
                                            try writing.write()
                                            break
                                        } catch let failure as PostgresFailure where failure.state == "40P01" {
                                            continue
                                        }
                                    }
                                }
                            } catch {
                                Issue.record("\(error)")
                            }
                        }
                    }
                }
            }
        }
        let rows = try database.sql(
            #"SELECT array_length("dataSources", 1), (SELECT count(*) FROM jsonb_object_keys("enrichedData")), "city" IS NOT NULL FROM "people""#
        )
        #expect(rows.count == rounds / 3 * entities)
        #expect(rows.allSatisfy { $0 == ["\(gateways * 3)", "\(gateways * 3)", "t"] })
        #expect(try database.sql(#"SELECT count(*) FROM "rejected_records""#) == [["0"]])
    }
}
