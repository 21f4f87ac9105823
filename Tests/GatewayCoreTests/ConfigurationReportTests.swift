import GatewayCore
import JSONPath
import Testing

@Suite struct ConfigurationReportTests {
    private func text(_ value: JSONValue) -> String { String(decoding: value.serialized, as: UTF8.self) }

    private var configuration: Configuration {
        var configuration = Configuration(
            plugins: "/plugins", ledger: LedgerSettings(engine: .postgres(Secret("postgres://u:hunter2@h/d")), journal: "/j"))
        configuration.admin.token = Secret("token-1")
        configuration.alerts.webhooks = [.init(url: Secret("https://hook.example/T0/secret-path"), secret: Secret("hmac-1"))]
        configuration.providers["pdl"] = ProviderOverride(timeout: 5, proxy: Secret("http://p:proxy-1@egress"))
        return configuration
    }

    @Test func secretsAreNowhereAndTheirChangeIsSeen() throws {
        var old = ConfigurationReport()
        let before = old.settings(configuration)
        var changed = configuration
        changed.admin.token = Secret("token-2")
        changed.providers["pdl"]?.proxy = Secret("http://p:proxy-2@egress")
        changed.limits.connections = 7
        var new = ConfigurationReport(beside: old.secrets)
        let after = new.settings(changed)
        let difference = try #require(JSONValue.difference(before, after))
        #expect(
            text(difference.before)
                == #"{"admin":{"token":"•••"},"providers":{"pdl":{"proxy":"•••"}},"limits":{"connections":10000}}"#)
        #expect(
            text(difference.after)
                == #"{"admin":{"token":"••• (new)"},"providers":{"pdl":{"proxy":"••• (new)"}},"limits":{"connections":7}}"#)
        for secret in ["token-", "hunter2", "hmac-1", "secret-path", "proxy-"] {
            #expect(!text(before).contains(secret) && !text(after).contains(secret))
        }
    }

    @Test(arguments: [
        ("1", "1.0", nil), ("{}", "{}", nil), ("[1]", "[2]", "[1] [2]"), (#"{"a":1}"#, #"{"b":2}"#, #"{"a":1} {"b":2}"#),
        (#"{"a":{"x":1,"y":2},"b":3}"#, #"{"a":{"x":1,"y":4,"z":5},"b":3}"#, #"{"a":{"y":2}} {"a":{"y":4,"z":5}}"#),
        (#"{"a":{}}"#, #"{"a":null}"#, #"{"a":{}} {"a":null}"#), ("null", "{}", "null {}"),
    ])
    func onlyWhatDiffersIsShown(before: String, after: String, expected: String?) throws {
        func value(_ text: String) throws -> JSONValue { try JSONValue(JSONDocument(parsing: text).root) }
        let difference = JSONValue.difference(try value(before), try value(after))
        #expect(difference.map { "\(text($0.before)) \(text($0.after))" } == expected)
    }

    /// What a budget is written as is read as the same budget.
    @Test func aBudgetIsWrittenInTheWordsThatAreRead() throws {
        let other = Budget(
            workspace: WindowLimits(daily: Money(nanos: 5), monthly: nil), timeZone: "Asia/Tokyo", enforcement: .shadow,
            providers: ["pdl": WindowLimits(daily: Money(nanos: 1), monthly: Money(nanos: .max))],
            users: .init(standard: WindowLimits(daily: Money(nanos: 7)), named: ["ada": WindowLimits(monthly: Money(nanos: 8))]))
        let none = Budget(workspace: WindowLimits())
        #expect(try StoredBudgets.budget(text(other.json), inheriting: none).workspace == other.workspace)
        for budget in [Budget(), none] { #expect(try StoredBudgets.budget(text(budget.json), inheriting: none) == budget) }
        let read = try StoredBudgets.budget(text(other.json), inheriting: none)
        #expect(read.providers == other.providers && read.users?.standard == other.users?.standard && read.timeZone == "Asia/Tokyo")
    }
}
