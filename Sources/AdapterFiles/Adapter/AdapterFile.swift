package import GatewayCore

/// An adapter file that was read: the adapter, and where in the file its parts stand.
package struct AdapterFile: Sendable {
    /// The name that diagnostics carry.
    package let file: String
    /// What the file says; nil when it has errors, which are reported.
    package let adapter: Adapter?
    /// The provider's name, if that much could be read.
    package let provider: String?
    /// The columns that choose a price row, even where something else in the file is wrong.
    package let dimensions: [String]
    package let exampleCount: Int
    let prices: [PricedEntry]
    /// Where the provider's name stands.
    let providerMark: SourceMark

    /// Reads an adapter file, checks the adapter's structure and runs its examples. All problems are reported at once, at their places.
    ///
    /// - Parameters:
    ///   - environment: its missing variables are collected into ``Adapter/missingVariables``, so that the adapter is loaded but off.
    ///   - isSandbox: no call leaves, so no variable is missed.
    package static func decode(
        _ bytes: [UInt8], file: String, environment: Environment, isSandbox: Bool = false, diagnostics: Diagnostics
    ) -> AdapterFile {
        // Problems of this file alone decide about it.
        let own = Diagnostics()
        // A variable that is set to nothing is as good as none: no provider takes an empty key.
        let environment = Environment(missing: .collected) { name in environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let document = DocumentReader(file: file, environment: environment, diagnostics: own)
        let root = document.root(of: bytes)
        let decoded = root?.mapping { AdapterDecoder(document).adapter($0) }
        var adapter = decoded?.adapter
        if isSandbox { adapter?.missingVariables = [] }
        if let decoded, let adapter, !own.hasErrors {
            decoded.marks.report(adapter.problems(), in: document)
            if !own.hasErrors { decoded.marks.report(adapter.runExamples(), in: document) }
        }
        if isSandbox { adapter?.leaveUncounted() }
        for name in document.missingVariables where !isSandbox {
            let mark = root?.node.mark(ofVariable: name) ?? .start
            document.report("the environment variable \(name) is not set: the adapter is loaded but off", at: mark, severity: .warning)
        }
        for problem in own.sorted { diagnostics.report(problem) }
        return AdapterFile(
            file: file, adapter: own.hasErrors ? nil : adapter, provider: decoded?.provider, dimensions: decoded?.dimensions ?? [],
            exampleCount: adapter?.examples.count ?? 0, prices: decoded?.prices ?? [],
            providerMark: root?.node["provider"]?.mark ?? .start)
    }
}

extension YAMLNode {
    /// The first string that refers to an environment variable.
    fileprivate func mark(ofVariable name: String) -> SourceMark? {
        switch content {
        case .unreadable: nil
        case .scalar(let scalar): scalar.text.contains("${\(name)") ? mark : nil
        case .sequence(let nodes): nodes.lazy.compactMap { $0.mark(ofVariable: name) }.first
        case .mapping(let entries): entries.lazy.compactMap { $0.value.mark(ofVariable: name) }.first
        }
    }
}

/// What the decoder made of a file's root mapping.
struct DecodedAdapter {
    let adapter: Adapter?
    let provider: String?
    let dimensions: [String]
    let prices: [PricedEntry]
    let marks: ElementMarks
}

/// Where an adapter's parts stand in its file.
struct ElementMarks {
    private var marks: [AdapterProblem.Element: SourceMark] = [:]
    private let root: SourceMark

    init(root: SourceMark) {
        self.root = root
    }

    subscript(element: AdapterProblem.Element) -> SourceMark {
        get { marks[element] ?? Self.parent(of: element).map { self[$0] } ?? root }
        set { marks[element] = newValue }
    }

    mutating func merge(_ other: [AdapterProblem.Element: SourceMark]) {
        marks.merge(other) { first, _ in first }
    }

    /// What encloses an element, for those that the file does not spell out.
    private static func parent(of element: AdapterProblem.Element) -> AdapterProblem.Element? {
        switch element {
        case .adapter: nil
        case .dimensions, .prices, .examples, .operation, .enrichment: .adapter
        case .entry: .prices
        case .row(let entry, _): .entry(entry)
        case .match(let operation), .once(let operation), .reported(let operation): .operation(operation)
        case .streamText(let operation): .operation(operation)
        case .usage(let operation, _), .streamUsage(let operation, _), .dimension(let operation, _), .charge(let operation, _),
            .estimate(let operation, _):
            .operation(operation)
        case .example: .examples
        }
    }

    func report(_ problems: [AdapterProblem], in document: DocumentReader) {
        for problem in problems { document.report(problem.message, at: self[problem.element]) }
    }
}
