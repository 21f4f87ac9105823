/// An operation of a provider, by their names.
package struct OperationName: Sendable, Hashable {
    package var provider: String
    package var operation: String

    package init(provider: String, operation: String) {
        self.provider = provider
        self.operation = operation
    }
}

/// What answers of an operation that were worth the same have come to.
package struct WorthSum: Sendable, Hashable {
    package var operation: OperationName
    package var worth: AnswerWorth
    package var calls: Int64
    package var cost: Money
    /// Milliseconds.
    package var duration: Int64

    package init(operation: OperationName, worth: AnswerWorth, calls: Int64, cost: Money, duration: Int64) {
        self.operation = operation
        self.worth = worth
        self.calls = calls
        self.cost = cost
        self.duration = duration
    }
}

/// What answers were worth, as far back as was looked.
package struct WorthReport: Sendable, Hashable {
    package var sums: [WorthSum]
    /// How many rows were looked at, whosever they are: the newest ones.
    package var examined: Int64
    /// The oldest of them; nil for none.
    package var oldest: Timestamp?

    package init(sums: [WorthSum], examined: Int64, oldest: Timestamp?) {
        self.sums = sums
        self.examined = examined
        self.oldest = oldest
    }
}

/// Where rows can be asked what single answers were worth.
package protocol WorthSource: Sendable {
    /// Looks at rows since an instant, the newest `limit` of them and no more, for calls of some operations that say what their answer was worth.
    /// Answers that others had paid for are no calls.
    func worths(since: Timestamp, of operations: [OperationName], limit: Int) async throws(LedgerError) -> WorthReport
}

extension WaterfallOrder {
    /// - Parameters:
    ///   - providers: In the configured order, each with the operations that it is asked by.
    ///   - wanted: What must be there for an answer to be enough; none: anything, as good as `good` says.
    package init(_ providers: [(name: String, operations: Set<String>)], from sums: [WorthSum], wanted: [RecordField], as good: Score) {
        self.init(
            providers.map { name, operations in
                var statistics = Statistics(provider: name)
                for sum in sums where sum.operation.provider == name && operations.contains(sum.operation.operation) {
                    statistics.calls += sum.calls
                    if sum.worth.satisfies(wanted, as: good) { statistics.satisfied += sum.calls }
                    statistics.cost += sum.cost
                    statistics.duration.add(saturating: sum.duration)
                }
                return statistics
            })
    }
}
