/// Where callers' keys are kept: beside the ledger's tables, for all gateways that share them.
///
/// What is added and revoked is noted in the audit. Changes are numbered in the order in which they are committed, so that a gateway which has seen one has seen all before it.
package protocol KeyStore: Sendable {
    /// Adds a key.
    func add(_ key: CallerKey, _ mark: ChangeMark) async throws(LedgerError)
    /// Revokes a key from the mark's instant on, and returns it; one that is revoked already stays as it is. nil for an id that there is not.
    func revokeKey(_ id: CallID, _ mark: ChangeMark) async throws(LedgerError) -> CallerKey?
    /// The keys that were added or revoked after the change of a number, and the last number; from 0 for all of them.
    func keys(changedAfter change: Int64) async throws(LedgerError) -> (keys: [CallerKey], change: Int64)
    /// Some keys in the order of their ids, those of one workspace if one is named.
    func keys(workspace: String?, after id: CallID?, limit: Int) async throws(LedgerError) -> [CallerKey]
    /// Takes note of when keys were used last. It is no change.
    func noteUse(_ uses: [CallID: Timestamp]) async throws(LedgerError)
}
