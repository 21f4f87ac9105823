import GatewayCore
import LedgerConformance
import PostgresLedger
import PostgresUnderTest
import Testing

/// Budgets that gateways share through a real server.
@Suite(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
struct PostgresLeaseTests {
    private func factory() async throws -> (PostgresDatabase, LeaseConformance.Factory) {
        let database = try await TestLedger.database()
        return (database, { try await TestLedger.open(database.url, gateway: $0) })
    }

    /// What is allocated is what rows and leases come to, by SQL that has nothing to do with the ledger's.
    private func expectConsistency(_ database: PostgresDatabase) throws {
        let wrong = try database.sql(
            """
            SELECT * FROM budget_accounts AS account WHERE "spent" <> coalesce((
                SELECT sum(cost) * 1000000000 FROM api_cost_tracking AS part WHERE part."workspaceId" = account."workspaceId"
                    AND part."createdAt" AT TIME ZONE 'UTC' >= "windowStart" AND part."createdAt" AT TIME ZONE 'UTC' < "windowEnd"
                    AND ("scope" = 'workspace' OR "scope" = 'provider' AND "apiProvider" = "scopeId" OR "scope" = 'user' AND "userId" = "scopeId")
            ), 0) OR "allocated" <> "spent" + coalesce((
                SELECT sum("granted" - "used") FROM budget_leases AS lease WHERE (lease."workspaceId", lease."scope", lease."scopeId", lease."windowStart", lease."windowEnd")
                    = (account."workspaceId", account."scope", account."scopeId", account."windowStart", account."windowEnd")
            ), 0)
            """)
        #expect(wrong.isEmpty, "\(wrong)")
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func answersAreTheModels(seed: UInt64) async throws {
        let (database, make) = try await factory()
        try await LeaseConformance.answersAreTheModels(make, seed: seed)
        try expectConsistency(database)
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func openingsAndBatchesMeet(seed: UInt64) async throws {
        let (database, make) = try await factory()
        try await LeaseConformance.openingsAndBatchesMeet(make, seed: seed)
        try expectConsistency(database)
        // These rows were held by nobody, so that some are debts, beyond any limit; a lease covers what it has spent all the same.
        #expect(try database.sql(#"SELECT count(*) FROM budget_leases WHERE "granted" < "used""#) == [["0"]])
    }

    @Test func refusalsAreSeenByOthers() async throws {
        let (_, make) = try await factory()
        try await LeaseConformance.refusalsAreSeenByOthers(make)
    }

    @Test func aGatewayThatRunsIsNotForgottenAndOneThatIsGoneIs() async throws {
        let database = try await TestLedger.database()
        let windows = Zone.utc.windows(at: Timestamp(seconds: 4_000_000_000))
        let account = AccountKey(workspace: "acme", scope: .workspace, start: windows.monthly.start, end: windows.monthly.end)
        let lost = try await TestLedger.open(database.url, gateway: "lost")
        let request = LeaseRequest(account, isOpening: true, limit: Money(nanos: 100), keep: 0, minimum: 60, target: 60)
        _ = try await lost.exchange([request])
        let command = try await PostgresLedger.readOnly(PostgresURL(Secret(database.url)), clock: { RecordMaker.firstDay })
        let running = try await command.leases()
        let summary = LeaseSummary(gateway: "lost", account: account, granted: Money(nanos: 60), used: .zero, isRunning: true)
        #expect(running == [summary])
        let refused = await TestLedger.error { _ = try await command.forget(gateway: "lost") }
        #expect(refused?.kind == .owned && refused?.description.contains("stop it first") == true)
        await lost.close()
        var gone = summary
        gone.isRunning = false
        // The server notices a moment later that nobody is connected.
        var freed: [LeaseSummary] = []
        for _ in 0..<200 where freed.isEmpty { freed = (try? await command.forget(gateway: "lost")) ?? [] }
        #expect(freed == [gone])
        let (left, again) = (try await command.leases(), try await command.forget(gateway: "lost"))
        #expect(left.isEmpty && again.isEmpty)
        #expect(try database.sql(#"SELECT "allocated" FROM budget_accounts"#) == [["0"]])
        await command.close()
    }

    @Test func budgetsThatAreSetAreSeenOnceByVersion() async throws {
        let (database, make) = try await factory()
        let ledgers = [try await make("g1"), try await make("g2")]
        let (first, second, ids) = (ledgers[0], ledgers[1], CallIDGenerator())
        @Sendable func mark() -> ChangeMark {
            ChangeMark(id: ids.next(at: RecordMaker.firstDay), instant: RecordMaker.firstDay, origin: "::1")
        }
        let none = try await first.budgets(after: 0)
        #expect(none == nil)
        try await first.setBudget(#"{"daily": 1}"#, of: "acme", mark())
        let one = try await second.budgets(after: 0)
        #expect(one == StoredBudgets(version: 1, texts: ["acme": #"{"daily": 1}"#]))
        let same = try await second.budgets(after: 1)
        #expect(same == nil)
        // Versions become visible in their order, whoever writes at once.
        try await withThrowingTaskGroup { tasks in
            for number in 0..<20 {
                tasks.addTask { try await ledgers[number % 2].setBudget("{\"daily\":\(number)}", of: "w\(number % 5)", mark()) }
            }
            try await tasks.waitForAll()
        }
        let all = try await first.budgets(after: 1)
        #expect(all?.version == 21 && all?.texts.count == 6)
        try database.sql("DELETE FROM workspace_budgets")
        let gone = try await first.budgets(after: 21)
        #expect(gone == StoredBudgets(version: 0))
        for ledger in ledgers { await ledger.close() }
    }

    /// However often the connection is lost in the middle of a change, the audit has each change that there was, once.
    @Test func theAuditIsExactWhereConnectionsAreLost() async throws {
        let (database, make) = try await factory()
        let (ledger, ids) = (try await make("g1"), CallIDGenerator())
        @Sendable func set(_ round: Int) async -> Bool {
            let mark = ChangeMark(id: ids.next(at: RecordMaker.firstDay), instant: RecordMaker.firstDay, origin: "::1")
            return (try? await ledger.setBudget("{\"daily\":\(round)}", of: "acme", mark)) != nil
        }
        for round in 1...12 {
            async let isSet = set(round)
            try database.terminateGateways()
            _ = await isSet
        }
        // Between two tries to connect, all that is asked fails at once.
        let end = ContinuousClock.now + .seconds(30)
        func eventually<Found>(_ look: () async -> Found?) async throws -> Found {
            while true {
                if let found = await look() { return found }
                try #require(ContinuousClock.now < end, "the connections are there again")
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        _ = try await eventually { await set(13) ? true : nil }
        let audit = try await eventually { try? await ledger.auditEntries(since: nil, before: nil, limit: 100) }
        let stored = try await eventually { (try? await ledger.budgets(after: 0)) ?? nil }
        #expect(audit.count == Int(stored.version) && !audit.isEmpty)
        #expect(audit.first?.after == #"{"daily":13}"# && audit.last?.before == nil)
        for (later, earlier) in zip(audit, audit.dropFirst()) { #expect(later.before == earlier.after) }
        await ledger.close()
    }

    /// A server that was lost in the middle of an exchange has heard it or not: the same words again lead to the same end.
    @Test func anExchangeWhoseAnswerIsLostIsSaidAgain() async throws {
        let (database, make) = try await factory()
        let ledger = try await make("g1")
        let store = try #require(ledger.leases)
        let windows = Zone.utc.windows(at: RecordMaker.firstDay)
        let account = AccountKey(workspace: "acme", scope: .workspace, start: windows.daily.start, end: windows.daily.end)
        let opened = try await store.exchange([
            LeaseRequest(account, isOpening: true, limit: Money(nanos: 100), keep: 0, minimum: 5, target: 5)
        ])
        #expect(opened[0]?.granted == 5)
        for round in 1...8 {
            let request = LeaseRequest(
                account, limit: Money(nanos: 100), keep: 5, minimum: Int64(5 + round), target: Int64(5 + round))
            async let answer = try? store.exchange([request])
            try database.terminateGateways()
            _ = await answer
            var reply: LeaseReply?
            for _ in 0..<100 where reply == nil { reply = (try? await store.exchange([request]))?[0] }
            #expect(reply?.granted == Int64(5 + round))
            #expect(try database.sql(#"SELECT "allocated" FROM budget_accounts"#) == [["\(5 + round)"]])
        }
        await ledger.close()
    }
}
