import GatewayCore
import JSONPath

/// `/readyz`: whether this gateway should get calls, and what is wrong behind it.
enum Readiness {
    /// Ready as soon as it serves: the ledger failing is reported and does not take a gateway out of service, because calls go on.
    /// Under `on_tracker_error: closed` they do not, and it is not ready.
    static func answer(_ health: Health, generation: Generation, now: Timestamp) -> AdminAnswer {
        let isBehind = health.isBehind(at: now)
        let isWell = health.journal.isWell && health.ledger.isWell && !isBehind && health.budgetsLoaded && health.fillingLevel == nil
        let isReady = isWell || generation.configuration.onTrackerError == .open
        let body = JSONValue.object([
            .init("status", .string(isWell ? "ready" : isReady ? "degraded" : "unready")),
            .init("generation", .number(JSONNumber(Int64(generation.number)))),
            .init(
                "journal",
                part(
                    health.journal, health.fillingLevel == nil ? "ok" : "filling",
                    [
                        .init("bytes", .number(JSONNumber(Int64(health.journalBytes)))),
                        .init("max", health.journalLimit.map { .number(JSONNumber(Int64($0))) } ?? .null),
                        .init("full_in_seconds", health.secondsUntilFull(at: now).map { .number(JSONNumber(Int64($0))) } ?? .null),
                        .init("waiting", .number(JSONNumber(Int64(health.retained)))),
                        .init("to_replay", .number(JSONNumber(Int64(health.dropped)))),
                    ])),
            .init(
                "ledger",
                part(
                    health.ledger, isBehind ? "behind" : "ok",
                    [.init("set_aside", .number(JSONNumber(Int64(health.setAside))))])),
            .init("budgets", .string(health.budgetsLoaded ? "known" : "unverified")),
            .init(
                "backlog",
                .object([
                    .init("records", .number(JSONNumber(Int64(health.backlog)))),
                    .init("bytes", .number(JSONNumber(Int64(health.backlogBytes)))),
                    .init("since", health.backlogSince.map { .string($0.rfc3339) } ?? .null),
                ])),
        ])
        return AdminAnswer(body, status: isReady ? 200 : 503)
    }

    private static func part(_ part: Health.Part, _ status: String, _ more: [JSONValue.Member]) -> JSONValue {
        guard let since = part.failingSince else { return .object([.init("status", .string(status))] + more) }
        return .object(
            [
                .init("status", .string("failing")), .init("since", .string(since.rfc3339)),
                .init("error", part.lastError.map(JSONValue.string) ?? .null),
            ] + more)
    }
}
