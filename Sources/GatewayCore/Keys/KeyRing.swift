import Synchronization

/// The callers' keys as this gateway knows them: in memory, so that no call waits for the store.
package final class KeyRing: Sendable {
    /// What a key that was shown comes to.
    package enum Verdict: Sendable, Hashable {
        case granted(CallerKey)
        case unknown
        case revoked
        case expired
        /// It was never seen, and the store cannot be read now: nobody can say.
        case unreadable
    }

    private struct Entry {
        var key: CallerKey
        /// The instant, in nanoseconds, at which calls at the key's exact rate would be due again.
        var due: Int64 = 0
    }

    private struct State {
        /// By their digests' slots; more than one key in a slot is next to impossible, and costs nothing to allow.
        var entries: [UInt64: [Entry]] = [:]
        var count = 0
        /// The last change that is known.
        var change: Int64 = 0
        var isReadable = false
        var uses: [CallID: Timestamp] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// Whose key this is, and whether it opens anything now.
    package func identify(_ digest: KeyDigest, at now: Timestamp) -> Verdict {
        state.withLock { state in
            var found: CallerKey?
            for entry in state.entries[digest.slot] ?? [] where entry.key.digest.isEqual(to: digest) { found = entry.key }
            guard let key = found else { return state.isReadable ? .unknown : .unreadable }
            if key.revokedAt != nil { return .revoked }
            if let end = key.expiresAt, now >= end { return .expired }
            state.uses[key.id] = now
            return .granted(key)
        }
    }

    /// Counts one call against a key's rate. Returns nil when it may go on, else the whole seconds after which the next one may.
    ///
    /// A token bucket in the form of the generic cell rate algorithm (ITU-T I.371): one instant a key instead of a count that drips.
    package func admit(_ key: CallerKey, at now: Timestamp) -> Int? {
        guard let rate = key.permissions.rate else { return nil }
        let (instant, overflow) = now.microseconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return nil }
        return state.withLock { state in
            guard let index = state.entries[key.digest.slot]?.firstIndex(where: { $0.key.id == key.id }) else { return nil }
            var due = state.entries[key.digest.slot]?[index].due ?? 0
            // A clock that was set back must not shut callers out for as long.
            if due - instant > rate.tolerance + rate.interval { due = instant }
            let wait = due - rate.tolerance - instant
            guard wait <= 0 else { return Int((wait + 999_999_999) / 1_000_000_000) }
            state.entries[key.digest.slot]?[index].due = max(due, instant) + rate.interval
            return nil
        }
    }

    /// The last change that is known; 0 before the first look into the store.
    package var change: Int64 { state.withLock { $0.change } }

    /// How many keys there are, revoked ones included.
    package var count: Int { state.withLock { $0.count } }

    package var isReadable: Bool { state.withLock { $0.isReadable } }

    /// Takes what the store has told.
    package func take(_ keys: [CallerKey], upTo change: Int64) {
        state.withLock { state in
            for key in keys {
                if let index = state.entries[key.digest.slot]?.firstIndex(where: { $0.key.id == key.id }) {
                    state.entries[key.digest.slot]?[index].key = key
                } else {
                    state.entries[key.digest.slot, default: []].append(Entry(key: key))
                    state.count += 1
                }
            }
            state.change = max(state.change, change)
            state.isReadable = true
        }
    }

    /// The store cannot be read: keys that are known go on to open what they did.
    package func storeFailed() {
        state.withLock { $0.isReadable = false }
    }

    /// Forgets everything: another store has taken the place of the one that was read.
    package func clear() {
        state.withLock { state in
            state.entries = [:]
            (state.count, state.change, state.isReadable) = (0, 0, false)
        }
    }

    /// When keys were used since the last time that this was asked.
    package func takeUses() -> [CallID: Timestamp] {
        state.withLock { state in
            defer { state.uses = [:] }
            return state.uses
        }
    }
}
