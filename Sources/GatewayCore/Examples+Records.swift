internal import JSONPath

extension Adapter {
    /// The records that an answer to an operation becomes.
    ///
    /// `entity` is what the caller says that the call is about.
    package func normalized(
        _ response: Example.Response, by normalization: Normalization, of operation: String, entity: String? = nil,
        weights: QualityWeights = .standard, at instant: Timestamp
    ) throws(Normalization.Refusal) -> NormalizedAnswer {
        try normalization.answer(
            to: ResponseFacts(status: response.status, headers: response.headers, body: Self.body(of: response)),
            Normalization.Context(provider: provider, operation: operation, entity: entity, weights: weights, now: instant))
    }

    /// A line for everything in an example's records that is not as expected.
    func recordDifferences(_ example: Example, _ quote: Quote, at instant: Timestamp) -> [String] {
        guard let expected = example.expectation.normalized else { return [] }
        guard let normalization = operations.first(where: { $0.name == quote.operation })?.normalization else {
            return ["normalized: the operation '\(quote.operation)' has no 'normalize'"]
        }
        let records: [Record]
        do {
            records = try normalized(
                example.response, by: normalization, of: quote.operation, entity: example.request.headers.first("x-entity-type"),
                at: instant
            ).records
        } catch {
            return ["normalized: \(error)"]
        }
        switch expected {
        case .first(let fields):
            guard let first = records.first else { return ["normalized: there is no record"] }
            return Self.differences(fields, first, name: "normalized")
        case .all(let all):
            guard all.count == records.count else { return ["normalized: expected \(all.count) records, found \(records.count)"] }
            return zip(all, records).enumerated().flatMap { Self.differences($1.0, $1.1, name: "normalized[\($0)]") }
        }
    }

    private static func differences(_ expected: JSONValue, _ record: Record, name: String) -> [String] {
        guard case .object(let fields) = expected else { return [] }
        return fields.compactMap { field in
            var bytes: [UInt8] = []
            RecordField(rawValue: field.name).flatMap { record[$0] }?.append(to: &bytes)
            let found = bytes.isEmpty ? nil : (try? JSONDocument(parsing: bytes)).flatMap { try? JSONValue($0.root) }
            let isAbsent = bytes.isEmpty
            if case .null = field.value, isAbsent { return nil }
            if let found, found.canonical == field.value.canonical { return nil }
            let wanted = if case .null = field.value { "none" } else { String(decoding: field.value.serialized, as: UTF8.self) }
            return "\(name).\(field.name): expected \(wanted), found \(isAbsent ? "none" : String(decoding: bytes, as: UTF8.self))"
        }
    }
}
