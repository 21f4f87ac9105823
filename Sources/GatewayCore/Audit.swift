package import JSONPath

/// When a change was made, and from where.
package struct ChangeMark: Sendable, Hashable {
    /// The entry's in the audit. Its order is that of the changes, as far as the gateways' clocks agree.
    package var id: CallID
    package var instant: Timestamp
    /// The address that asked the admin plane; ``file`` or ``command``.
    package var origin: String
    /// The gateway that made it, by its journal's id; nil for a command.
    package var gateway: String?

    /// Of what was saved in a file.
    package static let file = "file"
    /// Of a command that wrote into the ledger itself, because no gateway ran.
    package static let command = "command"

    package init(id: CallID, instant: Timestamp, origin: String, gateway: String? = nil) {
        self.id = id
        self.instant = instant
        self.origin = origin
        self.gateway = gateway
    }
}

/// One change of a budget, a key or the configuration: an entry of `audit_log`, which only grows.
package struct AuditEntry: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case budget, key, configuration
    }

    package var mark: ChangeMark
    package var kind: Kind
    /// The workspace of a budget, the id of a key, the file of the configuration.
    package var subject: String
    /// JSON, without anything secret; nil where there was nothing.
    package var before: String?
    package var after: String?

    package init(_ mark: ChangeMark, _ kind: Kind, of subject: String, before: String?, after: String?) {
        self.mark = mark
        self.kind = kind
        self.subject = subject
        self.before = before
        self.after = after
    }

    /// A key that was made or, with what it was before, revoked.
    package init(_ mark: ChangeMark, key: CallerKey, before: CallerKey? = nil) {
        func text(_ key: CallerKey) -> String {
            var key = key
            // That it is used is no change of it.
            key.lastUsedAt = nil
            return String(decoding: KeyReport.json(key).serialized, as: UTF8.self)
        }
        self.init(mark, .key, of: key.id.description, before: before.map(text), after: text(key))
    }

    /// The entry as operators read it.
    package var json: JSONValue {
        func value(_ text: String?) -> JSONValue {
            guard let text else { return .null }
            // What is no JSON, since somebody has edited it, is shown as the text that it is.
            return (try? JSONDocument(parsing: text)).flatMap { try? JSONValue($0.root) } ?? .string(text)
        }
        return .object([
            .init("id", .string(mark.id.description)), .init("at", .string(mark.instant.rfc3339)), .init("kind", .string(kind.rawValue)),
            .init("subject", .string(subject)), .init("before", value(before)), .init("after", value(after)),
            .init("origin", .string(mark.origin)), .init("gateway", mark.gateway.map(JSONValue.string) ?? .null),
        ])
    }
}

/// What was changed, when and from where. The stores of budgets and keys write their entries in the transaction of the change.
package protocol AuditStore: Sendable {
    /// Adds an entry about a change that was made elsewhere. The same once more changes nothing.
    func add(_ entry: AuditEntry) async throws(LedgerError)
    /// Some entries, the newest first: those since an instant, and before one of them.
    func auditEntries(since instant: Timestamp?, before id: CallID?, limit: Int) async throws(LedgerError) -> [AuditEntry]
}
