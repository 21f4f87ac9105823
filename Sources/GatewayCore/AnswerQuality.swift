package import JSONPath

/// A record's quality in one letter, so that many can be counted.
package enum QualityGrade: String, Sendable, Hashable, CaseIterable {
    case a = "A"
    case b = "B"
    case c = "C"
    case d = "D"
    case f = "F"

    package init(_ score: Score) {
        self =
            switch score.tenThousandths / 10_000 {
            case 85...: .a
            case 70...: .b
            case 50...: .c
            case 30...: .d
            default: .f
            }
    }
}

/// How many records an answer, or a provider's answers, had of each grade.
package struct GradeCounts: Sendable, Hashable {
    private var counts = [Int64](repeating: 0, count: QualityGrade.allCases.count)

    package init() {}

    package init(_ records: [Record]) {
        for record in records {
            if let quality = record.quality { self[QualityGrade(quality)] += 1 }
        }
    }

    package subscript(grade: QualityGrade) -> Int64 {
        get { counts[QualityGrade.allCases.firstIndex(of: grade) ?? 0] }
        set { counts[QualityGrade.allCases.firstIndex(of: grade) ?? 0] = newValue }
    }

    package var total: Int64 { counts.reduce(0, +) }

    /// As JSON. Grades that nothing has are left out of a row, and stand in a report.
    package func json(withZeros: Bool) -> JSONValue {
        .object(
            QualityGrade.allCases.filter { withZeros || self[$0] != 0 }.map {
                .init($0.rawValue, .number(JSONNumber(self[$0])))
            })
    }
}

/// What a provider's answers were worth, from the ledger's rows.
package struct ProviderQuality: Sendable, Hashable {
    package var provider: String
    package var calls: Int64 = 0
    /// Those that the provider answered with a status of 2xx, and whole.
    package var succeeded: Int64 = 0
    /// Those without any answer.
    package var unanswered: Int64 = 0
    /// Those that could not be metered, and were charged their estimate.
    package var estimated: Int64 = 0
    /// Those that were answered with what another call had paid for.
    package var shared: Int64 = 0
    /// Milliseconds, summed over the calls that were forwarded.
    package var duration: Int64 = 0
    /// Of the records in answers that callers had normalized.
    package var grades = GradeCounts()

    package init(provider: String) {
        self.provider = provider
    }
}

/// ``ProviderQuality`` of all providers, as far back as was looked.
package struct QualityReport: Sendable, Hashable {
    package var providers: [ProviderQuality]
    /// How many rows were looked at: the newest ones.
    package var examined: Int64
    /// The oldest of them; nil for none.
    package var oldest: Timestamp?

    package init(providers: [ProviderQuality], examined: Int64, oldest: Timestamp?) {
        self.providers = providers
        self.examined = examined
        self.oldest = oldest
    }
}

/// Where rows can be asked what providers' answers were worth.
package protocol QualitySource: Sendable {
    /// Looks at rows since an instant, the newest `limit` of them and no more, however many there are.
    func quality(since: Timestamp, limit: Int) async throws(LedgerError) -> QualityReport
}
