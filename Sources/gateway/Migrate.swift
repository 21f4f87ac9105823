import AdapterFiles
import ArgumentParser
import GatewayCore
import PostgresLedger

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring a Postgres database to the current schema.",
        discussion: """
            Only adds: tables, columns and indexes that are missing, and two lossless widenings (json to jsonb, amounts to nine fraction
            digits). Rows and values stay. Can be interrupted and run again. An SQLite ledger needs no such command.

            Examples:
              gateway migrate --dry-run
              gateway migrate --ledger postgres://owner@db.internal/gateway
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(
        help: ArgumentHelp("The database, instead of config.yaml's ledger.url: postgres://…", valueName: "url"),
        transform: { url in
            guard let engine = LedgerSettings.Engine(url: url, relativeTo: ".") else { throw ValidationError("--ledger is postgres://…") }
            return engine
        })
    var ledger: LedgerSettings.Engine?

    @Flag(help: "Print the SQL and change nothing.")
    var dryRun = false

    func run() async throws {
        // With a database at hand, no configuration is needed.
        let engine = try ledger ?? options.configuration().ledger.engine
        guard case .postgres(let url) = engine else {
            throw fail(
                "gateway: the ledger is SQLite, whose schema 'gateway serve' brings up to date itself; 'migrate' is for postgres://…")
        }
        do {
            try await SchemaMigrator(PostgresURL(url), report: printNow).run(isDry: dryRun)
        } catch {
            throw fail("gateway: \(error)")
        }
    }
}
