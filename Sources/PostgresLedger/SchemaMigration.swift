import GatewayCore

/// One step of the schema: a numbered SQL file, compiled into the program.
struct SchemaMigration {
    var number: Int
    var name: String
    var sql: String

    static let all: [SchemaMigration] = [
        SchemaMigration(1, "0001-ledger", PackageResources._001_ledger_sql),
        SchemaMigration(2, "0002-research", PackageResources._002_research_sql),
        SchemaMigration(3, "0003-people-and-companies", PackageResources._003_people_and_companies_sql),
        SchemaMigration(4, "0004-indexes", PackageResources._004_indexes_sql),
        SchemaMigration(5, "0005-leases", PackageResources._005_leases_sql),
        SchemaMigration(6, "0006-keys", PackageResources._006_keys_sql),
        SchemaMigration(7, "0007-kept-answers", PackageResources._007_kept_answers_sql),
        SchemaMigration(8, "0008-alerts", PackageResources._008_alerts_sql),
        SchemaMigration(9, "0009-audit", PackageResources._009_audit_sql),
        SchemaMigration(10, "0010-reserved", PackageResources._010_reserved_sql),
        SchemaMigration(11, "0011-reconciliation", PackageResources._011_reconciliation_sql),
    ]

    /// Which migrations a database has had. An application may have a table for its own, so the name says whose this is.
    static let table = """
        CREATE TABLE IF NOT EXISTS "gateway_migrations" (
            "number" integer PRIMARY KEY,
            "name" text NOT NULL,
            "checksum" text NOT NULL,
            "appliedAt" timestamp with time zone NOT NULL DEFAULT now()
        )
        """

    init(_ number: Int, _ name: String, _ bytes: [UInt8]) {
        self.number = number
        self.name = name
        sql = String(decoding: bytes, as: UTF8.self)
    }

    /// Tells a file that was changed after it had been applied.
    var checksum: String { GatewayCore.checksum(of: sql) }

    /// The last migration that a database has had; 0 for none. Throws ``LedgerError`` for what this program must not touch.
    static func last(of migrations: [SchemaMigration] = all, in connection: PostgresConnection) throws -> Int {
        guard try connection.run("SELECT to_regclass('gateway_migrations') IS NOT NULL").bool(0, 0) else { return 0 }
        let rows = try connection.run(#"SELECT "number", "name", "checksum" FROM "gateway_migrations" ORDER BY "number""#)
        var last = 0
        for row in 0..<rows.count {
            let (number, name) = (try rows.requiredInt64(row, 0), try rows.required(row, 1))
            guard let known = migrations.first(where: { $0.number == number }) else {
                throw LedgerError(
                    .schema, "\(connection.url.place) was made by a newer gateway (it has migration \(name)); run that gateway")
            }
            guard known.checksum == rows.text(row, 2) else {
                throw LedgerError(
                    .schema,
                    "\(connection.url.place) was made by a gateway whose migration \(name) differs from this one's; run that gateway")
            }
            last = known.number
        }
        return last
    }

    /// Throws ``LedgerError`` unless a database has had every migration.
    static func requireAll(in connection: PostgresConnection) throws {
        let last = try last(in: connection)
        guard last == all.last?.number else {
            throw LedgerError(
                .schema,
                last == 0
                    ? "\(connection.url.place) has no ledger yet; run 'gateway migrate' on it first"
                    : "\(connection.url.place) is of an older gateway (migration \(last) of \(all.count)); run 'gateway migrate' on it first"
            )
        }
    }
}
