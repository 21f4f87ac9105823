import GRDB
import GatewayCore

/// One step of the schema: a numbered SQL file, compiled into the program.
struct SchemaMigration {
    var number: Int
    var name: String
    var sql: String

    static let all = [
        SchemaMigration(number: 1, name: "0001-ledger", sql: String(decoding: PackageResources._001_ledger_sql, as: UTF8.self)),
        SchemaMigration(number: 2, name: "0002-keys", sql: String(decoding: PackageResources._002_keys_sql, as: UTF8.self)),
        SchemaMigration(number: 3, name: "0003-kept-answers", sql: String(decoding: PackageResources._003_kept_answers_sql, as: UTF8.self)),
        SchemaMigration(number: 4, name: "0004-alerts", sql: String(decoding: PackageResources._004_alerts_sql, as: UTF8.self)),
        SchemaMigration(number: 5, name: "0005-audit", sql: String(decoding: PackageResources._005_audit_sql, as: UTF8.self)),
        SchemaMigration(number: 6, name: "0006-found", sql: String(decoding: PackageResources._006_found_sql, as: UTF8.self)),
        SchemaMigration(
            number: 7, name: "0007-reconciliation", sql: String(decoding: PackageResources._007_reconciliation_sql, as: UTF8.self)),
    ]

    /// Tells a file that was changed after it had been applied.
    var checksum: String { GatewayCore.checksum(of: sql) }

    /// Brings a database up to date in one transaction. An empty one becomes a ledger; anything that is not one is refused.
    static func apply(_ migrations: [SchemaMigration] = all, to database: Database, path: String, now: String) throws {
        let done = try check(migrations, in: database, path: path)
        if done == nil {
            try database.execute(
                sql: """
                    CREATE TABLE "schema_migrations" (
                        "number" INTEGER NOT NULL PRIMARY KEY, "name" TEXT NOT NULL, "checksum" TEXT NOT NULL, "appliedAt" TEXT NOT NULL
                    )
                    """)
        }
        for migration in migrations where migration.number > done ?? 0 {
            try database.execute(sql: migration.sql)
            try database.execute(
                sql: #"INSERT INTO "schema_migrations" ("number", "name", "checksum", "appliedAt") VALUES (?, ?, ?, ?)"#,
                arguments: [migration.number, migration.name, migration.checksum, now])
        }
    }

    /// The last migration that a database has had; nil for an empty database. Throws ``LedgerError`` for one that this program must not touch.
    static func check(_ migrations: [SchemaMigration] = all, in database: Database, path: String) throws -> Int? {
        guard try database.tableExists("schema_migrations") else {
            let tables = try String.fetchAll(
                database, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' LIMIT 3")
            guard tables.isEmpty else {
                throw LedgerError(
                    .schema,
                    "\(path) is another program's database (it has \(tables.joined(separator: ", "))); choose another file for the ledger")
            }
            return nil
        }
        var last = 0
        for row in try Row.fetchAll(database, sql: #"SELECT "number", "name", "checksum" FROM "schema_migrations" ORDER BY "number""#) {
            let (number, name, checksum) = try (
                row.required(0, as: Int.self), row.required(1, as: String.self), row.required(2, as: String.self)
            )
            guard let known = migrations.first(where: { $0.number == number }) else {
                throw LedgerError(
                    .schema,
                    "\(path) was made by a newer gateway (it has migration \(name)); run that gateway, or choose another file for the ledger"
                )
            }
            guard known.checksum == checksum else {
                throw LedgerError(
                    .schema, "\(path) was made by a gateway whose migration \(name) differs from this one's; run that gateway")
            }
            last = number
        }
        return last
    }
}
