/// Providers asked in turn until what is wanted is known: which is next, what has come of it, and when it is enough.
///
/// Pure: the calls are somebody else's.
package struct Waterfall: Sendable {
    /// A provider in the configured order.
    package struct Candidate: Sendable {
        package var provider: String
        /// In order: the first for which enough is known counts. None where it cannot be asked at all: its adapter is not in force.
        package var rules: [EnrichmentRule]

        package init(provider: String, rules: [EnrichmentRule]) {
            self.provider = provider
            self.rules = rules
        }
    }

    /// What there is to do.
    package enum Action: Sendable {
        /// - Parameter maximumCost: What is left of what the caller allows; nil: everything.
        case ask(provider: String, operation: String, Example.Request, maximumCost: Money?)
        case done
    }

    package let question: EnrichmentQuestion
    package private(set) var steps: [EnrichmentStep] = []
    /// What is known so far; nil: nothing.
    package private(set) var merged: MergedRecord?
    private var sources: [MergedRecord.Source] = []
    /// What the caller has said, and what of the rest has been found: a later provider may need it.
    private var match: EntityMatch
    private var rest: ArraySlice<Candidate>
    private var asked: (provider: String, operation: String)?
    private let weights: QualityWeights
    private let now: Timestamp

    /// - Parameter now: Freshness counts to here.
    package init(_ question: EnrichmentQuestion, order: [Candidate], weights: QualityWeights, at now: Timestamp) {
        self.question = question
        match = question.match
        rest = order[...]
        self.weights = weights
        self.now = now
    }

    /// What the steps have cost: a step that was left is counted at its estimate.
    package var cost: Money { steps.reduce(.zero) { $0 + $1.cost } }

    /// Whether any step's cost is an estimate.
    package var basis: CostBasis { steps.contains { $0.basis == .estimate } ? .estimate : .table }

    /// Whether any step went through although the tracker could not vouch for it.
    package var isUnverified: Bool { steps.contains(where: \.isUnverified) }

    /// What of the wanted is not there, or not as good as asked.
    package var missing: [RecordField] {
        question.wanted.filter { field in merged?.score(of: field).map { $0 < question.minimumQuality } ?? true }
    }

    /// Whether nothing more need be asked.
    package var isSatisfied: Bool {
        guard let merged else { return false }
        return question.wanted.isEmpty ? merged.quality >= question.minimumQuality : missing.isEmpty
    }

    /// Who is asked next. Providers that cannot be are steps of their own.
    package mutating func next() -> Action {
        asked = nil
        while !isSatisfied, let candidate = rest.popFirst() {
            let usable = Self.request(candidate.rules, match)
            guard let (operation, request) = usable else {
                let reason = candidate.rules.isEmpty ? "off" : "no_input"
                steps.append(EnrichmentStep(provider: candidate.provider, outcome: .skipped, reason: reason))
                continue
            }
            asked = (candidate.provider, operation)
            let left = question.maximumCost.map { max(.zero, $0 - cost) }
            return .ask(provider: candidate.provider, operation: operation, request, maximumCost: left)
        }
        rest = []
        return .done
    }

    private static func request(_ rules: [EnrichmentRule], _ match: EntityMatch) -> (operation: String, Example.Request)? {
        for rule in rules {
            if let request = rule.request(for: match) { return (rule.operation, request) }
        }
        return nil
    }

    /// Takes what has come of the call that was asked for.
    package mutating func take(_ ending: EnrichmentStep.Ending) {
        guard let asked else { return }
        self.asked = nil
        steps.append(EnrichmentStep(provider: asked.provider, operation: asked.operation, ending))
        guard let record = ending.found else { return }
        sources.append(MergedRecord.Source(provider: asked.provider, record: record))
        let merged = MergedRecord(sources, weights: weights, at: now)
        self.merged = merged
        if let merged { match = question.match.adding(merged.record) }
    }

    /// No further provider is asked.
    package mutating func stop() {
        asked = nil
        rest = []
    }
}
