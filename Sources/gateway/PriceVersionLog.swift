import GatewayCore
import Synchronization

/// Puts each price version into the journal once, before any row can name it.
final class PriceVersionLog: Sendable {
    private let log: any DurableLog
    private let known = Mutex<Set<String>>([])

    init(log: any DurableLog) {
        self.log = log
    }

    /// Notes the versions of a generation that is about to be put in force. One that cannot be written now is noted again with the next.
    func note(_ generation: Generation) {
        for adapter in generation.adapters.values {
            for entry in adapter.prices.entries {
                let key = "\(adapter.provider) \(entry.version)"
                guard known.withLock({ $0.insert(key).inserted }) else { continue }
                let record = PriceVersionRecord(provider: adapter.provider, version: entry.version, canonical: entry.canonical)
                log.append(.priced(record)) { [self] result in
                    if case .failure = result { _ = known.withLock { $0.remove(key) } }
                }
            }
        }
    }
}
