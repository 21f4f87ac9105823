import GatewayCore
import Testing

@testable import AdminPlane

/// What `/metrics` has of comparisons, and for how long.
@Suite struct ReconciliationMetricsTests {
    private static let hour = Timestamp(seconds: 1_795_003_200)

    private func lines(_ metrics: ReconciliationMetrics, hoursLater: Int64) -> [String] {
        var page = PrometheusText()
        page.addReconciliation(metrics, at: Self.hour.adding(seconds: hoursLater * 3600))
        return page.text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") && $0.contains("provider=") }
    }

    /// The counts of a balance that is not told any more are dropped; since when is not.
    @Test func aCountIsDroppedAfterTwoDaysAndItsHourIsNot() {
        let metrics = ReconciliationMetrics()
        func comparison(_ pool: String, hour: Int64) -> HourlyComparison {
            let start = Self.hour.adding(seconds: hour * 3600)
            return HourlyComparison(
                pool: ProviderPool(provider: "acme", name: pool), hour: start, from: start, until: start, low: .zero, high: .zero,
                reported: .one, drift: .zero, bound: .one, createdAt: start)
        }
        metrics.last = [comparison("enrich", hour: 0), comparison("search", hour: 1)]
        func labels(_ pool: String) -> String { "{provider=\"acme\",pool=\"\(pool)\"}" }
        func counts(_ pools: [String]) -> [String] {
            [("reported", "1"), ("counted", "1"), ("drift", "0")].flatMap { name, value in
                pools.map { "gateway_reconciliation_\(name)\(labels($0)) \(value)" }
            }
        }
        let hours = [("enrich", 1_795_006_800), ("search", 1_795_010_400)].map {
            "gateway_reconciliation_hour_timestamp_seconds\(labels($0)) \($1)"
        }
        #expect(lines(metrics, hoursLater: 2) == counts(["enrich", "search"]) + hours)
        #expect(lines(metrics, hoursLater: 49) == counts(["enrich", "search"]) + hours)
        #expect(lines(metrics, hoursLater: 50) == counts(["search"]) + hours)
        #expect(lines(metrics, hoursLater: 51) == hours)
    }

    @Test func balancesThatWereNotToldAreCountedByProvider() {
        let metrics = ReconciliationMetrics()
        #expect(lines(metrics, hoursLater: 0).isEmpty)
        #expect(["pdl", "acme", "pdl"].map(metrics.countUnreadable) == [true, true, false])
        let name = "gateway_reconciliation_unreadable_balances_total"
        #expect(lines(metrics, hoursLater: 0) == ["\(name){provider=\"acme\"} 1", "\(name){provider=\"pdl\"} 2"])
    }
}
