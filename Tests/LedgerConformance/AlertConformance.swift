package import GatewayCore
import Testing

extension LedgerConformance {
    private static let start = RecordMaker.firstDay

    private static func account(_ workspace: String, _ scope: BudgetScope = .workspace, _ name: String = "", days: Int64 = 1) -> AccountKey
    {
        AccountKey(workspace: workspace, scope: scope, name: name, start: start, end: start.adding(seconds: days * 86_400))
    }

    private static func alert(
        _ number: UInt64, _ account: AccountKey, _ level: AlertLevel = .warning, of nanos: Int64 = 100, at second: Int64 = 0
    ) -> BudgetAlert {
        BudgetAlert(
            id: CallID(high: 1 << 20, low: number), account: account, level: level, limit: Money(nanos: nanos),
            createdAt: start.adding(seconds: second), body: #"{"n":\#(number),"text":"ü \" \u0000"}"#)
    }

    /// Each alert once: for its account, its level and the lower ones, its limit and the lower ones.
    package static func alertsAreRaisedOnce(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        let acme = account("acme")
        func raise(_ alerts: BudgetAlert...) async throws -> [UInt64] {
            try await ledger.raise(alerts, to: []).map(\.low).sorted()
        }
        #expect(try await raise() == [])
        #expect(try await raise(alert(1, acme)) == [1])
        #expect(try await raise(alert(2, acme), alert(3, acme, of: 99), alert(4, acme, .critical, of: 90)) == [4])
        #expect(try await raise(alert(5, acme, .critical, of: 90), alert(6, acme, .warning, of: 100)) == [])
        #expect(try await raise(alert(7, acme, .critical, of: 100)) == [7])
        #expect(try await raise(alert(8, acme, .emergency, of: .max), alert(9, acme, .warning, of: .max - 1)) == [8])
        // Others' are others'.
        #expect(
            try await raise(
                alert(10, account("beta")), alert(11, account("acme", days: 30)), alert(12, account("acme", .provider, "p")),
                alert(13, account("acme", .user, "p")), alert(14, account("acme", .user, "ü '\"")), alert(15, account("acme", .user, "p")))
                == [10, 11, 12, 13, 14])
        await ledger.close()
    }

    /// Alerts are listed the newest first, page by page, with what became of their deliveries.
    package static func alertsAreListed(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        let none = try await ledger.alerts(AlertQuery(limit: 5))
        #expect(none.isEmpty)
        let levels: [AlertLevel] = [.warning, .emergency, .critical]
        var alerts: [BudgetAlert] = []
        for number in 1...6 {
            let account = account(number % 2 == 0 ? "even" : "odd", days: Int64(number))
            alerts.append(alert(UInt64(number), account, levels[number % 3], at: Int64(number)))
        }
        _ = try await ledger.raise(Array(alerts[..<3]), to: [WebhookID("b"), WebhookID("a")])
        _ = try await ledger.raise(Array(alerts[3...]), to: [])
        func list(_ query: AlertQuery) async throws -> [UInt64] { try await ledger.alerts(query).map(\.id.low) }
        #expect(try await list(AlertQuery(limit: 4)) == [6, 5, 4, 3])
        #expect(try await list(AlertQuery(before: alerts[2].id, limit: 4)) == [2, 1])
        #expect(try await list(AlertQuery(workspace: "odd", limit: 4)) == [5, 3, 1])
        #expect(try await list(AlertQuery(level: .warning, limit: 4)) == [6, 3])
        #expect(try await list(AlertQuery(from: start.adding(seconds: 5), limit: 4)) == [6, 5])
        #expect(try await list(AlertQuery(workspace: "even", level: .emergency, from: start, before: alerts[5].id, limit: 1)) == [4])
        #expect(try await list(AlertQuery(workspace: "x' OR ''='", limit: 4)) == [])
        let first = try #require(try await ledger.alerts(AlertQuery(before: alerts[1].id, limit: 1)).first)
        #expect(first.body == alerts[0].body && first.createdAt == alerts[0].createdAt)
        #expect(first.deliveries.map(\.webhook.description) == ["a", "b"])
        #expect(first.deliveries.allSatisfy { $0.attempts == 0 && $0.nextAttemptAt == first.createdAt && $0.acknowledgedAt == nil })
        await ledger.close()
    }

