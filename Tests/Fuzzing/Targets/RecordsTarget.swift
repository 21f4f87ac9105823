import GatewayCore
import JSONPath

extension FuzzTarget {
    /// Answers as records: the body's members called like fields, with every kind of source, as one person and as many companies.
    static let records = FuzzTarget("records", maximumLength: 2048, shortRun: 2000) { bytes in
        let response = ResponseFacts(status: 200, headers: HeaderList(), body: ResponseFacts.body(bytes))
        let isPerson = try check(person, response)
        let areCompanies = try check(companies, response)
        try promise(isPerson == areCompanies, "whether a body can be read depends on the map")
        return isPerson
    }

    private static let person = normalization(.person, root: nil)
    private static let companies = normalization(.company, root: try? JSONPath("$..records[*]"))

    /// Each field from the member of its name; behind it, in turn, from JSON in a string, from the whole body, and from a list.
    private static func normalization(_ entity: RecordEntity, root: JSONPath?) -> Normalization {
        let fields = RecordField.fields(of: entity).filter { !$0.isComputed }
        return Normalization(
            entity: entity, root: root,
            fields: fields.enumerated().compactMap { index, field in
                guard let own = try? JSONPath("$.\(field.rawValue)"), let text = try? JSONPath("$.text"), let any = try? JSONPath("$..*")
                else { return nil }
                let places: [ValueSource.Place] = [
                    [.record(own), .json(text)], [.record(own), .body(own)], [.record(own), .record(any)],
                ][index % 3]
                let factor: Exact? = field.kind.isNumeric && index % 2 == 0 ? Exact(10) : nil
                return Normalization.Field(field: field, source: .value(ValueSource(places: places, factor: factor)))
            },
            confidence: (try? JSONPath("$.confidence")).map { .value(ValueSource(places: [.record($0)], factor: Exact(100))) },
            miss: Normalization.Miss(when: try? JSONLogical("$.miss")))
    }

    private static func check(_ normalization: Normalization, _ response: ResponseFacts) throws -> Bool {
        let context = Normalization.Context(
            provider: "acme", operation: "lookup", entity: nil, weights: .standard, now: Timestamp(seconds: 1_795_000_000))
        let answer: NormalizedAnswer
        do {
            answer = try normalization.answer(to: response, context)
        } catch .tooMuch {
            return true
        } catch {
            return false
        }
        guard let bytes = answer.serialized() else { throw BrokenPromise(description: "an answer without a limit has none") }
        try promise(try normalization.answer(to: response, context).serialized() == bytes, "the same answer becomes other records")
        try promise(
            try normalization.count(in: response) == answer.records.count { !$0.isEmpty },
            "not as many records are counted as say something")
        let root = try JSONDocument(parsing: bytes).root
        try promise(root["found"]?.bool == (root["records"]?.count ?? 0 > 0), "found without a record, or the reverse")
        for record in root["records"]?.children ?? [] { try check(record, of: answer.entity) }
        return true
    }

    private static func check(_ record: JSONNode, of entity: RecordEntity) throws {
        var order = RecordField.fields(of: entity)[...]
        for (name, value) in record.members {
            guard let field = order.firstIndex(where: { $0.rawValue == name }) else {
                throw BrokenPromise(description: "\(name) is no field, repeated, or out of its order")
            }
            try check(value, of: order[field])
            order = order[(field + 1)...]
        }
        try promise(record["dataQualityScore"] != nil && record["dataQualityBreakdown"] != nil, "a record without its quality")
    }

    private static func check(_ value: JSONNode, of field: RecordField) throws {
        let number = value.number.flatMap { (try? Exact(decimal: $0.text)) ?? nil }
        func isWithin(_ top: Int) -> Bool { number.map { !$0.isNegative && !Exact(top).isLess(than: $0) } ?? false }
        let holds =
            switch field.kind {
            case .text: value.string?.isEmpty == false
            case .domain: value.string.map { $0.contains(".") && !$0.contains("/") } ?? false
            case .count: isWithin(Int(Int32.max)) && value.number?.isInteger == true
            case .number: number != nil
            case .score: isWithin(100)
            case .fraction: isWithin(1)
            case .grade: value.string.flatMap(EmailGrade.init(rawValue:)) != nil
            case .instant: value.string.flatMap { Timestamp($0) }.map { $0.rfc3339 == value.string } ?? false
            case .texts: value.count > 0 && value.children.allSatisfy { $0.string?.isEmpty == false }
            case .values: value.count > 0 && value.children.allSatisfy { $0.bool == nil && !$0.isNull }
            case .json: value.bool == nil && !value.isNull && (value.string ?? "x") != "" && (value.kind != .array || value.count > 0)
            case .object, .parts: value.kind == .object && value.count > 0
            }
        try promise(holds, "\(field) is \(String(decoding: value.raw.prefix(80), as: UTF8.self))")
    }
}
