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
    private static let largestPage = 1000

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
        guard let limit = Int(parameters["limit"].map(String.init) ?? "100"), (1...largestPage).contains(limit) else {
            return AdminAnswer(problem: 400, "Bad request", "'limit' is a whole number from 1 to \(largestPage).")
        }
        let cursor = parameters["cursor"].map { CallID($0) }
        if case .some(.none) = cursor {
            return AdminAnswer(problem: 400, "Bad request", "'cursor' is what an earlier answer gave as next.")
        }
        do {
            // One more than asked for tells whether there are more.
            let keys = try await services.keys.list(
                workspace: parameters["workspace"].map(String.init), after: cursor ?? nil, limit: limit + 1)
            let page = keys.prefix(limit)
            return AdminAnswer(
                .object([
                    .init("keys", .array(page.map { KeyReport.json($0) })),
                    .init("next", keys.count > limit ? page.last.map { .string($0.id.description) } ?? .null : .null),
                ]))
        } catch {
            return unavailable(error)
        }
    }

    private static func unavailable(_ error: any Error) -> AdminAnswer {
        AdminAnswer(problem: 503, "Ledger unavailable", "\(error)")
    }
}
