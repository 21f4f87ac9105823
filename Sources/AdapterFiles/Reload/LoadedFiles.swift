package import GatewayCore

/// What came of reading config.yaml and the adapters.
package struct LoadedFiles: Sendable {
    /// Nil where it must not be put in force: at the start when config.yaml has errors, later when anything has.
    package let generation: Generation?
    /// Errors and warnings of all files, by file and place.
    package let diagnostics: [Diagnostic]
    /// Every adapter file, by name.
    package let adapters: [LoadedAdapter]
    /// What changed and takes a restart; the running values stay.
    package let restartNotes: [String]
    /// Files with errors that were left out: in a later load they may stay out as long as they stay the same.
    let rejected: Set<FileDigest>
    /// All files' contents. Two loads of equal contents are one.
    package let contents: Set<FileDigest>
    let watched: WatchedPaths
    /// The adapters by their contents, so that a later load decodes and tries only what has changed.
    let decoded: [FileDigest: DecodedFile]

    /// Whether `gateway check` says no.
    package var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}

/// An adapter file and what is wrong with it.
struct DecodedFile: Sendable {
    let adapter: AdapterFile
    let diagnostics: [Diagnostic]
}

/// An adapter file in a word.
package struct LoadedAdapter: Sendable, Hashable {
    package let file: String
    package let provider: String?
    package let exampleCount: Int
    /// Whether it has no errors.
    package let isLoaded: Bool
    /// Without these environment variables it is off.
    package let missingVariables: [String]

    init(_ file: AdapterFile) {
        self.file = file.file
        provider = file.provider
        exampleCount = file.exampleCount
        isLoaded = file.adapter != nil
        missingVariables = file.adapter?.missingVariables ?? []
    }
}
