import GatewayCore
import Hummingbird
import JSONPath

/// `/v1/spend`: sums from the ledger, of each workspace or, with `together=true`, of all of them.
enum SpendView {
    /// `workspace` and `entity` (type and id) are the path's; a workspace can also be a parameter.
    static func answer(
        _ request: Request, workspace: String?, entity: (type: String?, id: String?) = (nil, nil), services: AdminPlane.Services
    ) async -> AdminAnswer {
        let parameters = request.uri.queryParameters
        func text(_ name: Substring) -> String? { parameters[name].map(String.init) }
        var query: SpendQuery
        do throws(SpendQueryError) {
            query = try SpendQuery(
                workspace: workspace ?? text("workspace"), by: text("by"), from: text("from"), to: text("to"), now: services.clock())
        } catch {
            return AdminAnswer(problem: 400, "Bad request", error.description)
        }
        (query.entityType, query.entityID) = entity
        switch text("together") {
        case nil, "false": break
        case "true": query.isTogether = true
        case _?: return AdminAnswer(problem: 400, "Bad request", "'together' is true or false.")
        }
        do throws(LedgerError) {
            return AdminAnswer(SpendReport.json(try await services.spend(query), query: query))
        } catch {
            return AdminAnswer(problem: 503, "Ledger unavailable", error.description)
        }
    }
}
