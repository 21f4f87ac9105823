package import GatewayCore
import Hummingbird
import JSONPath
import NIOCore

/// Who makes and ends callers' keys.
package protocol KeyAdministration: Sendable {
    func create(_ wish: KeyWish) async throws(LedgerError) -> (key: CallerKey, secret: Secret)
    /// nil for an id that there is not.
    func revoke(_ id: CallID) async throws(LedgerError) -> CallerKey?
    func list(workspace: String?, after id: CallID?, limit: Int) async throws(LedgerError) -> [CallerKey]
}

/// `/v1/keys`: callers' keys, of which the secret is in the answer to its making alone.
enum KeysView {
    private static let largestBody = 64 << 10

    static func create(_ request: Request, services: AdminPlane.Services) async -> AdminAnswer {
        // No type that a page in an operator's browser could send here without asking first.
        guard request.headers[.contentType]?.split(separator: ";").first == "application/json" else {
            return AdminAnswer(problem: 415, "Unsupported media type", "The body is of type application/json.")
        }
        guard let body = try? await request.body.collect(upTo: largestBody) else {
            return AdminAnswer(problem: 413, "Body too large", "At most \(largestBody >> 10) KiB.")
        }
        do {
            let made = try await services.keys.create(KeyWish(json: Array(body.readableBytesView), now: services.clock()))
            return AdminAnswer(KeyReport.json(made.key, secret: made.secret), status: 201)
        } catch let error as KeyWishError {
            return AdminAnswer(
                problem: 400, "Bad request", error.problems.joined(separator: " "),
                [.init("problems", .array(error.problems.map(JSONValue.string)))])
        } catch {
            return unavailable(error)
        }
    }

    static func revoke(_ id: String?, services: AdminPlane.Services) async -> AdminAnswer {
        do {
            guard let id = id.flatMap({ CallID($0) }), let key = try await services.keys.revoke(id) else {
                return AdminAnswer(problem: 404, "Not found", "There is no key of this id.")
            }
            return AdminAnswer(KeyReport.json(key))
        } catch {
            return unavailable(error)
        }
    }

    static func list(_ request: Request, services: AdminPlane.Services) async -> AdminAnswer {
        let parameters = request.uri.queryParameters
        func text(_ name: Substring) -> String? { parameters[name].map(String.init) }
        do {
            let page = try PageCursor(limit: text("limit"), cursor: text("cursor"))
            // One more than asked for tells whether there are more.
            let keys = try await services.keys.list(workspace: text("workspace"), after: page.after, limit: page.limit + 1)
            return AdminAnswer(
                .object([
                    .init("keys", .array(keys.prefix(page.limit).map { KeyReport.json($0) })), .init("next", page.next(keys, id: \.id)),
                ]))
        } catch let error as PageCursorError {
            return AdminAnswer(problem: 400, "Bad request", error.description)
        } catch {
            return unavailable(error)
        }
    }

    private static func unavailable(_ error: any Error) -> AdminAnswer {
        AdminAnswer(problem: 503, "Ledger unavailable", "\(error)")
    }
}
