@testable import AdapterFiles

/// What reading `text` gave: the document and the one-line diagnostics.
func parse(_ text: String) -> (node: YAMLNode?, problems: [String]) { parse(bytes: Array(text.utf8)) }

func parse(bytes: [UInt8]) -> (node: YAMLNode?, problems: [String]) {
    let diagnostics = Diagnostics()
    let node = YAMLNode.parse(bytes, file: "a.yaml", diagnostics: diagnostics)
    return (node, diagnostics.sorted.map(\.description))
}

/// Reads `text` with `body` and returns its value with the one-line diagnostics.
func read<Value>(
    _ text: String, environment: Environment = Environment([:]), _ body: (ValueReader) -> Value?
) -> (value: Value?, problems: [String]) {
    let diagnostics = Diagnostics()
    let document = DocumentReader(file: "a.yaml", environment: environment, diagnostics: diagnostics)
    let value = document.root(of: Array(text.utf8)).flatMap(body)
    return (value, diagnostics.sorted.map(\.description))
}

extension YAMLNode {
    /// The document in one line without marks, for comparisons: strings that were not plain in double quotes.
    var compact: String {
        switch content {
        case .unreadable: "?"
        case .scalar(let scalar): scalar.isPlain ? scalar.text : "\"\(scalar.text)\""
        case .sequence(let nodes): "[" + nodes.map(\.compact).joined(separator: ", ") + "]"
        case .mapping(let entries): "{" + entries.map { "\($0.name): \($0.value.compact)" }.joined(separator: ", ") + "}"
        }
    }

    /// Every scalar with its place, depth first: "text@line:column".
    var places: [String] {
        switch content {
        case .unreadable: []
        case .scalar(let scalar): ["\(scalar.text)@\(mark.line):\(mark.column)"]
        case .sequence(let nodes): nodes.flatMap(\.places)
        case .mapping(let entries): entries.flatMap { $0.key.places + $0.value.places }
        }
    }
}
