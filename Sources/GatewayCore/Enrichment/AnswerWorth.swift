package import JSONPath

/// What an answer of a provider that is asked in turn was worth: so much of it that it can be told, long after, which questions it would have
/// satisfied.
package enum AnswerWorth: Sendable, Hashable {
    /// There was no record in it, or no answer at all.
    case nothing
    case record(RecordWorth)

    package init(_ record: Record?) {
        self = record.map { .record(RecordWorth($0)) } ?? .nothing
    }

    /// Whether nobody else need have been asked: what ``Waterfall/isSatisfied`` says where this answer is all there is.
    package func satisfies(_ wanted: [RecordField], as good: Score) -> Bool {
        guard case .record(let worth) = self, !worth.fields.isEmpty else { return false }
        guard !wanted.isEmpty else { return worth.quality >= good }
        return wanted.allSatisfy { field in worth.score(of: field).map { $0 >= good } ?? false }
    }

    /// As a row's `requestData` has it: null for nothing.
    package var json: JSONValue {
        if case .record(let worth) = self { worth.json } else { .null }
    }

    /// Reads what ``json`` has written; nil for anything else.
    package init?(json text: String) {
        guard let json = try? JSONDocument(parsing: text).root else { return nil }
        if json.kind == .null {
            self = .nothing
        } else if let worth = RecordWorth(json) {
            self = .record(worth)
        } else {
            return nil
        }
    }
}

/// How good the fields of a record are, without their values.
package struct RecordWorth: Sendable, Hashable {
    package let quality: Score
    /// The source's own in the whole record: the score of all fields but addresses and numbers, which have one of their own.
    package let confidence: Score
    package let email: Score?
    package let phone: Score?
    package let fields: Set<RecordField>

    private static let ofEmail: [RecordField] = [.email, .emails, .emailQualityGrade]
    private static let ofPhone: [RecordField] = [.phone, .phones, .phoneQualityScore]

    package init(_ record: Record) {
        func score(_ fields: [RecordField]) -> Score? { fields.lazy.compactMap { Quality.score(of: $0, in: record) }.first }
        quality = record.quality ?? .zero
        confidence = record.confidence
        email = score(Self.ofEmail)
        phone = score(Self.ofPhone)
        fields = Set(record.values.lazy.map(\.field).filter(\.isWantable))
    }

    /// The score of a field as ``Quality/score(of:in:)`` has it; nil where it is not there.
    func score(of field: RecordField) -> Score? {
        guard fields.contains(field) else { return nil }
        return Self.ofEmail.contains(field) ? email : Self.ofPhone.contains(field) ? phone : confidence
    }

    fileprivate var json: JSONValue {
        func member(_ name: String, _ score: Score?) -> JSONValue.Member? {
            score.flatMap { JSONNumber($0.description) }.map { .init(name, .number($0)) }
        }
        let scores = [member("quality", quality), member("confidence", confidence), member("email", email), member("phone", phone)]
        let names = RecordField.allCases.filter(fields.contains).map { JSONValue.string($0.rawValue) }
        return .object(scores.compactMap { $0 } + [.init("fields", .array(names))])
    }

    fileprivate init?(_ json: JSONNode) {
        func score(_ name: String) -> Score? {
            json[name]?.number.flatMap { (try? Exact(decimal: $0.text)) ?? nil }.flatMap { Score($0, in: 0...100) }
        }
        guard let quality = score("quality"), let confidence = score("confidence"), let fields = json["fields"], fields.kind == .array
        else { return nil }
        self.quality = quality
        self.confidence = confidence
        email = score("email")
        phone = score("phone")
        self.fields = Set(fields.children.compactMap { $0.string.flatMap(RecordField.init(rawValue:)) })
    }
}

extension RecordField {
    /// Whether it can be asked for: what the gateway works out is there whenever anything is.
    var isWantable: Bool { !isComputed && self != .dataSources }
}
