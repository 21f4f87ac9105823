package import JSONPath

/// A normalized record on its way into `people` or `companies`.
package struct EntityRecord: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case person, company

        /// The table that has them.
        package var table: String {
            switch self {
            case .person: "people"
            case .company: "companies"
            }
        }
    }

    /// The call whose answer it is from.
    package var id: CallID
    package var workspace: String
    package var kind: Kind
    /// The caller's own id of the person or company.
    package var entityID: String
    package var provider: String
    /// A JSON object: canonical field → value. What it does not have stays as it is in the table.
    package var fields: String
    /// The answer's body, which is JSON; nil for one that is not kept.
    package var raw: String?
    /// Where it goes; nil: into `enrichedData`, under the provider's name.
    package var rawColumn: String?
    package var storedAt: Timestamp

    package init(
        id: CallID, workspace: String, kind: Kind, entityID: String, provider: String, fields: String, raw: String? = nil,
        rawColumn: String? = nil, storedAt: Timestamp
    ) {
        self.id = id
        self.workspace = workspace
        self.kind = kind
        self.entityID = entityID
        self.provider = provider
        self.fields = fields
        self.raw = raw
        self.rawColumn = rawColumn
        self.storedAt = storedAt
    }

    /// A record of an operation that stores, for a caller who says which entity it is of; nil where nothing is to be stored.
    ///
    /// - Parameter body: The answer's body where it is JSON.
    package init?(
        _ record: Record, body: JSONNode?, storing: Storing, id: CallID, workspace: String, entityType: String?,
        entityID: String?, provider: String, at now: Timestamp
    ) {
        // A record that only says where it is from would replace the quality of a better one.
        guard !record.isEmpty, let entityID,
            let kind = entityType.flatMap(Kind.init(rawValue:)),
            kind.rawValue == record.entity.rawValue
        else { return nil }
        var fields: [UInt8] = []
        record.append(to: &fields)
        self.init(
            id: id, workspace: workspace, kind: kind, entityID: entityID, provider: provider,
            fields: String(decoding: fields, as: UTF8.self),
            raw: body.map { String(decoding: $0.raw, as: UTF8.self) }, rawColumn: storing.rawColumn, storedAt: now)
    }

    /// All of it as JSON text, for one that cannot be stored: a person must be able to do it.
    package var setAsideText: String {
        var members = [
            JSONValue.Member("table", .string(kind.table)), .init("entityId", .string(entityID)), .init("apiProvider", .string(provider)),
            .init("fields", .string(fields)), .init("storedAt", .string(storedAt.rfc3339)),
        ]
        if let raw { members.append(.init("raw", .string(raw))) }
        if let rawColumn { members.append(.init("rawColumn", .string(rawColumn))) }
        return String(decoding: JSONValue.object(members).serialized, as: UTF8.self)
    }
}
