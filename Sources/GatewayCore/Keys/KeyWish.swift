package import JSONPath

/// A key that an operator asks for.
package struct KeyWish: Sendable, Hashable {
    package var workspace: String
    package var name: String?
    package var expiresAt: Timestamp?
    package var permissions: CallerKey.Permissions

    package init(
        workspace: String, name: String? = nil, expiresAt: Timestamp? = nil, permissions: CallerKey.Permissions = CallerKey.Permissions()
    ) {
        self.workspace = workspace
        self.name = name
        self.expiresAt = expiresAt
        self.permissions = permissions
    }

    /// Reads the JSON of ``json``. The error lists everything that is wrong.
    package init(json bytes: [UInt8], now: Timestamp) throws(KeyWishError) {
        guard let root = (try? JSONDocument(parsing: bytes))?.root, root.kind == .object else {
            throw KeyWishError(problems: [#"The body is a JSON object: {"workspace": "acme", "name": "billing service"}."#])
        }
        self.init(workspace: "")
        // Parsers differ in which of two members counts.
        var problems = root.repeatsNames ? ["A member stands there twice."] : []
        var rate: CallRate?
        for (name, value) in root.members where !value.isNull {
            switch name {
            case "workspace": if let text = value.string { workspace = text }
            case "name":
                self.name = value.string
                let hasControls = self.name?.unicodeScalars.contains { $0.properties.generalCategory == .control } ?? false
                if hasControls || !(1...128).contains(self.name?.utf8.count ?? 0) {
                    problems.append("'name' is a text of 1 to 128 bytes without control characters.")
                }
            case "expires_at":
                expiresAt = value.string.flatMap { Timestamp($0) }
                if let end = expiresAt, end > now, Timestamp.calendar.contains(end) { break }
                problems.append("'expires_at' is an instant in the future, such as 2027-01-01T00:00:00Z.")
            case "providers": permissions.providers = Self.names(value, name, &problems)
            case "operations": permissions.operations = Self.names(value, name, &problems)
            case "requests_per_second":
                rate = CallRate(value.string ?? value.number?.text ?? "")
                if rate == nil { problems.append("'requests_per_second' is a number from 0.001 to 1000000, with at most 18 decimals.") }
            default:
                problems.append("There is no '\(name)': a key has workspace, name, expires_at, providers, operations, requests_per_second.")
            }
        }
        permissions.rate = rate
        if !(1...128).contains(workspace.utf8.count) || !workspace.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            problems.insert("'workspace' is a text of 1 to 128 printable ASCII characters, and required.", at: 0)
        }
        guard problems.isEmpty else { throw KeyWishError(problems: problems) }
    }

    /// As the admin plane takes it.
    package var json: JSONValue {
        .object([.init("workspace", .string(workspace))] + KeyReport.members(name: name, expiresAt: expiresAt, permissions: permissions))
    }

    /// The key, and what its caller shows: the only time that anybody sees it.
    package func key(id: CallID, at now: Timestamp) -> (key: CallerKey, secret: Secret) {
        let secret = KeySecret.make()
        let key = CallerKey(
            id: id, workspace: workspace, name: name, digest: KeyDigest(of: secret), createdAt: now, expiresAt: expiresAt,
            permissions: permissions)
        return (key, secret)
    }

    private static func names(_ value: JSONNode, _ name: String, _ problems: inout [String]) -> Set<String>? {
        let names = value.kind == .array ? value.children.map(\.string) : []
        guard !names.isEmpty, !names.contains(nil), names.allSatisfy({ !($0 ?? "").isEmpty }) else {
            problems.append("'\(name)' is a list of names.")
            return nil
        }
        return Set(names.compactMap { $0 })
    }
}

/// What is wrong with a key that somebody wants, a sentence each.
package struct KeyWishError: Error, Sendable, Hashable {
    package var problems: [String]

    package init(problems: [String]) {
        self.problems = problems
    }
}

/// Keys as operators see them.
package enum KeyReport {
    /// A key and, when it has just been made, the secret.
    package static func json(_ key: CallerKey, secret: Secret? = nil) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("id", .string(key.id.description)), .init("workspace", .string(key.workspace)),
            .init("created_at", .string(key.createdAt.rfc3339)),
        ]
        members += Self.members(name: key.name, expiresAt: key.expiresAt, permissions: key.permissions)
        if let instant = key.lastUsedAt { members.append(.init("last_used_at", .string(instant.rfc3339))) }
        if let instant = key.revokedAt { members.append(.init("revoked_at", .string(instant.rfc3339))) }
        if let secret { members.append(.init("key", .string(secret.reveal()))) }
        return .object(members)
    }

    /// What was asked for; nothing where nothing was.
    static func members(name: String?, expiresAt: Timestamp?, permissions: CallerKey.Permissions) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        func list(_ names: Set<String>) -> JSONValue { .array(names.sorted().map(JSONValue.string)) }
        if let name { members.append(.init("name", .string(name))) }
        if let expiresAt { members.append(.init("expires_at", .string(expiresAt.rfc3339))) }
        if let providers = permissions.providers { members.append(.init("providers", list(providers))) }
        if let operations = permissions.operations { members.append(.init("operations", list(operations))) }
        if let rate = permissions.rate { members.append(.init("requests_per_second", .string(rate.description))) }
        return members
    }
}
