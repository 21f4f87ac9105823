/// Where the budgets are kept that are set while gateways run: beside the ledger's tables, for all gateways that share them.
package protocol BudgetStore: Sendable {
    /// All budgets that are set, when one has been since a version; nil when none has.
    func budgets(after version: Int64) async throws(LedgerError) -> StoredBudgets?
    /// Sets a workspace's budget, for all gateways whose file does not name the workspace, and notes it in the audit. The text that is
    /// there already is no change.
    func setBudget(_ text: String, of workspace: String, _ mark: ChangeMark) async throws(LedgerError)
}
