import AdapterFiles
import ArgumentParser
import Foundation
package import GatewayCore

/// `--config`, which nearly every command has.
struct ConfigurationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config = "config.yaml"

    /// The configuration alone, for commands that only need its addresses. Throws its problems.
    func configuration() throws -> Configuration {
        let loaded = GenerationLoader(launch()).load(number: 1, at: machineClock())
        guard let generation = loaded.generation else {
            throw fail(loaded.diagnostics.filter { $0.severity == .error }.map { $0.description })
        }
        return generation.configuration
    }

    /// A provider's adapter, and the configuration, for commands that call nobody: no provider's key is needed. Throws what is wrong.
    func adapter(_ provider: String) throws -> (Adapter, Configuration) {
        let loaded = GenerationLoader(launch(isSandbox: true)).load(number: 1, at: machineClock())
        guard let generation = loaded.generation else { throw fail(loaded.diagnostics.map { $0.description }) }
        if let adapter = generation.adapters[provider] { return (adapter, generation.configuration) }
        let known = generation.adapters.keys.sorted().joined(separator: ", ")
        throw fail(
            loaded.diagnostics.filter { $0.severity == .error }.map { $0.description }
                + ["gateway: there is no adapter '\(provider)'; there are \(known)"])
    }

    func launch(
        isSandbox: Bool = false, listen: SocketAddress? = nil, adminListen: SocketAddress? = nil, ledger: String? = nil,
        logLevel: LogLevel? = nil
    ) -> LaunchOptions {
        LaunchOptions(
            configFile: config, isSandbox: isSandbox, listen: listen, adminListen: adminListen, ledger: ledger, logLevel: logLevel,
            environment: { ProcessInfo.processInfo.environment[$0] })
    }
}

extension SocketAddress: ExpressibleByArgument {
    package init?(argument: String) {
        self.init(argument)
    }
}
