import GatewayCore

/// Normalized records that become rows of people and companies.
extension Call {
    /// Journals the record of this call's answer for the caller's entity. Nothing is stored where the operation does not say so, the caller names
    /// no entity, the answer has not exactly one record, or the ledger has no tables for them; and nothing of it fails the call. A step that is no
    /// longer waited for stores nothing over what was merged without it.
    func store(_ normalized: Normalized, _ body: ResponseFacts.Body) {
        guard connection != nil || !keepsRecords else { return }
        guard let admission, admission.storesRecord, let storing = admission.operation.normalization?.storing, let pledge, let answer,
            (200...299).contains(answer.status), case .json(let root) = body, case .success(let found) = normalized,
            found.records.count == 1, let record = found.records.first, !admission.repeatsCredential(answer.body),
            let record = EntityRecord(
                record, body: root, storing: storing, id: pledge.id, workspace: admission.caller.workspace,
                entityType: admission.caller.entityType, entityID: admission.caller.entityID, provider: admission.adapter.provider,
                at: services.clock())
        else { return }
        append(.stored(record)) { call, result in
            if case .failure = result { call.services.metrics.journalFailures.increment() }
        }
    }
}
