package import JSONPath

/// A text with `{field}` in it.
package struct TextTemplate: Sendable, Hashable {
    package enum Piece: Sendable, Hashable {
        case literal(String)
        case field(MatchField)
    }

    package let pieces: [Piece]

    /// Why a text is no template.
    package struct TemplateError: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    package init(_ text: String, for entity: RecordEntity) throws(TemplateError) {
        var pieces: [Piece] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            guard let close = rest[open...].firstIndex(of: "}") else { throw TemplateError(description: "'{' without '}'") }
            if open > rest.startIndex { pieces.append(.literal(String(rest[..<open]))) }
            let name = String(rest[rest.index(after: open)..<close])
            let known = MatchField.known(of: entity)
            guard let field = MatchField(name, of: entity, among: known) else {
                throw TemplateError(description: Self.unknown("placeholder '{\(name)}'", name, among: known))
            }
            pieces.append(.field(field))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { pieces.append(.literal(String(rest))) }
        self.pieces = pieces
    }

    /// What is wrong with a word that should name a field, and which was probably meant.
    package static func unknown(_ what: String, _ name: String, among fields: [MatchField]) -> String {
        let known = fields.map(\.rawValue)
        let advice = nearest(to: name, among: known).map { "did you mean '\($0)'?" } ?? "known: \(known.joined(separator: ", "))"
        return "unknown \(what); \(advice)"
    }

    /// The text with a match's values in it; nil where one of them is not known.
    package func text(_ match: EntityMatch, _ encode: (String) -> String = { $0 }) -> String? {
        var text = ""
        for piece in pieces {
            switch piece {
            case .literal(let literal): text += literal
            case .field(let field):
                guard let value = match[field] else { return nil }
                text += encode(value)
            }
        }
        return text
    }
}

/// JSON in whose strings fields stand.
package indirect enum JSONTemplate: Sendable {
    case constant(JSONValue)
    case text(TextTemplate)
    case array([JSONTemplate])
    case object([(name: String, value: JSONTemplate)])

    /// The value; nil where a string needs what is not known. A member or element of which that is true is left out.
    package func value(_ match: EntityMatch) -> JSONValue? {
        switch self {
        case .constant(let value): value
        case .text(let template): template.text(match).map { .string($0) }
        case .array(let elements): .array(elements.compactMap { $0.value(match) })
        case .object(let members): .object(members.compactMap { member in member.value.value(match).map { .init(member.name, $0) } })
        }
    }
}

/// How an adapter asks its provider for a person or company.
package struct RequestTemplate: Sendable {
    package var method: String
    /// Without a query; values are percent-encoded, so that each stays within its segment.
    package var path: TextTemplate
    package var query: [(name: String, value: TextTemplate)]
    package var headers: [(name: String, value: TextTemplate)]
    package var body: JSONTemplate?

    package init(
        method: String, path: TextTemplate, query: [(name: String, value: TextTemplate)] = [],
        headers: [(name: String, value: TextTemplate)] = [], body: JSONTemplate? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// The request for a match; nil where its path needs what is not known. A query parameter or header of which that is true is left out.
    package func request(for match: EntityMatch) -> Example.Request? {
        guard let path = path.text(match, PercentCoding.encoded) else { return nil }
        var headers = HeaderList()
        for header in self.headers {
            if let value = header.value.text(match) { headers.append(header.name, value) }
        }
        let body = body?.value(match)?.serialized
        if body != nil, !headers.contains("content-type") { headers.append("Content-Type", "application/json") }
        return Example.Request(
            method: method, path: path, query: query.compactMap { parameter in parameter.value.text(match).map { (parameter.name, $0) } },
            headers: headers, body: body)
    }
}

extension Example.Request {
    /// Path and query as a request line has them.
    package var target: String {
        let parameters = query.map { "\(PercentCoding.encoded($0.name))=\(PercentCoding.encoded($0.value))" }
        return parameters.isEmpty ? path : "\(path)\(path.contains("?") ? "&" : "?")\(parameters.joined(separator: "&"))"
    }
}

/// What an adapter says of finding a person or company: `enrich`.
package struct EnrichmentRule: Sendable {
    /// The operation that the request reaches, whose `normalize` reads the answer.
    package var operation: String
    /// The provider is asked where all fields of one of these are known.
    package var alternatives: [[MatchField]]
    package var request: RequestTemplate

    package init(operation: String, alternatives: [[MatchField]], request: RequestTemplate) {
        self.operation = operation
        self.alternatives = alternatives
        self.request = request
    }

    /// The request for a match; nil where too little is known for this provider.
    package func request(for match: EntityMatch) -> Example.Request? {
        guard alternatives.contains(where: { $0.allSatisfy { match[$0] != nil } }) else { return nil }
        return request.request(for: match)
    }
}
