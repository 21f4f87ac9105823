import GatewayCore
import Logging

/// Asks providers for their balances, once an hour each, whichever gateway is the first to see that nobody has; two questions do no harm.
struct BalancePoll: Sendable {
    let upstream: any Upstream
    let metrics: ReconciliationMetrics
    let clock: WallClock
    /// Seconds, of which a part is waited at random, so that gateways do not ask at once.
    let longestWait: Double
    let logger: Logger
    private let ids = CallIDGenerator()

    private static let longestAnswer = 64 << 10

    init(upstream: any Upstream, metrics: ReconciliationMetrics, clock: @escaping WallClock, longestWait: Double, logger: Logger) {
        self.upstream = upstream
        self.metrics = metrics
        self.clock = clock
        self.longestWait = longestWait
        self.logger = logger
    }

    /// Asks those of whom this hour's balance is not known. What fails is tried again at the next look.
    func ask(_ adapters: [Adapter], _ ledger: any Ledger) async {
        await withDiscardingTaskGroup { questions in
            for adapter in adapters where adapter.isEnabled && adapter.missingVariables.isEmpty {
                guard let endpoint = adapter.reconciliation?.endpoint, let request = adapter.balanceQuestion else { continue }
                questions.addTask { await ask(request, endpoint, lag: adapter.reconciliation?.lag ?? 0, ledger) }
            }
        }
    }

    private func ask(_ request: UpstreamRequest, _ endpoint: Reconciliation.Endpoint, lag: Int64, _ ledger: any Ledger) async {
        let pool = ProviderPool(provider: request.route.provider, name: endpoint.pool)
        do {
            guard try await isDue(pool, ledger) else { return }
            // Cancelled when the gateway stops.
            try await Task.sleep(for: .seconds(Double.random(in: 0...longestWait)))
            guard try await isDue(pool, ledger) else { return }
            let start = clock()
            let balance = try await balance(request, endpoint)
            let end = max(start, clock())
            metrics.count(.answered)
            try await ledger.add([
                ProviderReading(
                    id: ids.next(at: start), pool: pool, startedAt: start, endedAt: Timestamp(microseconds: end.microseconds + lag),
                    remaining: balance)
            ])
        } catch is CancellationError {
            // It is asked by whoever serves next.
        } catch let error as OwnCall.Failure {
            guard !Task.isCancelled else { return }
            metrics.count(.failed)
            logger.warning(
                "a provider does not tell its balance, and is asked again in a minute",
                metadata: ["provider": "\(pool.provider)", "error": "\(error)"])
        } catch {
            logger.debug("a provider's balance cannot be noted yet", metadata: ["provider": "\(pool.provider)", "error": "\(error)"])
        }
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
