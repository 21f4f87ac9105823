import GatewayCore
import Hummingbird
import JSONPath

/// `GET /v1/workspaces?search=&sort=&limit=&cursor=`: all workspaces, a page at a time, those nearest to their limits first.
enum WorkspacesView {
    private enum Order: String, CaseIterable {
        /// By the share of the limit that is used, of today's spending, of this month's: the largest first. By name.
        case share, daily, monthly, id

        /// What a workspace is ordered by; the largest is first.
        func rank(_ workspace: WorkspaceOverview) -> Int64 {
            switch self {
            case .share: workspace.share ?? -1
            case .daily: workspace.status.daily.spent.nanos
            case .monthly: workspace.status.monthly.spent.nanos
            case .id: 0
            }
        }
    }

    /// Where a page ends. Names break ties, so that a page goes on where the last one ended whatever has been spent meanwhile.
    private struct Place: Comparable {
        var rank: Int64
        var id: String

        static func < (left: Place, right: Place) -> Bool {
            (right.rank, left.id) < (left.rank, right.id)
        }

        init(rank: Int64, id: String) {
            self.rank = rank
            self.id = id
        }

        init?(_ cursor: String) {
            guard let colon = cursor.firstIndex(of: ":"), let rank = Int64(cursor[..<colon]) else { return nil }
            self.init(rank: rank, id: String(cursor[cursor.index(after: colon)...]))
        }

        var cursor: String { "\(rank):\(id)" }
    }

    static func answer(_ request: Request, services: AdminPlane.Services) throws -> AdminAnswer {
        let parameters = try QueryParameters(request)
        let limit = try parameters.number("limit", in: 1...500) ?? 50
        guard let order = Order(rawValue: parameters.raw("sort") ?? "share") else {
            let known = Order.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refusal(400, "Bad request", "'sort' is one of \(known).")
        }
        let cursor = try parameters.cursor(Place.init)
        let search = try parameters.text("search")?.lowercased() ?? ""
        let budgets = services.generations.generation.configuration.budgets
        let all = services.accounts.overview(budgets: budgets, at: services.clock())
        let matching = search.isEmpty ? all : all.filter { $0.id.lowercased().contains(search) }
        let ordered = matching.map { (place: Place(rank: order.rank($0), id: $0.id), workspace: $0) }
            .filter { entry in cursor.map { $0 < entry.place } ?? true }
            .sorted { $0.place < $1.place }
        let page = ordered.prefix(limit)
        let file = services.generations.fileBudgets.workspaces
        return AdminAnswer(
            .object([
                .init(
                    "workspaces",
                    .array(
                        page.map { entry in
                            let id = entry.workspace.id
                            let source = file[id] != nil ? "file" : budgets.workspaces[id] != nil ? "database" : "default"
                            return json(entry.workspace, budgetFrom: source)
                        })),
                .init("next", ordered.count > limit ? page.last.map { .string($0.place.cursor) } ?? .null : .null),
                .init("matching", .number(JSONNumber(Int64(matching.count)))),
                .init("all", total(all)),
            ]))
    }

    private static func json(_ workspace: WorkspaceOverview, budgetFrom source: String) -> JSONValue {
        .object([
            .init("id", .string(workspace.id)),
            .init("state", .string(workspace.status.state.rawValue)),
            .init("enforcement", .string(workspace.enforcement.rawValue)),
            .init("timezone", .string(workspace.timeZone)),
            .init("budget_from", .string(source)),
            .init("share_millionths", workspace.share.map { .number(JSONNumber($0)) } ?? .null),
            .init("daily", BudgetReport.window(workspace.status.daily)),
            .init("monthly", BudgetReport.window(workspace.status.monthly)),
        ])
    }

    /// Over all workspaces, each in its own day and month.
    private static func total(_ all: [WorkspaceOverview]) -> JSONValue {
        var (daily, monthly, held) = (Money.zero, Money.zero, Money.zero)
        var states: [BudgetState: Int64] = [:]
        for workspace in all {
            daily += workspace.status.daily.spent
            monthly += workspace.status.monthly.spent
            held += workspace.status.daily.held
            states[workspace.status.state, default: 0] += 1
        }
        return .object([
            .init("workspaces", .number(JSONNumber(Int64(all.count)))),
            .init("states", .object(BudgetState.allCases.map { .init($0.rawValue, .number(JSONNumber(states[$0] ?? 0))) })),
            .init("spent_daily", .string(daily.description)),
            .init("spent_monthly", .string(monthly.description)),
            .init("held", .string(held.description)),
        ])
    }
}
