package import GatewayCore
package import Logging

/// What the data plane works with: the parts that one gateway has one of.
package final class Services: Sendable {
    package let generations: CurrentGeneration
    package let accounts: Accounts
    package let log: any DurableLog
    package let history: any CallHistory
    package let upstream: any Upstream
    package let once: OnceCharges
    package let keys: KeyRing
    package let answers: SharedAnswers
    /// Whether the ledger has tables for people and companies.
    package let storesEntities: Bool
    package let metrics: Metrics
    /// For those who watch the calls.
    package let feed: CallFeed
    package let clock: WallClock
    package let logger: Logger
    /// Where each call's line goes; nil for nowhere.
    package let calls: (any CallLog)?
    let traceIDs = TraceIDs()
    package let ids = CallIDGenerator()

    package init(
        generations: CurrentGeneration, accounts: Accounts, log: any DurableLog, history: any CallHistory, upstream: any Upstream,
        once: OnceCharges, keys: KeyRing, answers: SharedAnswers, storesEntities: Bool = false, metrics: Metrics,
        feed: CallFeed = CallFeed(), clock: @escaping WallClock, logger: Logger, calls: (any CallLog)? = nil
    ) {
        self.generations = generations
        self.accounts = accounts
        self.log = log
        self.history = history
        self.upstream = upstream
        self.once = once
        self.keys = keys
        self.answers = answers
        self.storesEntities = storesEntities
        self.metrics = metrics
        self.feed = feed
        self.clock = clock
        self.logger = logger
        self.calls = calls
    }

    var limits: Limits { generations.generation.configuration.limits }

    /// Who answers a request: the gateway itself below `/_gateway/`, else a call to a provider.
    func responder(to head: RequestHead, on connection: Connection) -> any ConnectionResponder {
        if head.target.utf8.starts(with: "/_gateway".utf8), head.path == "/_gateway" || head.path.hasPrefix("/_gateway/") {
            if head.path.hasPrefix(Enrichment.path) { return Enrichment(head, on: connection, services: self) }
            return LocalAnswer(head, on: connection, services: self)
        }
        return Call(head, on: connection, services: self)
    }
}
