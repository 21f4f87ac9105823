import JSONPath

/// What an alert is about, as the ledger keeps it: one alert a subject, level and limit.
package struct AlertSubject: Sendable, Hashable {
    package var workspace: String
    package var scope: String
    package var name: String
    package var start: Timestamp
    package var end: Timestamp

    package init(_ account: AccountKey) {
        self.init(workspace: account.workspace, scope: account.scope.rawValue, name: account.name, start: account.start, end: account.end)
    }

    package init(workspace: String, scope: String, name: String, start: Timestamp, end: Timestamp) {
        self.workspace = workspace
        self.scope = scope
        self.name = name
        self.start = start
        self.end = end
    }
}

/// An alert as it is raised: what identifies it, and its text, which every webhook gets and which never changes.
package struct BudgetAlert: Sendable, Hashable {
    package var id: CallID
    package var subject: AlertSubject
    package var level: AlertLevel
    package var limit: Money
    package var createdAt: Timestamp
    /// A JSON object.
    package var body: String

    package init(id: CallID, account: AccountKey, level: AlertLevel, limit: Money, createdAt: Timestamp, body: String) {
        self.init(id: id, subject: AlertSubject(account), level: level, limit: limit, createdAt: createdAt, body: body)
    }

    package init(id: CallID, subject: AlertSubject, level: AlertLevel, limit: Money, createdAt: Timestamp, body: String) {
        self.id = id
        self.subject = subject
        self.level = level
        self.limit = limit
        self.createdAt = createdAt
        self.body = body
    }

    /// - Parameter top: What the window's spending went to.
    package init(_ sighting: AlertSighting, id: CallID, top: [ProviderSpending], at now: Timestamp) {
        self.init(
            id: id, account: sighting.account, level: sighting.level, limit: sighting.limit, createdAt: now,
            body: String(decoding: Self.json(sighting, id: id, top: top).serialized, as: UTF8.self))
    }

    private static func json(_ sighting: AlertSighting, id: CallID, top: [ProviderSpending]) -> JSONValue {
        let (account, window) = (sighting.account, sighting.window)
        var members: [JSONValue.Member] = [
            .init("id", .string(id.description)), .init("workspace", .string(account.workspace)),
            .init("scope", .string(account.scope.rawValue)),
        ]
        if account.scope != .workspace { members.append(.init("name", .string(account.name))) }
        members += [
            .init("window", .string(window.kind.rawValue)), .init("level", .string(sighting.level.rawValue)),
            .init("threshold", JSONNumber(sighting.threshold.description).map { .number($0) } ?? .string("\(sighting.threshold)")),
            .init("limit", .string(sighting.limit.description)), .init("spent", .string(sighting.spent.description)),
            .init("refused", .bool(sighting.isRefused)), .init("resets_at", .string(window.resetText)),
            .init("top", .array(top.prefix(5).map(\.json))),
            .init("runs_out_at", sighting.runsOutAt.map { .string($0.hourText(offset: window.offsetAtEnd)) } ?? .null),
        ]
        return .object(members)
    }
}

/// What was spent with one provider.
package struct ProviderSpending: Sendable, Hashable {
    package var provider: String
    package var spent: Money

    package init(provider: String, spent: Money) {
        self.provider = provider
        self.spent = spent
    }

    var json: JSONValue { .object([.init("provider", .string(provider)), .init("spent", .string(spent.description))]) }

    /// What an account's spending went to, the most first, from the ledger's sums by provider and user, and the records that the ledger does
    /// not have yet.
    package static func top(of account: AccountKey, _ sums: [SpendRow], recent: some Sequence<CostRecord>) -> [ProviderSpending] {
        var spending: [String: Money] = [:]
        func add(_ workspace: String, _ provider: String?, _ user: String?, _ cost: Money) {
            guard workspace == account.workspace, let provider, cost != .zero else { return }
            let counts =
                switch account.scope {
                case .workspace: true
                case .provider: provider == account.name
                case .user: user == account.name
                }
            if counts { spending[provider, default: .zero] += cost }
        }
        for sum in sums { add(sum.workspace, sum.provider, sum.user, sum.cost) }
        for record in recent where account.start <= record.createdAt && record.createdAt < account.end {
            add(record.workspace, record.provider, record.user, record.cost)
        }
        return spending.map { ProviderSpending(provider: $0, spent: $1) }.sorted { left, right in
            left.spent == right.spent ? left.provider < right.provider : left.spent > right.spent
        }
    }
}

extension Timestamp {
    /// The beginning of the hour that an instant lies in, at a distance from UTC.
    fileprivate func hourText(offset: Int) -> String {
        let local = seconds + Int64(offset)
        let hour = local >= 0 ? local / 3600 : (local - 3599) / 3600
        return Timestamp(seconds: hour * 3600 - Int64(offset)).rfc3339(offset: offset)
    }
}
