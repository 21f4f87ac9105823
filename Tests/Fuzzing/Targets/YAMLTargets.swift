import GatewayCore

@testable import AdapterFiles
@testable import JSONPath

extension FuzzTarget {
    /// YAML itself: the document's nodes, and everything a decoder may ask of each.
    static let yaml = FuzzTarget("yaml", maximumLength: 4096, shortRun: 2000) { bytes in
        let first = exercise(bytes)
        let second = exercise(bytes)
        try promise(first.node == second.node && first.problems == second.problems, "reading again gives something else")
        try check(first.problems, of: bytes)
        try promise(first.node != nil || first.problems.contains { $0.severity == .error }, "nothing is read, and nobody says why")
        if let node = first.node {
            let (count, depth) = measure(node)
            try promise(count <= YAMLNode.maximumNodes && depth <= YAMLNode.maximumDepth, "\(count) nodes, \(depth) deep")
        }
        return first.node != nil
    }

    private static func exercise(_ bytes: [UInt8]) -> (node: YAMLNode?, problems: [Diagnostic]) {
        let diagnostics = Diagnostics()
        let document = DocumentReader(file: "f.yaml", environment: Environment(["KEY": "k"], missing: .collected), diagnostics: diagnostics)
        let root = document.root(of: bytes)
        var pending = root.map { [$0] } ?? []
        var asked = 0
        // Aliases make many nodes of few bytes: each is the same node again.
        while let value = pending.popLast(), asked < 2000 {
            asked += 1
            _ = value.string()
            _ = value.text()
            _ = value.bool()
            _ = value.integer(in: 1...5)
            _ = value.decimal()
            _ = value.duration()
            _ = value.byteSize()
            switch value.node.content {
            case .sequence: pending += value.list { $0 } ?? []
            case .mapping:
                _ = value.mapping { $0.required("provider")?.string() }
                pending += value.entries { $1 } ?? []
            case .scalar, .unreadable: break
            }
        }
        return (root?.node, diagnostics.sorted)
    }

    private static func measure(_ root: YAMLNode) -> (count: Int, depth: Int) {
        var (count, depth) = (0, 0)
        var pending = [(root, 0)]
        while let (node, level) = pending.popLast() {
            count += 1
            depth = max(depth, level)
            switch node.content {
            case .scalar, .unreadable: break
            case .sequence(let nodes): pending += nodes.map { ($0, level + 1) }
            case .mapping(let entries): pending += entries.map { ($0.value, level + 1) }
            }
        }
        return (count, depth)
    }

    /// What ends a line or commands a terminal.
    private static let breaking: Set<Unicode.GeneralCategory> = [.control, .lineSeparator, .paragraphSeparator]

    /// Each problem is one line of words, at a place that is in the file.
    private static func check(_ problems: [Diagnostic], of bytes: [UInt8]) throws {
        guard !problems.isEmpty else { return }
        let columns = lines(of: bytes)
        for problem in problems {
            try promise(!problem.message.isEmpty, "a problem without words at \(problem.mark)")
            try promise(
                problem.message.unicodeScalars.allSatisfy { !breaking.contains($0.properties.generalCategory) },
                "a problem of several lines: \(problem)")
            try promise(problem.description.count < 1000, "a problem of \(problem.description.count) characters")
            try promise(
                columns.indices.contains(problem.line - 1) && (1...columns[problem.line - 1] + 1).contains(problem.column),
                "outside the file's \(columns.count) lines: \(problem)")
        }
    }

    /// How many characters each line has.
    private static func lines(of bytes: [UInt8]) -> [Int] {
        var lines = [0]
        var rest = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        while let byte = rest.popFirst() {
            if byte == 0x0D, rest.first == 0x0A { rest.removeFirst() }
            if byte == 0x0A || byte == 0x0D {
                lines.append(0)
            } else if byte & 0xC0 != 0x80 {
                lines[lines.count - 1] += 1
            }
        }
        return lines
    }

    /// Adapter files, their examples included.
    static let adapter = FuzzTarget("adapter", maximumLength: 40_000, shortRun: 100) { bytes in
        let (file, problems) = decodeAdapter(bytes)
        try check(problems, of: bytes)
        try promise((file.adapter == nil) == problems.contains { $0.severity == .error }, "an adapter with errors, or none without")
        guard let adapter = file.adapter else { return false }
        let (again, sameProblems) = decodeAdapter(bytes)
        try promise(problems == sameProblems && again.adapter.map(summary) == summary(adapter), "reading again gives another adapter")
        for entry in adapter.prices.entries {
            let canonical = try JSONDocument(parsing: entry.canonical)
            try promise(
                String(decoding: JSONValue(canonical.root).canonical, as: UTF8.self) == entry.canonical, "a price entry's text changes")
        }
        return true
    }

    private static func summary(_ adapter: Adapter) -> [String] {
        [adapter.provider, adapter.title, "\(adapter.upstream.hashValue)", adapter.missingVariables.joined(separator: ",")]
            + adapter.dimensions
            + adapter.prices.entries.map { $0.version + $0.canonical }
            + adapter.operations.map { "\($0.name) \($0.match) \($0.charge.map(\.unit)) \($0.estimate.map(\.unit))" }
            + adapter.examples.map { "\($0.name) \($0.location) \($0.response.body)" }
    }

    private static func decodeAdapter(_ bytes: [UInt8]) -> (AdapterFile, [Diagnostic]) {
        let diagnostics = Diagnostics()
        let environment = Environment(missing: .collected) { $0 == "EMPTY" ? "" : "value of \($0)" }
        return (AdapterFile.decode(bytes, file: "-.yaml", environment: environment, diagnostics: diagnostics), diagnostics.sorted)
    }

    /// config.yaml, beside no adapters.
    static let configuration = FuzzTarget("configuration", maximumLength: 4096, shortRun: 1000) { bytes in
        let (configuration, problems) = decodeConfiguration(bytes)
        let (again, sameProblems) = decodeConfiguration(bytes)
        try promise(configuration == again && problems == sameProblems, "reading again gives another configuration")
        try check(problems, of: bytes)
        let hasErrors = problems.contains { $0.severity == .error }
        try promise(configuration != nil || hasErrors, "nothing is read, and nobody says why")
        guard !hasErrors, let configuration else { return false }
        try promise(
            configuration.listen.isLoopback || configuration.authentication != .header, "whoever calls is believed, from anywhere")
        try promise(configuration.admin.listen.isLoopback || configuration.admin.token != nil, "an open admin plane without a token")
        return true
    }

    private static func decodeConfiguration(_ bytes: [UInt8]) -> (Configuration?, [Diagnostic]) {
        let diagnostics = Diagnostics()
        let document = DocumentReader(file: "config.yaml", environment: Environment(["KEY": "k"]), diagnostics: diagnostics)
        let options = LaunchOptions { _ in nil }
        let decoder = ConfigurationDecoder(document: document, options: options, folder: "/nowhere", workingDirectory: "/nowhere")
        var overrides = OverrideDecoder(adapters: [], document: document)
        return (decoder.configuration(bytes).map { overrides.complete($0) }, diagnostics.sorted)
    }
}
