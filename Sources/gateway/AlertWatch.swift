import GatewayCore
import Journal
import Logging
import Synchronization

/// Looks for thresholds that spending has reached, and raises an alert for each: in the ledger, which knows those that any gateway has raised,
/// then in the log and the metrics. Nothing of it is on the way of a call.
final class AlertWatch: Sendable {
    private let accounts: Accounts
    private let writer: LedgerWriter
    private let current: CurrentGeneration
    private let metrics: Metrics
    private let logger: Logger
    private let queue = Mutex(AlertQueue())
    private let ids = CallIDGenerator()
    /// There is something to deliver.
    private let raised: @Sendable () -> Void

    private static let interval = Duration.milliseconds(500)
    /// How many looks lie between two at what all gateways together have spent.
    private static let looksPerSurvey = 20
    /// The most alerts that are raised in one transaction.
    private static let largestBatch = 50

    init(
        accounts: Accounts, writer: LedgerWriter, current: CurrentGeneration, metrics: Metrics, logger: Logger,
        raised: @escaping @Sendable () -> Void
    ) {
        self.accounts = accounts
        self.writer = writer
        self.current = current
        self.metrics = metrics
        self.logger = logger
        self.raised = raised
    }

    /// Looks twice a second, until the task is cancelled.
    func run() async {
        var looks = 0
        while !Task.isCancelled {
            if looks % Self.looksPerSurvey == 0 { await survey() }
            looks += 1
            look()
            while !queue.withLock({ $0.isEmpty }), await raise() {}
            // Cancelled when the gateway stops.
            try? await Task.sleep(for: Self.interval)
        }
    }

    private func look() {
        let now = machineClock()
        let sightings = accounts.takeSightings(at: now)
        queue.withLock { queue in
            for sighting in sightings { queue.note(sighting) }
        }
    }

    /// Where gateways share the ledger, what counts is what all of them have spent, those that are gone included.
    private func survey() async {
        let now = machineClock()
        let instant = now.adding(seconds: -Accounts.memory)
        queue.withLock { $0.forget(endedBefore: instant) }
        guard let leases = writer.ledger?.leases else { return }
        do {
            let sightings = accounts.sightings(of: try await leases.spending(endingAfter: instant), at: now)
            queue.withLock { queue in
                for sighting in sightings { queue.note(sighting) }
            }
        } catch {
            logger.debug("what all gateways have spent cannot be read yet", metadata: ["error": "\(error)"])
        }
    }

    /// Raises what is due, between two batches: an instant at which the ledger and the recent records make up all that is spent. While the ledger
    /// is away this waits, and what is due then is what the books show then. False when the ledger has not taken it.
    private func raise() async -> Bool {
        do {
            try await writer.whenCaughtUp { [self] ledger, recent in
                look()
                let due = queue.withLock { $0.due(atMost: Self.largestBatch) }
                var alerts: [BudgetAlert] = []
                for sighting in due {
                    let top = try await top(of: sighting.account, in: ledger, recent: recent)
                    alerts.append(BudgetAlert(sighting, id: ids.next(at: machineClock()), top: top, at: machineClock()))
                }
                let new = try await ledger.raise(alerts, to: current.generation.configuration.alerts.webhooks.map(\.id))
                queue.withLock { $0.raised(due) }
                for (sighting, alert) in zip(due, alerts) where new.contains(alert.id) { tell(sighting, alert) }
                if !new.isEmpty { raised() }
            }
            return true
        } catch {
            logger.debug("alerts cannot be raised yet", metadata: ["error": "\(error)"])
            return false
        }
    }

    private func top(
        of account: AccountKey, in ledger: any Ledger, recent: [CallID: CostRecord]
    ) async throws(LedgerError) -> [ProviderSpending] {
        let sums = try await ledger.spend(
            SpendQuery(
                workspace: account.workspace, by: account.scope == .user ? [.provider, .user] : [.provider], from: account.start,
                until: account.end))
        return ProviderSpending.top(of: account, sums, recent: recent.values)
    }

    private func tell(_ sighting: AlertSighting, _ alert: BudgetAlert) {
        let account = sighting.account
        metrics.alerts.count(
            .init(level: sighting.level, scope: account.scope.rawValue, window: sighting.window.kind.rawValue))
        var metadata: Logger.Metadata = [
            "alert": "\(alert.id)", "workspace": "\(account.workspace)", "scope": "\(account.scope.rawValue)",
            "window": "\(sighting.window.kind.rawValue)", "level": "\(sighting.level.rawValue)", "limit": "\(sighting.limit)",
            "spent": "\(sighting.spent)", "resets_at": "\(sighting.window.resetText)",
        ]
        if account.scope != .workspace { metadata["name"] = "\(account.name)" }
        logger.warning(
            sighting.isRefused ? "a call was refused because its budget is spent" : "spending has reached a threshold of its budget",
            metadata: metadata)
    }
}
