import GatewayCore
import JSONPath

/// `/v1/config` and `/v1/reload`: the generation in force. Secrets show as `•••`.
enum ConfigurationView {
    static func json(_ generations: CurrentGeneration) -> JSONValue {
        let generation = generations.generation
        let last = generations.lastAttempt
        var report = ConfigurationReport()
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
            .init("settings", report.settings(generation.configuration)),
            .init("adapters", .array(generation.adapters.values.sorted { $0.provider < $1.provider }.map(ConfigurationReport.adapter))),
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
