import GatewayCore
import JSONPath

/// Normalized records that become rows of people and companies.
extension Call {
    /// Journals a record of this call's answer, canonical field → value, for the caller's entity. Nothing is stored where the operation does not
    /// say so, the caller names no entity, or the ledger has no tables for them; and nothing of it fails the call.
    ///
    /// - Parameter body: The answer's body where it is JSON.
    func store(_ members: [JSONValue.Member], body: JSONNode?) {
        guard services.storesEntities, let admission, let pledge, let storing = admission.operation.storing,
            let record = EntityRecord(
                members, body: body, storing: storing, id: pledge.id, workspace: admission.caller.workspace,
                entityType: admission.caller.entityType, entityID: admission.caller.entityID, provider: admission.adapter.provider,
                at: services.clock())
        else { return }
        append(.stored(record)) { call, result in
            if case .failure = result { call.services.metrics.journalFailures.increment() }
        }
    }
}
