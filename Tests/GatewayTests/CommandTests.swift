import Foundation
import Testing

/// What the commands print, and their exit codes.
@Suite struct CommandTests {
    @Test func checkPassesTheAdaptersThatShip() throws {
        let gateway = try GatewayUnderTest()
        let result = try gateway.command("check")
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.hasPrefix("ok: 9 adapters, "))
    }

    @Test func checkSaysWhereAndWhat() throws {
        let gateway = try GatewayUnderTest()
        let adapter = try gateway.read("plugins/pdl.yaml").replacing("prices:\n", with: "prise:\n")
        try gateway.write(adapter, to: "plugins/pdl.yaml")
        let result = try gateway.command("check")
        #expect(result.status == 1)
        #expect(result.error.contains(/plugins\/pdl\.yaml:\d+:1: error: unknown key 'prise'; did you mean 'prices'\?/), "\(result.error)")
    }

    @Test func checkRefusesWhatServeRefuses() throws {
        let gateway = try GatewayUnderTest(configuration: "ledger: { url: \"postgres://u:sec@ret@127.0.0.1/db\" }")
        let checked = try gateway.command("check")
        let served = try gateway.command("serve", "--sandbox")
        #expect(checked.status == 1 && served.status == 1)
        #expect(served.error.contains("percent-encoded"))
        #expect(checked.error.split(separator: "\n").last == served.error.split(separator: "\n").last)
        #expect(!checked.error.contains("ret@"))
    }

    @Test func queryPrintsTheNodes() throws {
        let gateway = try GatewayUnderTest(shippedPlugins: false)
        try gateway.write(#"{"data": [{"n": 1.50}, {"n": 12345678901234567890}, {"m": "x"}]}"#, to: "answer.json")
        let found = try gateway.command("query", "$.data[*].n", "answer.json")
        #expect(found.output == "[1.50, 12345678901234567890]\n")
        let nothing = try gateway.command("query", "$.none", "answer.json")
        #expect(nothing.output == "[]\n" && nothing.status == 0)
        let wrong = try gateway.command("query", "$.data[", "answer.json")
        #expect(wrong.status == 1 && wrong.error.contains("no JSONPath"))
        let missing = try gateway.command("query")
        #expect(missing.status == 64)
    }

    @Test func priceTellsACallsCostLineByLine() throws {
        let gateway = try GatewayUnderTest()
        try gateway.write(#"{"method": "GET", "path": "/v5/person/enrich?email=a@example.com"}"#, to: "request.json")
        try gateway.write(
            #"{"status": 200, "headers": {"x-call-credits-spent": "2"}, "body": {"status": 200, "data": {}}}"#, to: "response.json")
        let result = try gateway.command("price", "pdl", "--request", "request.json", "--response", "response.json")
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.contains("estimate   0.28\n"))
        #expect(result.output.contains("cost       0.56  (table)\n"))
        #expect(result.output.contains("person_match: 2 × 0.28 = 0.56"))
        let unknown = try gateway.command("price", "nobody", "--request", "request.json")
        #expect(unknown.status == 1 && unknown.error.contains("there is no adapter 'nobody'"))
    }

    @Test func spendAgreesWithTheCallsFromTheGatewayAndFromItsLedger() throws {
        let gateway = try GatewayUnderTest()
        try gateway.start()
        for user in ["ada", "ada", "grace"] {
            let reply = try gateway.get("/pdl/v5/person/enrich?email=ada@example.com", ["X-Workspace-Id": "acme", "X-User-Id": user])
            #expect(reply.status == 200)
        }
        try eventually("three rows") { try gateway.ledger("SELECT count(*) FROM api_cost_tracking") == [["3"]] }
        let running = try gateway.command("spend", "--by", "provider,user", "--format", "csv")
        #expect(
            running.output.hasSuffix(
                "\r\nacme,pdl,ada,2,0,0.56,0.00,,0,0.00,2,2,1.0000,2,0.56,0.28\r\nacme,pdl,grace,1,0,0.28,0.00,,0,0.00,1,1,1.0000,1,0.28,0.28\r\n"
            ),
            "\(running.error)")
        #expect(gateway.stop() == 0)
        let stopped = try gateway.command("spend", "--by", "provider,user", "--format", "csv")
        #expect(stopped.output == running.output, "\(stopped.error)")
        let table = try gateway.command("spend", "--workspace", "acme")
        #expect(table.output.contains("total") && table.output.contains("0.84"))
        #expect(try gateway.command("spend", "--by", "planet").status == 64)
    }

    /// By the body's wish, or by the query's, as the provider has it.
    @Test func theSandboxStreamsToWhoAsksForAStream() throws {
        let gateway = try GatewayUnderTest()
        try gateway.start()
        let gemini = "/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent"
        let contents = #"{"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}"#
        let chat = #""model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello"}]"#
        for (target, body, type) in [
            (gemini + "?alt=sse", contents, "text/event-stream"), (gemini, contents, "application/json"),
            ("/openai/v1/chat/completions", "{\(chat), \"stream\": true}", "text/event-stream"),
            ("/openai/v1/chat/completions", "{\(chat)}", "application/json"),
        ] {
            let reply = try gateway.send("POST", target, body: body)
            #expect(reply.status == 200 && reply["Content-Type"]?.hasPrefix(type) == true, "\(target): \(reply.body.prefix(300))")
        }
    }

    @Test func aSecondGatewayOnTheLedgerIsToldWhoHasIt() throws {
        let gateway = try GatewayUnderTest()
        try gateway.start()
        let second = try gateway.command("serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
        #expect(second.status == 1)
        #expect(second.error.contains("in use by process"), "\(second.error)")
        #expect(try gateway.get("/_gateway/health").status == 200)
    }

    @Test(arguments: [
        ("listen: 0.0.0.0:0", "config.yaml:2:9: error:"),
        ("gateway: 2", "config.yaml:1:10: error:"),
    ])
    func aBadConfigurationDoesNotStart(line: String, expected: String) throws {
        let gateway = try GatewayUnderTest(shippedPlugins: false)
        let key = line.prefix { $0 != ":" }
        let text = try gateway.read("config.yaml").components(separatedBy: "\n").map { $0.hasPrefix("\(key):") ? line : $0 }
        try gateway.write(text.joined(separator: "\n"), to: "config.yaml")
        let result = try gateway.command("serve", "--sandbox")
        #expect(result.status == 1)
        #expect(result.error.contains(expected), "\(result.error)")
    }

    @Test func aProvidersMissingKeyTurnsItOffAlone() throws {
        let gateway = try GatewayUnderTest()
        try gateway.start(sandbox: false, environment: ["PDL_API_KEY": "test-key"])
        #expect(gateway.greeting.contains("adapters pdl, generation 1"))
        let off = try gateway.get("/lusha/v3/account/usage")
        #expect(off.status == 503)
        #expect(off.json["code"] as? String == "provider_unavailable")
        #expect((off.json["detail"] as? String)?.contains("LUSHA_API_KEY") == true)
    }

    @Test func callersThatNameNoWorkspaceAreRefusedUnlessThereIsADefaultOne() throws {
        let strict = try GatewayUnderTest()
        try strict.start()
        let refused = try strict.get("/pdl/v5/person/enrich?email=ada@example.com", [:])
        #expect(refused.status == 400 && refused.json["code"] as? String == "workspace_required")
        let lenient = try GatewayUnderTest(configuration: "auth: { mode: header, default_workspace: shared }")
        try lenient.start()
        let served = try lenient.get("/pdl/v5/person/enrich?email=ada@example.com", [:])
        #expect(served.status == 200 && served["X-Gateway-Workspace"] == "shared")
        let named = try lenient.get("/pdl/v5/person/enrich?email=ada@example.com")
        #expect(named["X-Gateway-Workspace"] == "acme")
    }

    @Test func anAddressInUseIsSaidInASentence() throws {
        let first = try GatewayUnderTest()
        try first.start()
        let second = try GatewayUnderTest()
        let result = try second.command("serve", "--sandbox", "--listen", "127.0.0.1:\(first.port)")
        #expect(result.status == 1)
        #expect(
            result.error.hasSuffix("gateway: cannot listen on 127.0.0.1:\(first.port): another program has this address\n"),
            "\(result.error)")
    }
}
