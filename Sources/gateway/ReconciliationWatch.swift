import GatewayCore
import Journal
import Logging
import Synchronization

/// Compares what providers say that they have counted with what the ledger counts, hour by hour, and raises an alert where they part.
///
/// Gateways on one ledger compute the same from the same readings, so it does not matter which of them does.
final class ReconciliationWatch: Sendable {
    /// How long the watch waits, in seconds.
    struct Pace: Sendable {
        /// Between two looks.
        var interval: Int64 = 60
        /// After an hour's end, beside the longest that a call may take: until then its calls' records come.
        var settling: Int64 = 300
        /// Until an hour that is beyond its bound is compared again: the rows of a gateway that was cut off may come late.
        var recheck: Int64 = 600
        /// The oldest backlog of its own with which a gateway compares.
        var backlog: Int64 = 60
        /// The longest wait, of which a part is taken at random, before a provider is asked for its balance.
        var beforeAsking: Double = 5
    }

    private let writer: LedgerWriter
    private let current: CurrentGeneration
    private let metrics: Metrics
    private let clock: WallClock
    private let pace: Pace
    private let logger: Logger
    private let poll: BalancePoll
    private let ids = CallIDGenerator()
    /// When old readings were last forgotten.
    private let tidiedAt = Mutex<Timestamp?>(nil)
    /// There is something to deliver.
    private let raised: @Sendable () -> Void

    /// Hours that are compared, and compared again.
    private static let hours: Int64 = 24
    /// Seconds for which readings are kept: longer than an hour is compared again for.
    private static let memory: Int64 = 100 * 3600
    /// Seconds after which old ones are looked for again.
    private static let tidying: Int64 = 600

    init(
        writer: LedgerWriter, current: CurrentGeneration, upstream: any Upstream, metrics: Metrics, clock: @escaping WallClock,
        pace: Pace = Pace(), logger: Logger, raised: @escaping @Sendable () -> Void
    ) {
        self.writer = writer
        self.current = current
        self.metrics = metrics
        self.clock = clock
        self.pace = pace
        self.logger = logger
        self.raised = raised
        poll = BalancePoll(
            upstream: upstream, metrics: metrics.reconciliation, clock: clock, longestWait: pace.beforeAsking, logger: logger)
    }

