import GatewayCore
import Hummingbird
import JSONPath

/// `GET /v1/quality?from=`: what providers' answers were worth, from the newest rows of the ledger.
enum QualityView {
    /// More rows than these would keep a reader of the ledger busy for seconds: of a busier time, the newest are looked at.
    static let mostRows = 100_000
    private static let days: Int64 = 30

    static func answer(_ request: Request, services: AdminPlane.Services) async throws -> AdminAnswer {
        let from = try QueryParameters(request).instant("from") ?? services.clock().adding(seconds: -days * 86_400)
        do throws(LedgerError) {
            let report = try await services.ledger().quality(since: from, limit: mostRows)
            // Whether older rows than those were left out is not worth a second query: as many as may be looked at are taken for a part.
            let isWhole = report.examined < mostRows
            return AdminAnswer(
                .object([
                    .init("from", .string((isWhole ? from : report.oldest ?? from).rfc3339)),
                    .init("complete", .bool(isWhole)),
                    .init("calls", .number(JSONNumber(report.examined))),
                    .init("providers", .array(report.providers.map(provider))),
                ]))
        } catch {
            throw Refusal(error)
        }
    }

    private static func provider(_ quality: ProviderQuality) -> JSONValue {
        func number(_ value: Int64) -> JSONValue { .number(JSONNumber(value)) }
        let forwarded = quality.calls - quality.shared
        return .object([
            .init("provider", .string(quality.provider)),
            .init("calls", number(quality.calls)),
            .init("succeeded", number(quality.succeeded)),
            .init("unanswered", number(quality.unanswered)),
            .init("estimated", number(quality.estimated)),
            .init("shared", number(quality.shared)),
            .init("mean_duration_ms", forwarded > 0 ? number(quality.duration / forwarded) : .null),
            .init("records", number(quality.grades.total)),
            .init("grades", quality.grades.json(withZeros: true)),
        ])
    }
}
