internal import GatewayCore
internal import JSONPath

/// Reads `stream`.
enum StreamDecoder {
    /// - Parameter marks: Where its quantities stand, for the checks that follow.
    static func streaming(_ map: MappingReader, operation index: Int, _ marks: inout [AdapterProblem.Element: SourceMark]) -> Streaming? {
        let when = map.optional("when").map(OperationDecoder.condition)
        let request = map.optional("request").map(members)
        let omit = map.optional("omit")
        let omitted = omit.map(OperationDecoder.condition)
        let usage: [(name: String, quantity: Quantity)]? = map.optional("usage")?.entries { key, value in
            marks[.streamUsage(operation: index, name: key.text)] = key.mark
            return QuantityDecoder.quantity(value).map { (key.text, $0) }
        }
        let text = map.optional("text").map { countedText($0, usage: usage ?? []) }
        let onDisconnect = map.optional("on_disconnect").map { $0.word(Streaming.Departure.self) }
        marks[.streamText(operation: index)] = map.key("text")?.mark
        if let omit, request == nil {
            omit.fail("'omit' takes out what comes of 'request' alone, and there is no 'request'")
            return nil
        }
        // A key that is there and could not be read must not count as one that is not there.
        if case .some(nil) = when { return nil }
        if case .some(nil) = request { return nil }
        if case .some(nil) = omitted { return nil }
        if case .some(nil) = text { return nil }
        if case .some(nil) = onDisconnect { return nil }
        guard let when = when ?? (try? JSONLogical("$.stream == true")) else { return nil }
        return Streaming(
            when: when, request: (request ?? nil) ?? [], omit: omitted ?? nil, usage: usage ?? [], text: text ?? nil,
            onDisconnect: (onDisconnect ?? nil) ?? .cancel)
    }

    private static func members(_ value: ValueReader) -> [JSONValue.Member]? {
        guard case .object(let members)? = ExampleDecoder.json(value.node, value.document) else {
            value.expected("the members that a streaming request's body gets")
            return nil
        }
        return members
    }

    /// Paths, for the one quantity of `usage`, or under a quantity's name.
    private static func countedText(_ value: ValueReader, usage: [(name: String, quantity: Quantity)]) -> Streaming.Text? {
        if case .mapping = value.node.content {
            guard let named = value.entries(of: { key, value in paths(value).map { Streaming.Text(name: key.text, paths: $0) } }),
                let text = named.first, named.count == 1
            else {
                value.expected("one quantity's name and the paths of the text that is counted for it")
                return nil
            }
            return text
        }
        let missing = usage.filter { $0.quantity.fallback == nil }
        guard let name = missing.first?.name, missing.count == 1 else {
            let found = missing.isEmpty ? "none" : missing.map(\.name).joined(separator: ", ")
            value.fail(
                "the text is counted for the one quantity of stream.usage without a default, and there are: \(found); or name it: text: { answer: … }"
            )
            return nil
        }
        return paths(value).map { Streaming.Text(name: name, paths: $0) }
    }

    private static func paths(_ value: ValueReader) -> [JSONPath]? {
        guard let paths = value.oneOrList(of: QuantityDecoder.path), !paths.isEmpty else { return nil }
        return paths
    }
}
