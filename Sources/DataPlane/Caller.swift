import GatewayCore

/// Who calls, and on whose behalf.
struct Caller {
    var workspace: String
    var user: String?
    var entityType: String?
    var entityID: String?
    /// The key that it has shown, where keys are what counts.
    var key: CallerKey?

    /// Why nobody is known to call, or only the workspace is.
    struct Unidentified: Error {
        var problem: Problem
        var caller: Caller?
    }

    /// Reads who is calling, for which provider, and on whose behalf. The problem names what is missing or malformed.
    init(_ head: RequestHead, for provider: Provider?, by authentication: Authentication) throws(Unidentified) {
        do throws(Problem) {
            (workspace, key) = try authentication.workspace(of: head, for: provider)
        } catch {
            throw Unidentified(problem: error)
        }
        do throws(Problem) {
            user = try Self.identifier("X-User-Id", head.headers)
            entityType = try Self.identifier("X-Entity-Type", head.headers)
            entityID = try Self.identifier("X-Entity-Id", head.headers)
        } catch {
            throw Unidentified(problem: error, caller: Caller(workspace: workspace))
        }
    }

    private init(workspace: String) {
        self.workspace = workspace
    }

    /// A field's value; nil where it is absent.
    static func identifier(_ name: String, _ headers: HeaderList) throws(Problem) -> String? {
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
