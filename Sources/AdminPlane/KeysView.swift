package import GatewayCore
import Hummingbird
import JSONPath

/// Who makes and ends callers' keys. An origin is the address that asks, for the audit.
package protocol KeyAdministration: Sendable {
    func create(_ wish: KeyWish, from origin: String) async throws(LedgerError) -> (key: CallerKey, secret: Secret)
    /// nil for an id that there is not.
    func revoke(_ id: CallID, from origin: String) async throws(LedgerError) -> CallerKey?
    func list(workspace: String?, after id: CallID?, limit: Int) async throws(LedgerError) -> [CallerKey]
}

/// `/v1/keys`: callers' keys, of which the secret is in the answer to its making alone.
enum KeysView {
    private static let largestBody = 64 << 10

    static func create(_ request: Request, _ context: AdminContext, services: AdminPlane.Services) async throws -> AdminAnswer {
        let body = try await request.json(upTo: largestBody)
        do {
            let made = try await services.keys.create(KeyWish(json: body, now: services.clock()), from: context.peer)
            return AdminAnswer(KeyReport.json(made.key, secret: made.secret), status: 201)
        } catch let error as KeyWishError {
            return AdminAnswer(
                problem: 400, "Bad request", error.problems.joined(separator: " "),
                [.init("problems", .array(error.problems.map(JSONValue.string)))])
        } catch {
            throw Refusal(error)
        }
    }

    static func revoke(_ context: AdminContext, services: AdminPlane.Services) async throws -> AdminAnswer {
        guard let id = CallID(try context.segment("id")) else {
            throw Refusal(404, "Not found", "A key's id has 26 characters, as GET /v1/keys shows it.")
        }
        do throws(LedgerError) {
            guard let key = try await services.keys.revoke(id, from: context.peer) else {
                return AdminAnswer(problem: 404, "Not found", "There is no key of this id.")
            }
            return AdminAnswer(KeyReport.json(key))
        } catch {
            throw Refusal(error)
        }
    }

    static func list(_ request: Request, services: AdminPlane.Services) async throws -> AdminAnswer {
        let parameters = try QueryParameters(request)
        let (workspace, limit) = (try parameters.text("workspace"), try parameters.limit())
        let cursor = try parameters.cursor { CallID($0) }
        do throws(LedgerError) {
            // One more than asked for tells whether there are more.
            let keys = try await services.keys.list(workspace: workspace, after: cursor, limit: limit + 1)
            let page = keys.prefix(limit)
            let next = keys.count > limit ? page.last.map { JSONValue.string($0.id.description) } : nil
            return AdminAnswer(.object([.init("keys", .array(page.map { KeyReport.json($0) })), .init("next", next ?? .null)]))
        } catch {
            throw Refusal(error)
        }
    }
}
