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
}

/// A provider as calls use it. A class, because an adapter is large and every call refers to its own.
package final class Provider: Sendable {
    package let adapter: Adapter
    /// The adapter's operations, compiled against their prices.
    package let meters: Meters
    /// Where a caller's credentials may be, which never leave the gateway.
    package let credentialPlaces: [UpstreamSettings.CredentialPlace]

    init(_ adapter: Adapter) {
        self.adapter = adapter
        meters = Meters(adapter)
        credentialPlaces = adapter.upstream.credentialPlaces
    }
}

/// The generation in force, swapped as a whole.
package final class CurrentGeneration: Sendable {
    private struct State {
        var generation: Generation
        var lastProblems: [String] = []
        var lastAttempt: Timestamp
        var failures = 0
    }

    private let state: Mutex<State>

    package init(_ generation: Generation) {
        state = Mutex(State(generation: generation, lastAttempt: generation.loadedAt))
    }

    package var generation: Generation {
        state.withLock { $0.generation }
    }

    /// Puts a new generation in force; calls that begin from here on use it.
    package func replace(with generation: Generation) {
        state.withLock { state in
            state.generation = generation
            state.lastProblems = []
            state.lastAttempt = generation.loadedAt
        }
    }

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
