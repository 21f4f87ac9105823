import GatewayCore
import LedgerConformance
import PostgresLedger
import PostgresUnderTest
import Testing

/// Databases with the gateway's schema, and what is done with them again and again.
enum TestLedger {
    private static let template = Task {
        let database = try PostgresServer.shared.database()
        try await SchemaMigrator(PostgresURL(Secret(database.url))) { _ in }.run()
        return database.name
    }

    /// A new database with the current schema, a copy of one that was migrated once.
    static func database() async throws -> PostgresDatabase {
        try await PostgresServer.shared.database(template: template.value)
    }

    static func open(
        _ url: String, gateway: String = "j", settings: PostgresSettings = PostgresSettings()
    ) async throws -> PostgresLedger {
        try await PostgresLedger.open(PostgresURL(Secret(url)), gateway: gateway, settings: settings, clock: { RecordMaker.firstDay })
    }

    static func batch(_ records: [CostRecord], offset: UInt64 = 1) -> LedgerBatch {
        LedgerBatch(journal: "j", position: JournalPosition(segment: 1, offset: offset), records: records)
    }

    /// The error that a use of a ledger ends with; nil when it does not.
    static func error(of body: () async throws -> Void) async -> LedgerError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? LedgerError
        }
    }
}

extension PostgresDatabase {
    /// Rows and their cost, and the same by the rollups: all that a ledger must agree on.
    func books() throws -> [String] {
        try sql(
            """
            SELECT count(*), coalesce(sum("cost") * 1000000000, 0)::bigint FROM "api_cost_tracking"
            UNION ALL SELECT coalesce(sum("calls"), 0), coalesce(sum("costNanos"), 0) FROM "cost_rollups"
            """
        ).map { $0.joined(separator: " ") }
    }

    /// Expects these records to be there, each once and counted once.
    func expect(_ records: [CostRecord], _ location: SourceLocation = #_sourceLocation) throws {
        let wanted = "\(records.count) \(records.reduce(Money.zero) { $0 + $1.cost }.nanos)"
        let found = try books()
        #expect(found == [wanted, wanted], sourceLocation: location)
    }

    /// Ends the connections of gateways, at any point of what they are doing.
    func terminateGateways() throws {
        try sql(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name LIKE 'gateway%'
            """)
    }
}
