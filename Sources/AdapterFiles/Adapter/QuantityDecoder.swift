internal import GatewayCore
internal import JSONPath

/// Reads quantities: where a number comes from.
enum QuantityDecoder {
    private static let sourceKeys = ["body", "header", "request", "query", "path", "count", "tokens"]

    private enum CountedBody: String, CaseIterable {
        case body, request
    }

    /// A number, or sources in the order written and a default.
    static func quantity(_ value: ValueReader) -> Quantity? {
        switch value.node.content {
        case .mapping: return value.mapping { sources($0, order: value.node) }
        case .scalar(let scalar):
            switch scalar.value {
            case .integer, .decimal, .unrepresentable: return number(value).map { Quantity(sources: [.number($0)]) }
            default: break
            }
        default: break
        }
        value.expected("a number, or a mapping with \(alternatives(sourceKeys))")
        return nil
    }

    /// The same, or a path into the answer's body.
    static func pathOrQuantity(_ value: ValueReader) -> Quantity? {
        guard case .string? = value.scalar?.value else { return quantity(value) }
        return path(value).map { Quantity(sources: [.body($0)]) }
    }

    private static func sources(_ map: MappingReader, order: YAMLNode) -> Quantity? {
        var sources: [String: Quantity.Source?] = [:]
        if let value = map.optional("body") { sources["body"] = path(value).map { .body($0) } }
        if let value = map.optional("header") { sources["header"] = header(value).map { .header($0) } }
        if let value = map.optional("request") { sources["request"] = path(value).map { .request($0) } }
        if let value = map.optional("query") { sources["query"] = value.string().map { .query($0) } }
        if let value = map.optional("path") { sources["path"] = value.string().map { .path($0) } }
        let place = map.optional("in")
        let counted = place.map { $0.word(CountedBody.self) } ?? .body
        if let value = map.optional("count") {
            let path = path(value)
            if let path, let counted {
                sources["count"] = .count(path, inRequest: counted == .request)
            } else {
                sources["count"] = .some(nil)
            }
        } else {
            place?.fail("'in' says where 'count' counts, and there is no 'count'")
        }
        let each = map.optional("each")
        let tokensEach = each.map(number)
        if let value = map.optional("tokens") {
            let paths = value.oneOrList(of: path)
            sources["tokens"] = paths.map { .tokens($0, each: tokensEach ?? nil) }
        } else {
            each?.fail("'each' is what 'tokens' counts for a node that is no string, and there is no 'tokens'")
        }
        let fallback = map.optional("default").map(number)
        if case .some(nil) = fallback { return nil }
        guard !sources.values.contains(where: { $0 == nil }) else { return nil }
        return Quantity(sources: inOrder(sources, of: order).compactMap { $0 }, fallback: fallback ?? nil)
    }

    /// Values by key, in the order in which a mapping has its keys.
    static func inOrder<Value>(_ values: [String: Value], of node: YAMLNode) -> [Value] {
        guard case .mapping(let entries) = node.content else { return [] }
        return entries.compactMap { values[$0.name] }
    }

    /// A number as an exact one.
    static func number(_ value: ValueReader) -> Exact? {
        guard let text = value.decimal() else { return nil }
        if let number = try? Exact(decimal: text) { return number }
        value.fail("the number \(shortened(text)) is out of range")
        return nil
    }

    static func path(_ value: ValueReader) -> JSONPath? {
        guard let text = value.string() else { return nil }
        do throws(JSONPathError) {
            return try JSONPath(text)
        } catch {
            value.fail("\(quoted(value.written)) is no JSONPath: \(error.message) (character \(error.offset + 1))")
            return nil
        }
    }

    static func header(_ value: ValueReader) -> String? {
        guard let name = value.string() else { return nil }
        guard Names.isToken(name) else {
            value.fail("\(quoted(value.written)) is no header's name")
            return nil
        }
        return name
    }
}

/// Reads where a dimension's value comes from.
enum DimensionDecoder {
    static func source(_ value: ValueReader) -> DimensionSource? {
        guard case .mapping = value.node.content else {
            // A plain value is the same for every call of the operation.
            return value.text().map { .first([.constant($0)], fallback: nil) }
        }
        return value.mapping { $0.key("of") != nil || $0.key("ranges") != nil ? ranges($0) : sources($0, order: value.node) }
    }

    private static func ranges(_ map: MappingReader) -> DimensionSource? {
        let of = map.required("of")?.string()
        let ranges = map.required("ranges")?.list(of: range)
        guard let of, let ranges else { return nil }
        return .ranges(of: of, ranges.sorted { $1.from.isLess(than: $0.from) })
    }

    private static func range(_ value: ValueReader) -> (from: Exact, label: String)? {
        guard case .sequence(let nodes) = value.node.content, nodes.count == 2 else {
            value.expected("a pair: where the range begins, and its label, as in [200001, long]")
            return nil
        }
        let from = QuantityDecoder.number(ValueReader(nodes[0], of: value.document))
        let label = ValueReader(nodes[1], of: value.document).text()
        guard let from, let label else { return nil }
        return (from, label)
    }

    private static func sources(_ map: MappingReader, order: YAMLNode) -> DimensionSource? {
        var sources: [String: DimensionSource.Source?] = [:]
        if let value = map.optional("body") { sources["body"] = QuantityDecoder.path(value).map { .body($0) } }
        if let value = map.optional("header") { sources["header"] = QuantityDecoder.header(value).map { .header($0) } }
        if let value = map.optional("request") { sources["request"] = QuantityDecoder.path(value).map { .request($0) } }
        if let value = map.optional("query") { sources["query"] = value.string().map { .query($0) } }
        if let value = map.optional("path") { sources["path"] = value.string().map { .path($0) } }
        let fallback = map.optional("default").map { $0.text() }
        if case .some(nil) = fallback { return nil }
        let ignored = map.optional("ignore").map { $0.oneOrList { $0.text() } }
        if case .some(nil) = ignored { return nil }
        guard !sources.values.contains(where: { $0 == nil }) else { return nil }
        if sources.isEmpty, fallback == nil {
            map.fail("it has neither a source (body, header, request, query, path) nor a default")
            return nil
        }
        return .first(
            QuantityDecoder.inOrder(sources, of: order).compactMap { $0 }, fallback: fallback ?? nil, ignored: Set((ignored ?? nil) ?? []))
    }
}
