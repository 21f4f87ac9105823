import GatewayCore

/// Who calls, and on whose behalf.
struct Caller {
    var workspace: String
    var user: String?
    var entityType: String?
    var entityID: String?

    /// Reads the identifying fields of a request; one that names no workspace is the `standard` one's, where there is such.
    /// Throws a problem that names the field that is missing or malformed.
    init(_ headers: HeaderList, standard: String?) throws(Problem) {
        guard let workspace = try Self.identifier("X-Workspace-Id", headers) ?? standard else {
            throw Problem(.workspaceRequired, "Say which workspace pays for this call: send the header X-Workspace-Id.")
        }
        self.workspace = workspace
        user = try Self.identifier("X-User-Id", headers)
        entityType = try Self.identifier("X-Entity-Type", headers)
        entityID = try Self.identifier("X-Entity-Id", headers)
    }

    private static func identifier(_ name: String, _ headers: HeaderList) throws(Problem) -> String? {
        guard let index = headers.firstIndex(of: name) else { return nil }
        let value = headers[index].value
        guard headers.firstIndex(of: name, from: index + 1) == nil, (1...128).contains(value.count),
            value.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
        else {
            throw Problem(.badRequest, "\(name) must stand once and have 1 to 128 printable ASCII characters.")
        }
        return String(decoding: value, as: UTF8.self)
    }
}
