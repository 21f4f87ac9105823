internal import GatewayCore

/// Reads `enrich`: how an adapter finds people and companies.
enum EnrichmentDecoder {
    /// - Parameter marks: Where its rules stand, for the checks that follow.
    static func rules(_ map: MappingReader, _ marks: inout ElementMarks) -> [RecordEntity: [EnrichmentRule]] {
        var rules: [RecordEntity: [EnrichmentRule]] = [:]
        for entity in RecordEntity.allCases {
            guard let value = map.optional(entity.rawValue) else { continue }
            var places: [SourceMark] = []
            rules[entity] = value.oneOrList { item in
                item.mapping { rule($0, entity) }.map { rule in
                    places.append(item.node.mark)
                    return rule
                }
            }
            for (index, place) in places.enumerated() { marks[.enrichment(entity, rule: index)] = place }
            if rules[entity]?.isEmpty == true { value.expected("how a \(entity.rawValue) is found: operation, when and request") }
        }
        return rules
    }

    private static func rule(_ map: MappingReader, _ entity: RecordEntity) -> EnrichmentRule? {
        let operation = map.required("operation")?.string()
        let when = map.required("when")
        let alternatives = when?.list { fields($0, entity) }
        if case .sequence(let nodes)? = when?.node.content, nodes.isEmpty { when?.fail("it has no alternative: [[linkedinUrl], [email]]") }
        let request = map.required("request")?.mapping { Self.request($0, entity) }
        guard let operation, let alternatives, let request else { return nil }
        return EnrichmentRule(operation: operation, alternatives: alternatives, request: request)
    }

    private static func fields(_ value: ValueReader, _ entity: RecordEntity) -> [MatchField]? {
        if case .sequence(let nodes) = value.node.content, nodes.isEmpty { value.fail("an alternative names at least one field") }
        return value.list { field($0, entity) }
    }

    private static func field(_ value: ValueReader, _ entity: RecordEntity) -> MatchField? {
        guard let name = value.string() else { return nil }
        let known = MatchField.known(of: entity)
        if let field = MatchField(name, of: entity, among: known) { return field }
        value.fail(TextTemplate.unknown("field \(quoted(value.written))", name, among: known))
        return nil
    }

    private static func request(_ map: MappingReader, _ entity: RecordEntity) -> RequestTemplate? {
        let method = map.required("method")
        let path = map.required("path")
        let query = map.optional("query").map { pairs($0, entity) { _ in true } } ?? []
        let headers = map.optional("headers").map { pairs($0, entity, isName: isHeader) } ?? []
        let body = map.optional("body").map { json($0.node, $0.document, entity) }
        let name = method?.string()
        if let name, !Names.isToken(name) || name != name.uppercased() { method?.expected("a method such as GET") }
        if let path, let text = path.scalar?.text {
            if !text.hasPrefix("/") { path.fail("a path begins with '/'") }
            if text.contains("?") || text.contains("#") { path.fail("a path has no query or fragment: parameters stand in 'query'") }
        }
        let template = path.flatMap { Self.template($0, entity) }
        guard let name, let template, let query, let headers else { return nil }
        if case .some(nil) = body { return nil }
        return RequestTemplate(method: name, path: template, query: query, headers: headers, body: body ?? nil)
    }

    private static func pairs(
        _ value: ValueReader, _ entity: RecordEntity, isName: (KeyReader) -> Bool
    ) -> [(name: String, value: TextTemplate)]? {
        value.entries { key, value in isName(key) ? template(value, entity).map { (key.text, $0) } : nil }
    }

    /// What callers say to the gateway, and what the transport says, is nothing that an adapter says.
    private static func isHeader(_ key: KeyReader) -> Bool {
        let name = key.text.lowercased()
        let own = ["authorization", "connection", "content-length", "expect", "host", "transfer-encoding", "x-workspace-id", "x-user-id"]
        if Names.isToken(name), !own.contains(name), !name.hasPrefix("x-gateway-"), !name.hasPrefix("x-entity-") { return true }
        key.fail("\(quoted(key.text)) is no header that a request to the provider can have of its own")
        return false
    }

    private static func template(_ value: ValueReader, _ entity: RecordEntity) -> TextTemplate? {
        guard let text = value.text() else { return nil }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            value.fail("control characters can stand in no path, parameter or header")
            return nil
        }
        return template(text, value, entity)
    }

    private static func template(_ text: String, _ value: ValueReader, _ entity: RecordEntity) -> TextTemplate? {
        do throws(TextTemplate.TemplateError) {
            return try TextTemplate(text, for: entity)
        } catch {
            value.fail(error.description)
            return nil
        }
    }

    private static func json(_ node: YAMLNode, _ document: DocumentReader, _ entity: RecordEntity) -> JSONTemplate? {
        switch node.content {
        case .sequence(let nodes):
            let elements = nodes.map { json($0, document, entity) }
            let whole = elements.compactMap { $0 }
            return whole.count == elements.count ? .array(whole) : nil
        case .mapping(let entries):
            let members = entries.map { entry in json(entry.value, document, entity).map { (name: entry.name, value: $0) } }
            let whole = members.compactMap { $0 }
            return whole.count == members.count ? .object(whole) : nil
        case .scalar(let scalar) where scalar.value == .string:
            return template(scalar.text, ValueReader(node, of: document), entity).map { .text($0) }
        case .scalar, .unreadable:
            return ExampleDecoder.json(node, document).map { .constant($0) }
        }
    }
}
