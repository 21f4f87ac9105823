import GatewayCore
import Logging
import Synchronization

/// Asks providers for their balances, once an hour each, whichever gateway is the first to see that nobody has; two questions do no harm.
final class BalancePoll: Sendable {
    let upstream: any Upstream
    let metrics: ReconciliationMetrics
    let clock: WallClock
    /// Seconds, of which a part is waited at random, so that gateways do not ask at once.
    let longestWait: Double
    let logger: Logger
    private let ids = CallIDGenerator()
    private let waits = Mutex(BalanceWaits())

    private static let longestAnswer = 64 << 10

    init(upstream: any Upstream, metrics: ReconciliationMetrics, clock: @escaping WallClock, longestWait: Double, logger: Logger) {
        self.upstream = upstream
        self.metrics = metrics
        self.clock = clock
        self.longestWait = longestWait
        self.logger = logger
    }

    /// Begins to ask those of whom this hour's balance is not known, each in a task of its own: a provider that is slow keeps no other waiting.
    func ask(_ adapters: [Adapter], of generation: Int, _ ledger: any Ledger, in questions: inout DiscardingTaskGroup) {
        let now = clock()
        for adapter in adapters where adapter.isEnabled && adapter.missingVariables.isEmpty {
            guard let endpoint = adapter.reconciliation?.endpoint, let request = adapter.balanceQuestion,
                waits.withLock({ $0.begin(adapter.provider, generation: generation, at: now) })
            else { continue }
            questions.addTask { self.end(adapter.provider, await self.ask(request, endpoint, ledger)) }
        }
    }

    private func ask(_ request: UpstreamRequest, _ endpoint: Reconciliation.Endpoint, _ ledger: any Ledger) async -> BalanceWaits.Outcome {
        let pool = ProviderPool(provider: request.route.provider, name: endpoint.pool)
        do {
            guard try await isDue(pool, ledger) else { return .none }
            // Cancelled when the gateway stops.
            try await Task.sleep(for: .seconds(Double.random(in: 0...longestWait)))
            guard try await isDue(pool, ledger) else { return .none }
            let start = clock()
            let balance = try await balance(request, endpoint)
            let end = max(start, clock())
            metrics.count(.answered)
            try await ledger.add([
                // The calls' own ends have the provider's lag.
                ProviderReading(id: ids.next(at: start), pool: pool, startedAt: start, endedAt: end, remaining: balance)
            ])
            return .answered
        } catch is CancellationError {
            // It is asked by whoever serves next.
            return .none
        } catch let error as OwnCall.Failure {
            guard !Task.isCancelled else { return .none }
            metrics.count(.failed)
            return .failed(error.description)
        } catch {
            logger.debug("a provider's balance cannot be noted yet", metadata: ["provider": "\(pool.provider)", "error": "\(error)"])
            return .none
        }
    }

    private func end(_ provider: String, _ outcome: BalanceWaits.Outcome) {
        guard let failure = waits.withLock({ $0.end(provider, outcome) }) else { return }
        logger.log(
            level: failure.isWarning ? .warning : .info, "a provider does not tell its balance, and is asked again",
            metadata: [
                "provider": "\(provider)", "error": "\(failure.reason)", "try": "\(failure.tries)", "next": "\(failure.again.rfc3339)",
            ])
    }

    /// Whether no question of this hour has been answered.
    private func isDue(_ pool: ProviderPool, _ ledger: any Ledger) async throws(LedgerError) -> Bool {
        let hour = Timestamp(hour: clock().hour)
        let last = try await ledger.lastBalance(of: pool, from: hour, through: hour.adding(seconds: 3 * 3600))
        return last.map { $0.startedAt < hour } ?? true
    }

    private func balance(_ request: UpstreamRequest, _ endpoint: Reconciliation.Endpoint) async throws -> Credits {
        let answer = try await OwnCall.send(request, over: upstream, bodyLimit: Self.longestAnswer).get()
        if let refusal = answer.refusal { throw OwnCall.Failure(description: refusal) }
        guard let balance = endpoint.balance(in: answer.body) else {
            throw OwnCall.Failure(description: "the answer has no number at \(endpoint.place)")
        }
        return balance
    }
}
