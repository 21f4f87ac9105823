/// A balance that a provider keeps: all of its calls', or one of several by name.
package struct ProviderPool: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var provider: String
    /// Empty where the provider has one.
    package var name: String

    package init(provider: String, name: String = "") {
        self.provider = provider
        self.name = name
    }

    /// `acmedata`, or `acmedata/search`.
    package var description: String { name.isEmpty ? provider : "\(provider)/\(name)" }

    package static func < (left: ProviderPool, right: ProviderPool) -> Bool {
        (left.provider, left.name) < (right.provider, right.name)
    }
}

/// What one call, or one question for the balance, tells of a provider's own count.
///
/// Nobody can say when within it the provider has counted, or looked at the balance that it tells; only that both were within it.
package struct ProviderReading: Sendable, Hashable {
    /// The call's, or the question's own.
    package var id: CallID
    package var pool: ProviderPool
    package var startedAt: Timestamp
    /// From here on the provider's count is right.
    package var endedAt: Timestamp
    /// The least and the most that the provider may have counted.
    package var low: Credits
    package var high: Credits
    /// What was left, with this call counted; nil where the answer did not say it.
    package var remaining: Credits?

    package init(
        id: CallID, pool: ProviderPool, startedAt: Timestamp, endedAt: Timestamp, low: Credits = .zero, high: Credits = .zero,
        remaining: Credits? = nil
    ) {
        self.id = id
        self.pool = pool
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.low = low
        self.high = high
        self.remaining = remaining
    }

    /// Gateways' clocks differ by less than this, in microseconds.
    package static let skew: Int64 = 1_000_000

    /// Whether all of this is certainly later than all of another, whatever the clocks of the gateways that have noted them.
    func follows(_ other: ProviderReading) -> Bool {
        let (end, overflow) = other.endedAt.microseconds.addingReportingOverflow(Self.skew)
        return !overflow && startedAt.microseconds >= end
    }

    /// By the end. Readings of one instant have an order too, the same in every gateway.
    static func isEarlier(_ left: ProviderReading, _ right: ProviderReading) -> Bool {
        (left.endedAt, left.startedAt, left.id) < (right.endedAt, right.startedAt, right.id)
    }
}
