import GatewayCore
import Journal
import Logging
import NIOUpstream
import Synchronization

/// Delivers alerts to webhooks: what the ledger says is due, a few at a time to each, so that one that hangs or fails keeps no other waiting.
final class AlertPost: Sendable {
    private let writer: LedgerWriter
    private let current: CurrentGeneration
    private let metrics: AlertMetrics
    private let logger: Logger
    private let upstream = NIOUpstream()
    private let work = Nudge()
    private let state = Mutex(State())

    private struct State {
        /// Tries that are under way, or whose end is not noted yet.
        var underWay: [WebhookID: Int] = [:]
        var ends: [DeliveryEnd] = []
    }

    private static let interval = Duration.milliseconds(500)
    /// How many tries there are at once for one webhook.
    private static let room = 4
    /// How many looks lie between two at what is to be given up.
    private static let looksPerTidying = 10

    init(writer: LedgerWriter, current: CurrentGeneration, metrics: AlertMetrics, logger: Logger) {
        self.writer = writer
        self.current = current
        self.metrics = metrics
        self.logger = logger
    }

    /// There may be something to deliver.
    func hurry() { work.signal() }

    /// Delivers until the task is cancelled. Tries under way are broken off then, and are due again at once.
    func run() async {
        await withDiscardingTaskGroup { tries in
            var looks = 0
            while !Task.isCancelled {
                await noteEnds()
                if looks % Self.looksPerTidying == 0 { await tidy() }
                looks += 1
                for (delivery, webhook) in await claim() {
                    tries.addTask { await self.deliver(delivery, to: webhook) }
                }
                await work.wait(timeout: Self.interval)
            }
        }
        upstream.shutdown()
        // In a task of its own, because the ledger answers none that is cancelled.
        await Task { await noteEnds() }.value
    }

    private func claim() async -> [(AlertDelivery, AlertSettings.Webhook)] {
        let webhooks = Dictionary(current.generation.configuration.alerts.webhooks.map { ($0.id, $0) }) { first, _ in first }
        let room = state.withLock { state in webhooks.mapValues { Self.room - (state.underWay[$0.id] ?? 0) } }.filter { $0.value > 0 }
        guard !room.isEmpty, let ledger = writer.ledger else { return [] }
        let now = machineClock()
        do {
            let claimed = try await ledger.claimDeliveries(room, at: now, until: now.adding(seconds: DeliveryRetry.claim))
            state.withLock { state in
                for delivery in claimed { state.underWay[delivery.key.webhook, default: 0] += 1 }
            }
            return claimed.compactMap { delivery in webhooks[delivery.key.webhook].map { (delivery, $0) } }
        } catch {
            logger.debug("alerts cannot be delivered yet", metadata: ["error": "\(error)"])
            return []
        }
    }

    private func deliver(_ delivery: AlertDelivery, to webhook: AlertSettings.Webhook) async {
        let failure: String? =
            switch await OwnCall.send(webhook.request(delivery.body, at: machineClock()), over: upstream) {
            case .success(let answer): answer.refusal
            case .failure(let failure): failure.description
            }
        let now = machineClock()
        let outcome: DeliveryEnd.Outcome
        if let failure {
            let retryAt =
                Task.isCancelled ? now : DeliveryRetry.instant(after: delivery.attempts, chance: .random(in: 0..<1), at: now)
            outcome = .failed(failure, retryAt: retryAt)
            logger.info(
                "an alert was not delivered, and is tried again",
                metadata: [
                    "alert": "\(delivery.key.alert)", "webhook": "\(webhook.place)", "attempts": "\(delivery.attempts)",
                    "error": "\(failure)", "next": "\(retryAt.rfc3339)",
                ])
        } else {
            outcome = .acknowledged(at: now)
        }
        metrics.count(failure == nil ? .acknowledged : .failed)
        state.withLock { $0.ends.append(DeliveryEnd(key: delivery.key, outcome: outcome)) }
        hurry()
    }

    /// Tells the ledger how tries have ended. What it does not take waits, and with it the room for further tries.
    private func noteEnds() async {
        let ends = state.withLock { $0.ends }
        guard !ends.isEmpty, let ledger = writer.ledger else { return }
        do {
            try await ledger.noteDeliveries(ends)
            state.withLock { state in
                state.ends.removeFirst(ends.count)
                for end in ends { state.underWay[end.key.webhook, default: 1] -= 1 }
            }
        } catch {
            logger.debug("deliveries of alerts cannot be noted yet", metadata: ["error": "\(error)"])
        }
    }

    /// Gives up what has been tried for long enough, and counts what waits.
    private func tidy() async {
        guard let ledger = writer.ledger else { return }
        do {
            let (givenUp, waiting) = try await ledger.giveUpDeliveries(
                raisedBefore: machineClock().adding(seconds: -DeliveryRetry.patience))
            metrics.waiting = waiting
            metrics.count(.givenUp, by: givenUp.count)
            for key in givenUp {
                logger.error(
                    "an alert is given up: its webhook has not acknowledged it for a day",
                    metadata: ["alert": "\(key.alert)", "workspace": "\(key.workspace)", "webhook": "\(key.webhook)"])
            }
        } catch {
            logger.debug("what waits of alerts cannot be counted yet", metadata: ["error": "\(error)"])
        }
    }
}
