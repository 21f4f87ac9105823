import Synchronization

/// What operations with `once` have charged: a polled job is paid for a single time, whoever asks for it and however often.
package final class OnceCharges: Sendable {
    /// Jobs are not polled for longer than this; what was charged before may be forgotten. Seconds.
    package static let memory: Int64 = 31 * 86_400

    /// Keys of the current stretch of time, and of the one before it: so each is remembered for at least one stretch,
    /// and no process keeps more than two.
    private struct State {
        var current: Set<OnceKey> = []
        var previous: Set<OnceKey> = []
        var began: Timestamp?

        func contains(_ key: OnceKey) -> Bool {
            current.contains(key) || previous.contains(key)
        }
    }

    private let state = Mutex(State())

    package init() {}

    /// Whether the value has been charged before, as far as is known.
    package func contains(_ key: OnceKey) -> Bool {
        state.withLock { $0.contains(key) }
    }

    /// Takes the charge for a value: true for the first who asks, false for all after.
    package func claim(_ key: OnceKey, at now: Timestamp) -> Bool {
        state.withLock { state in
            if let began = state.began, began.adding(seconds: Self.memory) <= now {
                state.previous = state.current
                state.current = []
                state.began = now
            } else if state.began == nil {
                state.began = now
            }
            guard !state.contains(key) else { return false }
            state.current.insert(key)
            return true
        }
    }

    /// Adds what the ledger remembers.
    package func load(_ keys: [OnceKey]) {
        state.withLock { $0.current.formUnion(keys) }
    }
}
