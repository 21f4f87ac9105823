/// Where readings and comparisons are kept: beside the ledger's tables, for all gateways that share them. The readings of calls come there with
/// their rows (``Ledger/apply(_:)``).
package protocol ReconciliationStore: Sendable {
    /// Adds readings that are of no call. Those that are there already change nothing.
    func add(_ readings: [ProviderReading]) async throws(LedgerError)
    /// A pool's readings that have a part between two instants.
    func readings(of pool: ProviderPool, from start: Timestamp, until end: Timestamp) async throws(LedgerError) -> [ProviderReading]
    /// Of a pool's readings with a balance that ended from one instant to another, both included, the last.
    func lastBalance(of pool: ProviderPool, from start: Timestamp, through end: Timestamp) async throws(LedgerError) -> ProviderReading?
    /// Forgets the readings that ended before an instant. The last of a pool that has a balance stays, and what overlaps it, unless a call has
    /// counted since: however long nobody calls, the next balance can be compared with it.
    func deleteReadings(endedBefore instant: Timestamp) async throws(LedgerError)
    /// Keeps comparisons, in the place of earlier ones of their pools and hours. Returns those for which there were none, each to one caller.
    @discardableResult
    func keep(_ comparisons: [HourlyComparison]) async throws(LedgerError) -> [HourlyComparison]
    /// Some comparisons, those of the newest hour first, and those of one hour in the order of their pools.
    func comparisons(_ query: ComparisonQuery) async throws(LedgerError) -> [HourlyComparison]
}

/// Which comparisons are asked for.
package struct ComparisonQuery: Sendable, Hashable {
    /// Where a list goes on: behind this one.
    package struct Place: Sendable, Hashable {
        package var hour: Timestamp
        package var pool: ProviderPool

        package init(hour: Timestamp, pool: ProviderPool) {
            self.hour = hour
            self.pool = pool
        }
    }

    /// nil for all.
    package var provider: String?
    /// One balance's, with `provider`.
    package var pool: String?
    /// Hours that begin at this instant or later.
    package var from: Timestamp?
    package var after: Place?
    package var limit: Int

    package init(provider: String? = nil, pool: String? = nil, from: Timestamp? = nil, after: Place? = nil, limit: Int) {
        self.provider = provider
        self.pool = pool
        self.from = from
        self.after = after
        self.limit = limit
    }
}
