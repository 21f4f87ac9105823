import GatewayCore
import Hummingbird
import NIOCore

/// `/v1/workspaces/{id}/budget`: what a workspace may spend, has spent and holds.
enum BudgetView {
    private static let largestBody = 1 << 20

    static func answer(workspace: String, services: AdminPlane.Services) -> AdminAnswer {
        let budget = services.generations.generation.configuration.budgets.budget(for: workspace)
        return AdminAnswer(
            BudgetReport.json(services.accounts, workspace: workspace, budget: budget, showsBudget: true, at: services.clock()))
    }

    /// Takes a budget in config.yaml's words, as JSON, for all gateways on the database. What it leaves out is the default's.
    static func set(_ request: Request, workspace: String, services: AdminPlane.Services) async -> AdminAnswer {
        guard let setBudget = services.setBudget else {
            return AdminAnswer(problem: 501, "Not in this version", "With an SQLite ledger, budgets are set in config.yaml alone.")
        }
        guard (1...128).contains(workspace.utf8.count), workspace.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            return AdminAnswer(problem: 400, "Bad request", "A workspace's id is 1 to 128 printable ASCII characters.")
        }
        let book = services.generations.fileBudgets
        guard book.workspaces[workspace] == nil else {
            return AdminAnswer(problem: 409, "Conflict", "config.yaml names this workspace; its budget is set there.")
        }
        // No type that a page in an operator's browser could send here without asking first.
        guard request.headers[.contentType]?.hasPrefix("application/json") == true else {
            return AdminAnswer(problem: 415, "Unsupported media type", "A budget is JSON, of type application/json.")
        }
        guard let body = try? await request.body.collect(upTo: largestBody) else {
            return AdminAnswer(problem: 413, "Body too large", "A budget has at most \(largestBody >> 20) MiB.")
        }
        let text = String(decoding: body.readableBytesView, as: UTF8.self)
        do throws(BudgetTextError) {
            _ = try StoredBudgets.budget(text, inheriting: book.standard)
        } catch {
            return AdminAnswer(problem: 400, "Bad request", "The body is no budget: \(error).")
        }
        do throws(LedgerError) {
            try await setBudget(text, workspace)
        } catch {
            return AdminAnswer(problem: 503, "Ledger unavailable", "The budget could not be set: \(error)")
        }
        return answer(workspace: workspace, services: services)
    }
}
