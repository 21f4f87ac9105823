import Foundation
import Loopback
import Testing

/// `/metrics` of a gateway that has had calls of every kind.
@Suite(.timeLimit(.minutes(2))) struct MetricsTests {
    private static let person = "/pdl/v5/person/enrich?email=ada@example.com"
    private static let question =
        #"{"model": "sonar", "max_tokens": 200, "messages": [{"role": "user", "content": "Who is the CFO of Nike?"}]}"#

    /// A gateway with a bound on a real provider's calls, which has answered, refused, kept and failed.
    private func busy() throws -> GatewayUnderTest {
        let gateway = try GatewayUnderTest(
            configuration: """
                budgets: { default: { daily: 2, monthly: 1000 }, workspaces: { poor: { daily: 0.01 }, watched: { daily: 0.01, enforcement: shadow } } }
                ledger: { journal_max: 64MiB }
                """)
        try gateway.start()
        for _ in 0..<9 { _ = try gateway.get(Self.person) }
        for name in ["poor", "watched"] { _ = try gateway.get(Self.person, ["X-Workspace-Id": name]) }
        for _ in 0..<3 {
            _ = try gateway.send(
                "POST", "/perplexity/chat/completions", ["X-Workspace-Id": "asks", "Content-Type": "application/json"], body: Self.question)
        }
        _ = try gateway.get(Self.person, ["X-Workspace-Id": "careful", "X-Gateway-Max-Cost": "0.01"])
        _ = try gateway.get("/made-up-\(UUID().uuidString)/x")
        _ = try gateway.get("/pdl/made-up")
        _ = try gateway.get(Self.person, [:])
        // Of which no example tells: the sandbox has no answer.
        _ = try gateway.get("/pdl/v5/person/enrich?email=nobody@nowhere.example", ["X-Workspace-Id": "asks"])
        return gateway
    }

    private struct Sample {
        var name: String
        var labels: [String: String]
        var value: String
    }

    private func samples(_ text: String) throws -> [Sample] {
        try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let parts = try #require(line.wholeMatch(of: /([a-z_]+)(?:\{(.*)\})? (\S+)/), "\(line)")
            let labels = (parts.2 ?? "").matches(of: /([a-z_]+)="([^"]*)"/).map { (String($0.1), String($0.2)) }
            return Sample(name: String(parts.1), labels: Dictionary(uniqueKeysWithValues: labels), value: String(parts.3))
        }
    }

    @Test func theyAgreeWithTheLedgerToTheNanoDollar() throws {
        let gateway = try busy()
        func sums(_ name: String) throws -> [String: Decimal] {
            try samples(gateway.admin("GET", "/metrics").body).filter { $0.name == name }.reduce(into: [:]) { sums, sample in
                sums["\(sample.labels["provider"] ?? "") \(sample.labels["operation"] ?? "")", default: 0] += try #require(
                    Decimal(string: sample.value))
            }
        }
        let costs = try sums("gateway_cost_dollars_total")
        let calls = try sums("gateway_calls_total")
        #expect(costs["pdl enrich_person"].map { $0 > 1 } == true && costs["perplexity chat"].map { $0 > 0 } == true, "\(costs)")
        try eventually("every row is there") {
            try gateway.ledger("SELECT count(*) FROM api_cost_tracking") == [["\(calls.values.reduce(0, +))"]]
        }
        // Row by row in decimal: no sum of SQLite's, which would be binary.
        for column in ["cost", "estimate"] {
            var ledger: [String: Decimal] = [:]
            for row in try gateway.ledger("SELECT \"apiProvider\", operation, \(column) FROM api_cost_tracking") {
                ledger["\(row[0]) \(row[1])", default: 0] += try #require(Decimal(string: row[2]))
            }
            #expect(try sums(column == "cost" ? "gateway_cost_dollars_total" : "gateway_estimated_dollars_total") == ledger)
        }
        let table = try gateway.command("spend", "--format", "json")
        #expect(table.output.contains("\"total\":\"\(costs.values.reduce(0, +))\""), "\(table.output) \(costs)")
    }

    @Test func everyRefusalHasItsReason() throws {
        let gateway = try busy()
        let refusals = try samples(gateway.admin("GET", "/metrics").body).filter { $0.name == "gateway_refusals_total" }
        func count(_ code: String, _ reason: String? = nil, provider: String = "pdl") -> String? {
            refusals.first { $0.labels["code"] == code && $0.labels["reason"] == reason && $0.labels["provider"] == provider }?.value
        }
        #expect(count("budget_exhausted", "spent") == "2" && count("budget_exhausted", "too_large") == "1")
        #expect(count("max_cost_exceeded") == "1" && count("unknown_operation") == "1" && count("workspace_required") == "1")
        #expect(count("unknown_provider", provider: "-") == "1", "\(refusals)")
        let text = try gateway.admin("GET", "/metrics").body
        #expect(!text.contains("made-up") && !text.contains("acme"), "what callers send is no label")
        #expect(text.contains("\ngateway_shadow_refusals_total 1\n") && text.contains("\ngateway_reload_refused 0\n"))
    }

    @Test(.enabled(if: executable("promtool") != nil, "Debian's prometheus, which has promtool, is not installed"))
    func promtoolFindsNothingToSay() throws {
        let gateway = try busy()
        try gateway.write(gateway.admin("GET", "/metrics").body, to: "metrics.txt")
        let result = try CommandResult.run(
            URL(fileURLWithPath: "/bin/sh"), ["-c", "\"$0\" check metrics < metrics.txt", try #require(executable("promtool"))],
            in: gateway.folder)
        #expect(result.status == 0 && result.output.isEmpty && result.error.isEmpty, "\(result.output)\(result.error)")
        // It would have found something.
        try gateway.write("# TYPE gateway_calls counter\ngateway_calls 1\n", to: "metrics.txt")
        let wrong = try CommandResult.run(
            URL(fileURLWithPath: "/bin/sh"), ["-c", "\"$0\" check metrics < metrics.txt", try #require(executable("promtool"))],
            in: gateway.folder)
        #expect(wrong.status != 0)
    }

    @Test func theDashboardAsksForMetricsThatThereAre() throws {
        let catalog = "Sources/AdminPlane/AdminPlane.docc"
        let file = GatewayUnderTest.repository.appendingPathComponent("\(catalog)/grafana-dashboard.json")
        let dashboard = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        let panels = try #require(dashboard["panels"] as? [[String: Any]])
        let queries = panels.flatMap { $0["targets"] as? [[String: Any]] ?? [] }.compactMap { $0["expr"] as? String }
        #expect(queries.count > 30)
        let text = try busy().admin("GET", "/metrics").body
        let types = Dictionary(
            uniqueKeysWithValues: text.matches(of: /# TYPE ([a-z_]+) ([a-z]+)/).map { (String($0.1), String($0.2)) })
        var used: Set<String> = []
        for query in queries {
            let names = query.matches(of: /gateway_[a-z_]+/).map { String($0.0) }
            #expect(!names.isEmpty, "\(query)")
            for name in names {
                let family = name.hasSuffix("_bucket") ? String(name.dropLast("_bucket".count)) : name
                used.insert(family)
                let type = types[family]
                // There are samples of it only while calls wait.
                if family == "gateway_upstream_queued_calls" { continue }
                #expect(type != nil, "there is no \(family)")
                #expect((type == "histogram") == name.hasSuffix("_bucket"), "\(name) is a \(type ?? "")")
                let isRate = query.contains("rate(\(name)") || query.contains("increase(\(name)")
                #expect(isRate == (type != "gauge"), "\(query) of a \(type ?? "")")
            }
        }
        // What an operator has to look up is described.
        let described = try String(
            contentsOf: GatewayUnderTest.repository.appendingPathComponent("\(catalog)/Observability.md"), encoding: .utf8)
        for name in types.keys { #expect(described.contains("`\(name)`"), "\(name) is not described") }
        #expect(types.keys.allSatisfy { $0.hasPrefix("gateway_") })
    }

    /// Connections to a real provider, and a call that waits for it.
    @Test func theProvidersConnectionsAreCounted() throws {
        let gate = DispatchSemaphore(value: 0)
        let provider = try ScriptedServer { connection in
            while true {
                let request = try connection.readRequest()
                if request.line.contains("/slow") { gate.wait() }
                connection.send(response("200 OK", #"{"credits": 1}"#))
            }
        }
        let gateway = try GatewayUnderTest(
            configuration: "providers: { acme: { max_concurrent: 1 } }", plugins: ["acme.yaml": WireAdapter.metered(url: provider.url)],
            shippedPlugins: false)
        try gateway.start(sandbox: false, arguments: ["--event-loops", "1"])
        func metric(_ name: String) throws -> String? {
            try samples(gateway.admin("GET", "/metrics").body).first { $0.name == "gateway_upstream_\(name)" }?.value
        }
        for index in 0..<3 { #expect(try gateway.get("/acme/v1/held/\(index)").status == 200) }
        #expect(try metric("connections") == "1" && metric("connections_idle") == "1")
        #expect(try metric("connections_opened_total") == "1" && metric("connections_reused_total") == "2")
        #expect(try metric("calls") == "0" && metric("queued_calls") == nil)

        let clients = [try gateway.client(), try gateway.client()]
        for client in clients { try client.send("GET /acme/v1/held/slow HTTP/1.1\r\nHost: g\r\nX-Workspace-Id: acme\r\n\r\n") }
        try eventually("one waits for the other") { try metric("queued_calls") == "1" && metric("calls") == "2" }
        #expect(try metric("connections") == "1" && metric("connections_idle") == "0")
        for _ in clients { gate.signal() }
        for client in clients { #expect(try client.response().status == 200) }
        #expect(try metric("connections_idle") == "1" && metric("connections_reused_total") == "4" && metric("queued_calls") == nil)
    }
}
