package import JSONPath

/// Where a field's value comes from, ready to be read.
package enum FieldSource: Sendable {
    case value(ValueSource)
    /// An object whose parts are read one by one.
    case object([Part])

    package struct Part: Sendable {
        package var name: String
        package var kind: FieldKind
        package var source: FieldSource

        package init(name: String, kind: FieldKind, source: FieldSource) {
            self.name = name
            self.kind = kind
            self.source = source
        }
    }
}

/// One value: places tried in order, and what is done to what is found there.
package struct ValueSource: Sendable {
    package enum Place: Sendable {
        /// In the node that is the record.
        case record(JSONPath)
        /// In the whole answer.
        case body(JSONPath)
        /// JSON inside a string of the record.
        case json(JSONPath)
    }

    package enum Step: Sendable {
        /// The value for each text, number or boolean that the provider may give.
        case map([String: RecordValue])
        /// The value of the first range, highest first, that the number reaches.
        case ranges([(from: Exact, value: RecordValue)])
    }

    package var places: [Place]
    /// What numbers are multiplied by.
    package var factor: Exact?
    package var step: Step?

    package init(places: [Place], factor: Exact? = nil, step: Step? = nil) {
        self.places = places
        self.factor = factor
        self.step = step
    }
}

/// Reads field values out of one answer, with one allowance of steps for all of them.
struct FieldReading {
    let body: JSONNode
    var steps: Int

    /// A field's value; nil when the record has none, or none that is of this kind.
    mutating func value(_ source: FieldSource, _ kind: FieldKind, in record: JSONNode) throws(JSONPathEvaluationError) -> RecordValue? {
        switch source {
        case .value(let source):
            for place in source.places {
                if let value = try value(at: place, source, kind, in: record) { return value }
            }
            return nil
        case .object(let parts):
            var members: [(name: String, value: RecordValue)] = []
            for part in parts {
                if let value = try value(part.source, part.kind, in: record) { members.append((part.name, value)) }
            }
            return members.isEmpty ? nil : .object(members)
        }
    }

    private mutating func value(
        at place: ValueSource.Place, _ source: ValueSource, _ kind: FieldKind, in record: JSONNode
    ) throws(JSONPathEvaluationError) -> RecordValue? {
        let path: JSONPath
        let root: JSONNode
        switch place {
        case .record(let found): (path, root) = (found, record)
        case .body(let found): (path, root) = (found, body)
        case .json(let found):
            guard let text = try select(found, in: record, isList: false).first?.string else { return nil }
            return JSONInText.node(text).flatMap { source.value(of: [$0], as: kind) }
        }
        return source.value(of: try select(path, in: root, isList: kind.isList), as: kind)
    }

    /// What a path selects. Its length is paid for too: a long text in the answer may be read for each of many records.
    private mutating func select(_ path: JSONPath, in root: JSONNode, isList: Bool) throws(JSONPathEvaluationError) -> [JSONNode] {
        let nodes = isList ? try path.nodes(in: root, spending: &steps) : try path.first(in: root, spending: &steps).map { [$0] } ?? []
        for node in nodes { steps -= node.raw.count / 16 }
        return nodes
    }
}

extension ValueSource {
    /// What the map, the ranges, the factor or the kind alone make of what was selected.
    fileprivate func value(of nodes: [JSONNode], as kind: FieldKind) -> RecordValue? {
        guard step != nil || factor != nil, let node = nodes.first else { return kind.value(of: nodes) }
        if case .map(let values)? = step {
            // Named here, a boolean is a value and no mask.
            if let flag = node.bool { return values[flag ? "true" : "false"] }
            return Scalar(node).flatMap { values[$0.key] }
        }
        guard let scalar = Scalar(node), var number = scalar.exact else { return nil }
        if let factor {
            guard let product = try? number * factor else { return nil }
            number = product
        }
        guard case .ranges(let ranges)? = step else { return kind.value(of: number) }
        return ranges.first { !number.isLess(than: $0.from) }?.value
    }
}

/// JSON that a provider, or a model that it asks, puts into a string: as it is, or in a Markdown code block.
enum JSONInText {
    static func node(_ text: String) -> JSONNode? {
        if let document = try? JSONDocument(parsing: text) { return document.root }
        let bytes = text.utf8
        guard let opening = bytes.firstRange(of: "```".utf8), let line = bytes[opening.upperBound...].firstIndex(of: UInt8(ascii: "\n"))
        else {
            return nil
        }
        let rest = bytes[line...]
        guard let closing = rest.firstRange(of: "```".utf8) else { return nil }
        return (try? JSONDocument(parsing: Array(rest[..<closing.lowerBound])))?.root
    }
}
