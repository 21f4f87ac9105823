internal import GatewayCore

/// Reads config.yaml.
struct ConfigurationDecoder {
    let document: DocumentReader
    let options: LaunchOptions
    /// The folder of the file, absolute.
    let folder: String
    /// What the command line's relative paths are relative to.
    let workingDirectory: String

    private static let laterSections = ["normalize", "research"]

    /// Reads the file's contents. What is wrong is reported, all at once, and left at its default; nil where there is no mapping to read.
    func configuration(_ bytes: [UInt8]) -> ConfigurationFile? {
        document.root(of: bytes)?.mapping(configuration)
    }

    /// Ids are what callers can send: 1 to 128 printable ASCII characters.
    private static func workspace(_ value: ValueReader) -> String? {
        guard let name = value.string() else { return nil }
        guard (1...128).contains(name.utf8.count), name.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            value.fail("a workspace's id has 1 to 128 printable ASCII characters")
            return nil
        }
        return name
    }

    private func configuration(_ map: MappingReader) -> ConfigurationFile? {
        map.formatVersion("gateway")
        let listen = map.optional("listen")
        let pluginsValue = map.optional("plugins")
        let plugins = pluginsValue.map { $0.path() ?? "" } ?? "plugins"
        var configuration = Configuration(plugins: Path.joined(folder, plugins), ledger: ledger(map.optional("ledger")))
        configuration.listen = options.listen ?? listen.flatMap(Self.address) ?? configuration.listen
        let admin = map.optional("admin")
        admin?.secret.mapping { configuration.admin = self.admin($0) }
        if admin == nil, let address = options.adminListen { configuration.admin.listen = address }

        var mode: ValueReader?
        map.optional("auth")?.secret.mapping { auth in
            mode = auth.optional("mode")
            if let word = mode.flatMap({ $0.word(AuthenticationMode.self) }) { configuration.authentication = word }
            configuration.defaultWorkspace = auth.optional("default_workspace").flatMap(Self.workspace)
        }
        if configuration.authentication == .header, !configuration.listen.isLoopback,
            !(listen != nil && mode != nil && document.diagnostics.hasErrors)
        {
            let place = options.listen == nil ? (listen?.node.mark ?? map.mark) : (mode?.node.mark ?? map.mark)
            let address = options.listen.map { "--listen \($0)" } ?? shortened(listen?.written ?? "\(configuration.listen)")
            document.report(
                "auth mode 'header' believes whoever calls, and \(address) is not loopback; write 'auth: { mode: keys }', or listen on 127.0.0.1",
                at: place)
        }

        var budgets = BudgetDecoder(document: document)
        configuration.budgets = budgets.book(map.optional("budgets"))
        if let policy = map.optional("on_tracker_error")?.word(TrackerErrorPolicy.self) { configuration.onTrackerError = policy }
        map.optional("alerts")?.mapping { AlertDecoder.read($0, into: &configuration.alerts) }
        map.optional("log")?.mapping { log in
            if let word = log.optional("format")?.word(LogFormat.self) { configuration.log.format = word }
            if let word = log.optional("level")?.word(LogLevel.self) { configuration.log.level = word }
        }
        if let level = options.logLevel { configuration.log.level = level }
        let providers = map.optional("providers")?.entries(of: provider) ?? []
        configuration.providers = Dictionary(providers.map { ($0.name.text, $0.settings) }) { first, _ in first }
        map.optional("limits")?.mapping { Self.read($0, into: &configuration.limits) }
        map.optional("cache")?.mapping { cache in
            if let size = cache.optional("memory")?.byteSize(in: 0...(1 << 40)) { configuration.cache.memory = size }
            if let size = cache.optional("disk")?.byteSize(in: 0...(1 << 50)) { configuration.cache.disk = size }
        }
        map.optional("reload")?.mapping { reload in
            if let watch = reload.optional("watch")?.bool() { configuration.reload.watch = watch }
            if let factor = reload.optional("max_price_change") { configuration.reload.maximumPriceChange = Self.factor(factor) }
        }
        map.optional("quality")?.mapping { configuration.quality = QualityDecoder.weights($0) }
        var asked: [AskedProvider] = []
        map.optional("enrich")?.mapping { asked = EnrichmentOrderDecoder.read($0, into: &configuration.enrichment) }
        map.ignoreLaterKeys(Self.laterSections)
        return ConfigurationFile(
            configuration: configuration, pluginsFolder: Path.joined(Path.folder(of: document.file), plugins),
            pluginsMark: pluginsValue?.node.mark ?? map.mark, providers: providers, budgetedProviders: budgets.providers,
            askedProviders: asked)
    }

    /// `HOST:PORT`.
    private static func address(_ value: ValueReader) -> SocketAddress? {
        guard let text = value.string() else { return nil }
        if let address = SocketAddress(text) { return address }
        value.fail("expected HOST:PORT such as 127.0.0.1:8080 or [::1]:8080, found \(quoted(value.written))")
        return nil
    }

    private func admin(_ map: MappingReader) -> Admin {
        var admin = Admin()
        let listen = map.optional("listen")
        admin.listen = options.adminListen ?? listen.flatMap(Self.address) ?? admin.listen
        let token = map.optional("token")
        let text = token?.secret.interpolated()
        if let text, !text.value.isEmpty { admin.token = Secret(text.value) }
        guard admin.token == nil, !admin.listen.isLoopback else { return admin }
        if options.isSandbox, let text, text.isSecret {
            // Nobody has a token to show, so nobody but this machine gets in.
            let address = SocketAddress(host: "127.0.0.1", port: admin.listen.port)
            token?.warn("the token's variable is not set: in the sandbox the admin plane then listens on \(address)")
            admin.listen = address
        } else if token == nil || text != nil {
            let address = options.adminListen?.description ?? shortened(listen?.written ?? "\(admin.listen)")
            document.report(
                "admin.token is required, because \(address) is not loopback", at: token?.node.mark ?? listen?.node.mark ?? map.mark)
        }
        return admin
    }

    private func ledger(_ value: ValueReader?) -> LedgerSettings {
        var settings = LedgerSettings(
            engine: .sqlite(path: Path.joined(folder, "gateway.db")), journal: Path.joined(folder, "gateway-journal"))
        value?.secret.mapping { map in
            if let url = map.optional("url"), let text = url.interpolated() {
                if let engine = LedgerSettings.Engine(url: text.value, relativeTo: folder) {
                    settings.engine = engine
                } else if text.missing.isEmpty {
                    url.secret.expected("sqlite:PATH or postgres://…")
                }
            }
            if let path = map.optional("journal").flatMap({ $0.path() }) { settings.journal = Path.joined(folder, path) }
            if let word = map.optional("synchronous")?.word(LedgerSettings.Synchronous.self) { settings.synchronous = word }
            // Below this, a burst of calls would fill it before the ledger is asked for the first time.
            settings.journalLimit = map.optional("journal_max")?.byteSize(in: (64 << 20)...(1 << 50))
        }
        if let url = options.ledger {
            if let engine = LedgerSettings.Engine(url: url, relativeTo: workingDirectory) {
                settings.engine = engine
            } else {
                document.report("--ledger is sqlite:PATH or postgres://…", at: value?.node.mark ?? .start)
            }
        } else if options.isSandbox, case .sqlite(let path) = settings.engine {
            // What the sandbox answers and charges is invented: it must not be what a real start finds.
            settings.engine = .sqlite(path: Self.ofSandbox(path))
            settings.journal += "-sandbox"
        }
        return settings
    }

    /// `gateway-sandbox.db` for `gateway.db`.
    private static func ofSandbox(_ path: String) -> String {
        let name = path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return path + "-sandbox" }
        return path[..<dot] + "-sandbox" + path[dot...]
    }

    private static func factor(_ value: ValueReader) -> Exact {
        let standard = ReloadSettings().maximumPriceChange
        guard let factor = QuantityDecoder.number(value) else { return standard }
        guard !factor.isLess(than: .one) else {
            value.fail("expected a factor of at least 1, found \(factor)")
            return standard
        }
        return factor
    }

    private static func read(_ map: MappingReader, into limits: inout Limits) {
        if let size = map.optional("request_body")?.byteSize(in: 1024...(1 << 30)) { limits.requestBody = size }
        if let size = map.optional("buffered_response")?.byteSize(in: 1024...(256 << 20)) { limits.bufferedResponse = size }
        if let size = map.optional("buffered_total")?.byteSize(in: 1024...(64 << 30)) { limits.bufferedTotal = size }
        if let size = map.optional("header_bytes")?.byteSize(in: 1024...(1 << 20)) { limits.headerBytes = size }
        if let count = map.optional("connections")?.integer(in: 1...1_000_000) { limits.connections = count }
        if let timeout = map.optional("idle_timeout").flatMap({
            UpstreamDecoder.milliseconds($0, from: .seconds(1), atMost: .seconds(86_400))
        }) {
            limits.idleTimeout = timeout
        }
    }

    private func provider(_ key: KeyReader, _ value: ValueReader) -> ProviderSection? {
        value.mapping { map in
            var settings = ProviderOverride()
            settings.url = map.optional("url").flatMap(UpstreamDecoder.baseURL)
            if let enabled = map.optional("enabled")?.bool() { settings.enabled = enabled }
            settings.timeout = map.optional("timeout").flatMap(UpstreamDecoder.timeout)
            settings.total = map.optional("total").flatMap(UpstreamDecoder.total)
            settings.maximumConcurrent = map.optional("max_concurrent").flatMap(UpstreamDecoder.concurrency)
            settings.proxy = map.optional("proxy").flatMap(Self.proxy)
            settings.certificateAuthorities = map.optional("ca").flatMap(certificates)
            return ProviderSection(name: key, settings: settings, rates: map.optional("rates"))
        }
    }

    private static func proxy(_ value: ValueReader) -> Secret? {
        guard let text = value.interpolated() else { return nil }
        guard text.missing.isEmpty else { return nil }
        if let problem = WebAddress.problem(text.value, as: .proxy) {
            value.fail("this is no proxy: \(problem)")
            return nil
        }
        return Secret(text.value)
    }

    private func certificates(_ value: ValueReader) -> String? {
        guard let path = value.path() else { return nil }
        let file = Path.joined(folder, path)
        guard Path.isReadableFile(file) else {
            value.fail("there is no readable file \(quoted(value.written))")
            return nil
        }
        return file
    }
}

extension ValueReader {
    /// A path of the file system: a string that is not empty.
    func path() -> String? {
        guard let text = string() else { return nil }
        guard !text.isEmpty, !text.utf8.contains(0) else {
            fail("expected a path")
            return nil
        }
        return text
    }
}
