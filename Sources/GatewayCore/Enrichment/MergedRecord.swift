internal import JSONPath

/// What several providers know of one person or company, as one record.
package struct MergedRecord: Sendable {
    package struct Source: Sendable {
        package var provider: String
        package var record: Record

        package init(provider: String, record: Record) {
            self.provider = provider
            self.record = record
        }
    }

    package let record: Record
    /// Who has found it, in the order in which they were asked.
    package let providers: [String]
    /// Whose each field is.
    package let sources: [(field: RecordField, provider: String)]
    private let scores: [RecordField: Score]

    /// Of each field the best-scored source's value, of several as good the earlier's. An address and its grade are one source's, and so are
    /// a number and its score.
    ///
    /// - Parameter sources: In the order in which they were asked; at least one.
    package init?(_ sources: [Source], weights: QualityWeights, at now: Timestamp) {
        guard let entity = sources.first?.record.entity else { return nil }
        var record = Record(entity)
        var origins: [(field: RecordField, provider: String)] = []
        var scores: [RecordField: Score] = [:]
        var confidences: [RecordField: Score] = [:]
        for field in RecordField.fields(of: entity) where field.isWantable {
            let leading = field.leading
            // Where no source has what the field goes with, it stands for itself.
            let candidates = sources.filter { $0.record[leading] != nil }
            guard let best = Self.best(leading, among: candidates) ?? Self.best(field, among: sources),
                let value = best.record[field], let score = Quality.score(of: field, in: best.record)
            else { continue }
            record.append(field, value)
            origins.append((field, best.provider))
            scores[field] = score
            confidences[field] = best.record.confidence
        }
        let quality = Quality(record, confidence: { confidences[$0] ?? .zero }, weights: weights, at: now)
        var named: [String] = []
        for source in sources {
            guard case .list(let names)? = source.record[.dataSources] else { continue }
            for name in names.compactMap(\.text) where !named.contains(name) { named.append(name) }
        }
        record.append(.dataSources, .list(named.map { .text($0) }))
        record.append(quality)
        self.record = record
        providers = sources.map(\.provider)
        self.sources = origins
        self.scores = scores
    }

    private static func best(_ field: RecordField, among sources: [Source]) -> Source? {
        var best: (source: Source, score: Score)?
        for source in sources {
            guard let score = Quality.score(of: field, in: source.record) else { continue }
            if best.map({ score > $0.score }) ?? true { best = (source, score) }
        }
        return best?.source
    }

    /// The record as it is stored over what there is: an address without a grade is not left beside another's, nor a number beside another's
    /// score.
    package var stored: Record {
        var stored = record
        guard let null = try? JSONDocument(parsing: "null").root else { return stored }
        for field in [RecordField.emailQualityGrade, .phoneQualityScore] where record[field.leading] != nil && record[field] == nil {
            stored.append(field, .json(null))
        }
        return stored
    }

    /// How good the value of a field is; nil where there is none.
    package func score(of field: RecordField) -> Score? { scores[field] }

    /// The quality of the whole.
    package var quality: Score { record.quality ?? .zero }
}

extension RecordField {
    /// The field whose source it shares; itself where it stands alone.
    fileprivate var leading: RecordField {
        switch self {
        case .emailQualityGrade: .email
        case .phoneQualityScore: .phone
        default: self
        }
    }
}
