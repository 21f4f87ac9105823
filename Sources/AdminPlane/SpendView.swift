import GatewayCore
import Hummingbird
import JSONPath

/// `/v1/spend`: sums from the ledger, of each workspace or, with `together=true`, of all of them.
enum SpendView {
    /// `workspace` and `entity` (type and id) are the path's; without, a workspace can be a parameter.
    static func answer(
        _ request: Request, workspace: String? = nil, entity: (type: String, id: String)? = nil, services: AdminPlane.Services
    ) async throws -> AdminAnswer {
        let parameters = try QueryParameters(request)
        var query: SpendQuery
        do throws(SpendQueryError) {
            query = try SpendQuery(
                workspace: workspace, by: parameters.raw("by"), from: parameters.raw("from"), to: parameters.raw("to"),
                now: services.clock())
        } catch {
            throw Refusal(400, "Bad request", error.description)
        }
        if workspace == nil { query.workspace = try parameters.text("workspace") }
        (query.entityType, query.entityID) = (entity?.type, entity?.id)
        query.isTogether = try parameters.flag("together")
        do throws(LedgerError) {
            return AdminAnswer(SpendReport.json(try await services.spend(query), query: query))
        } catch {
            throw Refusal(error)
        }
    }
}
