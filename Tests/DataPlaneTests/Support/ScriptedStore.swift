import GatewayCore

/// A ledger's kept answers, as quick and as well as the test says.
final class ScriptedStore: AnswerStore {
    struct State {
        var answers: [CacheKey: KeptAnswer] = [:]
        var lookups = 0
        var isAway = false
        /// Never answers, but for a cancellation.
        var isSilent = false
    }

    let state = Watched(State())

    /// Takes what a journal has, as a ledger would.
    func take(_ entries: [JournalEntry]) {
        state.change { state in
            for case .kept(let answer) in entries { state.answers[answer.key] = answer }
        }
    }

    func keptAnswer(_ key: CacheKey, workspace: String, at now: Timestamp) async throws(LedgerError) -> KeptAnswer? {
        let state = state.change { state in
            state.lookups += 1
            return state
        }
        if state.isSilent {
            do { try await Task.sleep(for: .seconds(3600)) } catch { throw LedgerError(.unavailable, "cancelled") }
        }
        if state.isAway { throw LedgerError(.unavailable, "away") }
        return state.answers[key].flatMap { $0.workspace == workspace && now < $0.expiresAt ? $0 : nil }
    }
}
