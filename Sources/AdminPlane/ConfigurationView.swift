import GatewayCore
import JSONPath

/// `/v1/config` and `/v1/reload`: the generation in force. Secrets show as `•••`.
enum ConfigurationView {
    static func json(_ generations: CurrentGeneration) -> JSONValue {
        let generation = generations.generation
        let last = generations.lastAttempt
        let configuration = generation.configuration
        return .object([
            .init("generation", .number(JSONNumber(Int64(generation.number)))),
            .init("loaded_at", .string(generation.loadedAt.rfc3339)),
            .init("warnings", .array(generation.warnings.map(JSONValue.string))),
            .init(
                "last_reload",
                .object([
                    .init("at", .string(last.at.rfc3339)),
                    .init("failures", .number(JSONNumber(Int64(last.failures)))),
                    .init("problems", .array(last.problems.map(JSONValue.string))),
                ])),
            .init(
                "settings",
                .object([
                    .init("listen", .string(configuration.listen.description)),
                    .init(
                        "admin",
                        .object([
                            .init("listen", .string(configuration.admin.listen.description)),
                            .init("token", configuration.admin.token.map { .string($0.description) } ?? .null),
                        ])),
                    .init("auth", .string(configuration.authentication.rawValue)),
                    .init("on_tracker_error", .string(configuration.onTrackerError.rawValue)),
                    .init("alerts", alerts(configuration.alerts)),
                    .init(
                        "ledger",
                        .object([
                            .init("engine", .string(engine(configuration.ledger.engine))),
                            .init("synchronous", .string(configuration.ledger.synchronous.rawValue)),
                        ])),
                ])),
            .init("adapters", .array(generation.adapters.values.sorted { $0.provider < $1.provider }.map(adapter))),
        ])
    }

    private static func alerts(_ settings: AlertSettings) -> JSONValue {
        .object([
            .init(
                "thresholds",
                .object(
                    AlertLevel.allCases.map { level in
                        .init(level.rawValue, JSONNumber(settings.threshold(of: level).description).map { .number($0) } ?? .null)
                    })),
            .init(
                "webhooks",
                .array(
                    settings.webhooks.map { webhook in
                        .object([
                            .init("id", .string(webhook.id.description)), .init("host", .string(webhook.place)),
                            .init("url", .string(webhook.url.description)), .init("secret", .string(webhook.secret.description)),
                        ])
                    })),
        ])
    }

    private static func engine(_ engine: LedgerSettings.Engine) -> String {
        switch engine {
        case .sqlite: "sqlite"
        case .postgres: "postgres"
        }
    }

    private static func adapter(_ adapter: Adapter) -> JSONValue {
        let state = !adapter.isEnabled ? "disabled" : adapter.missingVariables.isEmpty ? "on" : "off"
        return .object([
            .init("provider", .string(adapter.provider)),
            .init("title", .string(adapter.title)),
            .init("state", .string(state)),
            .init("missing_variables", .array(adapter.missingVariables.map(JSONValue.string))),
            .init("url", .string(adapter.upstream.route.baseURL)),
            .init("operations", .array(adapter.operations.map { .string($0.name) })),
            .init(
                "prices",
                .array(
                    adapter.prices.entries.map { entry in
                        .object([
                            .init("version", .string(entry.version)), .init("effective", .string(entry.effective.rfc3339)),
                            .init("source", .string(entry.source)), .init("checked", .string(String(entry.checked.rfc3339.prefix(10)))),
                        ])
                    })),
        ])
    }

    static func answer(to outcome: ReloadOutcome) -> AdminAnswer {
        switch outcome {
        case .replaced(let generation, let notes):
            AdminAnswer(
                .object([
                    .init("generation", .number(JSONNumber(Int64(generation)))), .init("changed", .bool(true)),
                    .init("notes", .array(notes.map(JSONValue.string))),
                ]))
        case .unchanged(let generation):
            AdminAnswer(.object([.init("generation", .number(JSONNumber(Int64(generation)))), .init("changed", .bool(false))]))
        case .refused(let generation, let problems):
            AdminAnswer(
                problem: 422, "Configuration refused", "Generation \(generation) stays in force.",
                [.init("problems", .array(problems.map(JSONValue.string)))])
        }
    }
}
