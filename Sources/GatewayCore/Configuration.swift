/// The whole of config.yaml.
package struct Configuration: Sendable, Hashable {
    package var listen: SocketAddress
    package var admin: Admin
    /// The adapters' folder, absolute.
    package var plugins: String
    package var ledger: LedgerSettings
    package var authentication: AuthenticationMode
    /// Whose calls those are that name no workspace, under `header`; nil: they are refused.
    package var defaultWorkspace: String?
    package var budgets: BudgetBook
    package var onTrackerError: TrackerErrorPolicy
    package var alerts: AlertSettings
    package var log: LogSettings
    /// This deployment's overrides by provider.
    package var providers: [String: ProviderOverride]
    package var limits: Limits
    package var cache: CacheSettings
    package var reload: ReloadSettings
    /// What each part of a record counts.
    package var quality: QualityWeights
    /// Which providers are asked for a person or company, and in which order.
    package var enrichment = EnrichmentSettings()

    package init(
        listen: SocketAddress = SocketAddress(host: "127.0.0.1", port: 8080), admin: Admin = Admin(), plugins: String,
        ledger: LedgerSettings, authentication: AuthenticationMode = .header, budgets: BudgetBook = BudgetBook(),
        onTrackerError: TrackerErrorPolicy = .open, alerts: AlertSettings = AlertSettings(), log: LogSettings = LogSettings(),
        providers: [String: ProviderOverride] = [:], limits: Limits = Limits(), cache: CacheSettings = CacheSettings(),
        reload: ReloadSettings = ReloadSettings(), quality: QualityWeights = .standard
    ) {
        self.listen = listen
        self.admin = admin
        self.plugins = plugins
        self.ledger = ledger
        self.authentication = authentication
        self.budgets = budgets
        self.onTrackerError = onTrackerError
        self.alerts = alerts
        self.log = log
        self.providers = providers
        self.limits = limits
        self.cache = cache
        self.reload = reload
        self.quality = quality
    }
}

/// A host and port to listen on.
package struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`, `[::1]:PORT`; nil otherwise.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains("/"), !host.contains(" ") else { return nil }
        self.init(host: host, port: port)
    }

    /// Whether only this machine can reach it.
    package var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

package struct Admin: Sendable, Hashable {
    package var listen: SocketAddress
    /// Required as soon as `listen` is not loopback.
    package var token: Secret?

    package init(listen: SocketAddress = SocketAddress(host: "127.0.0.1", port: 8081), token: Secret? = nil) {
        self.listen = listen
        self.token = token
    }
}

package struct LedgerSettings: Sendable, Hashable {
    package enum Synchronous: String, Sendable, Hashable, CaseIterable {
        /// Survives a killed process.
        case normal
        /// Survives power loss: fsync before an answer ends.
        case full
    }

    package enum Engine: Sendable, Hashable {
        /// An absolute path.
        case sqlite(path: String)
        /// A connection string, which may hold a password.
        case postgres(Secret)
    }

    package var engine: Engine
    /// The journal's folder, absolute.
    package var journal: String
    /// The most bytes that the journal may have; nil for no bound.
    package var journalLimit: Int?
    package var synchronous: Synchronous

    package init(engine: Engine, journal: String, journalLimit: Int? = nil, synchronous: Synchronous = .normal) {
        self.engine = engine
        self.journal = journal
        self.journalLimit = journalLimit
        self.synchronous = synchronous
    }
}

package enum AuthenticationMode: String, Sendable, Hashable, CaseIterable {
    /// `X-Workspace-Id` is believed.
    case header
    case keys
}

package enum TrackerErrorPolicy: String, Sendable, Hashable, CaseIterable {
    case open, closed
}

package struct AlertSettings: Sendable, Hashable {
    /// Per cent of a limit at which the budget's state is `warning`.
    package var warning: Exact
    package var critical: Exact
    package var emergency: Exact
    package var webhooks: [Webhook]

    package struct Webhook: Sendable, Hashable {
        package var url: Secret
        package var secret: Secret

        package init(url: Secret, secret: Secret) {
            self.url = url
            self.secret = secret
        }
    }

    package init(warning: Exact = Exact(80), critical: Exact = Exact(95), emergency: Exact = Exact(100), webhooks: [Webhook] = []) {
        self.warning = warning
        self.critical = critical
        self.emergency = emergency
        self.webhooks = webhooks
    }
}

/// What this deployment changes of an adapter. What is nil stays as the adapter says.
package struct ProviderOverride: Sendable, Hashable {
    package var url: String?
    package var enabled: Bool
    /// Milliseconds.
    package var timeout: Int?
    package var total: Int?
    package var maximumConcurrent: Int?
    package var proxy: Secret?
    package var certificateAuthorities: String?
    package var rates: [PriceRow]

    package init(
        url: String? = nil, enabled: Bool = true, timeout: Int? = nil, total: Int? = nil, maximumConcurrent: Int? = nil,
        proxy: Secret? = nil,
        certificateAuthorities: String? = nil, rates: [PriceRow] = []
    ) {
        self.url = url
        self.enabled = enabled
        self.timeout = timeout
        self.total = total
        self.maximumConcurrent = maximumConcurrent
        self.proxy = proxy
        self.certificateAuthorities = certificateAuthorities
        self.rates = rates
    }
}

/// Bounds on what callers and providers can make the gateway keep. Bytes, but for `connections` and `idleTimeout` (milliseconds).
package struct Limits: Sendable, Hashable {
    package var requestBody: Int
    package var bufferedResponse: Int
    package var bufferedTotal: Int
    package var headerBytes: Int
    package var connections: Int
    package var idleTimeout: Int

    package init(
        requestBody: Int = 10 << 20, bufferedResponse: Int = 1 << 20, bufferedTotal: Int = 64 << 20, headerBytes: Int = 32 << 10,
        connections: Int = 10_000, idleTimeout: Int = 60_000
    ) {
        self.requestBody = requestBody
        self.bufferedResponse = bufferedResponse
        self.bufferedTotal = bufferedTotal
        self.headerBytes = headerBytes
        self.connections = connections
        self.idleTimeout = idleTimeout
    }
}

package struct ReloadSettings: Sendable, Hashable {
    /// Whether saved files are picked up by themselves.
    package var watch: Bool
    /// The factor by which a price may change in one reload.
    package var maximumPriceChange: Exact

    package init(watch: Bool = true, maximumPriceChange: Exact = Exact(10)) {
        self.watch = watch
        self.maximumPriceChange = maximumPriceChange
    }
}

/// The order in which providers are asked for a person or company: `enrich` in config.yaml.
package struct EnrichmentSettings: Sendable, Hashable {
    package var order: [RecordEntity: [String]]
    /// Milliseconds for all steps together.
    package var timeout: Int

    package init(order: [RecordEntity: [String]] = [:], timeout: Int = 60_000) {
        self.order = order
        self.timeout = timeout
    }
}
