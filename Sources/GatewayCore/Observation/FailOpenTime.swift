import Synchronization

/// For how long calls have gone on although a part of the tracker failed, in all: what `on_tracker_error: open` has let through, as time.
package final class FailOpenTime: Sendable {
    package enum Part: String, Sendable, Hashable, CaseIterable {
        /// The ledger takes no records.
        case ledger
        /// The journal cannot be written.
        case journal
        /// What was spent before the start is not known.
        case budgets
    }

    private struct Stretch {
        /// Microseconds of those that are over.
        var total: Int64 = 0
        var since: Timestamp?

        func sum(at now: Timestamp) -> Int64 {
            total + (since.map { max(0, now.microseconds - $0.microseconds) } ?? 0)
        }
    }

    private let parts = Mutex<[Part: Stretch]>([:])

    package init() {}

    /// To be called about every second: a part fails open from one look to the next.
    package func note(_ health: Health, policy: TrackerErrorPolicy, at now: Timestamp) {
        let isOpen = policy == .open
        parts.withLock { parts in
            for (part, fails) in [
                (Part.ledger, !health.ledger.isWell), (.journal, !health.journal.isWell), (.budgets, !health.budgetsLoaded),
            ] {
                var stretch = parts[part] ?? Stretch()
                if isOpen, fails {
                    stretch.since = stretch.since ?? now
                } else if stretch.since != nil {
                    stretch.total = stretch.sum(at: now)
                    stretch.since = nil
                }
                parts[part] = stretch
            }
        }
    }

    /// Microseconds by part.
    package func totals(at now: Timestamp) -> [(Part, Int64)] {
        parts.withLock { parts in Part.allCases.map { ($0, parts[$0]?.sum(at: now) ?? 0) } }
    }
}
