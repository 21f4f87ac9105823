internal import GatewayCore

/// Reads an adapter file's root mapping.
struct AdapterDecoder {
    let document: DocumentReader

    init(_ document: DocumentReader) {
        self.document = document
    }

    /// Sections that belong to the format and that this version does not act on.
    private static let laterSections = ["normalize", "research"]

    func adapter(_ map: MappingReader) -> DecodedAdapter {
        map.formatVersion("adapter")
        let provider = map.required("provider").flatMap(provider)
        let title = map.optional("title")?.string()
        let upstream = map.required("upstream")?.mapping { UpstreamDecoder.settings($0, provider: provider ?? "") }
        let dimensions = map.optional("dimensions")?.list(of: dimension) ?? []
        var marks = ElementMarks(root: map.mark)
        marks[.dimensions] = map.key("dimensions")?.mark ?? map.mark
        marks[.prices] = map.key("prices")?.mark ?? map.mark
        marks[.examples] = map.key("examples")?.mark ?? map.mark
        let prices = PriceDecoder(dimensions: dimensions).entries(map.required("prices"), &marks)
        let reconciliation = ReconciliationDecoder.section(map.optional("reconcile"))
        let operations = operations(map.required("operations"), reconciliation, &marks)
        let examples = examples(map.optional("examples"), &marks)
        var enrichment: [RecordEntity: [EnrichmentRule]] = [:]
        map.optional("enrich")?.mapping { enrichment = EnrichmentDecoder.rules($0, &marks) }
        map.ignoreLaterKeys(Self.laterSections)

        var adapter: Adapter?
        if let provider, let upstream {
            adapter = Adapter(
                provider: provider, title: title ?? provider, upstream: upstream, dimensions: dimensions,
                prices: PriceTable(entries: prices.map(\.entry)), operations: operations, examples: examples,
                enrichment: enrichment, reconciliation: reconciliation?.rule, missingVariables: document.missingVariables)
        }
        return DecodedAdapter(adapter: adapter, provider: provider, dimensions: dimensions, prices: prices, marks: marks)
    }

    private func provider(_ value: ValueReader) -> String? {
        guard let name = value.string() else { return nil }
        guard Names.isProvider(name) else {
            value.fail(
                name == "_gateway"
                    ? "'_gateway' is the gateway's own path; a provider's name is another"
                    : "\(quoted(value.written)) is no provider's name: a letter a–z, then letters, digits and '-', at most 64")
            return nil
        }
        let stem = Names.stem(of: document.file)
        if Names.isProvider(stem), stem != name {
            value.fail("the provider of this file is called like the file: write '\(stem)', or name the file '\(name).yaml'")
        }
        return name
    }

    private func dimension(_ value: ValueReader) -> String? {
        guard let name = value.string() else { return nil }
        guard Names.isIdentifier(name), name != PriceDecoder.confirmation else {
            value.fail("\(quoted(value.written)) is no dimension's name: letters, digits and '_', no digit first")
            return nil
        }
        return name
    }

    private func operations(
        _ value: ValueReader?, _ reconciliation: ReconciliationDecoder.Section?, _ marks: inout ElementMarks
    ) -> [Operation] {
        var operations: [Operation] = []
        _ = value?.list { item -> Void? in
            item.mapping { map -> Void in
                guard let decoded = OperationDecoder(index: operations.count, reconciliation: reconciliation).operation(map) else { return }
                operations.append(decoded.operation)
                marks.merge(decoded.marks)
            }
        }
        reconciliation?.checkUnits(in: operations)
        return operations
    }

    private func examples(_ value: ValueReader?, _ marks: inout ElementMarks) -> [Example] {
        var examples: [Example] = []
        _ = value?.list { item -> Void? in
            item.mapping { map -> Void in
                guard let example = ExampleDecoder.example(map) else { return }
                marks[.example(examples.count)] = map.key("name")?.mark ?? map.mark
                examples.append(example)
            }
        }
        return examples
    }
}

extension MappingReader {
    /// The key that says which version of the format a file is written in: 1 is the only one.
    func formatVersion(_ key: String) {
        guard let value = required(key) else { return }
        if case .integer("1")? = value.scalar?.value { return }
        value.fail("expected \(key): 1, the only version of this format; found \(value.node.summary)")
    }

    /// Warns of keys that a later version acts on. What they say is not read.
    func ignoreLaterKeys(_ keys: [String]) {
        for name in keys {
            // Asking for the value makes the key a known one.
            guard value(name) != nil, let key = key(name) else { continue }
            document.report("'\(name)' is not supported by this version and is ignored", at: key.mark, severity: .warning)
        }
    }
}

/// What a provider may be called.
package enum ProviderName {
    /// A letter a–z, then letters, digits and `-`, at most 64.
    package static func isValid(_ name: String) -> Bool { Names.isProvider(name) }
}

/// What names may look like.
enum Names {
    static func isProvider(_ text: String) -> Bool {
        let bytes = text.utf8
        guard let first = bytes.first, isLower(first), bytes.count <= 64 else { return false }
        return bytes.allSatisfy { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
    }

    /// What an expression can name: letters, digits and `_`, no digit first.
    static func isIdentifier(_ text: String) -> Bool {
        guard let first = text.utf8.first, !isDigit(first), text.utf8.count <= 128 else { return false }
        return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
    }

    /// RFC 9110's `token`: a header's name, a method.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
    }

    /// A workspace's or user's id: 1 to 128 printable ASCII characters.
    static func isCallerID(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && text.utf8.first != 0x20
            && text.utf8.last != 0x20
    }

    /// A file's name without its folder and extension.
    static func stem(of path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        return String(name.lastIndex(of: ".").map { name[..<$0] } ?? name)
    }

    private static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) && byte & 0x40 != 0 }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
