package import GatewayCore

/// Reads config.yaml and every adapter into a generation.
package struct GenerationLoader: Sendable {
    package let options: LaunchOptions

    package init(_ options: LaunchOptions) {
        self.options = options
    }

    /// Reads all files.
    ///
    /// At the start (`previous` is nil) an adapter with errors is left out and the others serve. In a reload any error keeps the whole generation
    /// in force, but for adapters that were left out already and have not been touched since.
    /// - Parameters:
    ///   - number: the generation's.
    ///   - instant: when; what is in force then is what prices are compared by.
    ///   - previous: the generation in force.
    ///   - earlier: what was read for it.
    package func load(
        number: Int, at instant: Timestamp, replacing previous: Generation? = nil, after earlier: LoadedFiles? = nil
    ) -> LoadedFiles {
        var files = FileReading(options, knowing: earlier?.decoded ?? [:])
        let configurationFile = files.configuration()
        let adapters = files.adapters(in: configurationFile)
        files.reportRepeatedProviders(adapters)

        var overrides = OverrideDecoder(adapters: adapters, document: files.configurationDocument)
        let configuration = configurationFile.map { overrides.complete($0) }
        if let configuration, let previous {
            let comparison = PriceComparison(previous: previous, factor: configuration.reload.maximumPriceChange)
            comparison.report(adapters, ownRows: overrides.rows, to: files.diagnostics, configurationFile: options.configFile)
        }

        let tolerated = earlier?.rejected ?? []
        let rejected = files.rejected
        let diagnostics = files.diagnostics.sorted
        let isRefused = diagnostics.contains { problem in
            guard problem.severity == .error else { return false }
            guard problem.file != options.configFile, let digest = files.digest(of: problem.file) else { return true }
            return previous != nil && !tolerated.contains(digest)
        }
        var generation: Generation?
        var notes: [String] = []
        if !isRefused, var configuration {
            if let previous { notes = configuration.keepUntilRestart(previous.configuration) }
            let wrong = files.filesWithErrors
            let inForce = adapters.compactMap { file -> (String, Adapter)? in
                guard let adapter = file.adapter, !wrong.contains(file.file) else { return nil }
                return (adapter.provider, adapter.applying(configuration.providers[adapter.provider]))
            }
            generation = Generation(
                number: number, configuration: configuration, adapters: Dictionary(inForce) { first, _ in first }, loadedAt: instant,
                warnings: diagnostics.map(\.description) + notes)
        }
        return LoadedFiles(
            generation: generation, diagnostics: diagnostics, adapters: adapters.map(LoadedAdapter.init), restartNotes: notes,
            rejected: rejected, contents: files.contents,
            watched: WatchedPaths(
                configuration: files.configurationPath, adapters: configurationFile?.configuration.plugins ?? earlier?.watched.adapters),
            decoded: files.decoded)
    }

    /// Reads adapter files alone, for `gateway check PLUGIN.yaml …`.
    package func check(adapterFiles paths: [String]) -> LoadedFiles {
        var files = FileReading(options)
        let adapters = paths.map { files.adapter(at: $0, named: $0) }
        files.reportRepeatedProviders(adapters)
        return LoadedFiles(
            generation: nil, diagnostics: files.diagnostics.sorted, adapters: adapters.map(LoadedAdapter.init), restartNotes: [],
            rejected: files.rejected, contents: files.contents,
            watched: WatchedPaths(configuration: files.configurationPath, adapters: nil),
            decoded: files.decoded)
    }
}

extension Configuration {
    /// Takes over what a running gateway cannot change, and says what the file has instead.
    fileprivate mutating func keepUntilRestart(_ running: Configuration) -> [String] {
        var notes: [String] = []
        func keep<Value: Equatable>(_ path: WritableKeyPath<Configuration, Value>, _ name: String) {
            guard self[keyPath: path] != running[keyPath: path] else { return }
            self[keyPath: path] = running[keyPath: path]
            notes.append("'\(name)' has changed; it takes a restart, and the running gateway keeps what it began with")
        }
        keep(\.listen, "listen")
        keep(\.admin.listen, "admin.listen")
        keep(\.ledger, "ledger")
        keep(\.authentication, "auth")
        return notes
    }
}
