import GatewayCore
import Hummingbird
import JSONPath

/// `/v1/reconciliation`: what providers say that they have counted beside what the ledger counts, the newest hour first.
enum ReconciliationView {
    static func list(_ request: Request, services: AdminPlane.Services) async throws -> AdminAnswer {
        let parameters = try QueryParameters(request)
        let limit = try parameters.limit()
        // One more than asked for tells whether there are more.
        let query = ComparisonQuery(
            provider: try parameters.text("provider"), from: try parameters.instant("from"),
            after: try parameters.cursor(ComparisonCursor.place), limit: limit + 1)
        do throws(LedgerError) {
            let hours = try await services.ledger().comparisons(query)
            let page = hours.prefix(limit)
            let next = hours.count > limit ? page.last.map { JSONValue.string(ComparisonCursor.text($0)) } : nil
            return AdminAnswer(.object([.init("hours", .array(page.map(\.json))), .init("next", next ?? .null)]))
        } catch {
            throw Refusal(error)
        }
    }
}

/// A place in the list, as text: `HOUR.PROVIDER.POOL`, the hour counted from 1970. No provider's name has a point.
enum ComparisonCursor {
    static func text(_ comparison: HourlyComparison) -> String {
        "\(comparison.hour.seconds / 3600).\(comparison.pool.provider).\(comparison.pool.name)"
    }

    static func place(_ text: String) -> ComparisonQuery.Place? {
        guard let match = text.wholeMatch(of: /(0|[1-9][0-9]{0,6})\.([a-z][a-z0-9-]{0,63})\.([A-Za-z0-9_-]{0,64})/),
            let hour = Int64(match.1)
        else { return nil }
        return ComparisonQuery.Place(
            hour: Timestamp(seconds: hour * 3600), pool: ProviderPool(provider: String(match.2), name: String(match.3)))
    }
}

extension PrometheusText {
    mutating func addReconciliation(_ metrics: ReconciliationMetrics, at now: Timestamp) {
        func labelled(_ comparisons: [HourlyComparison]) -> [(String, HourlyComparison)] {
            comparisons.map { (Self.labels([("provider", $0.pool.provider), ("pool", $0.pool.name)]), $0) }
        }
        let last = labelled(metrics.current(at: now))
        family(
            "gateway_reconciliation_reported", "gauge", "What the provider says that it has counted in the last hour that was compared.",
            last.map { ($0, $1.reported.description) })
        family(
            "gateway_reconciliation_counted", "gauge",
            "What the ledger counts for the same hour; where calls at its ends leave it open, what is nearest.",
            last.map { ($0, $1.counted.description) })
        family(
            "gateway_reconciliation_drift", "gauge",
            "By how much the provider counts more than the ledger can account for; negative where less.",
            last.map { ($0, $1.drift.description) })
        family(
            "gateway_reconciliation_hour_timestamp_seconds", "gauge", "When the last hour that was compared was over.",
            labelled(metrics.last).map { ($0, String($1.hourEnd.seconds)) })
        family(
            "gateway_reconciliation_comparisons_total", "counter", "Hours that this gateway has compared, by what came out.",
            metrics.hours.map { (Self.labels([("outcome", $0.rawValue)]), String($1)) })
        family(
            "gateway_reconciliation_polls_total", "counter", "Questions for a provider's balance, by what came of them.",
            metrics.polls.map { (Self.labels([("outcome", $0.rawValue)]), String($1)) })
        family(
            "gateway_reconciliation_unreadable_balances_total", "counter",
            "Successful answers that should have told a balance and did not, or not readably.",
            metrics.unreadable.map { (Self.labels([("provider", $0.provider)]), String($0.count)) })
    }
}
