import AdapterFiles
import ArgumentParser
import Foundation
import GatewayCore
import Logging

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the gateway.",
        discussion: """
            Serves until SIGTERM or SIGINT, and lets calls in flight finish then. SIGHUP reloads. With --sandbox, calls are answered
            from the adapters' own examples, and no provider's key is needed. A provider whose key the environment has not is off, and
            the others serve.

            Examples:
              gateway serve --sandbox
              ACMEDATA_API_KEY=… gateway serve
              gateway serve --config /etc/gateway/config.yaml --log-level warning
              gateway serve --ledger postgres://gateway@db.internal/gateway
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Replay the adapters' own examples instead of calling providers.")
    var sandbox = false

    @Option(help: ArgumentHelp("Where callers connect, instead of config.yaml's listen.", valueName: "host:port"))
    var listen: SocketAddress?

    @Option(help: ArgumentHelp("Where operators connect, instead of config.yaml's admin.listen.", valueName: "host:port"))
    var adminListen: SocketAddress?

    @Option(help: ArgumentHelp("The ledger, instead of config.yaml's ledger.url: sqlite:PATH or postgres://….", valueName: "url"))
    var ledger: String?

    @Option(help: "Threads that serve callers; as many as the machine has cores when left out.")
    var eventLoops: Int?

    @Option(
        help: ArgumentHelp(
            "The least severe log lines to show, instead of config.yaml's log.level: trace, debug, info, notice, warning, error or critical.",
            valueName: "level"))
    var logLevel: LogLevel?

    func validate() throws {
        if let eventLoops, !(1...256).contains(eventLoops) { throw ValidationError("--event-loops must be between 1 and 256.") }
    }

    func run() async throws {
        let launch = options.launch(
            isSandbox: sandbox, listen: listen, adminListen: adminListen, ledger: ledger, logLevel: logLevel)
        let loader = GenerationLoader(launch)
        let loaded = loader.load(number: 1, at: machineClock())
        for diagnostic in loaded.diagnostics { printError(diagnostic.description) }
        guard let generation = loaded.generation else {
            throw fail("gateway: the configuration has errors; mend them, and see them all with 'gateway check'")
        }
        let log = LogOutput.standardError
        log.adopt(generation.configuration.log)
        LoggingSystem.bootstrap { _ in OutputLogHandler(log) }
        defer { log.drain() }
        let process = try await GatewayProcess(
            loader: loader, loaded: loaded, generation: generation, isSandbox: sandbox,
            eventLoops: eventLoops ?? ProcessInfo.processInfo.activeProcessorCount, logger: Logger(label: "gateway"))
        try await process.run()
    }
}

extension LogLevel: ExpressibleByArgument {}
