import Foundation
import Testing

/// `gateway spend` as somebody reads it, and the help of every command.
@Suite(.timeLimit(.minutes(2))) struct SpendTests {
    private static let person = "/pdl/v5/person/enrich?email=ada@example.com"

    /// Seven calls: $1.40 of $2 a day with one workspace, $0.56 with one that has no daily limit.
    private func spent() throws -> GatewayUnderTest {
        let gateway = try GatewayUnderTest(
            configuration: """
                budgets:
                  workspaces:
                    acme: { daily: 2, monthly: 1000 }
                    beta: { monthly: 0.60, enforcement: shadow }
                """, plugins: GatewayUnderTest.shipped("pdl.yaml"), shippedPlugins: false)
        try gateway.start()
        for name in ["acme", "acme", "acme", "acme", "acme", "beta", "beta"] {
            #expect(try gateway.get(Self.person, ["X-Workspace-Id": name]).status == 200)
        }
        // What has been answered is in the sums.
        #expect(try gateway.command("spend", "--format", "json").output.contains(#""total":"1.96""#))
        return gateway
    }

    private func onATerminal(_ gateway: GatewayUnderTest, _ environment: [String: String]) throws -> String {
        let result = try CommandResult.run(
            URL(fileURLWithPath: "/usr/bin/env"),
            ["python3", "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))", try GatewayUnderTest.executable.path, "spend"],
            in: gateway.folder, environment: ["PATH": "/usr/bin:/bin", "TERM": "xterm"].merging(environment) { $1 })
        #expect(result.status == 0, "\(result.error)")
        return result.output.replacing("\r\n", with: "\n")
    }

    @Test func theTableHasTotalsAndSaysHowMuchOfALimitIsUsed() throws {
        let gateway = try spent()
        let table = try gateway.command("spend", "--by", "provider,operation").output
        let expected = """
            workspace  provider  operation      calls  tokens  cost  saved  hit rate  cost per record
            acme       pdl       enrich_person      5       0  1.40   0.00  100.00 %             0.28
            beta       pdl       enrich_person      2       0  0.56   0.00  100.00 %             0.28
            total                                   7       0  1.96   0.00  100.00 %             0.28

            workspace  budget      used                           %  spent    limit        
            acme       today       ████████████████░░░░░░░░  70.0 %   1.40     2.00        
            acme       this month  ░░░░░░░░░░░░░░░░░░░░░░░░   0.1 %   1.40  1000.00        
            beta       today       ░░░░░░░░░░░░░░░░░░░░░░░░   1.1 %   0.56    50.00  shadow
            beta       this month  ██████████████████████░░  93.3 %   0.56     0.60  shadow

            """
        #expect(table == expected, "\(table)")
        // Of days that are over, what is used now says nothing.
        #expect(try !gateway.command("spend", "--from", "2020-01-01", "--to", "2099-01-01").output.contains("budget"))
        #expect(try gateway.command("spend", "--from", "2020-01-01", "--to", "2020-01-02").output == "nothing was spent\n")

        let plain = try gateway.command("spend").output
        let coloured = try onATerminal(gateway, [:])
        #expect(
            coloured.contains("\u{1B}[1mworkspace") && coloured.contains("\u{1B}[32m████████████████░") && coloured.contains("\u{1B}[33m██")
        )
        #expect(coloured.replacing(/\u{1B}\[[0-9]+m/, with: "") == plain && !plain.contains("\u{1B}"))
        #expect(try onATerminal(gateway, ["NO_COLOR": "1"]) == plain)
        #expect(try onATerminal(gateway, ["TERM": "dumb"]) == plain)
        #expect(try onATerminal(gateway, ["NO_COLOR": ""]) == coloured, "an empty NO_COLOR asks for nothing")

        // The ledger alone knows what was spent, not what is held and leased.
        #expect(gateway.stop() == 0)
        let offline = try gateway.command("spend").output
        #expect(plain.hasPrefix(offline) && !offline.contains("budget"), "\(offline)")
        #expect(
            try gateway.command("spend", "--format", "csv").output.hasPrefix(
                "workspace,provider,calls,tokens,cost,saved,reported,reported_calls,cost_where_reported,lookups,hits,hit_rate,records,"
                    + "lookup_cost,cost_per_record\r\nacme,pdl,5,0,1.40,0.00,,0,0.00,5,5,1.0000,5,1.40,0.28\r\n"))
    }

    /// Of a provider that says itself what it costs, and of one that finds somebody at times.
    @Test func theTableHasWhatProvidersReportAndFindWhereThereIsAny() throws {
        let plugins = try GatewayUnderTest.shipped("pdl.yaml").merging(GatewayUnderTest.shipped("perplexity.yaml")) { $1 }
        let gateway = try GatewayUnderTest(plugins: plugins, shippedPlugins: false)
        try gateway.start()
        let question = #"{"model": "sonar", "max_tokens": 500, "messages": [{"role": "user", "content": "Who is Ada Example?!"}]}"#
        for headers in [["X-Workspace-Id": "acme"], ["X-Workspace-Id": "acme", "X-Gateway-Cache": "bypass"]] {
            #expect(try gateway.send("POST", "/perplexity/chat/completions", headers, body: question).status == 200)
        }
        // Found for money, found for nothing, not found twice, and an error, which is no answer; the words of a model are nobody.
        for name in ["ada", "grace", "nobody", "nobody", "broke"] { _ = try gateway.get("/pdl/v5/person/enrich?email=\(name)@example.com") }
        try eventually("all rows") { try gateway.ledger("SELECT count(*) FROM api_cost_tracking") == [["7"]] }
        let table = try gateway.command("spend", "--to", "2099-01-01").output
        let expected = """
            workspace  provider    calls  tokens      cost  reported  saved  hit rate  cost per record
            acme       pdl             5       0  0.28                 0.00   50.00 %             0.14
            acme       perplexity      2     636  0.010636      0.01   0.00                           
            total                      7     636  0.290636      0.01   0.00   50.00 %             0.14

            """
        #expect(table == expected, "\(table)")
        #expect(
            try gateway.ledger(#"SELECT "status", "found" FROM api_cost_tracking WHERE "apiProvider" = 'pdl' ORDER BY "createdAt", "id""#)
                == [["200", "1"], ["200", "1"], ["404", "0"], ["404", "0"], ["402", ""]])
    }

    @Test(arguments: [
        [], ["serve"], ["check"], ["price"], ["normalize"], ["new-adapter"], ["query"], ["spend"], ["key"], ["key", "create"],
        ["key", "list"], ["key", "revoke"], ["migrate"], ["lease"], ["lease", "list"], ["lease", "forget"], ["reload"], ["replay"],
        ["waterfall"],
    ])
    func helpTeachesByExample(command: [String]) throws {
        let result = try CommandResult.run(
            GatewayUnderTest.executable, command + ["--help"], in: FileManager.default.temporaryDirectory)
        let example = (["gateway"] + command).joined(separator: " ")
        #expect(
            result.status == 0 && result.output.contains(/\nExamples?:\n/) && result.output.contains("\n  \(example)"), "\(result.output)")
    }

    /// A command that is new has to be in the list above.
    @Test func everyCommandIsAmongThem() throws {
        let help = try CommandResult.run(GatewayUnderTest.executable, ["--help"], in: FileManager.default.temporaryDirectory).output
        let listed = try #require(help.components(separatedBy: "SUBCOMMANDS:\n").last).matches(of: #/(?m)^  ([a-z-]+) /#).map {
            String($0.1)
        }
        #expect(
            Set(listed) == [
                "serve", "check", "price", "normalize", "new-adapter", "query", "spend", "key", "migrate", "lease", "reload", "replay",
                "waterfall",
            ])
    }
}
