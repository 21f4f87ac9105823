/// A threshold of a limit that spending has reached, as the books show it at an instant.
package struct AlertSighting: Sendable, Hashable {
    package var account: AccountKey
    package var window: Window
    package var level: AlertLevel
    /// The level's own, in per cent.
    package var threshold: Exact
    package var limit: Money
    package var spent: Money
    /// A call has been refused because the rest was too small for it: an emergency, even when there is a rest.
    package var isRefused: Bool
    /// When the window's limit is used up at the present rate; nil where the window ends first.
    package var runsOutAt: Timestamp?

    package init(
        account: AccountKey, window: Window, level: AlertLevel, threshold: Exact, limit: Money, spent: Money, isRefused: Bool = false,
        runsOutAt: Timestamp? = nil
    ) {
        self.account = account
        self.window = window
        self.level = level
        self.threshold = threshold
        self.limit = limit
        self.spent = spent
        self.isRefused = isRefused
        self.runsOutAt = runsOutAt
    }
}

/// What has been raised of one account: an alert counts for its own and every lower level, and for its own and every lower limit.
///
/// So a jump over thresholds is one alert, a limit that is lowered and raised again brings none twice, and one that is raised above what it
/// ever was is armed anew.
struct AlertLadder: Sendable {
    private var limits: [AlertLevel: Money] = [:]

    func covers(_ level: AlertLevel, of limit: Money) -> Bool {
        level.andWorse.contains { limits[$0].map { $0 >= limit } ?? false }
    }

    mutating func add(_ level: AlertLevel, of limit: Money) {
        limits[level] = max(limits[level] ?? limit, limit)
    }
}
