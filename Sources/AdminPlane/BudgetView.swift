import GatewayCore
import Hummingbird
import JSONPath

/// `/v1/workspaces/{id}/budget`: what a workspace may spend, has spent and holds.
enum BudgetView {
    private static let largestBody = 64 << 10

    static func answer(workspace: String, services: AdminPlane.Services) -> AdminAnswer {
        let budget = services.generations.generation.configuration.budgets.budget(for: workspace)
        return AdminAnswer(
            BudgetReport.json(services.accounts, workspace: workspace, budget: budget, showsBudget: true, at: services.clock()))
    }

    /// Takes a budget in config.yaml's words, as JSON, for all gateways on the database. What it leaves out is the default's.
    static func set(_ request: Request, _ context: AdminContext, services: AdminPlane.Services) async throws -> AdminAnswer {
        let workspace = try context.workspace()
        let book = services.generations.fileBudgets
        guard book.workspaces[workspace] == nil else {
            throw Refusal(409, "Conflict", "config.yaml names this workspace; its budget is set there.")
        }
        let text: String
        do {
            // Without white space, so that one budget has one text.
            let body = try JSONDocument(parsing: try await request.json(upTo: largestBody))
            // Parsers differ in which of two members counts.
            guard !body.root.repeatsNames else { throw Refusal(400, "Bad request", "The body is no budget: a member stands there twice.") }
            text = String(decoding: try JSONValue(body.root).serialized, as: UTF8.self)
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw Refusal(400, "Bad request", "The body is no JSON: \(error).")
        }
        do throws(BudgetTextError) {
            _ = try StoredBudgets.budget(text, inheriting: book.standard)
        } catch {
            throw Refusal(400, "Bad request", "The body is no budget: \(error).")
        }
        do throws(LedgerError) {
            guard try await services.setBudget(text, workspace, context.peer) else {
                throw LedgerError(.unavailable, "the budget is set, and in force as soon as this gateway can read it")
            }
        } catch {
            throw Refusal(error)
        }
        // Where its days begin elsewhere now, what it has spent in them is known in a moment, unless the ledger is away.
        for _ in 0..<50 where services.accounts.isLoading(workspace) { try await Task.sleep(for: .milliseconds(10)) }
        return answer(workspace: workspace, services: services)
    }
}
