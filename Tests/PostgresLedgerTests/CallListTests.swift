import GatewayCore
import LedgerConformance
import PostgresUnderTest
import Testing

@testable import PostgresLedger

/// Lists of calls must not sort a ledger of years to show its last page.
@Suite(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
struct CallListTests {
    private static let place = CallQuery.Place(createdAt: RecordMaker.firstDay, id: "x")

    @Test func oneIndexIsReadBackwards() async throws {
        let database = try await TestLedger.database()
        try database.sql(
            """
            INSERT INTO "api_cost_tracking" ("id", "workspaceId", "apiProvider", "operation", "cost", "createdAt", "status")
            SELECT 'c' || number, 'w' || number % 200, 'p' || number % 3, 'o' || number % 5, 1,
                timestamptz '2026-10-01Z' + number * interval '100 seconds', 200
            FROM generate_series(1, 40000) AS number
            """)
        try database.sql(#"ANALYZE "api_cost_tracking""#)
        for (query, index) in [
            (CallQuery(limit: 10), "createdAt_idx"), (CallQuery(after: Self.place, limit: 10), "createdAt_idx"),
            (CallQuery(provider: "p1", status: 200, after: Self.place, limit: 10), "createdAt_idx"),
            (CallQuery(workspace: "w7", limit: 10), "workspaceId_createdAt_idx"),
            (CallQuery(workspace: "w7", provider: "p1", after: Self.place, limit: 10), "workspaceId_createdAt_idx"),
        ] {
            let statement = CostRowsText.statement(query)
            let plan = try database.sql("EXPLAIN \(statement)").map { $0[0] }
            #expect(plan.contains { $0.contains("Index Scan Backward using \"api_cost_tracking_\(index)\"") }, "\(plan)")
            #expect(!plan.contains { $0.contains("Seq Scan") }, "\(plan)")
        }
    }

    /// Rows that an application wrote before there was a gateway are listed under the ids that they have.
    @Test func rowsOfAnApplicationAreListedUnderTheirOwnIDs() async throws {
        let database = try await TestLedger.database()
        try database.sql(
            """
            INSERT INTO "api_cost_tracking" ("id", "workspaceId", "apiProvider", "cost", "createdAt", "requestData") VALUES
            ('clx1', 'w', 'p', 0.5, '2026-11-01', '[1]'), ('7f3e9b1c-0000-4000-8000-000000', 'w', 'p', 0.25, '2026-11-02', '"text"'),
            ('clx0', 'w', 'p', 1, '2026-11-01', NULL)
            """)
        let ledger = try await TestLedger.open(database.url)
        var (ids, page) = ([String](), CallQuery(workspace: "w", limit: 1))
        while let row = try await ledger.calls(page).first {
            ids.append(row.id)
            page.after = row.place
            #expect("\(row.json)".contains(row.id))
        }
        #expect(ids == ["7f3e9b1c-0000-4000-8000-000000", "clx1", "clx0"])
        await ledger.close()
    }
}

/// A statement with its parameters written into it, for EXPLAIN.
private enum CostRowsText {
    static func statement(_ query: CallQuery) -> String {
        let statement = CostColumns.selection(query)
        return statement.parameters.enumerated().reversed().reduce(statement.sql) { sql, parameter in
            let value = String(decoding: parameter.element.bytes?.dropLast() ?? [], as: UTF8.self)
            return sql.replacing("$\(parameter.offset + 1)", with: "'\(value)'")
        }
    }
}
