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

    /// What is wrong with a question, a line each: all of it, unless it is more than anybody reads.
    package struct Refusal: Error, Sendable, Hashable {
        private static let mostProblems = 20
        package private(set) var problems: [String] = []

        fileprivate init(_ problems: String...) {
            self.problems = problems
        }

        /// Throws itself when it is long enough.
        fileprivate mutating func add(_ problem: String) throws(Refusal) {
            problems.append(problem)
            if problems.count == Self.mostProblems { throw self }
        }
    }

    /// Reads a question as callers send it.
    package init(parsing body: [UInt8], about entity: RecordEntity) throws(Refusal) {
        let root: JSONNode
        do {
            root = try JSONDocument(parsing: body).root
        } catch {
            throw Refusal("the body is no JSON: \(error)")
        }
        guard root.kind == .object else { throw Refusal("the body is no object such as \(Self.example(entity))") }
        self.init(entity: entity, match: EntityMatch([:], of: entity))
        // Parsers differ in which of two members counts.
        var refusal = root.repeatsNames ? Refusal("a member stands there twice") : Refusal()
        var isMatched = false
        for (name, value) in root.members {
            switch name {
            case "match":
                isMatched = true
                match = try Self.match(value, entity, &refusal)
            case "want": wanted = try Self.wanted(value, entity, &refusal)
            case "minQuality":
                minimumQuality = try Self.quality(value.number?.text ?? "", &refusal)
            case "maxCost":
                guard let amount = value.string.flatMap({ Money($0) }), amount >= .zero else {
                    try refusal.add("maxCost is an amount in US dollars as a string, such as \"0.60\"")
                    continue
                }
                maximumCost = amount
            default:
                try refusal.add(Self.unknown("member", name, among: ["match", "want", "minQuality", "maxCost"]))
            }
        }
        if !isMatched { try refusal.add("match is missing: it says who is looked for, as in \(Self.example(entity))") }
        guard refusal.problems.isEmpty else { throw refusal }
    }

    private static func example(_ entity: RecordEntity) -> String {
        switch entity {
        case .person: #"{"match": {"email": "ada@example.com"}}"#
        case .company: #"{"match": {"domain": "example.com"}}"#
        }
    }

    private static func match(_ value: JSONNode, _ entity: RecordEntity, _ refusal: inout Refusal) throws(Refusal) -> EntityMatch {
        var said: [MatchField: String] = [:]
        let fields = MatchField.fields(of: entity)
        let isObject = value.kind == .object && value.count > 0
        if !isObject { try refusal.add("match is an object with at least one field") }
        for (name, value) in value.members {
            guard let field = MatchField(name, of: entity, among: fields) else {
                try refusal.add(unknown("field of match", name, among: fields.map(\.rawValue)))
                continue
            }
            guard said[field] == nil else {
                try refusal.add("match.\(name) says \(field.rawValue) once more")
                continue
            }
            guard let known = value.string.flatMap({ EntityMatch.value(of: $0, for: field) }) else {
                let bound = "a string of 1 to \(EntityMatch.longestValue) bytes without control characters"
                try refusal.add("match.\(name) is \(field.kind.noun): \(bound)")
                continue
            }
            said[field] = known
        }
        return EntityMatch(said, of: entity)
    }

    private static func wanted(_ value: JSONNode, _ entity: RecordEntity, _ refusal: inout Refusal) throws(Refusal) -> [RecordField] {
        guard value.kind == .array else {
            try refusal.add("want is a list of fields")
            return []
        }
        let names = value.children.compactMap(\.string)
        if names.count < value.count { try refusal.add("want is a list of strings") }
        return try wanted(names, entity, &refusal)
    }

    private static func wanted(_ names: [String], _ entity: RecordEntity, _ refusal: inout Refusal) throws(Refusal) -> [RecordField] {
        let fields = RecordField.fields(of: entity).filter(\.isWantable)
        var wanted: [RecordField] = []
        for name in names {
            guard let field = RecordField(rawValue: name), fields.contains(field) else {
                try refusal.add(unknown("field in want", name, among: fields.map(\.rawValue)))
                continue
            }
            if !wanted.contains(field) { wanted.append(field) }
        }
        return wanted
    }

    private static func quality(_ text: String, _ refusal: inout Refusal) throws(Refusal) -> Score {
        if let exact = (try? Exact(decimal: text)) ?? nil, let score = Score(exact, in: 0...100) { return score }
        try refusal.add("minQuality is a number from 0 to 100")
        return .zero
    }

    /// Reads what is wanted of anybody, as the parameters of a question about many say it: `want` a comma list.
    package init(wanting want: String?, minimumQuality: String?, about entity: String?) throws(Refusal) {
        var refusal = Refusal()
        let names = RecordEntity.allCases.map(\.rawValue)
        let known = RecordEntity(rawValue: entity ?? RecordEntity.person.rawValue)
        if known == nil { try refusal.add(Self.unknown("entity", entity ?? "", among: names)) }
        self.init(entity: known ?? .person, match: EntityMatch([:], of: known ?? .person))
        if let minimumQuality { self.minimumQuality = try Self.quality(minimumQuality, &refusal) }
        let list = want?.split(separator: ",", omittingEmptySubsequences: false).map(String.init) ?? []
        if known != nil { wanted = try Self.wanted(list, self.entity, &refusal) }
        guard refusal.problems.isEmpty else { throw refusal }
    }

    private static func unknown(_ what: String, _ name: String, among known: [String]) -> String {
        let shown = name.unicodeScalars.count > 60 ? String(String.UnicodeScalarView(name.unicodeScalars.prefix(60))) + "…" : name
        let advice = nearest(to: name, among: known).map { "did you mean '\($0)'?" } ?? "known: \(known.joined(separator: ", "))"
        return "unknown \(what) '\(shown)'; \(advice)"
    }
}
