/// A call's claim on its workspace's budget, until it is settled or released.
///
/// It may be copied. What it stands for is kept by the accounts, and the first settlement or release takes it away, so
/// that another one finds nothing and changes nothing.
package struct Reservation: Sendable {
    package let id: CallID
    package let workspace: String
    /// What is held.
    package let estimate: Money
    /// The windows in which the call counts, even when it ends after them.
    package let windows: Windows
    /// Whether the workspace's spending was not known, so that nothing was checked.
    package let isUnverified: Bool
    /// What a shadow budget would have said.
    package let shadowRefusal: Refusal?
    /// Which shard keeps it, under which number.
    let shard: Int
    let token: UInt64

    /// The start of the workspace's day: what the call's record says.
    package var day: Timestamp { windows.daily.start }
}

/// What became of a request for a reservation.
package enum ReserveOutcome: Sendable {
    case reserved(Reservation)
    case refused(Refusal)
    /// The gateway's slice has no room; the call will be woken, and tries again with this.
    case waiting(since: UInt64)
    /// The gateway's slice has no room, and the database does not answer.
    case unanswered
}

/// Why a call does not fit its budget: of the limits it would break, the one that is reset last.
package struct Refusal: Error, Sendable, Hashable {
    /// What would help.
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        /// Nothing: the estimate alone is over a limit.
        case tooLarge = "too_large"
        /// The next window.
        case spent
        /// The end of calls in flight, which may cost less than is held for them.
        case held
    }

    package var scope: BudgetScope
    package var window: Window
    package var limit: Money
    package var spent: Money
    package var held: Money
    package var estimate: Money
    package var reason: Reason
    /// Every limit that the call would break: `workspace-daily`, `provider-monthly`, …
    package var violated: [String]

    package init(
        scope: BudgetScope, window: Window, limit: Money, spent: Money, held: Money, estimate: Money, reason: Reason, violated: [String]
    ) {
        self.scope = scope
        self.window = window
        self.limit = limit
        self.spent = spent
        self.held = held
        self.estimate = estimate
        self.reason = reason
        self.violated = violated
    }

    /// Whole seconds after which trying again makes sense; nil when it never does.
    package func retryAfter(at now: Timestamp) -> Int? {
        switch reason {
        case .tooLarge: nil
        case .held: 1
        case .spent: max(1, Int((window.end.microseconds - now.microseconds + 999_999) / 1_000_000))
        }
    }

    /// The answer to the caller.
    package func problem(provider: String, workspace: String, now: Timestamp) -> Problem {
        let subject =
            switch scope {
            case .workspace: "The workspace's"
            case .provider: "The workspace's \(provider)"
            case .user: "The user's"
            }
        let advice =
            switch reason {
            case .tooLarge: "The call may cost \(estimate), more than a whole limit allows."
            case .spent: "The call may cost \(estimate); the budget is reset at \(window.resetText)."
            case .held: "The call may cost \(estimate), and calls in flight hold the rest: try again when they are over."
            }
        var problem = Problem(
            .budgetExhausted, "\(subject) \(window.kind.rawValue) limit is \(limit): \(spent) spent, \(held) held. \(advice)")
        problem.provider = provider
        problem.workspace = workspace
        problem.members = [
            ("scope", .string(scope.rawValue)), ("window", .string(window.kind.rawValue)), ("limit", .money(limit)),
            ("spent", .money(spent)),
            ("held", .money(held)), ("estimate", .money(estimate)), ("currency", .string("USD")), ("resets_at", .string(window.resetText)),
            ("violated-policies", .strings(violated)), ("reason", .string(reason.rawValue)),
        ]
        problem.retryAfter = retryAfter(at: now)
        problem.shouldRetry = reason == .held
        return problem
    }
}
