import GatewayCore
import Logging

/// What answers tell of a provider's own count.
extension Call {
    /// Counts a successful answer that should have told a balance, and tells of the first one of its provider.
    func noteUntoldBalance(of record: CostRecord, by count: ProviderCount) {
        guard let header = count.header, let status = record.status, (200..<300).contains(status), record.reading?.remaining == nil,
            services.metrics.reconciliation.countUnreadable(record.provider)
        else { return }
        services.logger.warning(
            "a provider's answer does not tell its balance, so that its count cannot be compared",
            metadata: ["provider": "\(record.provider)", "operation": "\(record.operation ?? "-")", "header": "\(header)"])
    }
}
