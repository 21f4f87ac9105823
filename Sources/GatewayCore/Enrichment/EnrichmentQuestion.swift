internal import JSONPath

extension Generation {
    /// What is said where no order of providers is configured.
    package func nobodyAsked(for entity: RecordEntity) -> String {
        let able = adapters.values.filter { $0.enrichment[entity] != nil }.map(\.provider).sorted()
        let which = able.isEmpty ? "no adapter has an 'enrich' for it yet" : "adapters that can: \(able.joined(separator: ", "))"
        return
            "Nobody is asked for a \(entity.rawValue): write 'enrich: { \(entity.rawValue): [PROVIDER, …] }' into config.yaml (\(which))."
    }
}

/// What a caller wants to know of a person or company, and what it may cost.
package struct EnrichmentQuestion: Sendable, Hashable {
    package var entity: RecordEntity
    package var match: EntityMatch
    /// None: whatever there is, as good as `minimumQuality` says.
    package var wanted: [RecordField]
    package var minimumQuality: Score
    /// nil: what the budgets allow.
    package var maximumCost: Money?

    package init(
        entity: RecordEntity, match: EntityMatch, wanted: [RecordField] = [], minimumQuality: Score = .zero, maximumCost: Money? = nil
    ) {
        self.entity = entity
        self.match = match
        self.wanted = wanted
        self.minimumQuality = minimumQuality
        self.maximumCost = maximumCost
    }

    /// Everything that is wrong with a question, a line each.
    package struct Refusal: Error, Sendable, Hashable {
        package let problems: [String]
    }

    /// Reads a question as callers send it.
    package init(parsing body: [UInt8], about entity: RecordEntity) throws(Refusal) {
        let root: JSONNode
        do {
            root = try JSONDocument(parsing: body).root
        } catch {
            throw Refusal(problems: ["the body is no JSON: \(error)"])
        }
        guard root.kind == .object else { throw Refusal(problems: ["the body is no object such as \(Self.example(entity))"]) }
        self.init(entity: entity, match: EntityMatch([:], of: entity))
        // Parsers differ in which of two members counts.
        var problems = root.repeatsNames ? ["a member stands there twice"] : []
        var isMatched = false
        for (name, value) in root.members {
            switch name {
            case "match":
                isMatched = true
                match = Self.match(value, entity, &problems)
            case "want": wanted = Self.wanted(value, entity, &problems)
            case "minQuality":
                minimumQuality = Self.quality(value.number?.text ?? "", &problems)
            case "maxCost":
                guard let amount = value.string.flatMap({ Money($0) }), amount >= .zero else {
                    problems.append("maxCost is an amount in US dollars as a string, such as \"0.60\"")
                    continue
                }
                maximumCost = amount
            default:
                problems.append(Self.unknown("member", name, among: ["match", "want", "minQuality", "maxCost"]))
            }
        }
        if !isMatched { problems.append("match is missing: it says who is looked for, as in \(Self.example(entity))") }
        guard problems.isEmpty else { throw Refusal(problems: problems) }
    }

    private static func example(_ entity: RecordEntity) -> String {
        switch entity {
        case .person: #"{"match": {"email": "ada@example.com"}}"#
        case .company: #"{"match": {"domain": "example.com"}}"#
        }
    }

    private static func match(_ value: JSONNode, _ entity: RecordEntity, _ problems: inout [String]) -> EntityMatch {
        var said: [MatchField: String] = [:]
        let fields = MatchField.fields(of: entity)
        let isObject = value.kind == .object && value.count > 0
        if !isObject { problems.append("match is an object with at least one field") }
        for (name, value) in value.members {
            guard let field = MatchField(name, of: entity, among: fields) else {
                problems.append(unknown("field of match", name, among: fields.map(\.rawValue)))
                continue
            }
            guard said[field] == nil else {
                problems.append("match.\(name) says \(field.rawValue) once more")
                continue
            }
            guard let known = value.string.flatMap({ EntityMatch.value(of: $0, for: field) }) else {
                let bound = "a string of 1 to \(EntityMatch.longestValue) bytes without control characters"
                problems.append("match.\(name) is \(field.kind.noun): \(bound)")
                continue
            }
            said[field] = known
        }
        return EntityMatch(said, of: entity)
    }

    private static func wanted(_ value: JSONNode, _ entity: RecordEntity, _ problems: inout [String]) -> [RecordField] {
        guard value.kind == .array else {
            problems.append("want is a list of fields")
            return []
        }
        let names = value.children.compactMap(\.string)
        if names.count < value.count { problems.append("want is a list of strings") }
        return wanted(names, entity, &problems)
    }

    private static func wanted(_ names: [String], _ entity: RecordEntity, _ problems: inout [String]) -> [RecordField] {
        let fields = RecordField.fields(of: entity).filter(\.isWantable)
        var wanted: [RecordField] = []
        for name in names {
            guard let field = RecordField(rawValue: name), fields.contains(field) else {
                problems.append(unknown("field in want", name, among: fields.map(\.rawValue)))
                continue
            }
            if !wanted.contains(field) { wanted.append(field) }
        }
        return wanted
    }

    private static func quality(_ text: String, _ problems: inout [String]) -> Score {
        if let exact = (try? Exact(decimal: text)) ?? nil, let score = Score(exact, in: 0...100) { return score }
        problems.append("minQuality is a number from 0 to 100")
        return .zero
    }

    /// Reads what is wanted of anybody, as the parameters of a question about many say it: `want` a comma list.
    package init(wanting want: String?, minimumQuality: String?, about entity: String?) throws(Refusal) {
        var problems: [String] = []
        let names = RecordEntity.allCases.map(\.rawValue)
        let known = RecordEntity(rawValue: entity ?? RecordEntity.person.rawValue)
        if known == nil { problems.append(Self.unknown("entity", entity ?? "", among: names)) }
        self.init(entity: known ?? .person, match: EntityMatch([:], of: known ?? .person))
        if let minimumQuality { self.minimumQuality = Self.quality(minimumQuality, &problems) }
        let list = want?.split(separator: ",", omittingEmptySubsequences: false).map(String.init) ?? []
        if known != nil { wanted = Self.wanted(list, self.entity, &problems) }
        guard problems.isEmpty else { throw Refusal(problems: problems) }
    }

    private static func unknown(_ what: String, _ name: String, among known: [String]) -> String {
        let shown = name.unicodeScalars.count > 60 ? String(String.UnicodeScalarView(name.unicodeScalars.prefix(60))) + "…" : name
        let advice = nearest(to: name, among: known).map { "did you mean '\($0)'?" } ?? "known: \(known.joined(separator: ", "))"
        return "unknown \(what) '\(shown)'; \(advice)"
    }
}
