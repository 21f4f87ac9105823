import AdapterFiles
import Foundation
import GatewayCore
import Testing

struct ConfigurationTests {
    /// The configuration that a text is, with one adapter beside it, and the problems.
    private func load(
        _ text: String, isSandbox: Bool = false, change: (inout LaunchOptions) -> Void = { _ in }
    ) throws -> (configuration: Configuration?, folder: String, problems: [String]) {
        let folder = try TemporaryFolder(["config.yaml": text, "plugins/acmedata.yaml": smallAdapter])
        var options = folder.options(isSandbox: isSandbox, environment: ["ACMEDATA_API_KEY": "k", "TOKEN": "t0ken"])
        change(&options)
        let loaded = GenerationLoader(options).load(number: 1, at: Timestamp(seconds: 0))
        return (loaded.generation?.configuration, folder.path, folder.short(loaded.diagnostics))
    }

    @Test func defaults() throws {
        let (loaded, folder, problems) = try load("gateway: 1")
        let configuration = try #require(loaded)
        #expect(problems == [])
        let ledger = LedgerSettings(engine: .sqlite(path: folder + "/gateway.db"), journal: folder + "/gateway-journal")
        #expect(configuration == Configuration(plugins: folder + "/plugins", ledger: ledger))
    }

    /// What the README says that settings are when they are left out.
    @Test func theReadmeListsTheDefaults() throws {
        let readme = try String(contentsOf: URL(fileURLWithPath: #filePath + "/../../../README.md").standardized, encoding: .utf8)
        let block = try #require(
            readme.components(separatedBy: "<!-- settings -->\n```yaml\n").dropFirst().first?.components(separatedBy: "```").first)
        let (loaded, folder, problems) = try load(block)
        let ledger = LedgerSettings(engine: .sqlite(path: folder + "/gateway.db"), journal: folder + "/gateway-journal")
        #expect(loaded == Configuration(plugins: folder + "/plugins", ledger: ledger) && problems == [])
    }

    @Test func everything() throws {
        let (loaded, folder, problems) = try load(
            """
            gateway: 1
            listen: 127.0.0.1:9000
            admin: { listen: "0.0.0.0:9001", token: "${TOKEN}" }
            plugins: plugins
            ledger: { url: "sqlite:data/l.db", journal: /var/journal, journal_max: 10GiB, synchronous: full }
            auth: { mode: keys }
            budgets:
              default: { daily: 50, monthly: 1000, timezone: UTC, enforcement: off }
              workspaces:
                acme: { daily: 200, timezone: America/New_York, enforcement: shadow,
                        providers: { acmedata: { daily: 20 } }, users: { default: { daily: 10 }, ada: { monthly: 0.000000001 } } }
            on_tracker_error: closed
            alerts:
              thresholds: { warning: 70.5, emergency: 99 }
              webhooks: [ { url: "https://hooks.example.com/x?y=1", secret: "${TOKEN}" } ]
            providers:
              acmedata: { url: "http://127.0.0.1:9001/", enabled: false, timeout: 20s, total: 1m, max_concurrent: 50,
                          proxy: "http://u:p@egress:3128", rates: [ { credit: 0.22 } ] }
            limits: { request_body: 1MiB, buffered_response: 2MiB, buffered_total: 3MiB, header_bytes: 4KiB, connections: 5, idle_timeout: 6s }
            reload: { watch: false, max_price_change: 2.5 }
            """)
        let configuration = try #require(loaded, "\(problems)")
        #expect(problems == [])
        #expect(configuration.listen == SocketAddress(host: "127.0.0.1", port: 9000))
        #expect(configuration.admin == Admin(listen: SocketAddress(host: "0.0.0.0", port: 9001), token: Secret("t0ken")))
        #expect(
            configuration.ledger
                == LedgerSettings(
                    engine: .sqlite(path: folder + "/data/l.db"), journal: "/var/journal", journalLimit: 10 << 30, synchronous: .full))
        #expect(configuration.authentication == .keys)
        let acme = configuration.budgets.budget(for: "acme")
        #expect(acme.workspace == WindowLimits(daily: Money("200"), monthly: Money("1000")))
        #expect((acme.timeZone, acme.enforcement) == ("America/New_York", .shadow))
        #expect(acme.providers == ["acmedata": WindowLimits(daily: Money("20"))])
        #expect(acme.users?.limits(for: "ada") == WindowLimits(daily: Money("10"), monthly: Money(nanos: 1)))
        #expect(acme.users?.limits(for: "bob") == WindowLimits(daily: Money("10")))
        #expect(configuration.budgets.budget(for: "other").enforcement == .off)
        #expect(configuration.onTrackerError == .closed)
        #expect(configuration.alerts.warning == (try Exact(141, over: 2)))
        #expect(configuration.alerts.webhooks == [.init(url: Secret("https://hooks.example.com/x?y=1"), secret: Secret("t0ken"))])
        let override = try #require(configuration.providers["acmedata"])
        #expect((override.url, override.enabled, override.timeout, override.total) == ("http://127.0.0.1:9001", false, 20_000, 60_000))
        #expect((override.maximumConcurrent, override.proxy) == (50, Secret("http://u:p@egress:3128")))
        #expect(override.rates.map(\.isOverride) == [true])
        #expect(
            configuration.limits
                == Limits(
                    requestBody: 1 << 20, bufferedResponse: 2 << 20, bufferedTotal: 3 << 20, headerBytes: 4096, connections: 5,
                    idleTimeout: 6000))
        #expect(configuration.reload == ReloadSettings(watch: false, maximumPriceChange: try Exact(5, over: 2)))
    }

    @Test(arguments: [
        ("listen: 127.0.0.1:1", "1:1: error: missing key 'gateway'"),
        (
            "gateway: 1\nlisten: 0.0.0.0:8080",
            "2:9: error: auth mode 'header' believes whoever calls, and 0.0.0.0:8080 is not loopback; write 'auth: { mode: keys }', or listen on 127.0.0.1"
        ),
        ("gateway: 1\nlisten: nowhere", "2:9: error: expected HOST:PORT such as 127.0.0.1:8080 or [::1]:8080, found 'nowhere'"),
        ("gateway: 1\nadmin:\n  listen: 0.0.0.0:1", "3:11: error: admin.token is required, because 0.0.0.0:1 is not loopback"),
        (
            "gateway: 1\nadmin: { listen: \"0.0.0.0:1\", token: \"${NONE:-}\" }",
            "2:38: error: admin.token is required, because 0.0.0.0:1 is not loopback"
        ),
        ("gateway: 1\nadmin: { token: \"${NONE}\" }", "2:17: error: the environment variable NONE is not set"),
        ("gateway: 1\nledger: { url: mysql://u:pw@x }", "2:16: error: expected sqlite:PATH or postgres://…, found something else"),
        ("gateway: 1\nledger: postgres://u:pw@x", "2:9: error: expected a mapping, found something else"),
        ("gateway: 1\nauth: sk-secret", "2:7: error: expected a mapping, found something else"),
        (
            "gateway: 1\nbudgets: { default: { daily: -1 } }",
            "2:30: error: expected an amount in US dollars, not negative and with at most nine fraction digits, found -1"
        ),
        (
            "gateway: 1\nbudgets: { default: { daily: 0.0000000001 } }",
            "2:30: error: expected an amount in US dollars, not negative and with at most nine fraction digits, found 0.0000000001"
        ),
        (
            "gateway: 1\nbudgets: { default: { timezone: America/New_Yrok } }",
            "2:33: error: unknown time zone 'America/New_Yrok'; did you mean 'America/New_York'?"
        ),
        ("gateway: 1\nbudgets: { default: { timezone: Tokyo } }", "2:33: error: unknown time zone 'Tokyo'; did you mean 'Asia/Tokyo'?"),
        (
            "gateway: 1\nbudgets: { default: { enforcement: enforced } }",
            "2:36: error: expected enforce, shadow or off, found the string 'enforced'; did you mean 'enforce'?"
        ),
        (
            "gateway: 1\nbudgets: { workspaces: { \"é\": {} } }",
            "2:26: error: 'é' is no workspace's id: 1 to 128 printable ASCII characters"
        ),
        ("gateway: 1\nbudgts: {}", "2:1: error: unknown key 'budgts'; did you mean 'budgets'?"),
        (
            "gateway: 1\nalerts: { thresholds: { warning: 96 } }",
            "2:23: error: warning (96), critical (95) and emergency (100) must not descend"
        ),
        (
            "gateway: 1\nalerts: { thresholds: { warning: 0 } }",
            "2:34: error: expected per cent of a limit, above 0 and up to 1000, found 0"
        ),
        (
            "gateway: 1\nalerts: { webhooks: [ { url: ftp://x, secret: y } ] }",
            "2:30: error: this is no webhook's URL: it begins with https:// or http://"
        ),
        (
            "gateway: 1\nalerts: { webhooks: [ { url: http://x/, secret: y }, { url: http://x/, secret: z } ] }",
            "2:54: error: this webhook's URL is there twice"
        ),
        ("gateway: 1\nproviders: { acmedta: {} }", "2:14: error: there is no adapter 'acmedta'; did you mean 'acmedata'?"),
        (
            "gateway: 1\nproviders: { acmedata: { rates: [ { credits: 1 } ] } }",
            "2:46: error: no operation of 'acmedata' charges 'credits'; did you mean 'credit'?"
        ),
        (
            "gateway: 1\nproviders: { acmedata: { rates: [ { credit: 1 }, { credit: 2 } ] } }",
            "2:50: error: this row and row 1 tie for 'credit': nothing says which is the more specific"
        ),
        ("gateway: 1\nproviders: { acmedata: { ca: none.pem } }", "2:30: error: there is no readable file 'none.pem'"),
        ("gateway: 1\ncache: { memory: 64 }", "2:18: error: expected a size"),
        ("gateway: 1\ncache: { ttl: 1d }", "2:10: error: unknown key 'ttl'"),
        ("gateway: 1\nlimits: { connections: 0 }", "2:24: error: expected a whole number from 1 to 1000000, found the number 0"),
        ("gateway: 1\nlimits: { idle_timeout: 60 }", "2:25: error: expected a duration"),
        ("gateway: 1\nreload: { max_price_change: 0.5 }", "2:29: error: expected a factor of at least 1, found 0.5"),
        ("gateway: 1\nplugins: elsewhere", "2:10: error: the adapters' folder 'elsewhere' cannot be read: No such file or directory"),
    ])
    func everyMistakeAtItsPlace(_ text: String, _ expected: String) throws {
        let (configuration, _, problems) = try load(text)
        #expect(configuration == nil)
        #expect(problems.count == 1 && problems[0].hasPrefix("config.yaml:\(expected)"), "\(problems)")
    }

    @Test func theCacheHasItsBounds() throws {
        let (configuration, _, problems) = try load("gateway: 1\ncache: { memory: 0B, disk: 10GiB }")
        #expect(configuration?.cache == CacheSettings(memory: 0, disk: 10 << 30), "\(problems)")
        #expect(try load("gateway: 1").configuration?.cache == CacheSettings(memory: 64 << 20, disk: 1 << 30))
    }

    @Test func theLogHasAFormatAndALevel() throws {
        let (configuration, _, problems) = try load("gateway: 1\nlog: { format: json, level: warning }")
        #expect(configuration?.log == LogSettings(format: .json, level: .warning), "\(problems)")
        #expect(try load("gateway: 1").configuration?.log == LogSettings(format: .text, level: .info))
        let commanded = try load("gateway: 1\nlog: { level: debug }") { $0.logLevel = .error }
        #expect(commanded.configuration?.log == LogSettings(format: .text, level: .error))
        for (text, place) in [("{ format: xml }", "2:16"), ("{ level: loud }", "2:15"), ("{ levle: info }", "2:8")] {
            let problems = try load("gateway: 1\nlog: \(text)").problems
            #expect(problems.count == 1 && problems[0].hasPrefix("config.yaml:\(place): error:"), "\(problems)")
        }
    }

    @Test func aBudgetForNobodyIsAWarning() throws {
        let (configuration, _, problems) = try load("gateway: 1\nbudgets: { default: { providers: { acmedatta: { daily: 1 } } } }")
        #expect(configuration != nil)
        #expect(
            problems == [
                "config.yaml:2:36: warning: there is no adapter 'acmedatta', so this limit bounds nothing; did you mean 'acmedata'?"
            ])
    }

    @Test func sectionsOfLaterVersionsAreWarnings() throws {
        let (configuration, _, problems) = try load("gateway: 1\nresearch: { what: ever }")
        #expect(configuration != nil)
        #expect(problems == ["config.yaml:2:1: warning: 'research' is not supported by this version and is ignored"])
    }

    @Test func weightsOfQualityReplaceTheStandardOnes() throws {
        let (loaded, _, problems) = try load("gateway: 1\nquality: { person: { email: 40, phone: 0.5 }, company: { freshness: 0 } }")
        let quality = try #require(loaded, "\(problems)").quality
        #expect(problems.isEmpty)
        #expect(quality.person.map(\.value) == [400_000, 5_000, 100_000, 150_000, 100_000, 100_000, 100_000])
        #expect(quality.company.map(\.value) == [150_000, 150_000, 100_000, 150_000, 100_000, 150_000, 100_000, 0])
    }

    @Test(arguments: [
        ("{ persn: { email: 1 } }", "2:12: error: unknown key 'persn'; did you mean 'person'?"),
        ("{ person: { emial: 1 } }", "2:22: error: unknown key 'emial'; did you mean 'email'?"),
        (
            "{ company: { email: 1 } }",
            "2:23: error: unknown key 'email'; known: description, domain, employeeCount, financials, freshness, industry, location, name"
        ),
        ("{ person: { email: -1 } }", "2:29: error: expected a weight from 0 to 1000 with at most four fraction digits, found -1"),
        ("{ person: { email: 1000.1 } }", "2:29: error: expected a weight from 0 to 1000 with at most four fraction digits, found 1000.1"),
        (
            "{ person: { email: 0.00001 } }",
            "2:29: error: expected a weight from 0 to 1000 with at most four fraction digits, found 0.00001"
        ),
        ("{ person: { email: lots } }", "2:29: error: expected a number, found the string 'lots'"),
        (
            "{ person: { email: 0, phone: 0, fullName: 0, jobTitle: 0, company: 0, linkedin: 0, freshness: 0 } }",
            "2:20: error: of nothing but zeros there is no mean: give a part a weight"
        ),
    ])
    func wrongWeightsAreErrors(quality: String, expected: String) throws {
        #expect(try load("gateway: 1\nquality: \(quality)").problems == ["config.yaml:\(expected)"])
    }

    @Test func theCommandLineStandsAboveTheFile() throws {
        let (loaded, _, problems) = try load("gateway: 1\nlisten: 0.0.0.0:8080") {
            $0.listen = SocketAddress(host: "127.0.0.1", port: 0)
            $0.adminListen = SocketAddress(host: "127.0.0.1", port: 1)
            $0.ledger = "sqlite:/tmp/other.db"
        }
        let configuration = try #require(loaded, "\(problems)")
        #expect(configuration.listen.port == 0)
        #expect(configuration.admin.listen.port == 1)
        #expect(configuration.ledger.engine == .sqlite(path: "/tmp/other.db"))
        let refused = try load("gateway: 1\nauth: { mode: header }") { $0.listen = SocketAddress(host: "0.0.0.0", port: 1) }
        #expect(
            refused.problems.count == 1
                && refused.problems[0].hasPrefix(
                    "config.yaml:2:15: error: auth mode 'header' believes whoever calls, and --listen 0.0.0.0:1")
        )
    }

    /// What it invents is kept apart, unless the command line says where.
    @Test(arguments: [
        ("", "/gateway-sandbox.db", "/gateway-journal-sandbox"),
        ("ledger: { url: sqlite:a.b/ledger }", "/a.b/ledger-sandbox", "/gateway-journal-sandbox"),
        ("ledger: { url: \"sqlite:a/x.y.db\", journal: j }", "/a/x.y-sandbox.db", "/j-sandbox"),
    ])
    func theSandboxHasALedgerOfItsOwn(section: String, database: String, journal: String) throws {
        let (loaded, _, problems) = try load("gateway: 1\n\(section)", isSandbox: true)
        let ledger = try #require(loaded?.ledger, "\(problems)")
        guard case .sqlite(let path) = ledger.engine else { return #expect(Bool(false), "\(ledger)") }
        #expect(path.hasSuffix(database) && ledger.journal.hasSuffix(journal), "\(ledger)")
        let told = try load("gateway: 1\n\(section)", isSandbox: true) { $0.ledger = "sqlite:/told.db" }.configuration?.ledger
        #expect(told?.engine == .sqlite(path: "/told.db") && told?.journal.hasSuffix("-sandbox") == false)
    }

    /// A variable may hold a password, wherever a file names it.
    @Test(arguments: [
        "budgets: { default: { daily: '${TOKEN}' } }", "budgets: { default: { timezone: '${TOKEN}' } }", "listen: '${TOKEN}'",
        "listen: '${TOKEN}:1'", "admin: { listen: '${TOKEN}' }", "admin: { listen: '${TOKEN}:1' }", "enrich: { person: ['${TOKEN}'] }",
        "enrich: { person: [acmedata, '${TOKEN}', '${TOKEN}'] }", "providers: { acmedata: { ca: '${TOKEN}' } }",
        "providers: { acmedata: { url: '${TOKEN}' } }", "limits: { idle_timeout: '${TOKEN}' }", "on_tracker_error: '${TOKEN}'",
    ])
    func aProblemNamesAVariableAndNotItsValue(section: String) throws {
        let problems = try load("gateway: 1\n\(section)").problems
        #expect(!problems.isEmpty)
        for problem in problems { #expect(!problem.contains("t0ken"), "\(problem)") }
    }

    @Test(arguments: [
        ("match: { method: GET", "match: { method: '${TOKEN}'"), ("credit: spent", "credit: '${TOKEN} +'"),
        ("{ status: [200] }", "{ when: '${TOKEN}' }"),
        ("{ header: x-spent,", "{ header: '${TOKEN} x',"), ("{ header: x-spent,", "{ body: '${TOKEN}',"),
        ("effective: 2026-01-01", "effective: '${TOKEN}'"), ("checked: 2026-11-01", "checked: '${TOKEN}'"),
        ("https://acmedata.example/pricing", "'https://${TOKEN}@x/'"), ("provider: acmedata", "provider: '${TOKEN} x'"),
        ("dimensions: [model]", "dimensions: [model, '${TOKEN}-x']"), ("estimate: \"0.10\"", "estimate: '${TOKEN}'"),
    ])
    func aProblemOfAnAdapterNamesAVariableToo(old: String, new: String) throws {
        let folder = try TemporaryFolder([
            "config.yaml": "gateway: 1", "plugins/acmedata.yaml": smallAdapter.replacing(once: old, with: new),
        ])
        let options = folder.options(environment: ["ACMEDATA_API_KEY": "k", "TOKEN": "t0ken"])
        let problems = folder.short(GenerationLoader(options).load(number: 1, at: Timestamp(seconds: 0)).diagnostics)
        #expect(!problems.isEmpty)
        for problem in problems { #expect(!problem.contains("t0ken"), "\(problem)") }
    }

    @Test func theSandboxNeedsNoVariable() throws {
        let text =
            "gateway: 1\nadmin: { listen: \"0.0.0.0:7\", token: \"${NONE}\" }\nalerts: { webhooks: [ { url: \"https://${NONE}/\", secret: \"${NONE}\" } ] }"
        let (loaded, _, problems) = try load(text, isSandbox: true)
        #expect(try #require(loaded, "\(problems)").admin.listen == SocketAddress(host: "127.0.0.1", port: 7))
    }
}
