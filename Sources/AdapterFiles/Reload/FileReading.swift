internal import GatewayCore

/// One pass over config.yaml and the adapters: what was read, and what is wrong with it.
///
/// Confined to the thread that loads.
struct FileReading {
    let options: LaunchOptions
    let diagnostics = Diagnostics()
    /// Where config.yaml's own problems and those of its overrides go.
    let configurationDocument: DocumentReader
    /// Absolute.
    let configurationPath: String
    private let workingDirectory = Path.workingDirectory()
    private var digests: [String: FileDigest] = [:]
    /// What was decoded before, in an environment that is the process's own and stays.
    private let known: [FileDigest: DecodedFile]
    private(set) var decoded: [FileDigest: DecodedFile] = [:]

    init(_ options: LaunchOptions, knowing known: [FileDigest: DecodedFile] = [:]) {
        self.options = options
        self.known = known
        configurationPath = Path.absolute(options.configFile, from: workingDirectory)
        let environment = Environment(missing: options.isSandbox ? .collected : .refused, options.environment)
        configurationDocument = DocumentReader(file: options.configFile, environment: environment, diagnostics: diagnostics)
    }

    /// All files' contents.
    var contents: Set<FileDigest> { Set(digests.values) }

    /// The adapter files that have errors.
    var rejected: Set<FileDigest> {
        let files = filesWithErrors
        return Set(digests.filter { $0.key != options.configFile && files.contains($0.key) }.values)
    }

    var filesWithErrors: Set<String> {
        Set(diagnostics.sorted.filter { $0.severity == .error }.map(\.file))
    }

    func digest(of file: String) -> FileDigest? { digests[file] }

    mutating func configuration() -> ConfigurationFile? {
        guard let bytes = read(configurationPath, named: options.configFile) else { return nil }
        let decoder = ConfigurationDecoder(
            document: configurationDocument, options: options, folder: Path.folder(of: configurationPath),
            workingDirectory: workingDirectory)
        return decoder.configuration(bytes)
    }

    /// The adapters of the folder that the configuration names, by file name.
    mutating func adapters(in file: ConfigurationFile?) -> [AdapterFile] {
        guard let file else { return [] }
        do throws(FileProblem) {
            return try TextFile.adapters(in: file.configuration.plugins).map { name in
                adapter(at: Path.joined(file.configuration.plugins, name), named: Path.joined(file.pluginsFolder, name))
            }
        } catch {
            configurationDocument.report(
                "the adapters' folder \(quoted(file.pluginsFolder)) cannot be read: \(error.message)", at: file.pluginsMark)
            return []
        }
    }

    /// One adapter file.
    mutating func adapter(at path: String, named name: String) -> AdapterFile {
        let environment = Environment(missing: .collected, options.environment)
        guard let bytes = read(path, named: name) else {
            return AdapterFile(
                file: name, adapter: nil, provider: nil, dimensions: [], exampleCount: 0, prices: [], providerMark: .start)
        }
        let digest = FileDigest(name: name, bytes: bytes)
        let file = known[digest] ?? decode(bytes, name, environment)
        for problem in file.diagnostics { diagnostics.report(problem) }
        decoded[digest] = file
        return file.adapter
    }

    private func decode(_ bytes: [UInt8], _ name: String, _ environment: Environment) -> DecodedFile {
        let own = Diagnostics()
        let adapter = AdapterFile.decode(bytes, file: name, environment: environment, isSandbox: options.isSandbox, diagnostics: own)
        return DecodedFile(adapter: adapter, diagnostics: own.sorted)
    }

    private mutating func read(_ path: String, named name: String) -> [UInt8]? {
        do throws(FileProblem) {
            let bytes = try TextFile.read(path)
            digests[name] = FileDigest(name: name, bytes: bytes)
            return bytes
        } catch {
            digests[name] = FileDigest(unreadable: name)
            diagnostics.report(Diagnostic(file: name, mark: .start, message: "the file cannot be read: \(error.message)"))
            return nil
        }
    }

    /// A provider is one file: the second of one name is an error.
    func reportRepeatedProviders(_ adapters: [AdapterFile]) {
        var first: [String: String] = [:]
        for adapter in adapters {
            guard let provider = adapter.provider else { continue }
            guard let other = first[provider] else {
                first[provider] = adapter.file
                continue
            }
            let message = "the provider '\(provider)' has another file, \(other)"
            diagnostics.report(Diagnostic(file: adapter.file, mark: adapter.providerMark, message: message))
        }
    }
}
