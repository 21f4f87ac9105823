import AdapterFiles
import GatewayCore
import Testing

/// `reconcile` of an adapter, of its operations and in examples.
struct ReconciliationDecoderTests {
    private static func adapter(
        _ section: String, operation: String = "", expect: String = "cost: 2", path: String = "/v1/get", left: String = "7"
    )
        -> String
    {
        """
        adapter: 1
        provider: acmedata
        upstream: { url: "https://api.acmedata.example", auth: { query: key, value: "${ACMEDATA_API_KEY}" }, headers: { X-Version: "1" } }
        prices: [ { effective: 2026-01-01, source: a letter, checked: 2026-11-01, rates: [ { record: 1, page: 2 } ] } ]
        \(section)
        operations:
          - name: get
            match: { method: GET, path: "/v1/get" }
            charge: { record: 2 }
            estimate: { record: 3 }
            \(operation)
          - name: search
            match: { method: GET, path: /v1/search }
            usage: { pages: { body: $.pages } }
            charge: { page: pages }
            estimate: { page: 1 }
          - { name: usage, match: { method: GET, path: /usage } }
        examples:
          - name: one
            request: { method: GET, path: \(path) }
            response: { status: 200, headers: { x-left: "\(left)" }, body: { usage: { used: "12.5", left: 30 } } }
            expect: { \(expect) }
        """
    }