    /// Looks each minute, until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { questions in
            while !Task.isCancelled {
                await look(asking: &questions)
                // Cancelled when the gateway stops, and with it what is being asked.
                try? await Task.sleep(for: .seconds(pace.interval))
            }
        }
    }

    /// Compares what has become comparable, and begins to ask providers that have not been asked in this hour.
    func look(asking questions: inout DiscardingTaskGroup) async {
        let generation = current.generation
        let adapters = generation.adapters.values.filter { $0.reconciliation != nil }.sorted { $0.provider < $1.provider }
        guard !adapters.isEmpty else {
            metrics.reconciliation.last = []
            return
        }
        guard let ledger = writer.ledger else { return }
        do throws(LedgerError) {
            try await tidy(ledger)
            // What this gateway has not written yet would be missing.
            let waits = writer.status.backlogSince.map { $0 < clock().adding(seconds: -pace.backlog) } ?? false
            if !waits {
                var last: [HourlyComparison] = []
                for adapter in adapters {
                    for pool in adapter.pools { last += [try await compare(pool, of: adapter, in: ledger)].compactMap { $0 } }
                }
                metrics.reconciliation.last = last
            }
        } catch {
            logger.debug("providers' counts cannot be compared yet", metadata: ["error": "\(error)"])
        }
        poll.ask(adapters, of: generation.number, ledger, in: &questions)
    }

    private func tidy(_ ledger: any Ledger) async throws(LedgerError) {
        let now = clock()
        if let last = tidiedAt.withLock({ $0 }), now < last.adding(seconds: Self.tidying) { return }
        try await ledger.deleteReadings(endedBefore: now.adding(seconds: -Self.memory))
        tidiedAt.withLock { $0 = now }
    }

    /// Compares a pool's last hours, the oldest first. Returns the newest comparison that there is.
    private func compare(_ pool: ProviderPool, of adapter: Adapter, in ledger: any Ledger) async throws(LedgerError) -> HourlyComparison? {
        guard let rule = adapter.reconciliation else { return nil }
        let now = clock()
        // Calls that began within the hour are over and written.
        let patience = pace.settling + Int64(adapter.upstream.route.total / 1000)
        let newest = now.adding(seconds: -patience).hour - 1
        let oldest = newest - Self.hours + 1
        let earlier = try await ledger.comparisons(
            ComparisonQuery(provider: pool.provider, pool: pool.name, from: Timestamp(hour: oldest), limit: Int(Self.hours) + 1))
        var known = Dictionary(earlier.map { ($0.hour.hour, $0) }) { first, _ in first }
        for hour in oldest...newest {
            let old = known[hour]
            if let old, !old.isBeyond || old.createdAt > now.adding(seconds: -pace.recheck) { continue }
            guard let comparison = try await comparison(pool, at: Timestamp(hour: hour), rule, ledger) else { continue }
            // Raised before it is kept: after a kill between the two it is raised again, which the ledger knows.
            if comparison.isBeyond { try await raise(comparison, in: ledger) }
            // Another gateway may have been quicker.
            for new in try await ledger.keep([comparison]) { metrics.reconciliation.count(new.outcome) }
            known[hour] = comparison
        }
        if let last = known.values.max(by: { $0.hour < $1.hour }) { return last }
        return try await ledger.comparisons(ComparisonQuery(provider: pool.provider, pool: pool.name, limit: 1)).first
    }

    private func comparison(
        _ pool: ProviderPool, at hour: Timestamp, _ rule: Reconciliation, _ ledger: any Ledger
    ) async throws(LedgerError) -> HourlyComparison? {
        let end = hour.adding(seconds: 3600)
        // Without a balance in the hour there is nothing to compare.
        guard let last = try await ledger.lastBalance(of: pool, from: hour, through: end) else { return nil }
        let start = Timestamp(microseconds: hour.microseconds - HourlyComparison.lookback)
        // Certainly told before the last.
        let latest = min(hour, Timestamp(microseconds: last.startedAt.microseconds - ProviderReading.skew))
        let first = try await ledger.lastBalance(of: pool, from: start, through: latest)
        // A second more on both sides: clocks differ.
        let from = first?.startedAt ?? start
        let readings = try await ledger.readings(of: pool, from: from.adding(seconds: -1), until: last.endedAt.adding(seconds: 1))
        return HourlyComparison(pool, hour: hour, readings, by: rule, at: clock())
    }

    /// Once for hours in a row that are beyond their bounds: those of a day, since nothing is compared of an hour without calls.
    private func raise(_ comparison: HourlyComparison, in ledger: any Ledger) async throws(LedgerError) {
        let pool = comparison.pool
        let before = try await ledger.comparisons(
            ComparisonQuery(
                provider: pool.provider, pool: pool.name, after: ComparisonQuery.Place(hour: comparison.hour, pool: pool), limit: 1))
        if let before = before.first, before.isBeyond, before.hour >= comparison.hour.adding(seconds: -86_400) { return }
        let now = clock()
        let alert = comparison.alert(id: ids.next(at: now), at: now)
        guard try await !ledger.raise([alert], to: current.generation.configuration.alerts.webhooks.map(\.id)).isEmpty else { return }
        metrics.alerts.count(.init(level: .warning, scope: HourlyComparison.alertScope, window: HourlyComparison.alertWindow))
        logger.warning(
            "a provider's own count and the ledger's are apart",
            metadata: [
                "alert": "\(alert.id)", "provider": "\(pool.provider)", "pool": "\(pool.name)", "from": "\(comparison.from.rfc3339)",
                "to": "\(comparison.until.rfc3339)", "reported": "\(comparison.reported)", "counted": "\(comparison.counted)",
                "drift": "\(comparison.drift)", "bound": "\(comparison.bound)",
            ])
        raised()
    }
}

extension Timestamp {
    /// Which hour since 1970 it lies in.
    var hour: Int64 { seconds >= 0 ? seconds / 3600 : (seconds + 1) / 3600 - 1 }

    /// The beginning of an hour.
    init(hour: Int64) { self.init(seconds: hour * 3600) }
}
