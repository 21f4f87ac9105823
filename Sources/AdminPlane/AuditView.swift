import GatewayCore
import Hummingbird
import JSONPath

/// `/v1/audit`: who changed which budget, key or configuration from what to what, the newest first.
enum AuditView {
    static func list(_ request: Request, services: AdminPlane.Services) async throws -> AdminAnswer {
        let parameters = try QueryParameters(request)
        let (from, limit) = (try parameters.instant("from"), try parameters.limit())
        let cursor = try parameters.cursor { CallID($0) }
        do throws(LedgerError) {
            // One more than asked for tells whether there are more.
            let entries = try await services.ledger().auditEntries(since: from, before: cursor, limit: limit + 1)
            let page = entries.prefix(limit)
            let next = entries.count > limit ? page.last.map { JSONValue.string($0.mark.id.description) } : nil
            return AdminAnswer(.object([.init("entries", .array(page.map(\.json))), .init("next", next ?? .null)]))
        } catch {
            throw Refusal(error)
        }
    }
}
