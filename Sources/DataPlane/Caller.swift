import GatewayCore

/// Who calls, and on whose behalf.
struct Caller {
    var workspace: String
    var user: String?
    var entityType: String?
    var entityID: String?

    /// Why nobody is known to call, or only the workspace is.
    struct Unidentified: Error {
        var problem: Problem
        var caller: Caller?
    }

    /// Reads the identifying fields of a request; one that names no workspace is the `standard` one's, where there is such.
    /// The problem names the field that is missing or malformed.
    init(_ headers: HeaderList, standard: String?) throws(Unidentified) {
        do throws(Problem) {
            guard let workspace = try Self.identifier("X-Workspace-Id", headers) ?? standard else {
                throw Problem(.workspaceRequired, "Say which workspace pays for this call: send the header X-Workspace-Id.")
            }
            self.workspace = workspace
        } catch {
            throw Unidentified(problem: error)
        }
        do throws(Problem) {
            user = try Self.identifier("X-User-Id", headers)
            entityType = try Self.identifier("X-Entity-Type", headers)
            entityID = try Self.identifier("X-Entity-Id", headers)
        } catch {
            throw Unidentified(problem: error, caller: Caller(workspace: workspace))
        }
    }

    private init(workspace: String) {
        self.workspace = workspace
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
