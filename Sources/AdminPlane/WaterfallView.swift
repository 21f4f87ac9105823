import GatewayCore
import Hummingbird
import JSONPath

/// `GET /v1/waterfall?entity=&want=&minQuality=&days=`: the cheapest order in which to ask providers, from the newest rows of the ledger.
enum WaterfallView {
    private static let standardDays = 30
    private static let mostDays = 366

    static func answer(_ request: Request, services: AdminPlane.Services) async throws -> AdminAnswer {
        let parameters = try QueryParameters(request)
        let question: EnrichmentQuestion
        do throws(EnrichmentQuestion.Refusal) {
            question = try EnrichmentQuestion(
                wanting: parameters.raw("want"), minimumQuality: parameters.raw("minQuality"), about: parameters.raw("entity"))
        } catch {
            throw Refusal(400, "Bad request", "\(error.problems.joined(separator: "; ")).")
        }
        let days = try parameters.number("days", in: 1...mostDays) ?? standardDays
        let generation = services.generations.generation
        guard let names = generation.configuration.enrichment.order[question.entity], !names.isEmpty else {
            throw Refusal(404, "Not found", generation.nobodyAsked(for: question.entity))
        }
        let providers = names.map { name in
            let rules = generation.adapters[name]?.enrichment[question.entity] ?? []
            return (name: name, operations: Set(rules.map(\.operation)))
        }
        let operations = providers.flatMap { provider in
            provider.operations.sorted().map { OperationName(provider: provider.name, operation: $0) }
        }
        let now = services.clock()
        let from = now.adding(seconds: Int64(-days) * 86_400)
        do throws(LedgerError) {
            let report = try await services.ledger().worths(since: from, of: operations, limit: QualityView.mostRows)
            let order = WaterfallOrder(providers, from: report.sums, wanted: question.wanted, as: question.minimumQuality)
            let isWhole = report.examined < QualityView.mostRows
            return AdminAnswer(
                .object([
                    .init("entity", .string(question.entity.rawValue)),
                    .init("wanted", .array(question.wanted.map { .string($0.rawValue) })),
                    .init("min_quality", number(question.minimumQuality)),
                    .init("from", .string((isWhole ? from : report.oldest ?? from).rfc3339)),
                    .init("to", .string(now.rfc3339)),
                    .init("complete", .bool(isWhole)),
                    .init("rows", .number(JSONNumber(report.examined))),
                    .init("assumes", .string(assumption)),
                    .init("configured", json(order.configured)),
                    .init("suggested", json(order.suggested)),
                    .init("providers", .array(order.suggested.map(json))),
                    .init("yaml", .string(yaml(question.entity, order.suggested.map(\.provider)))),
                ]))
        } catch {
            throw Refusal(error)
        }
    }

    private static let assumption =
        "Providers are independent, and every answer alone must be enough. Providers with too few calls are left out of what is expected."

    private static func number(_ score: Score) -> JSONValue { JSONNumber(score.description).map(JSONValue.number) ?? .null }

    private static func json(_ order: [WaterfallOrder.Statistics]) -> JSONValue {
        let expected = WaterfallOrder.expectation(of: order)
        return .object([
            .init("order", .array(order.map { .string($0.provider) })),
            .init("expected_cost", .string(expected.cost.description)),
            .init("expected_hit_rate", .string(FixedDecimal.share(tenThousandths: expected.hitRate))),
        ])
    }

    private static func json(_ provider: WaterfallOrder.Statistics) -> JSONValue {
        func amount(_ amount: Money?) -> JSONValue { amount.map { .string($0.description) } ?? .null }
        return .object([
            .init("provider", .string(provider.provider)),
            .init("standing", .string(provider.standing.rawValue)),
            .init("calls", .number(JSONNumber(provider.calls))),
            .init("satisfied", .number(JSONNumber(provider.satisfied))),
            .init("rate", provider.rate.map { .string(FixedDecimal.share(tenThousandths: $0)) } ?? .null),
            .init("confidence", .string(provider.confidence)),
            .init("mean_cost", amount(provider.meanCost)),
            .init("cost_per_satisfied", amount(provider.costPerSatisfied)),
            .init("mean_duration_ms", provider.meanDuration.map { .number(JSONNumber($0)) } ?? .null),
            .init("reason", .string(provider.reason)),
        ])
    }

    /// As config.yaml has it.
    private static func yaml(_ entity: RecordEntity, _ order: [String]) -> String {
        "enrich: { \(entity.rawValue): [\(order.joined(separator: ", "))] }"
    }
}
