import Foundation
import Loopback
import PostgresUnderTest
import Testing

/// Answers that are kept and shared, through the executable.
@Suite(.timeLimit(.minutes(2))) struct CacheTests {
    private static let question =
        #"{"model": "sonar", "max_tokens": 500, "messages": [{"role": "user", "content": "Who is Ada Example?!"}]}"#
    /// The same, as another client would write it.
    private static let sameQuestion =
        #"{"messages":[{"content":"Who is Ada Example?!","role":"user"}],"max_tokens":5e2,"model":"sonar"}"#
    private static let caller = [
        "X-Workspace-Id": "acme", "Content-Type": "application/json", "X-Entity-Type": "person", "X-Entity-Id": "ada",
    ]

    private func ask(_ gateway: GatewayUnderTest, _ body: String = question, _ more: [String: String] = [:]) throws -> Reply {
        try gateway.send("POST", "/perplexity/chat/completions", Self.caller.merging(more) { $1 }, body: body)
    }

    private func expect(_ reply: Reply, _ outcome: String, like first: Reply, _ location: SourceLocation = #_sourceLocation) {
        #expect(reply.status == 200 && reply.body == first.body, sourceLocation: location)
        #expect(reply["X-Gateway-Cache"] == outcome && reply["X-Sandbox-Example"] == first["X-Sandbox-Example"], sourceLocation: location)
        #expect((reply["X-Gateway-Cost"] == "0.00") == (outcome == "hit"), sourceLocation: location)
    }

    @Test func researchIsServedASecondTimeForFreeAndSurvivesAKill() throws {
        let gateway = try GatewayUnderTest()
        try gateway.start()
        let first = try ask(gateway)
        expect(first, "miss", like: first)
        #expect(first["X-Gateway-Cost"] == "0.005318")
        // Killed before the ledger has any of it: what a caller has seen the end of is in the journal.
        gateway.kill9()
        try gateway.start()
        try eventually("the answer is in the ledger") { try gateway.ledger("SELECT count(*) FROM cached_answers") == [["1"]] }
        expect(try ask(gateway, Self.sameQuestion), "hit", like: first)
        // From memory now.
        expect(try ask(gateway, Self.question), "hit", like: first)
        expect(try ask(gateway, Self.question, ["X-Gateway-Cache": "refresh"]), "miss", like: first)
        #expect(try ask(gateway, Self.question, ["X-Workspace-Id": "other"])["X-Gateway-Cache"] == "miss")
        gateway.kill9()
        try gateway.start()
        try eventually("every row") { try gateway.ledger("SELECT count(*) FROM api_cost_tracking") == [["5"]] }
        #expect(
            try gateway.ledger("SELECT cache, count(*), count(saved) FROM api_cost_tracking GROUP BY cache ORDER BY cache") == [
                ["hit", "2", "2"], ["miss", "3", "0"],
            ])
        let research = try gateway.ledger(
            "SELECT workspaceId, entityType, entityId, researchType, content, sources, model, confidence, tokensUsed, cost, expiresAt > createdAt FROM research_data ORDER BY id"
        )
        #expect(research.count == 3)
        #expect(
            research[0] == [
                "acme", "person", "ada", "web", "An example[1].",
                #"[{"title":"Ada","url":"https://example.com/ada","date":"2026-10-01","last_updated":null,"snippet":"Ada Example","source":"web"}]"#,
                "sonar", "0.8", "318", "0.005318", "1",
            ])
        #expect(
            try gateway.ledger("SELECT count(*) FROM research_data r JOIN api_cost_tracking c ON c.id = r.id AND c.cost = r.cost") == [
                ["3"]
            ])
        #expect(try gateway.ledger("SELECT count(*) FROM cached_answers") == [["2"]])
        let spend = try gateway.command("spend", "--workspace", "acme", "--by", "operation", "--format", "csv")
        #expect(
            spend.output.contains("\r\nacme,chat,4,636,0.010636,0.010636,0.01,2,0.010636,0,0,,0,0.00,\r\n"),
            "\(spend.output)")
        let byEntity = try gateway.command("spend", "--workspace", "acme", "--by", "entity", "--format", "csv")
        #expect(byEntity.output.contains("\r\nacme,person,ada,4,636,0.010636,0.010636,0.01,2,"), "\(byEntity.output)")
        let table = try gateway.command("spend", "--workspace", "acme")
        #expect(
            table.output.contains("total                      4     636  0.010636      0.01  0.010636\n"),
            "\(table.output)")
        expect(try ask(gateway), "hit", like: first)
        let metrics = try gateway.admin("GET", "/metrics").body
        #expect(metrics.contains(#"gateway_cache_calls_total{provider="perplexity",operation="chat",cache="hit"} 1"#), "\(metrics)")
        #expect(metrics.contains(#"gateway_cache_saved_dollars_total{provider="perplexity",operation="chat",cache="hit"} 0.005318"#))
        #expect(metrics.contains("gateway_cache_memory_answers 1\n"))
        #expect(gateway.stop() == 0)
    }

    /// A provider that answers when the test lets it.
    private final class Gate: @unchecked Sendable {
        // Unchecked: a semaphore is made for use from any thread.
        private let semaphore = DispatchSemaphore(value: 0)
        func open() { semaphore.signal() }
        func wait() { semaphore.wait() }
    }

    @Test(arguments: [false, true])
    func fiveHundredIdenticalCallsAtOnceAreOneUpstreamCall(payerLeaves: Bool) throws {
        let gate = Gate()
        let body = #"{"credits": 1, "text": ""# + String(repeating: "0123456789", count: 3000) + #""}"#
        let provider = try ScriptedServer { _ in
            gate.wait()
            return response("200 OK", body, "X-Provider: yes")
        }
        let adapter = WireAdapter.metered(url: provider.url).replacing(
            "charge: { credit: { body: $.credits } }", with: "charge: { credit: { body: $.credits } }\n    cache: { ttl: 1h }")
        let gateway = try GatewayUnderTest(plugins: ["acme.yaml": adapter], shippedPlugins: false)
        try gateway.start(sandbox: false)
        let request = "GET /acme/v1/held/1 HTTP/1.1\r\nHost: g\r\nX-Workspace-Id: w\r\n\r\n"
        let payer = try gateway.client()
        try payer.send(request)
        eventually("the provider is asked") { provider.requests.count == 1 }
        let clients = try (0..<499).map { _ in try gateway.client() }
        for client in clients { try client.send(request) }
        // All of them have been read: the gateway's own answers come behind them on every event loop.
        for _ in 0..<8 { #expect(try gateway.get("/_gateway/health").status == 200) }
        if payerLeaves { payer.reset() }
        for _ in 0..<8 { #expect(try gateway.get("/_gateway/health").status == 200) }
        gate.open()
        let answers = try clients.map { try $0.response() } + (payerLeaves ? [] : [payer.response()])
        #expect(answers.allSatisfy { $0.status == 200 && $0.text == body && $0["X-Provider"] == "yes" })
        let costs = answers.map { $0["X-Gateway-Cost"] ?? "-" }
        #expect(costs.filter { $0 == "0.00" }.count == 499 && costs.count == (payerLeaves ? 499 : 500))
        #expect(answers.contains { $0["X-Gateway-Cache"] == "coalesced" })
        #expect(answers.filter { $0["X-Gateway-Cache"] == "miss" }.count == (payerLeaves ? 0 : 1))
        #expect(provider.requests.count == 1)
        try eventually("500 rows") { try gateway.ledger("SELECT count(*) FROM api_cost_tracking") == [["500"]] }
        #expect(
            try gateway.ledger(
                "SELECT sum(CAST(cost AS REAL) > 0), max(cost), count(DISTINCT id), count(saved), max(saved) FROM api_cost_tracking")
                == [["1", "0.10", "500", "499", "0.10"]])
        #expect(try gateway.get("/_gateway/budget").status == 200)
        #expect(gateway.stop() == 0)
    }

    @Test(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
    func anHourWithoutPostgresLosesNoAnswer() throws {
        let server = try PostgresServer()
        let database = try server.database()
        let gateway = try GatewayUnderTest(configuration: "ledger: { url: \"\(database.url)\" }")
        #expect(try gateway.command("migrate").status == 0)
        try gateway.start()
        server.stop()
        let first = try ask(gateway)
        expect(first, "miss", like: first)
        // What memory has, a ledger that is away does not matter to.
        expect(try ask(gateway), "hit", like: first)
        gateway.kill9()
        try gateway.start()
        // Neither memory nor the ledger has it: it is asked again, and the caller does not wait for the ledger.
        expect(try ask(gateway), "miss", like: first)
        gateway.kill9()
        try server.start()
        try gateway.start()
        try eventually("everything is there") { try database.sql(#"SELECT count(*) FROM "api_cost_tracking""#) == [["3"]] }
        #expect(
            try database.sql(#"SELECT count(*), count(DISTINCT "id"), sum("cost") FROM "research_data""#) == [["2", "2", "0.010636000"]])
        #expect(try database.sql(#"SELECT count(*) FROM "cached_answers""#) == [["1"]])
        expect(try ask(gateway, Self.sameQuestion), "hit", like: first)
        let spend = try gateway.command("spend", "--by", "operation", "--format", "csv")
        try eventually("the last row") { try database.sql(#"SELECT sum("saved") FROM "api_cost_tracking""#) == [["0.010636000"]] }
        #expect(spend.output.hasPrefix("workspace,operation,calls,tokens,cost,saved,reported,"), "\(spend.error)")
        #expect(gateway.stop() == 0)
        server.stop()
    }
}
