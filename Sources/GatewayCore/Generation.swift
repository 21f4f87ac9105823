import Synchronization

/// One whole configuration in force: config.yaml and every adapter, loaded together or not at all.
///
/// A call keeps the generation that it began with to its end.
package final class Generation: Sendable {
    /// 1 at the start, one more with each reload that took.
    package let number: Int
    package let configuration: Configuration
    /// By provider, with this deployment's overrides applied.
    package let adapters: [String: Adapter]
    /// The same, ready to serve.
    package let providers: [String: Provider]
    package let loadedAt: Timestamp
    /// What a reader should know although the generation serves: adapters that are off, deprecations. One line each.
    package let warnings: [String]

    package init(number: Int, configuration: Configuration, adapters: [String: Adapter], loadedAt: Timestamp, warnings: [String] = []) {
        self.number = number
        self.configuration = configuration
        self.adapters = adapters
        providers = adapters.mapValues(Provider.init)
        self.loadedAt = loadedAt
        self.warnings = warnings
    }

    /// The same with other budgets.
    fileprivate init(_ other: Generation, budgets: BudgetBook) {
        number = other.number
        var configuration = other.configuration
        configuration.budgets = budgets
        self.configuration = configuration
        adapters = other.adapters
        providers = other.providers
        loadedAt = other.loadedAt
        warnings = other.warnings
    }
}

/// A provider as calls use it. A class, because an adapter is large and every call refers to its own.
package final class Provider: Sendable {
    package let adapter: Adapter
    /// The adapter's operations, compiled against their prices.
    package let meters: Meters
    /// Where a caller's credentials may be, which never leave the gateway.
    package let credentialPlaces: [UpstreamSettings.CredentialPlace]
    /// The operations by which it is asked for people or companies.
    package let enrichingOperations: Set<String>

    init(_ adapter: Adapter) {
        self.adapter = adapter
        meters = Meters(adapter)
        credentialPlaces = adapter.upstream.credentialPlaces
        enrichingOperations = Set(adapter.enrichment.values.joined().map(\.operation))
    }
}

/// The generation in force, swapped as a whole: what the files say, and the budgets that a database adds.
package final class CurrentGeneration: Sendable {
    private struct State {
        var generation: Generation
        /// The files' own.
        var budgets: BudgetBook
        var stored = StoredBudgets()
        var lastProblems: [String] = []
        var lastAttempt: Timestamp
        var failures = 0

        func merged(_ generation: Generation) -> Generation {
            guard !stored.texts.isEmpty else { return generation }
            return Generation(generation, budgets: stored.added(to: generation.configuration.budgets))
        }
    }

    private let state: Mutex<State>

    package init(_ generation: Generation) {
        state = Mutex(
            State(generation: generation, budgets: generation.configuration.budgets, lastAttempt: generation.loadedAt))
    }

    package var generation: Generation {
        state.withLock { $0.generation }
    }

    /// Puts a new generation in force; calls that begin from here on use it.
    package func replace(with generation: Generation) {
        state.withLock { state in
            state.budgets = generation.configuration.budgets
            state.generation = state.merged(generation)
            state.lastProblems = []
            state.lastAttempt = generation.loadedAt
        }
    }

    /// A generation's configuration as it will be in force, with the budgets that the database adds.
    package func merged(_ generation: Generation) -> Configuration {
        state.withLock { $0.merged(generation).configuration }
    }

    /// Puts a database's budgets in force, with the files'; `problem` is told of those that cannot be read.
    package func adopt(_ stored: StoredBudgets, problem: (_ workspace: String, BudgetTextError) -> Void) -> Configuration {
        _ = stored.added(to: fileBudgets, problem: problem)
        return state.withLock { state in
            state.stored = stored
            state.generation = state.merged(Generation(state.generation, budgets: state.budgets))
            return state.generation.configuration
        }
    }

    /// The version of the database's budgets in force.
    package var storedVersion: Int64 { state.withLock { $0.stored.version } }

    /// The budgets that the files have.
    package var fileBudgets: BudgetBook { state.withLock { $0.budgets } }

    /// Keeps the generation in force and remembers why the next one was refused.
    package func refused(_ problems: [String], at instant: Timestamp) {
        state.withLock { state in
            state.lastProblems = problems
            state.lastAttempt = instant
            state.failures += 1
        }
    }

    /// The last attempt to load: when, how many have failed since the start, and the problems if it was refused.
    package var lastAttempt: (at: Timestamp, failures: Int, problems: [String]) {
        state.withLock { ($0.lastAttempt, $0.failures, $0.lastProblems) }
    }
}
