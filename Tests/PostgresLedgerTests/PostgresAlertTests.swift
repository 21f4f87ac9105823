import GatewayCore
import LedgerConformance
import PostgresLedger
import PostgresUnderTest
import Testing

/// Alerts of gateways that share a database, all at once.
@Suite(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"), .timeLimit(.minutes(1)))
struct PostgresAlertTests {
    private static func alert(_ gateway: Int, _ number: Int, _ level: AlertLevel) -> BudgetAlert {
        let start = RecordMaker.firstDay
        return BudgetAlert(
            id: CallID(high: UInt64(gateway + 1), low: UInt64(number * 10) + UInt64(level.andWorse.count)),
            account: AccountKey(workspace: "w\(number)", scope: .workspace, start: start, end: start.adding(seconds: 86_400)), level: level,
            limit: Money(nanos: 100), createdAt: start, body: "{}")
    }

    @Test func manyGatewaysRaiseAndDeliverEachAlertOnce() async throws {
        let database = try await TestLedger.database()
        let ledgers = try await withThrowingTaskGroup(of: PostgresLedger.self) { tasks in
            for number in 0..<4 { tasks.addTask { try await TestLedger.open(database.url, gateway: "g\(number)") } }
            return try await tasks.reduce(into: []) { $0.append($1) }
        }
        let webhook = WebhookID("a")
        // Each names emergencies first in some rounds and warnings in others: whoever comes second has nothing to say that is new, or only worse.
        let raised = try await withThrowingTaskGroup(of: [CallID].self) { tasks in
            for (gateway, ledger) in ledgers.enumerated() {
                tasks.addTask {
                    var new: [CallID] = []
                    for number in 0..<40 {
                        let level: AlertLevel = (gateway + number).isMultiple(of: 2) ? .emergency : .warning
                        new += try await ledger.raise([Self.alert(gateway, number, level)], to: [webhook])
                    }
                    return new
                }
            }
            return try await tasks.reduce(into: []) { $0 += $1 }
        }
        let emergencies = raised.filter { $0.low % 10 == 1 }
        #expect(Set(emergencies.map { $0.low / 10 }).count == 40 && emergencies.count == 40)
        let warnings = raised.filter { $0.low % 10 == 3 }
        #expect(Set(warnings.map { $0.low / 10 }).count == warnings.count)
        #expect(try database.sql(#"SELECT count(*) FROM "budget_alerts""#) == [["\(raised.count)"]])
        // None that is weaker came after one that speaks for it.
        let order = try database.sql(#"SELECT "workspaceId", "level" FROM "budget_alerts" ORDER BY xmin::text::bigint"#)
        var worst: Set<String> = []
        for row in order {
            #expect(!worst.contains(row[0]), "\(row)")
            if row[1] == "emergency" { worst.insert(row[0]) }
        }

        let now = RecordMaker.firstDay
        let claimed = try await withThrowingTaskGroup(of: [DeliveryKey].self) { tasks in
            for ledger in ledgers {
                tasks.addTask {
                    var keys: [DeliveryKey] = []
                    while true {
                        let some = try await ledger.claimDeliveries([webhook: 3], at: now, until: now.adding(seconds: 10))
                        guard !some.isEmpty else { return keys }
                        keys += some.map(\.key)
                    }
                }
            }
            return try await tasks.reduce(into: []) { $0 += $1 }
        }
        // What one is claiming is passed over, so a last few may be left to nobody for a moment; none is two's.
        #expect(Set(claimed).count == claimed.count && claimed.count <= raised.count)
        let rest = try await ledgers[0].claimDeliveries([webhook: 1000], at: now, until: now.adding(seconds: 10))
        #expect(claimed.count + rest.count == raised.count)
        for ledger in ledgers { await ledger.close() }
    }

    @Test func whatAllHaveSpentIsRead() async throws {
        let database = try await TestLedger.database()
        let ledger = try await TestLedger.open(database.url)
        let start = RecordMaker.firstDay
        try database.sql(
            """
            INSERT INTO "budget_accounts" ("workspaceId", "scope", "scopeId", "windowStart", "windowEnd", "spent", "allocated") VALUES
                ('acme', 'workspace', '', '2026-11-01', '2026-11-02', 7, 9), ('acme', 'user', 'ada', '2026-11-01', '2026-12-01', 5, 5),
                ('acme', 'provider', 'p', '2026-11-01', '2026-12-01', 0, 5), ('acme', 'workspace', '', '2026-10-31', '2026-11-01', 7, 7)
            """)
        let spending = try await ledger.spending(endingAfter: start)
        #expect(
            Set(spending.map { "\($0.account.scope) \($0.account.name) \($0.account.end.rfc3339) \($0.spent.nanos)" })
                == ["workspace  2026-11-02T00:00:00Z 7", "user ada 2026-12-01T00:00:00Z 5"])
        await ledger.close()
    }
}
