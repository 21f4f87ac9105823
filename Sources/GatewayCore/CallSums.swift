/// What is added up of calls: the figures of a rollup, and of a row of a spending summary. Sums stop at the ends of their range.
package struct CallSums: Sendable, Hashable {
    package var calls: Int64 = 0
    package var cost = Money.zero
    package var tokens: Int64 = 0
    /// What answers that others had paid for would have cost.
    package var saved = Money.zero
    /// What providers themselves say that calls have cost, of how many calls they say it, and what those cost by the price table.
    package var reported = Money.zero
    package var reportedCalls: Int64 = 0
    package var costWhereReported = Money.zero
    /// The calls that have an answer to how many records they brought, those that brought any, all their records, and what they cost.
    package var lookups: Int64 = 0
    package var hits: Int64 = 0
    package var records: Int64 = 0
    package var lookupCost = Money.zero

    package init(calls: Int64 = 0, cost: Money = .zero, tokens: Int64 = 0, saved: Money = .zero) {
        self.calls = calls
        self.cost = cost
        self.tokens = tokens
        self.saved = saved
    }

    /// Those of one call.
    package init(cost: Money, tokens: Int64?, saved: Money?, reported: Money?, found: Int64?) {
        self.init(calls: 1, cost: cost, tokens: tokens ?? 0, saved: saved ?? .zero)
        if let reported {
            self.reported = reported
            reportedCalls = 1
            costWhereReported = cost
        }
        if let found {
            lookups = 1
            hits = found > 0 ? 1 : 0
            records = found
            lookupCost = cost
        }
    }

    package init(_ record: CostRecord) {
        self.init(
            cost: record.cost, tokens: record.tokens, saved: record.saved, reported: record.reportedCost,
            found: record.found.map(Int64.init))
    }

    /// The figures as columns of a rollup have them, amounts in nano-dollars.
    package static let columns: [(name: String, value: any WritableKeyPath<CallSums, Int64> & Sendable)] = [
        ("calls", \.calls), ("costNanos", \.cost.nanos), ("tokens", \.tokens), ("savedNanos", \.saved.nanos),
        ("reportedNanos", \.reported.nanos), ("reportedCalls", \.reportedCalls), ("costWhereReportedNanos", \.costWhereReported.nanos),
        ("lookups", \.lookups), ("hits", \.hits), ("records", \.records), ("lookupNanos", \.lookupCost.nanos),
    ]

    package static func += (left: inout CallSums, right: CallSums) {
        left.calls.add(saturating: right.calls)
        left.cost += right.cost
        left.tokens.add(saturating: right.tokens)
        left.saved += right.saved
        left.reported += right.reported
        left.reportedCalls.add(saturating: right.reportedCalls)
        left.costWhereReported += right.costWhereReported
        left.lookups.add(saturating: right.lookups)
        left.hits.add(saturating: right.hits)
        left.records.add(saturating: right.records)
        left.lookupCost += right.lookupCost
    }

    // MARK: What they say

    /// The share of lookups that brought anything, rounded half up to four digits; nil without any.
    package var hitRate: String? {
        guard lookups > 0 else { return nil }
        let share = (2 * Int128(hits) * 10_000 + Int128(lookups)) / (2 * Int128(lookups))
        return FixedDecimal.share(tenThousandths: Int(share))
    }

    /// What a record cost, rounded half up to a nano-dollar; nil where none was found.
    package var costPerRecord: Money? {
        guard records > 0 else { return nil }
        let (cost, count) = (Int128(lookupCost.nanos), Int128(records))
        return Money(nanos: Int64(clamping: (2 * cost + count) / (2 * count)))
    }
}
