package import GatewayCore
import Synchronization

extension LedgerWriter: CallHistory {
    package func noteSettled(_ record: CostRecord) {
        state.withLock { $0.recent.note(record) }
    }

    package func record(id: CallID, workspace: String) async throws(LedgerError) -> CostRecord? {
        if let record = pending(id: id) { return record.workspace == workspace ? record : nil }
        return try await openedLedger.record(id: id, workspace: workspace)
    }

    package var isLedgerFailing: Bool {
        state.withLock { $0.status.failingSince != nil }
    }

    /// Settled records that are not in the ledger yet, as they are at this moment.
    package var recentRecords: [CostRecord] {
        state.withLock { Array($0.recent.records.values) }
    }
}

extension LedgerWriter: AnswerStore {
    package func keptAnswer(_ key: CacheKey, workspace: String, at now: Timestamp) async throws(LedgerError) -> KeptAnswer? {
        return try await openedLedger.keptAnswer(key, workspace: workspace, at: now)
    }

    /// Forgets kept answers that have expired or are more than `limit` bytes together. A ledger that fails says so elsewhere, and is swept later.
    package func sweepAnswers(at now: Timestamp, limit: Int) async {
        while !Task.isCancelled, let ledger, let isMore = try? await ledger.sweepAnswers(at: now, limit: limit), isMore {}
    }
}
