import AdapterFiles
import ArgumentParser
import GatewayCore

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Validate the configuration and every adapter, and run the adapters' examples.",
        discussion: """
            One line a problem, file:line:column. With files, only those adapters are checked. Exit code 1 when there are errors.

            Examples:
              gateway check
              gateway check plugins/acmedata.yaml
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "Adapter files; without any, the configuration and all its adapters.")
    var plugins: [String] = []

    func run() throws {
        let loader = GenerationLoader(options.launch())
        let loaded = plugins.isEmpty ? loader.load(number: 1, at: machineClock()) : loader.check(adapterFiles: plugins)
        for diagnostic in loaded.diagnostics { printError(diagnostic.description) }
        guard !loaded.hasErrors else { throw ExitCode(1) }
        if let engine = loaded.generation?.configuration.ledger.engine {
            do {
                _ = try LedgerAddress(engine)
            } catch {
                throw fail("gateway: \(error)")
            }
        }
        let examples = loaded.adapters.reduce(0) { $0 + $1.exampleCount }
        print("ok: \(loaded.adapters.count) adapters, \(examples) examples")
    }
}
