import GatewayCore

/// A key that is data: a workspace, a unit, a field. Its text is as written; environment variables have no meaning in it.
package struct KeyReader {
    /// The key's text.
    package let text: String
    /// Where the key stands.
    package let mark: SourceMark
    package let document: DocumentReader

    init(_ entry: YAMLNode.Entry, of document: DocumentReader) {
        text = entry.name
        mark = entry.key.mark
        self.document = document
    }

    /// Reports an error at the key.
    package func fail(_ message: String) { document.report(message, at: mark) }
}

/// A mapping with known keys. It remembers which keys were asked for, so that the others can be reported.
///
/// Confined to the thread that decodes; `ValueReader.mapping(_:)` makes one and finishes it.
package final class MappingReader {
    /// Where the mapping starts.
    package let mark: SourceMark
    package let document: DocumentReader
    private let entries: [YAMLNode.Entry]
    private var known: [String] = []
    private var takesAnything = false
    /// The unknown keys of one mapping that are worth a line each.
    private static let maximumReported = 20

    init(_ entries: [YAMLNode.Entry], at mark: SourceMark, of document: DocumentReader) {
        self.entries = entries
        self.mark = mark
        self.document = document
    }

    /// The value of a key that may be absent. A key with nothing after it (or null) counts as absent.
    package func optional(_ key: String) -> ValueReader? {
        guard let value = value(key), !value.isNull else { return nil }
        return value
    }

    /// The value of a key that must be there and must have a value; nil after its absence is reported.
    package func required(_ key: String) -> ValueReader? {
        guard let value = value(key) else {
            fail("missing key '\(key)'")
            return nil
        }
        guard !value.isNull else {
            value.fail("the key '\(key)' has no value")
            return nil
        }
        return value
    }

    /// The value of a key that may be absent; a null is a value like any other.
    package func value(_ key: String) -> ValueReader? {
        if !known.contains(key) { known.append(key) }
        return entries.first { $0.name == key }.map { ValueReader($0.value, of: document) }
    }

    /// The key itself, for problems that concern the entry rather than its value; nil when it is absent.
    package func key(_ key: String) -> KeyReader? {
        entries.first { $0.name == key }.map { KeyReader($0, of: document) }
    }

    /// The entries that nobody has asked for so far, in file order, for mappings that mix known keys and data. They count as known
    /// from then on.
    package func remainder() -> [(key: KeyReader, value: ValueReader)] {
        let rest = entries.filter { !known.contains($0.name) }
        takesAnything = true
        return rest.map { (KeyReader($0, of: document), ValueReader($0.value, of: document)) }
    }

    /// Reports an error at the start of the mapping.
    package func fail(_ message: String) { document.report(message, at: mark) }

    /// Reports the keys that nobody asked for, each with the known key that was probably meant.
    func finish() {
        guard !takesAnything else { return }
        let unused = known.filter { key in !entries.contains { $0.name == key } }
        let unknown = entries.filter { !known.contains($0.name) }
        for (index, entry) in unknown.enumerated() {
            guard index < Self.maximumReported else {
                document.report("\(unknown.count - index) more unknown keys from here on", at: entry.key.mark)
                return
            }
            let name = entry.name
            let meant = nearest(to: name, among: unused) ?? nearest(to: name, among: known)
            let list = known.isEmpty ? "no keys are known here" : "known: \(known.sorted().joined(separator: ", "))"
            let advice = meant.map { "did you mean '\($0)'?" } ?? list
            document.report("unknown key \(quoted(name)); \(advice)", at: entry.key.mark)
        }
    }
}
