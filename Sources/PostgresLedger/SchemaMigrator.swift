package import GatewayCore
internal import Glibc

/// `gateway migrate`: brings a database to the current schema, by adding alone. Can be interrupted at any point and run again.
package struct SchemaMigrator: Sendable {
    private let url: PostgresURL
    private let report: @Sendable (String) -> Void

    /// Not the key of ``OwnerLock``: a gateway may serve meanwhile.
    private static let lock = "1734440037, -1"

    /// - Parameter report: Takes each line of what is done, as it is done.
    package init(_ url: PostgresURL, report: @escaping @Sendable (String) -> Void) {
        self.url = url
        self.report = report
    }

    /// Brings the database up to date; with `isDry`, prints the SQL for it and changes nothing.
    package func run(isDry: Bool = false) async throws(LedgerError) {
        let name = GatewayName().applicationName
        let session = PostgresSession("migration", repeats: false) { [url] isStopped in
            try PostgresConnection(url, applicationName: "\(name) migrates", patience: nil, isStopped: isStopped)
        }
        do {
            try await session.use { connection in
                if isDry { try printSQL(connection) } else { try migrate(connection) }
            }
        } catch {
            await session.close()
            throw error
        }
        await session.close()
    }

    private func plan(_ connection: PostgresConnection) throws -> SchemaPlan {
        let last = try SchemaMigration.last(in: connection)
        let state = try SchemaState(try SchemaPlan.tables(of: SchemaMigration.all), in: connection)
        let plan = try SchemaPlan(SchemaMigration.all.filter { $0.number > last }, on: state)
        let problems = try plan.conversions.flatMap { try unconvertible($0.columns, of: $0.table, state, connection) }
        guard problems.isEmpty else {
            throw LedgerError(
                .schema,
                (["nothing was changed: these rows hold what jsonb cannot; mend or empty them and run this again"] + problems).joined(
                    separator: "\n"))
        }
        return plan
    }

    private func printSQL(_ connection: PostgresConnection) throws {
        let plan = try plan(connection)
        guard !plan.files.isEmpty else { return report("-- \(url.place) has the current schema") }
        report("\(SchemaMigration.table);")
        for file in plan.files {
            report("\n-- \(file.migration.name)")
            for step in file.steps { report(step.kind == .leftOut ? "-- left out: \(step.sql)" : "\(step.sql);") }
            report(
                "INSERT INTO \"gateway_migrations\" (\"number\", \"name\", \"checksum\") VALUES (\(file.migration.number), '\(file.migration.name)', '\(file.migration.checksum)');"
            )
        }
    }

    private func migrate(_ connection: PostgresConnection) throws {
        report("\(url.place), Postgres \(connection.serverVersion)")
        try takeLock(connection)
        let started = ContinuousClock.now
        let plan = try plan(connection)
        guard !plan.files.isEmpty else { return report("nothing to do: it has the current schema") }
        try patiently(SchemaMigration.table, on: nil, connection)
        for file in plan.files {
            report(file.migration.name)
            for step in file.steps { try run(step, connection) }
            try connection.run(
                #"INSERT INTO "gateway_migrations" ("number", "name", "checksum") VALUES ($1::integer, $2, $3) ON CONFLICT DO NOTHING"#,
                PostgresParameter(Int64(file.migration.number)), PostgresParameter(file.migration.name),
                PostgresParameter(file.migration.checksum))
        }
        try warnOfForeignKeys(connection)
        report("done in \(Self.text(ContinuousClock.now - started))")
    }

    /// Asks again and again: whoever waits within a statement holds up CREATE INDEX CONCURRENTLY, which waits for all older statements.
    private func takeLock(_ connection: PostgresConnection) throws {
        var isSaid = false
        while try !connection.run("SELECT pg_try_advisory_lock(\(Self.lock))").bool(0, 0) {
            if !isSaid { report("another 'gateway migrate' is at work on this database; waiting for it") }
            isSaid = true
            usleep(200_000)
        }
    }

    private func run(_ step: SchemaPlan.Step, _ connection: PostgresConnection) throws {
        let started = ContinuousClock.now
        let title = "  " + step.sql.split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: " ")
        switch step.kind {
        case .leftOut:
            report("  left out: \(step.sql)")
            return
        case .concurrent:
            try connection.run(step.sql)
        case .rewriting(let table):
            let size = try connection.run("SELECT pg_size_pretty(pg_total_relation_size('\"\(table)\"'::regclass))").text(0, 0) ?? "?"
            report("  writing \"\(table)\" anew (\(size)): nobody can read or write it until that is done")
            try patiently(step.sql, on: table, connection)
        case .brief(let table):
            try patiently(step.sql, on: table, connection)
        }
        report("\(title)  \(Self.text(ContinuousClock.now - started))")
    }

    /// Runs what needs a table's lock, which is waited for only a moment at a time: everybody else who comes waits behind it.
    ///
    /// Before that, a lock that readers and writers do not meet is waited for longer: an automatic vacuum has it, and gives way to those alone
    /// who have waited for a second (`deadlock_timeout`).
    private func patiently(_ sql: String, on table: String?, _ connection: PostgresConnection) throws {
        let free = table.map { ["SET LOCAL lock_timeout = '5s'", "LOCK TABLE \"\($0)\" IN SHARE UPDATE EXCLUSIVE MODE"] } ?? []
        let statements = ["BEGIN"] + free + ["SET LOCAL lock_timeout = '500ms'", sql, "COMMIT"]
        for attempt in 1... {
            do throws(PostgresFailure) {
                try connection.run(statements.map { PostgresStatement($0) })
                return
            } catch {
                if !error.isConnectionLost { try connection.run("ROLLBACK") }
                // No lock in time, or a deadlock with somebody who takes locks in another order.
                guard ["55P03", "40P01"].contains(error.state), attempt < 600 else { throw error }
                if attempt == 1 { report("  waiting for transactions that use \(table.map { "\"\($0)\"" } ?? "the same tables")") }
                usleep(500_000)
            }
        }
    }

    /// The rows of a table that `jsonb` cannot hold, U+0000 for one; the first of each column.
    private func unconvertible(
        _ columns: [String], of table: String, _ state: SchemaState, _ connection: PostgresConnection
    ) throws -> [String] {
        do throws(PostgresFailure) {
            try connection.run("SELECT \(columns.map { "count(\"\($0)\"::jsonb)" }.joined(separator: ", ")) FROM \"\(table)\"")
            return []
        } catch {
            guard ["22", "54"].contains(error.state.prefix(2)) else { throw error }
        }
        let shown = 20
        var problems: [String] = []
        // A function that is gone with its transaction: nothing is changed.
        try connection.run("BEGIN")
        try connection.run(
            """
            CREATE FUNCTION pg_temp.gateway_json_problem(value json) RETURNS text LANGUAGE plpgsql AS $$
            BEGIN PERFORM value::jsonb; RETURN NULL;
            EXCEPTION WHEN data_exception OR program_limit_exceeded THEN RETURN SQLERRM; END $$
            """)
        for column in columns {
            let key = state.tables[table]?["id"] == nil ? "ctid" : "\"id\""
            let rows = try connection.run(
                """
                SELECT key, problem, count(*) OVER () FROM (
                    SELECT \(key)::text AS key, pg_temp.gateway_json_problem("\(column)") AS problem FROM "\(table)"
                ) AS checked WHERE problem IS NOT NULL ORDER BY key LIMIT \(shown)
                """)
            for row in 0..<rows.count {
                problems.append("  \"\(table)\".\"\(column)\", \(key) \(rows.text(row, 0) ?? "?"): \(rows.text(row, 1) ?? "?")")
            }
            if let all = try rows.count > 0 ? rows.int64(0, 2) : nil, all > shown { problems.append("  … and \(Int(all) - shown) more") }
        }
        try connection.run("ROLLBACK")
        return problems
    }

    /// A row of the ledger must not be lost for want of a parent's. What an application has declared stays, and is pointed out.
    private func warnOfForeignKeys(_ connection: PostgresConnection) throws {
        let keys = try connection.run(
            "SELECT conname, confrelid::regclass FROM pg_constraint WHERE contype = 'f' AND conrelid = to_regclass('api_cost_tracking')")
        for row in 0..<keys.count {
            report(
                "note: \"api_cost_tracking\" has the foreign key \(keys.text(row, 0) ?? "?"); calls without a row in \(keys.text(row, 1) ?? "?") are set aside in \"rejected_records\""
            )
        }
    }

    private static func text(_ duration: Duration) -> String {
        let milliseconds = duration / .milliseconds(1)
        return milliseconds < 10_000 ? "\(Int(milliseconds.rounded())) ms" : "\(Int((milliseconds / 1000).rounded())) s"
    }
}
