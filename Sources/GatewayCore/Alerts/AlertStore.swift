/// Where alerts and what is to be delivered of them are kept: beside the ledger's tables, for all gateways that share them.
///
/// Each alert is raised once, and each delivery is some gateway's at a time, so that all of them together do what one would do. Deliveries
/// are made at least once: one whose end nobody has noted is due again when its claim is over.
package protocol AlertStore: Sendable {
    /// Raises those alerts that are new, with a delivery to each webhook, and returns their ids. One is not new where the account has had an
    /// alert of its level or a worse one for its limit or a higher one.
    func raise(_ alerts: [BudgetAlert], to webhooks: [WebhookID]) async throws(LedgerError) -> Set<CallID>
    /// Claims deliveries that are due at an instant, until another one: of each webhook as many as there is room for.
    func claimDeliveries(_ room: [WebhookID: Int], at now: Timestamp, until end: Timestamp) async throws(LedgerError) -> [AlertDelivery]
    /// Notes how tries have ended.
    func noteDeliveries(_ ends: [DeliveryEnd]) async throws(LedgerError)
    /// Gives up what is not delivered and was raised before an instant. Returns what that is, and how many deliveries wait then.
    func giveUpDeliveries(raisedBefore instant: Timestamp) async throws(LedgerError) -> (givenUp: [DeliveryKey], waiting: Int)
    /// Some alerts, the newest first.
    func alerts(_ query: AlertQuery) async throws(LedgerError) -> [RaisedAlert]
}

/// A webhook as the ledger knows it: the beginning of its address's SHA-256. Addresses can hold secrets.
package struct WebhookID: Sendable, Hashable, CustomStringConvertible {
    package var description: String

    package init(_ text: String) {
        description = text
    }
}

/// Which alert goes where.
package struct DeliveryKey: Sendable, Hashable {
    package var workspace: String
    package var alert: CallID
    package var webhook: WebhookID

    package init(workspace: String, alert: CallID, webhook: WebhookID) {
        self.workspace = workspace
        self.alert = alert
        self.webhook = webhook
    }
}

/// A delivery that is this gateway's to make.
package struct AlertDelivery: Sendable, Hashable {
    package var key: DeliveryKey
    package var body: String
    /// Tries, this one included.
    package var attempts: Int

    package init(key: DeliveryKey, body: String, attempts: Int) {
        self.key = key
        self.body = body
        self.attempts = attempts
    }
}

/// How a try to deliver has ended.
package struct DeliveryEnd: Sendable, Hashable {
    package enum Outcome: Sendable, Hashable {
        case acknowledged(at: Timestamp)
        /// Why, and when it is tried again.
        case failed(String, retryAt: Timestamp)
    }

    package var key: DeliveryKey
    package var outcome: Outcome

    package init(key: DeliveryKey, outcome: Outcome) {
        self.key = key
        self.outcome = outcome
    }
}

/// Which alerts are asked for.
package struct AlertQuery: Sendable, Hashable {
    /// nil for all.
    package var workspace: String?
    package var level: AlertLevel?
    package var from: Timestamp?
    /// Only those that are older than this one.
    package var before: CallID?
    package var limit: Int

    package init(workspace: String? = nil, level: AlertLevel? = nil, from: Timestamp? = nil, before: CallID? = nil, limit: Int) {
        self.workspace = workspace
        self.level = level
        self.from = from
        self.before = before
        self.limit = limit
    }
}

/// An alert, and what has become of it.
package struct RaisedAlert: Sendable, Hashable {
    package struct Delivery: Sendable, Hashable {
        package var webhook: WebhookID
        package var attempts: Int
        package var acknowledgedAt: Timestamp?
        /// nil when it is delivered, or given up.
        package var nextAttemptAt: Timestamp?
        /// Why the last try failed.
        package var lastError: String?

        package init(
            webhook: WebhookID, attempts: Int = 0, acknowledgedAt: Timestamp? = nil, nextAttemptAt: Timestamp? = nil,
            lastError: String? = nil
        ) {
            self.webhook = webhook
            self.attempts = attempts
            self.acknowledgedAt = acknowledgedAt
            self.nextAttemptAt = nextAttemptAt
            self.lastError = lastError
        }
    }

    package var id: CallID
    package var createdAt: Timestamp
    package var body: String
    /// In the order of their webhooks' ids.
    package var deliveries: [Delivery]

    package init(id: CallID, createdAt: Timestamp, body: String, deliveries: [Delivery] = []) {
        self.id = id
        self.createdAt = createdAt
        self.body = body
        self.deliveries = deliveries
    }
}
