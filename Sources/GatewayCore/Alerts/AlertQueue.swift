/// Which alerts are due: a pure state machine between what the books show, again and again, and what the ledger has taken.
///
/// It is driven by levels and not by events. A sighting that is lost is made again, one that is told twice is one, and whatever the order in
/// which they come, an account has at most one alert waiting, which names the worst that is true of it. So what waits while the ledger is
/// away is bounded by the accounts that there are. What an earlier process has raised is known to the ledger, which takes none twice.
package struct AlertQueue: Sendable {
    private struct Account {
        var raised = AlertLadder()
        var due: AlertSighting?
    }

    private var accounts: [AccountKey: Account] = [:]
    private var order: [AccountKey] = []

    package init() {}

    /// Takes what the books show of an account now.
    package mutating func note(_ sighting: AlertSighting) {
        var account = accounts[sighting.account] ?? Account()
        guard !account.raised.covers(sighting.level, of: sighting.limit) else { return }
        if let due = account.due, due.limit == sighting.limit, due.level >= sighting.level { return }
        if account.due == nil { order.append(sighting.account) }
        account.due = sighting
        accounts[sighting.account] = account
    }

    /// Some of those that are due, those that became so first at their head.
    package func due(atMost count: Int) -> [AlertSighting] {
        order.prefix(count).compactMap { accounts[$0]?.due }
    }

    package var isEmpty: Bool { order.isEmpty }

    /// The ledger has these now, whoever has raised them. What has become worse meanwhile stays due.
    package mutating func raised(_ sightings: [AlertSighting]) {
        for sighting in sightings {
            accounts[sighting.account, default: Account()].raised.add(sighting.level, of: sighting.limit)
            guard let account = accounts[sighting.account], let due = account.due, account.raised.covers(due.level, of: due.limit) else {
                continue
            }
            accounts[sighting.account]?.due = nil
        }
        order.removeAll { accounts[$0]?.due == nil }
    }

    /// Forgets accounts whose windows ended before an instant.
    package mutating func forget(endedBefore instant: Timestamp) {
        accounts = accounts.filter { $0.key.end >= instant }
        order.removeAll { accounts[$0] == nil }
    }
}
