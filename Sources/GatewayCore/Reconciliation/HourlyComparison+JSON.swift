package import JSONPath

extension HourlyComparison {
    /// As operators read it.
    package var json: JSONValue {
        .object(
            poolMembers + [
                .init("hour", .string(hour.rfc3339)), .init("outcome", .string(outcome.rawValue)), .init("from", .string(from.rfc3339)),
                .init("to", .string(until.rfc3339)), .init("counted_low", .string(low.description)),
                .init("counted_high", .string(high.description)),
            ] + counts + [.init("topped_up", .string(toppedUp.description)), .init("compared_at", .string(createdAt.rfc3339))])
    }

    private var poolMembers: [JSONValue.Member] {
        [.init("provider", .string(pool.provider))] + (pool.name.isEmpty ? [] : [.init("pool", .string(pool.name))])
    }

    private var counts: [JSONValue.Member] {
        [
            .init("counted", .string(counted.description)), .init("reported", .string(reported.description)),
            .init("drift", .string(drift.description)), .init("bound", .string(bound.description)),
            .init("top_ups", .number(JSONNumber(Int64(topUps)))),
        ]
    }

    /// The scope of alerts about hours, and their window.
    package static let alertScope = "reconciliation"
    package static let alertWindow = "hour"

    /// That this hour is beyond its bound.
    package func alert(id: CallID, at now: Timestamp) -> BudgetAlert {
        let body = JSONValue.object(
            [.init("id", .string(id.description)), .init("scope", .string(Self.alertScope))] + poolMembers + [
                .init("level", .string(AlertLevel.warning.rawValue)), .init("window", .string(Self.alertWindow)),
                .init("from", .string(from.rfc3339)), .init("to", .string(until.rfc3339)),
            ] + counts)
        return BudgetAlert(
            id: id,
            subject: AlertSubject(
                workspace: "", scope: Self.alertScope, name: pool.description, start: hour,
                end: Timestamp(microseconds: hour.microseconds + Self.hourLength)),
            level: .warning, limit: .zero, createdAt: now, body: String(decoding: body.serialized, as: UTF8.self))
    }
}