    /// A delivery is somebody's for as long as it is claimed, and due again after that, until it is acknowledged or given up.
    package static func deliveriesAreClaimed(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        let (a, b) = (WebhookID("a"), WebhookID("b"))
        let alerts: [BudgetAlert] = (1...3).map { alert(UInt64($0), account("w\($0)"), at: Int64($0)) }
        _ = try await ledger.raise(alerts, to: [a, b])
        // Raised a second time, it is not delivered a second time.
        _ = try await ledger.raise([alert(9, account("w1"))], to: [a, b])
        func claim(_ room: [WebhookID: Int], at second: Int64) async throws -> [AlertDelivery] {
            try await ledger.claimDeliveries(room, at: start.adding(seconds: second), until: start.adding(seconds: second + 10))
        }
        func claimed(_ room: [WebhookID: Int], at second: Int64) async throws -> [UInt64] {
            try await claim(room, at: second).map(\.key.alert.low)
        }
        for room in [[:], [a: 0], [WebhookID("c"): 4]] { #expect(try await claimed(room, at: 5) == []) }
        #expect(try await claimed([a: 4], at: 1) == [1], "the others are not due yet")
        let two = try await claim([a: 1, b: 2], at: 5)
        #expect(two.map { "\($0.key.webhook)\($0.key.alert.low)" }.sorted() == ["a2", "b1", "b2"])
        #expect(two.allSatisfy { delivery in delivery.attempts == 1 && alerts.contains { $0.body == delivery.body } })
        #expect(try await claimed([a: 4, b: 4], at: 6).sorted() == [3, 3])
        #expect(try await claimed([a: 4, b: 4], at: 10) == [])
        // Nobody has said how the first went.
        let again = try await claim([a: 4, b: 4], at: 11)
        #expect(again.map(\.key.alert.low) == [1] && again.first?.attempts == 2)

        let (key, other) = (try #require(again.first?.key), try #require(two.first { $0.key.webhook == b }?.key))
        try await ledger.noteDeliveries([
            DeliveryEnd(key: key, outcome: .acknowledged(at: start.adding(seconds: 12))),
            DeliveryEnd(key: other, outcome: .failed("answered 500", retryAt: start.adding(seconds: 100))),
        ])
        try await ledger.noteDeliveries([])
        // A try whose end comes after the acknowledgement of another.
        try await ledger.noteDeliveries([DeliveryEnd(key: key, outcome: .failed("late", retryAt: start.adding(seconds: 20)))])
        #expect(try await claimed([a: 9, b: 9], at: 99).count == 4)
        #expect(try await claimed([b: 9], at: 108).count == 1)
        var (givenUp, waiting) = try await ledger.giveUpDeliveries(raisedBefore: start.adding(seconds: 1))
        #expect(givenUp.isEmpty && waiting == 5)
        (givenUp, waiting) = try await ledger.giveUpDeliveries(raisedBefore: start.adding(seconds: 3))
        #expect(Set(givenUp.map { "\($0.webhook)\($0.alert.low)\($0.workspace)" }) == ["b1w1", "a2w2", "b2w2"] && waiting == 2)
        (givenUp, waiting) = try await ledger.giveUpDeliveries(raisedBefore: start.adding(seconds: 3))
        #expect(givenUp.isEmpty && waiting == 2)
        #expect(try await Set(claimed([a: 9, b: 9], at: 1000)) == [3])

        let listed = try #require(try await ledger.alerts(AlertQuery(workspace: "w1", limit: 9)).first)
        #expect(listed.deliveries.map(\.nextAttemptAt) == [nil, nil])
        #expect(listed.deliveries.first?.acknowledgedAt == start.adding(seconds: 12) && listed.deliveries.first?.attempts == 2)
        #expect(listed.deliveries.last?.acknowledgedAt == nil && (listed.deliveries.last?.attempts ?? 0) > 1)
        await ledger.close()
    }
}
