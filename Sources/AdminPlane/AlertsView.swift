import GatewayCore
import Hummingbird
import JSONPath

/// `/v1/alerts`: what has been raised, the newest first, and what has become of its deliveries.
enum AlertsView {
    static func list(_ request: Request, services: AdminPlane.Services) async throws -> AdminAnswer {
        let parameters = try QueryParameters(request)
        let limit = try parameters.limit()
        // One more than asked for tells whether there are more.
        let query = AlertQuery(
            workspace: try parameters.text("workspace"), level: try level(parameters), from: try parameters.instant("from"),
            before: try parameters.cursor { CallID($0) }, limit: limit + 1)
        do throws(LedgerError) {
            let alerts = try await services.ledger().alerts(query)
            let page = alerts.prefix(limit)
            let next = alerts.count > limit ? page.last.map { JSONValue.string($0.id.description) } : nil
            let webhooks = services.generations.generation.configuration.alerts.webhooks
            return AdminAnswer(
                .object([
                    .init("alerts", .array(page.map { AlertReport.json($0, webhooks: webhooks) })), .init("next", next ?? .null),
                ]))
        } catch {
            throw Refusal(error)
        }
    }

    private static func level(_ parameters: QueryParameters) throws -> AlertLevel? {
        guard let text = parameters.raw("level") else { return nil }
        if let level = AlertLevel(rawValue: text) { return level }
        throw Refusal(400, "Bad request", "'level' is one of \(AlertLevel.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
}
