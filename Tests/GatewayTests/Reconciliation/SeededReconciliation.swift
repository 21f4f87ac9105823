import Foundation
import Testing

extension GatewayUnderTest {
    /// Writes an hour that was beyond its bound, and its alert, the newest of all by its id, into the ledger of a gateway that does not run.
    func seedReconciliation() throws {
        let body =
            #"{"id":"7ZZZZZZZZZZZZZZZZZZZZZZZZZ","scope":"reconciliation","provider":"acme","pool":"search","level":"warning","window":"hour","#
            + #""from":"2026-11-23T07:59:41Z","to":"2026-11-23T08:59:58Z","counted":"4120","reported":"4620","drift":"500","bound":"46.2","top_ups":0}"#
        let hour = "'2026-11-23T08:00:00.000000Z'"
        let end = "'2026-11-23T09:00:00.000000Z'"
        let result = try CommandResult.run(
            URL(fileURLWithPath: "/usr/bin/env"),
            [
                "python3", "-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])",
                folder.appendingPathComponent("gateway.db").path,
                """
                INSERT INTO "budget_alerts" VALUES
                    ('', 'reconciliation', 'acme/search', \(hour), \(end), 'warning', 0, '7ZZZZZZZZZZZZZZZZZZZZZZZZZ', \(end), '\(body)');
                INSERT INTO "reconciliations" VALUES (\(hour), 'acme', 'search', \(hour), \(end), 4100000000, 4120000000, 4620000000, 500000000,
                    46200000, 0, 0, 1, \(end));
                """,
            ], in: folder)
        try #require(result.status == 0, "\(result.error)")
    }
}
