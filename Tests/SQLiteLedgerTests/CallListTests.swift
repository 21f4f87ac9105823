import GRDB
import GatewayCore
import LedgerConformance
import Testing

@testable import SQLiteLedger

/// Lists of calls must not sort a ledger of years to show its last page.
@Suite struct CallListTests {
    private static let place = CallQuery.Place(createdAt: RecordMaker.firstDay, id: "x")

    @Test(arguments: [
        (CallQuery(limit: 10), "createdAt_idx"), (CallQuery(after: place, limit: 10), "createdAt_idx (createdAt<?)"),
        (CallQuery(provider: "p", operation: "o", status: 200, after: place, limit: 10), "createdAt_idx (createdAt<?)"),
        (CallQuery(workspace: "w", limit: 10), "workspaceId_createdAt_idx (workspaceId=?)"),
        (CallQuery(workspace: "w", provider: "p", status: 200, limit: 10), "workspaceId_createdAt_idx (workspaceId=?)"),
        (
            CallQuery(workspace: "w", provider: "p", after: place, limit: 10),
            "workspaceId_createdAt_idx (workspaceId=? AND createdAt<?)"
        ),
        (
            CallQuery(workspace: "w", from: place.createdAt, until: place.createdAt, after: place, limit: 10),
            "workspaceId_createdAt_idx (workspaceId=? AND createdAt>? AND createdAt<?)"
        ),
    ])
    func oneIndexIsReadBackwards(query: CallQuery, index: String) async throws {
        let folder = try ScratchFolder()
        let ledger = try SQLiteLedger(path: folder.path + "/ledger.db", clock: { RecordMaker.firstDay })
        await ledger.close()
        let database = try DatabaseQueue(path: folder.path + "/ledger.db")
        let plan = try await database.read { database in
            let statement = CostRows.selection(query)
            return try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN " + statement.text, arguments: statement.arguments).map {
                $0["detail"] as String
            }
        }
        #expect(plan.count == 2 && plan[0].hasSuffix("USING INDEX api_cost_tracking_\(index)"), "\(plan)")
        // Ids alone are sorted, among those of one instant.
        #expect(plan.last == "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY")
    }
}
