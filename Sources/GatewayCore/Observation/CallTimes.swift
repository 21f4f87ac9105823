import Synchronization

/// How long calls took and how good their estimates were, by operation. Their number is bounded by the adapters'.
package final class CallTimes: Sendable {
    package struct Operation: Sendable, Hashable {
        package var provider: String
        package var name: String
    }

    package struct Histograms: Sendable, Hashable {
        package var own = Histogram.ownTime
        package var firstByte = Histogram.providersTime
        package var upstream = Histogram.providersTime
        package var estimateRatio = Histogram.estimateRatio
    }

    private let operations = Mutex<[Operation: Histograms]>([:])

    package init() {}

    /// Notes a settled call's times.
    package func observe(_ record: CostRecord, _ spans: CallSpans) {
        let key = Operation(provider: record.provider, name: record.operation ?? "-")
        // Exact enough: a call costs a million dollars at the most, so that the product has room in 128 bits.
        let ratio: Int64? =
            record.estimate > .zero
            ? Int64(clamping: Int128(record.cost.nanos) * 1_000_000_000 / Int128(record.estimate.nanos)) : nil
        operations.withLock { operations in
            Self.add(spans, ratio, to: &operations[key, default: Histograms()])
        }
    }

    private static func add(_ spans: CallSpans, _ ratio: Int64?, to histograms: inout Histograms) {
        if let own = spans.own { histograms.own.observe(own) }
        if let firstByte = spans.firstByte { histograms.firstByte.observe(firstByte) }
        if let upstream = spans.upstream { histograms.upstream.observe(upstream) }
        if let ratio { histograms.estimateRatio.observe(ratio) }
    }

    /// All of them, in a fixed order.
    package var all: [(Operation, Histograms)] {
        operations.withLock { Array($0) }.map { ($0.key, $0.value) }
            .sorted { ($0.0.provider, $0.0.name) < ($1.0.provider, $1.0.name) }
    }
}

/// How long the parts of a call took, in nanoseconds.
package struct CallSpans: Sendable, Hashable {
    /// From the request's head to the end of the response.
    package var total: Int64
    /// What the gateway itself took of it: from the complete request until it is forwarded, and from the provider's last byte until the end of the
    /// response may go, the journal included. Nil where another call's answer was waited for.
    package var own: Int64?
    /// From the forwarding to the provider's response head: a wait for the provider's `max_concurrent` and for a connection included.
    package var firstByte: Int64?
    /// From the forwarding to the provider's last byte, at the speed at which the caller takes them.
    package var upstream: Int64?

    package init(total: Int64, own: Int64? = nil, firstByte: Int64? = nil, upstream: Int64? = nil) {
        self.total = total
        self.own = own
        self.firstByte = firstByte
        self.upstream = upstream
    }
}
