import GatewayCore
import Hummingbird
import JSONPath

/// `/v1/alerts`: what has been raised, the newest first, and what has become of its deliveries.
enum AlertsView {
    static func list(_ request: Request, services: AdminPlane.Services) async -> AdminAnswer {
        let parameters = request.uri.queryParameters
        func text(_ name: Substring) -> String? { parameters[name].map(String.init) }
        let workspace = text("workspace")
        guard workspace.map({ (1...128).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x20...0x7E).contains($0) } }) ?? true else {
            return AdminAnswer(problem: 400, "Bad request", "'workspace' is 1 to 128 printable ASCII characters.")
        }
        let level = text("level").map { AlertLevel(rawValue: $0) }
        if case .some(.none) = level {
            let known = AlertLevel.allCases.map(\.rawValue).joined(separator: ", ")
            return AdminAnswer(problem: 400, "Bad request", "'level' is one of \(known).")
        }
        let from = text("from").map { Timestamp($0) }
        if case .some(.none) = from {
            return AdminAnswer(problem: 400, "Bad request", "'from' is a date (2026-11-01) or an RFC 3339 instant.")
        }
        do {
            let page = try PageCursor(limit: text("limit"), cursor: text("cursor"))
            let alerts = try await services.alerts(
                AlertQuery(
                    workspace: workspace, level: level ?? nil, from: from ?? nil, before: page.after, limit: page.limit + 1))
            let webhooks = services.generations.generation.configuration.alerts.webhooks
            return AdminAnswer(
                .object([
                    .init("alerts", .array(alerts.prefix(page.limit).map { AlertReport.json($0, webhooks: webhooks) })),
                    .init("next", page.next(alerts, id: \.id)),
                ]))
        } catch let error as PageCursorError {
            return AdminAnswer(problem: 400, "Bad request", error.description)
        } catch {
            return AdminAnswer(problem: 503, "Ledger unavailable", "\(error)")
        }
    }
}
