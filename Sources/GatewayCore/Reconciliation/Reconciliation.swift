package import JSONPath

/// How a provider tells what it has counted itself, and how far from the ledger's count that may be.
package struct Reconciliation: Sendable {
    /// How far the counts may be apart.
    package enum Bound: Sendable, Hashable {
        /// Of the greater count.
        case percent(Exact)
        case credits(Credits)
    }

    /// Where the provider is asked for its balance.
    package struct Endpoint: Sendable, Hashable {
        /// Below the upstream's own path.
        package var path: String
        /// Where in the answer the number stands.
        package var place: JSONPath
        /// Whether that is what was used, and not what is left.
        package var isUse: Bool
        /// The name of the balance.
        package var pool: String

        package init(path: String, place: JSONPath, isUse: Bool, pool: String = "") {
            self.path = path
            self.place = place
            self.isUse = isUse
            self.pool = pool
        }
    }

    package var bound: Bound
    /// How much later than an answer the provider's count may be right, in microseconds.
    package var lag: Int64
    /// nil where the answers themselves tell the balance.
    package var endpoint: Endpoint?

    package init(bound: Bound = .percent(.one), lag: Int64 = 0, endpoint: Endpoint? = nil) {
        self.bound = bound
        self.lag = lag
        self.endpoint = endpoint
    }

    /// The bound for counts of which the greater is this one: never less than one credit.
    func bound(of greater: Credits) -> Credits {
        switch bound {
        case .credits(let credits): return max(credits, .one)
        case .percent(let percent):
            guard let share = try? greater.exact * percent / Exact(100) else { return Credits(micros: .max) }
            return max(Credits(share, roundedUp: true), .one)
        }
    }
}

extension Reconciliation.Endpoint {
    /// The balance in an answer's body; nil where there is none. What was used counts as so much less than nothing.
    package func balance(in body: [UInt8]) -> Credits? {
        guard let document = try? JSONDocument(parsing: body), let node = try? place.first(in: document.root) else { return nil }
        let number: Credits? =
            switch node.kind {
            case .number: Credits(decimalBytes: node.raw)
            case .string: node.string.flatMap { Credits($0) }
            case .true, .false, .null, .array, .object: nil
            }
        return number.map { isUse ? .zero - $0 : $0 }
    }
}

/// What an operation's calls count in the provider's balance.
package struct ProviderCount: Sendable, Hashable {
    /// The name of the balance; empty where the provider has one.
    package var pool: String
    /// The answer's field that tells what is left.
    package var header: String?
    /// What one charged unit counts there, and those that are not named nothing; nil: each counts 1.
    package var credits: [String: Exact]?
    /// As ``Reconciliation/lag``.
    package var lag: Int64

    package init(pool: String = "", header: String? = nil, credits: [String: Exact]? = nil, lag: Int64 = 0) {
        self.pool = pool
        self.header = header
        self.credits = credits
        self.lag = lag
    }

    /// How long after its start a call may end whose end nobody knows, in microseconds.
    static let longestInterruption: Int64 = 3_600_000_000

    /// What some lines count: the amount rounded down and up.
    package func count(_ lines: [CostLine]) -> (low: Credits, high: Credits) {
        var sum = Exact.zero
        do {
            for line in lines {
                guard let credits else {
                    sum = try sum + line.quantity
                    continue
                }
                if let each = credits[line.unit] { sum = try sum + line.quantity * each }
            }
        } catch {
            // Beyond what can be computed: anything may be true.
            return (.zero, Credits(micros: .max))
        }
        return (Credits(sum, roundedUp: false), Credits(sum, roundedUp: true))
    }

    /// What a call that is over may have counted: what it is charged where the price table says it, else anything up to its estimate.
    package func count(_ charge: Charge, estimate: Estimate, isAnswered: Bool = true) -> (low: Credits, high: Credits) {
        let charged = count(charge.lines)
        guard isAnswered, charge.basis == .table else { return (.zero, max(charged.high, count(estimate.lines).high)) }
        return charged
    }

    /// The balance that an answer tells.
    package func remaining(_ headers: HeaderList) -> Credits? {
        header.flatMap { headers.first($0) }.flatMap { Credits($0) }
    }

    /// The reading of a call that is over. `answer` is nil where there was none.
    package func reading(
        _ id: CallID, provider: String, from start: Timestamp, to end: Timestamp, charge: Charge, estimate: Estimate,
        answer: (status: Int, headers: HeaderList)?
    ) -> ProviderReading {
        let count = count(charge, estimate: estimate, isAnswered: answer != nil)
        return ProviderReading(
            id: id, pool: ProviderPool(provider: provider, name: pool), startedAt: start, endedAt: settled(max(start, end)), low: count.low,
            high: count.high, remaining: answer.flatMap { Self.tellsBalance($0.status) ? remaining($0.headers) : nil })
    }

    /// Whether an answer's balance is believed: what found something or nobody. One that fails, or says that there is too much, may say 0 of it.
    private static func tellsBalance(_ status: Int) -> Bool { (200...299).contains(status) || status == 404 }

    /// The reading that a call becomes of which nothing more is heard.
    package func interrupted(_ id: CallID, provider: String, from start: Timestamp, estimate: Estimate) -> ProviderReading {
        ProviderReading(
            id: id, pool: ProviderPool(provider: provider, name: pool), startedAt: start,
            endedAt: settled(Timestamp(microseconds: start.microseconds + Self.longestInterruption)), high: count(estimate.lines).high)
    }

    private func settled(_ end: Timestamp) -> Timestamp { Timestamp(microseconds: end.microseconds + lag) }
}

extension Adapter {
    /// Takes out what compares counts: in the sandbox balances are examples' own, of which none follows from another.
    package mutating func leaveUncounted() {
        reconciliation = nil
        for index in operations.indices { operations[index].providerCount = nil }
    }

    /// The balances that its calls count in, in the order of their names.
    package var pools: [ProviderPool] {
        let names = Set(operations.compactMap { $0.providerCount?.pool } + [reconciliation?.endpoint?.pool].compactMap { $0 })
        return names.sorted().map { ProviderPool(provider: provider, name: $0) }
    }
}
