import JSONPath

/// How a key's permissions stand in a store's columns: lists as JSON arrays, the rate as a decimal, NULL for what is not said.
extension CallerKey.Permissions {
    package var columns: (providers: String?, operations: String?, rate: String?) {
        (providers.map(Self.text), operations.map(Self.text), rate?.description)
    }

    /// Reads ``columns``; nil for texts that no gateway has written.
    package init?(providers: String?, operations: String?, rate: String?) {
        self.init()
        do {
            self.providers = try providers.map(Self.names)
            self.operations = try operations.map(Self.names)
        } catch {
            return nil
        }
        if let rate {
            guard let read = CallRate(rate) else { return nil }
            self.rate = read
        }
    }

    private static func text(_ names: Set<String>) -> String {
        String(decoding: JSONValue.array(names.sorted().map(JSONValue.string)).serialized, as: UTF8.self)
    }

    private struct NoNames: Error {}

    private static func names(_ text: String) throws -> Set<String> {
        let root = try JSONDocument(parsing: text).root
        guard root.kind == .array else { throw NoNames() }
        return Set(
            try root.children.map { node in
                guard let name = node.string else { throw NoNames() }
                return name
            })
    }
}
