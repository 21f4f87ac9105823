package import JSONPath

/// What an answer says of one person or company, in canonical fields.
package struct Record: Sendable {
    package let entity: RecordEntity
    /// Only those that there are, in the order of ``RecordField/fields(of:)``.
    package private(set) var values: [(field: RecordField, value: RecordValue)] = []
    /// The source's own confidence in the whole of it.
    package let confidence: Score

    package init(_ entity: RecordEntity, confidence: Score = Normalization.standardConfidence) {
        self.entity = entity
        self.confidence = confidence
    }

    /// Adds a field behind those that it has.
    package mutating func append(_ field: RecordField, _ value: RecordValue) {
        values.append((field, value))
    }

    package subscript(field: RecordField) -> RecordValue? {
        values.first { $0.field == field }?.value
    }

    /// Whether it says nothing: where it is from, and how good it is, stand in every one.
    package var isEmpty: Bool { !values.contains { $0.field.isWantable } }

    /// Appends the record as a JSON object.
    package func append(to bytes: inout [UInt8]) {
        RecordValue.append(values.lazy.map { ($0.field.rawValue, $0.value) }, to: &bytes)
    }
}

/// The value of a field. What a provider gives as JSON stays as it stands in its answer and is not copied before it is written.
package enum RecordValue: Sendable {
    case text(String)
    /// A number as JSON has it.
    case number(String)
    case list([RecordValue])
    case object([(name: String, value: RecordValue)])
    case json(JSONNode)

    package var text: String? { if case .text(let text) = self { text } else { nil } }

    /// Appends it as JSON.
    package func append(to bytes: inout [UInt8]) {
        switch self {
        case .text(let text): JSONText.appendString(text, to: &bytes)
        case .number(let text): bytes.append(contentsOf: text.utf8)
        case .json(let node): bytes.append(contentsOf: node.raw)
        case .object(let members): Self.append(members, to: &bytes)
        case .list(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        }
    }

    fileprivate static func append(_ members: some Collection<(String, RecordValue)>, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        for (index, member) in members.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            JSONText.appendString(member.0, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            member.1.append(to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }
}

/// The answer to a caller who asks for records.
package struct NormalizedAnswer: Sendable {
    package let entity: RecordEntity
    package let records: [Record]
    package let provider: String
    package let operation: String
    /// The provider's.
    package let status: Int

    /// The status that the caller gets: a declared miss is no error.
    package var shownStatus: Int { (200...299).contains(status) ? status : 200 }

    /// The answer as JSON; nil when it would take more than `limit` bytes.
    package func serialized(limit: Int = .max) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(2048)
        bytes += #"{"entity":"\#(entity.rawValue)","found":\#(!records.isEmpty),"records":["#.utf8
        for (index, record) in records.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            record.append(to: &bytes)
            guard bytes.count <= limit else { return nil }
        }
        bytes += #"],"provider":{"name":"#.utf8
        JSONText.appendString(provider, to: &bytes)
        bytes += #","operation":"#.utf8
        JSONText.appendString(operation, to: &bytes)
        bytes += #","status":\#(status)}}"#.utf8
        return bytes.count <= limit ? bytes : nil
    }
}