    @Test func everyKeyIsRead() throws {
        let (adapter, problems) = decodeAdapter(
            Self.adapter(
                "reconcile: { header: x-left, credits: { record: 20, page: 0.5 }, pool: main, bound: 0.5%, lag: 90s }",
                operation: "reconcile: { pool: other, header: x-other, credits: { record: 1 } }"))
        #expect(problems.isEmpty, "\(problems)")
        let read = try #require(adapter)
        #expect(read.reconciliation?.bound == .percent(try Exact(1, over: 2)) && read.reconciliation?.lag == 90_000_000)
        #expect(read.reconciliation?.endpoint == nil && read.balanceQuestion == nil)
        #expect(
            read.operations.map(\.providerCount) == [
                ProviderCount(pool: "other", header: "x-other", credits: ["record": .one], lag: 90_000_000),
                ProviderCount(
                    pool: "main", header: "x-left", credits: ["record": Exact(20), "page": try Exact(1, over: 2)], lag: 90_000_000),
                ProviderCount(
                    pool: "main", header: "x-left", credits: ["record": Exact(20), "page": try Exact(1, over: 2)], lag: 90_000_000),
            ])
        #expect(read.pools.map(\.description) == ["acmedata/main", "acmedata/other"])
    }

    @Test func whatIsLeftOutHasItsDefaultAndAnOperationMayCountNowhere() throws {
        let read = try #require(decodeAdapter(Self.adapter("reconcile: { header: x-left }", operation: "reconcile: false")).adapter)
        #expect(read.reconciliation?.bound == .percent(.one) && read.reconciliation?.lag == 0)
        #expect(read.operations.map(\.providerCount) == [nil, ProviderCount(header: "x-left"), ProviderCount(header: "x-left")])
        #expect(read.pools.map(\.description) == ["acmedata"])
        let number = decodeAdapter(Self.adapter("reconcile: { header: x-left, bound: 250 }")).adapter?.reconciliation
        #expect(number?.bound == .credits(Credits(micros: 250_000_000)))
        let none = try #require(decodeAdapter(Self.adapter("")).adapter)
        #expect(none.reconciliation == nil && none.pools.isEmpty && none.operations.allSatisfy { $0.providerCount == nil })
    }

    @Test(arguments: [("remaining: $.usage.left", "30"), ("used: $.usage.used", "-12.5")]) func aBalanceThatIsAskedForIsRead(
        place: String, balance: String
    ) throws {
        let (adapter, problems) = decodeAdapter(
            Self.adapter(
                "reconcile: { usage: { path: \"/usage?of=me\", \(place) }, pool: main }", operation: "reconcile: { credits: { record: 4 } }"
            ))
        let read = try #require(adapter, "\(problems)")
        let question = try #require(read.balanceQuestion)
        // With the provider's own credentials, wherever it wants them.
        #expect(question.target == "/usage?of=me&key=k" && question.method == "GET" && question.headers.first("x-version") == "1")
        let endpoint = try #require(read.reconciliation?.endpoint)
        #expect(endpoint.balance(in: Array(#"{"usage":{"left":30,"used":"12.5"}}"#.utf8))?.description == balance)
        for garbage in [
            "", "{", "[]", #"{"usage":{"left":null,"used":true}}"#, #"{"usage":{"left":[3],"used":"many"}}"#,
            #"{"usage":{"left":1e99,"used":1e99}}"#,
        ] {
            #expect(endpoint.balance(in: Array(garbage.utf8)) == nil, "\(garbage)")
        }
        #expect(read.operations[0].providerCount == ProviderCount(pool: "main", credits: ["record": Exact(4)]))
    }

    @Test(arguments: [
        ("reconcile: {}", "", "names where the provider tells its balance: 'header' or 'usage'"),
        ("reconcile: { header: x-left, usage: { path: /u, used: $.u } }", "", "either 'header' or 'usage', not both"),
        ("reconcile: { header: \"x left\" }", "", "no header's name"),
        ("reconcile: { header: x-left, credits: { recrod: 20 } }", "", "'recrod' is no unit that is charged; did you mean 'record'?"),
        ("reconcile: { header: x-left, credits: { tokens: 20 } }", "", "'tokens' is no unit that is charged; charged: page, record"),
        ("reconcile: { header: x-left, credits: { record: -1 } }", "", "a unit counts nothing or more"),
        ("reconcile: { header: x-left, credits: 20 }", "", "expected a mapping"),
        ("reconcile: { header: x-left, bound: 101% }", "", "expected a bound"),
        ("reconcile: { header: x-left, bound: -1 }", "", "not negative"),
        ("reconcile: { header: x-left, bound: little }", "", "expected a bound"),
        ("reconcile: { header: x-left, lag: 2h }", "", "out of range"),
        ("reconcile: { header: x-left, pool: \"a b\" }", "", "is no balance's name"), ("reconcile: x-left", "", "expected a mapping"),
        ("reconcile: { haeder: x-left }", "", "unknown key 'haeder'; did you mean 'header'?"),
        ("reconcile: { usage: { path: /u } }", "", "either 'remaining', what is left, or 'used'"),
        ("reconcile: { usage: { path: /u, used: $.a, remaining: $.b } }", "", "either 'remaining'"),
        ("reconcile: { usage: { path: u, used: $.a } }", "", "a path begins with '/'"),
        ("reconcile: { usage: { path: /u, used: a } }", "", "no JSONPath"),
        ("reconcile: { usage: { used: $.a } }", "", "missing key 'path'"),
        ("", "reconcile: { pool: x }", "the adapter itself has no 'reconcile'"),
        ("reconcile: { header: x-left }", "reconcile: true", "expected false, or a mapping"),
        ("reconcile: { header: x-left }", "reconcile: { credits: { page: 1 } }", "'page' is no unit that is charged; charged: record"),
        ("reconcile: { header: x-left }", "reconcile: { bound: 1 }", "unknown key 'bound'; "),
        ("reconcile: { usage: { path: /u, used: $.a } }", "reconcile: { pool: x }", "the adapter asks for one balance ('usage')"),
        ("reconcile: { usage: { path: /u, used: $.a } }", "reconcile: { header: x }", "the adapter asks for one balance ('usage')"),
    ])
    func everyMistakeIsSaidAtItsPlace(section: String, operation: String, problem: String) {
        let (adapter, problems) = decodeAdapter(Self.adapter(section, operation: operation))
        #expect(adapter == nil && problems.contains { $0.contains(problem) }, "\(problems)")
        #expect(problems.allSatisfy { $0.hasPrefix("plugins/acmedata.yaml:\(operation.isEmpty ? 5 : 11):") }, "\(problems)")
    }

    @Test(
        arguments: [
            ("reconcile: { counted: 40, remaining: 7 }", nil), ("reconcile: { counted: 40 }", nil), ("reconcile: { remaining: 7.0 }", nil),
            ("reconcile: { counted: 2 }", "reconcile.counted: expected 2, found 40"),
            ("reconcile: { remaining: 8 }", "reconcile.remaining: expected 8, found 7"),
            ("reconcile: { counts: 4 }", "unknown key 'counts'"),
            ("reconcile: {}", "it expects nothing"),
        ] as [(String, String?)])
    func anExampleProvesWhatIsCounted(expect: String, problem: String?) {
        let (adapter, problems) = decodeAdapter(Self.adapter("reconcile: { header: x-left, credits: { record: 20 } }", expect: expect))
        #expect((adapter != nil) == (problem == nil) && (problem == nil || problems.contains { $0.contains(problem ?? "") }), "\(problems)")
    }

    @Test(
        arguments: [
            (
                "reconcile: { header: x-left }", "/v1/search", "reconcile: { counted: 1 }", "7",
                "reconcile.counted: expected 1, found 0 to 1"
            ),
            (
                "reconcile: { header: x-left }", "/v1/get", "reconcile: { remaining: 1 }", "{'minute': 9}",
                "reconcile.remaining: expected 1, found none"
            ),
            ("", "/v1/get", "reconcile: { counted: 1 }", "7", "the operation 'get' counts nowhere"),
            ("reconcile: { usage: { path: /usage, remaining: $.usage.left } }", "/usage", "reconcile: { remaining: 30 }", "7", nil),
            (
                "reconcile: { usage: { path: /usage, remaining: $.usage.left } }", "/v1/get", "reconcile: { remaining: 30 }", "7",
                "found none"
            ),
        ] as [(String, String, String, String, String?)])
    func whatAnExampleDoesNotTellIsNotFound(section: String, path: String, expect: String, left: String, problem: String?) {
        let (adapter, problems) = decodeAdapter(Self.adapter(section, expect: expect, path: path, left: left))
        #expect((adapter != nil) == (problem == nil) && (problem == nil || problems.contains { $0.contains(problem ?? "") }), "\(problems)")
    }

    /// The sandbox's balances are examples' own.
    @Test func theSandboxComparesNothing() throws {
        let diagnostics = Diagnostics()
        let text = Self.adapter("reconcile: { header: x-left }", expect: "reconcile: { counted: 2, remaining: 7 }")
        let file = AdapterFile.decode(
            Array(text.utf8), file: "plugins/acmedata.yaml", environment: Environment([:]), isSandbox: true, diagnostics: diagnostics)
        let adapter = try #require(file.adapter, "\(diagnostics.sorted)")
        #expect(adapter.reconciliation == nil && adapter.pools.isEmpty)
    }
}
