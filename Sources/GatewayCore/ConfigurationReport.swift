package import JSONPath

/// A configuration as operators see it: config.yaml's words, and what was taken from the adapters. Secrets are `•••`.
package struct ConfigurationReport {
    /// The secrets of the configuration that this one is laid beside; the others are marked as new.
    private let known: Set<Secret>?
    /// Those that were met.
    package private(set) var secrets: Set<Secret> = []

    package init(beside known: Set<Secret>? = nil) {
        self.known = known
    }

    /// The settings of config.yaml that are in force.
    package mutating func settings(_ configuration: Configuration) -> JSONValue {
        let ledger = configuration.ledger
        var members: [JSONValue.Member] = [
            .init("listen", .string(configuration.listen.description)),
            .init(
                "admin",
                .object([
                    .init("listen", .string(configuration.admin.listen.description)), .init("token", masked(configuration.admin.token)),
                ])),
            .init("plugins", .string(configuration.plugins)),
            .init("auth", .string(configuration.authentication.rawValue)),
            .init("default_workspace", configuration.defaultWorkspace.map(JSONValue.string) ?? .null),
            .init("on_tracker_error", .string(configuration.onTrackerError.rawValue)),
            .init(
                "ledger",
                .object(
                    engine(ledger.engine) + [
                        .init("journal", .string(ledger.journal)), .init("journal_max", number(ledger.journalLimit)),
                        .init("synchronous", .string(ledger.synchronous.rawValue)),
                    ])),
        ]
        let alerts = configuration.alerts
        members.append(
            .init(
                "alerts",
                .object([
                    .init(
                        "thresholds",
                        .object(
                            AlertLevel.allCases.map { level in
                                .init(level.rawValue, JSONNumber(alerts.threshold(of: level).description).map { .number($0) } ?? .null)
                            })),
                    .init(
                        "webhooks",
                        .array(
                            alerts.webhooks.map { hook in
                                .object([
                                    .init("id", .string(hook.id.description)), .init("host", .string(hook.place)),
                                    .init("url", masked(hook.url)), .init("secret", masked(hook.secret)),
                                ])
                            })),
                ])))
        members.append(
            .init("providers", .object(configuration.providers.sorted { $0.key < $1.key }.map { .init($0.key, override($0.value)) })))
        let (limits, cache, reload) = (configuration.limits, configuration.cache, configuration.reload)
        members.append(
            .init(
                "limits",
                .object([
                    .init("request_body", number(limits.requestBody)), .init("buffered_response", number(limits.bufferedResponse)),
                    .init("buffered_total", number(limits.bufferedTotal)), .init("header_bytes", number(limits.headerBytes)),
                    .init("connections", number(limits.connections)), .init("idle_timeout_ms", number(limits.idleTimeout)),
                ])))
        members.append(.init("cache", .object([.init("memory", number(cache.memory)), .init("disk", number(cache.disk))])))
        members.append(
            .init(
                "reload",
                .object([
                    .init("watch", .bool(reload.watch)), .init("max_price_change", .string(reload.maximumPriceChange.description)),
                ])))
        return .object(members)
    }

    /// The budgets of config.yaml.
    package static func budgets(_ book: BudgetBook) -> JSONValue {
        .object([
            .init("default", book.standard.json),
            .init("workspaces", .object(book.workspaces.sorted { $0.key < $1.key }.map { .init($0.key, $0.value.json) })),
        ])
    }

    /// An adapter: whether it serves, where, what, and at which prices.
    package static func adapter(_ adapter: Adapter) -> JSONValue {
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

    private mutating func engine(_ engine: LedgerSettings.Engine) -> [JSONValue.Member] {
        switch engine {
        case .sqlite(let path): [.init("engine", .string("sqlite")), .init("url", .string("sqlite:\(path)"))]
        case .postgres(let url): [.init("engine", .string("postgres")), .init("url", masked(url))]
        }
    }

    private mutating func override(_ override: ProviderOverride) -> JSONValue {
        var members = [JSONValue.Member("enabled", .bool(override.enabled))]
        if let url = override.url { members.append(.init("url", .string(url))) }
        for (name, value) in [
            ("timeout_ms", override.timeout), ("total_ms", override.total), ("max_concurrent", override.maximumConcurrent),
        ] { if let value { members.append(.init(name, number(value))) } }
        if let proxy = override.proxy { members.append(.init("proxy", masked(proxy))) }
        if let file = override.certificateAuthorities { members.append(.init("ca", .string(file))) }
        return .object(members)
    }

    private mutating func masked(_ secret: Secret?) -> JSONValue {
        guard let secret else { return .null }
        secrets.insert(secret)
        return .string(known?.contains(secret) == false ? "\(secret) (new)" : "\(secret)")
    }

    private func number(_ value: Int?) -> JSONValue { value.map { .number(JSONNumber(Int64($0))) } ?? .null }
}

extension JSONValue {
    /// The members in which two objects differ, and of those that are objects the same again; nil where they do not differ.
    package static func difference(_ before: JSONValue, _ after: JSONValue) -> (before: JSONValue, after: JSONValue)? {
        guard before != after else { return nil }
        guard case .object(let old) = before, case .object(let new) = after else { return (before, after) }
        var (was, now): ([Member], [Member]) = ([], [])
        for member in old {
            guard let value = after[member.name] else {
                was.append(member)
                continue
            }
            guard let parts = difference(member.value, value) else { continue }
            was.append(Member(member.name, parts.before))
            now.append(Member(member.name, parts.after))
        }
        now += new.filter { before[$0.name] == nil }
        return (.object(was), .object(now))
    }
}
