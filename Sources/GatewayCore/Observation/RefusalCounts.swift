import Synchronization

/// Calls that the gateway has refused, by its own words for why. Providers and operations are the adapters', and `-` where none is known.
package final class RefusalCounts: Sendable {
    package struct Series: Sendable, Hashable {
        package var provider: String
        package var operation: String
        package var code: Problem.Code
        /// Why a budget had no room; nil for every other refusal.
        package var reason: Refusal.Reason?
    }

    private let counts = Mutex<[Series: Int64]>([:])

    package init() {}

    package func count(_ problem: Problem, operation: String?) {
        let key = Series(provider: problem.provider ?? "-", operation: operation ?? "-", code: problem.code, reason: problem.reason)
        counts.withLock { $0[key, default: 0] += 1 }
    }

    /// All of them, in a fixed order.
    package var all: [(Series, Int64)] {
        counts.withLock { Array($0) }.map { ($0.key, $0.value) }.sorted { left, right in
            let (a, b) = (left.0, right.0)
            return (a.provider, a.operation, a.code.rawValue, a.reason?.rawValue ?? "") < (
                b.provider, b.operation, b.code.rawValue, b.reason?.rawValue ?? ""
            )
        }
    }
}

extension Problem {
    /// Why a budget had no room.
    package var reason: Refusal.Reason? {
        for case ("reason", .string(let text)) in members { return Refusal.Reason(rawValue: text) }
        return nil
    }
}
