/// A provider's turn.
package struct EnrichmentStep: Sendable, Hashable {
    package enum Outcome: String, Sendable, Hashable {
        case found
        case noMatch = "no_match"
        case failed, timeout, skipped
    }

    /// What became of a step's call.
    package struct Ending: Sendable {
        /// Its row; nil where there is none.
        package var record: CostRecord?
        /// The gateway's own answer to it; nil where the provider's came.
        package var problem: Problem?
        /// The provider's, normalized.
        package var answer: NormalizedAnswer?
        /// What may still be charged for a call that was not waited for.
        package var open: (id: CallID, estimate: Money)?
        /// Whether it was not waited for: the time for the whole was over, or the caller gone.
        package var isLate = false
        /// Whether the tracker could not vouch for it.
        package var isUnverified = false
        /// Milliseconds.
        package var latency: Int

        package init(
            record: CostRecord? = nil, problem: Problem? = nil, answer: NormalizedAnswer? = nil,
            open: (id: CallID, estimate: Money)? = nil, isLate: Bool = false, isUnverified: Bool = false,
            latency: Int = 0
        ) {
            self.record = record
            self.problem = problem
            self.answer = answer
            self.open = open
            self.isLate = isLate
            self.isUnverified = isUnverified
            self.latency = latency
        }

        /// Whom the answer has found: one of whom it says nothing is nobody.
        package var found: Record? { answer?.records.first.flatMap { $0.isEmpty ? nil : $0 } }
    }

    package var provider: String
    package var operation: String?
    package var outcome: Outcome
    /// Why it was skipped, or how it failed: a word, a code of the gateway's, or the provider's status.
    package var reason: String?
    /// The budget that had no room: `workspace-daily`.
    package var budget: String?
    package var cost = Money.zero
    package var basis = CostBasis.table
    /// Milliseconds; nil for one that was skipped.
    package var latency: Int?
    /// Whether a cache had to do with it.
    package var cache = CacheOutcome.none
    package var isUnverified = false
    /// Its row's.
    package var id: CallID?

    package init(provider: String, operation: String? = nil, outcome: Outcome, reason: String? = nil) {
        self.provider = provider
        self.operation = operation
        self.outcome = outcome
        self.reason = reason
    }

    init(provider: String, operation: String, _ ending: Ending) {
        let (outcome, reason) = Self.outcome(ending)
        self.init(provider: provider, operation: operation, outcome: outcome, reason: reason)
        if reason == "budget", let problem = ending.problem {
            budget = ["scope", "window"].compactMap(problem.text).joined(separator: "-")
        }
        cost = ending.record?.cost ?? ending.open?.estimate ?? .zero
        basis = ending.record?.basis ?? (ending.open == nil ? .table : .estimate)
        if outcome != .skipped { latency = ending.latency }
        cache = ending.record?.cache ?? .none
        isUnverified = ending.isUnverified
        id = ending.record?.id ?? ending.open?.id
    }

    private static func outcome(_ ending: Ending) -> (Outcome, String?) {
        if ending.isLate { return (.timeout, "deadline") }
        if let code = ending.problem?.code {
            switch code {
            case .maxCostExceeded: return (.skipped, "max_cost")
            case .budgetExhausted: return (.skipped, "budget")
            case .providerUnavailable, .unknownProvider: return (.skipped, "off")
            case .notAllowed: return (.skipped, "not_allowed")
            case .rateLimited: return (.skipped, "rate_limited")
            case .upstreamTimeout: return (.timeout, code.rawValue)
            default: return (.failed, code.rawValue)
            }
        }
        if ending.answer != nil { return (ending.found == nil ? .noMatch : .found, nil) }
        // A success that is no record: not JSON, a stream, too large.
        guard let status = ending.record?.status, !(200...299).contains(status) else { return (.failed, "unreadable") }
        return (.failed, String(status))
    }
}

extension Problem {
    fileprivate func text(_ name: String) -> String? {
        for (member, value) in members where member == name {
            if case .string(let text) = value { return text }
        }
        return nil
    }
}
