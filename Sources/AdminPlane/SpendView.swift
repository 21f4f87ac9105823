import GatewayCore
import Hummingbird
import JSONPath

/// `/v1/spend`: sums from the ledger.
enum SpendView {
    static func answer(_ request: Request, workspace: String?, services: AdminPlane.Services) async -> AdminAnswer {
        let parameters = request.uri.queryParameters
        func text(_ name: Substring) -> String? { parameters[name].map(String.init) }
        let query: SpendQuery
        do throws(SpendQueryError) {
            query = try SpendQuery(
                workspace: workspace ?? text("workspace"), by: text("by"), from: text("from"), to: text("to"), now: services.clock())
        } catch {
            return AdminAnswer(problem: 400, "Bad request", error.description)
        }
        do throws(LedgerError) {
            return AdminAnswer(SpendReport.json(try await services.spend(query), query: query))
        } catch {
            return AdminAnswer(problem: 503, "Ledger unavailable", error.description)
        }
    }
}
