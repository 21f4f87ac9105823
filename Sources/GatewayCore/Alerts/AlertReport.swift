package import JSONPath

/// Alerts as operators read them.
package enum AlertReport {
    /// An alert's own members, when it was raised, and what has become of its deliveries.
    package static func json(_ alert: RaisedAlert, webhooks: [AlertSettings.Webhook]) -> JSONValue {
        let places = Dictionary(webhooks.map { ($0.id, $0.place) }) { first, _ in first }
        var members: [JSONValue.Member] = []
        if let document = try? JSONDocument(parsing: alert.body), case .object(let own)? = try? JSONValue(document.root) { members = own }
        return .object(
            members + [
                .init("created_at", .string(alert.createdAt.rfc3339)),
                .init("deliveries", .array(alert.deliveries.map { delivery($0, place: places[$0.webhook]) })),
            ])
    }

    private static func delivery(_ delivery: RaisedAlert.Delivery, place: String?) -> JSONValue {
        func instant(_ instant: Timestamp?) -> JSONValue { instant.map { .string($0.rfc3339) } ?? .null }
        let state = delivery.acknowledgedAt != nil ? "acknowledged" : delivery.nextAttemptAt != nil ? "waiting" : "given_up"
        return .object([
            .init("webhook", .string(delivery.webhook.description)), .init("host", place.map(JSONValue.string) ?? .null),
            .init("state", .string(state)), .init("attempts", .number(JSONNumber(Int64(delivery.attempts)))),
            .init("acknowledged_at", instant(delivery.acknowledgedAt)), .init("next_attempt_at", instant(delivery.nextAttemptAt)),
            .init("last_error", delivery.lastError.map(JSONValue.string) ?? .null),
        ])
    }
}
