package import GatewayCore

/// What the command line says in place of config.yaml.
package struct LaunchOptions: Sendable {
    package var configFile: String
    /// Replays the adapters' examples: no environment variable is needed.
    package var isSandbox: Bool
    package var listen: SocketAddress?
    package var adminListen: SocketAddress?
    /// A URL as `ledger.url` has it; a relative SQLite path is relative to the working directory.
    package var ledger: String?
    package var logLevel: LogLevel?
    /// An environment variable's value.
    package var environment: @Sendable (String) -> String?

    package init(
        configFile: String = "config.yaml", isSandbox: Bool = false, listen: SocketAddress? = nil, adminListen: SocketAddress? = nil,
        ledger: String? = nil, logLevel: LogLevel? = nil, environment: @escaping @Sendable (String) -> String?
    ) {
        self.configFile = configFile
        self.isSandbox = isSandbox
        self.listen = listen
        self.adminListen = adminListen
        self.ledger = ledger
        self.logLevel = logLevel
        self.environment = environment
    }
}
