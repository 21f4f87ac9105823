import Synchronization

extension Accounts {
    /// The books as ``settle(_:cost:)`` would return them, unchanged: for an answer that tells its cost before its end.
    ///
    /// Nil when the reservation has been settled or released.
    package func status(settling reservation: Reservation, at cost: Money) -> BudgetStatus? {
        allShards[reservation.shard].state.withLock { shard in
            guard let open = shard.open[reservation.token] else { return nil }
            let amount = Int128(cost.nanos)
            // Amounts of 128 bits never stop at an end: what is added here is taken back exactly, under the same lock.
            open.forEachScope { $0.end(open.amount, cost: amount, in: open.windows) }
            defer { open.forEachScope { $0.undoEnd(open.amount, cost: amount, in: open.windows) } }
            return open.status(shard.thresholds)
        }
    }
}

extension ScopeTallies {
    fileprivate func undoEnd(_ amount: Int128, cost: Int128, in windows: Windows) {
        for kind in WindowKind.allCases {
            update(windows[kind]) { tally in
                tally.held += amount
                tally.open += 1
                tally.spend(-cost)
            }
        }
    }
}
