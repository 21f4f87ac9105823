import Foundation
import Loopback
import Testing

/// Secrets that are planted wherever a gateway has or gets any, and looked for wherever it says or keeps anything.
@Suite(.timeLimit(.minutes(3))) final class SecretsTests {
    /// Each is a text of its own, so that a find says whose it is.
    private var planted: [(name: String, secret: String)] = []
    /// What the gateway has said and kept, by where.
    private var surfaces: [(place: String, bytes: Data)] = []

    private func plant(_ name: String) -> String {
        let secret = "planted-\(name.replacing(" ", with: "-"))-\(UUID().uuidString.prefix(8))"
        planted.append((name, secret))
        return secret
    }

    /// The last that was planted under a name.
    private func secret(_ name: String) throws -> String { try #require(planted.last { $0.name == name }).secret }

    private func note(_ place: String, _ text: String) { surfaces.append((place, Data(text.utf8))) }

    private func note(_ place: String, _ result: CommandResult) { note(place, result.output + result.error) }

    /// The whole of an answer, or of a provider's answer all but its body: that is the provider's.
    private func note(_ place: String, _ reply: Reply, bodyIsProviders: Bool = false) {
        note(place, reply.headers.map { "\($0.name): \($0.value)" }.joined(separator: "\n") + (bodyIsProviders ? "" : reply.body))
    }

    private func noteFiles(of gateway: GatewayUnderTest, _ moment: String) throws {
        let files = try #require(FileManager.default.enumerator(at: gateway.folder, includingPropertiesForKeys: nil))
        for case let file as URL in files where !file.hasDirectoryPath {
            let name = file.path.dropFirst(gateway.folder.path.count + 1)
            // The journal's segments and the ledger; what the test has written itself is where the secrets come from.
            guard name.hasPrefix("gateway") else { continue }
            surfaces.append(("\(name), \(moment)", try Data(contentsOf: file)))
        }
    }

    private func checkNothingIsFound() {
        #expect(surfaces.count > 20 && planted.count > 5)
        for (name, secret) in planted {
            // As it is, and as a transport may write it.
            let forms = [secret, secret.replacing("-", with: "%2D"), Data("user:\(secret)".utf8).base64EncodedString()]
            for (place, bytes) in surfaces {
                for form in forms { #expect(bytes.range(of: Data(form.utf8)) == nil, "the \(name) is in \(place)") }
            }
        }
    }

    /// Says back what it was sent, credentials included, with the status that the path asks for.
    private func echo() throws -> ScriptedServer {
        try ScriptedServer { connection in
            while true {
                let request = try connection.readRequest()
                let said = request.head.replacing("\r\n", with: " ").replacing("\"", with: "'")
                let body = #"{"credits": "\#(said)", "error": "\#(said)"}"#
                if request.line.contains("/hang") { return connection.waitForClose() }
                if request.line.contains("/cut") {
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n\(body)")
                    return
                }
                if request.line.contains("/garbage") { return connection.send("no HTTP \(said)\r\n\r\n") }
                let status = request.line.contains("/fail") ? "500 \(said)" : "200 OK"
                connection.send(response(status, body, "X-Credits: \(said)"))
            }
        }
    }

    private func adapter(_ provider: String, url: String, auth: String) -> String {
        """
        adapter: 1
        provider: \(provider)
        title: Echo
        upstream: { url: "\(url)", auth: \(auth), timeout: 2s, headers: { X-Extra: "${EXTRA_SECRET}" } }
        prices:
          - { effective: 2026-01-01, source: "https://acme.example/pricing", checked: 2026-01-01, rates: [ { credit: 0.10 } ] }
        operations:
          - name: kept
            match: { method: POST, path: /v1/kept }
            charge: { credit: 1 }
            estimate: { credit: 1 }
            cache: { ttl: 1d }
          - name: held
            match: { method: [GET, POST], path: "/**" }
            charge: { credit: { body: $.credits } }
            estimate: { credit: 1 }
            reported: { usd: $.error }
        examples:
          - name: one
            request: { method: GET, path: /v1/one }
            response: { status: 200, body: { credits: 1 } }
            expect: { estimate: "0.10", cost: "0.10" }
        """
    }

    @Test(arguments: ["json", "text"])
    func noneIsFoundInWhatAGatewaySaysOrKeeps(format: String) throws {
        let provider = try echo()
        // Nobody listens there.
        let dead = try ScriptedServer { _ in }.port
        let environment = [
            "ADMIN_TOKEN": plant("admin token"), "ECHO_KEY": plant("credential"), "QUERY_KEY": plant("credential in the query"),
            "EXTRA_SECRET": plant("extra header"), "ALERT_SECRET": plant("alert secret"), "HOOK": plant("webhook address"),
            "PROXY_PASSWORD": plant("proxy password"), "BYSTANDER": plant("rest of the environment"),
        ]
        let shell = ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }
        let gateway = try GatewayUnderTest(
            configuration: """
                auth: { mode: keys }
                log: { format: \(format) }
                budgets: { workspaces: { poor: { daily: 0.01 } } }
                alerts: { webhooks: [ { url: "http://127.0.0.1:\(dead)/${HOOK}", secret: "${ALERT_SECRET}" } ] }
                providers: { proxied: { proxy: "http://user:${PROXY_PASSWORD}@127.0.0.1:\(dead)" } }
                """,
            plugins: [
                "echo.yaml": adapter("echo", url: provider.url, auth: #"{ header: Authorization, value: "Bearer ${ECHO_KEY}" }"#),
                "asked.yaml": adapter("asked", url: provider.url, auth: #"{ query: api_key, value: "${QUERY_KEY}" }"#),
                "proxied.yaml": adapter("proxied", url: provider.url, auth: #"{ header: X-Api-Key, value: "${ECHO_KEY}" }"#),
                "dead.yaml": adapter(
                    "dead", url: "http://127.0.0.1:\(dead)", auth: #"{ header: X-Api-Key, value: "${ECHO_KEY}" }"#),
                "off.yaml": adapter("off", url: provider.url, auth: #"{ header: X-Api-Key, value: "${NOT_THERE}" }"#),
            ], shippedPlugins: false)
        let token = try #require(environment["ADMIN_TOKEN"])
        func start(_ moment: String) throws {
            // Its first port is free to choose; commands find the running gateway where the file says.
            try gateway.write(
                gateway.read("config.yaml").replacing(
                    /admin: \{ listen: 127\.0\.0\.1:\d+.*\}/, with: "admin: { listen: 127.0.0.1:0 }"), to: "config.yaml")
            try gateway.start(sandbox: false, environment: environment, arguments: ["--log-level", "trace"])
            try gateway.write(
                gateway.read("config.yaml").replacing(
                    "listen: 127.0.0.1:\(gateway.adminPort) }", with: "listen: 127.0.0.1:\(gateway.adminPort), token: \"${ADMIN_TOKEN}\" }"),
                to: "config.yaml")
            try eventually("the token is asked for") { try gateway.admin("GET", "/v1/config").status == 401 }
            note("the greeting, \(moment)", gateway.greeting)
        }
        func admin(_ method: String, _ target: String) throws {
            let reply = try HTTPClient(port: gateway.adminPort).send(method, target, ["Authorization": "Bearer \(token)"])
            note("\(method) \(target)", reply)
        }
        func command(_ arguments: String...) throws -> CommandResult {
            let result = try CommandResult.run(GatewayUnderTest.executable, arguments, in: gateway.folder, environment: shell)
            note("gateway \(arguments.joined(separator: " "))", result)
            return result
        }
        // The one place where a key is shown: what follows must not.
        func key(_ workspace: String) throws -> String {
            let made = try CommandResult.run(
                GatewayUnderTest.executable, ["key", "create", "--workspace", workspace], in: gateway.folder, environment: shell)
            note("what is said beside a key", made.error)
            let key = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
            planted.append(("key of \(workspace)", key))
            return key
        }
        let (rich, poor) = (try key("acme"), try key("poor"))
        try start("the start")

        let (query, body) = (plant("query"), plant("body"))
        func call(_ target: String, key: String, method: String = "POST", _ more: [String: String] = [:]) throws -> Reply {
            let headers = [
                "X-Gateway-Key": key, "X-Tell": plant("header"), "Cookie": plant("cookie"), "Authorization": "Bearer \(plant("own key"))",
                "X-Api-Key": plant("own header"), "Proxy-Authorization": "Basic \(plant("own proxy"))",
            ].merging(more) { $1 }
            return try gateway.send(
                method, "\(target)?q=\(query)&api_key=\(plant("own parameter"))", headers, body: #"{"prompt": "\#(body)"}"#)
        }
        for name in ["echo", "asked"] {
            for path in ["ok", "fail"] {
                let reply = try call("/\(name)/v1/\(path)", key: rich)
                #expect(reply.status == (path == "ok" ? 200 : 500))
                // The provider says it to its own caller, and what it says is passed on byte for byte.
                let credential = try secret(name == "echo" ? "credential" : "credential in the query")
                #expect(reply.body.contains(credential) && reply["X-Credits"]?.contains(credential) == true)
                for own in [
                    rich, try secret("own key"), try secret("own proxy"), try secret(name == "asked" ? "own parameter" : "own key"),
                ] {
                    #expect(!reply.body.contains(own), "\(own) has reached the provider")
                }
                note("\(path) of \(name)", Reply(status: reply.status, headers: reply.headers.filter { $0.name != "X-Credits" }, body: ""))
            }
        }
        for _ in 0..<2 {
            #expect(try call("/echo/v1/kept", key: rich)["X-Gateway-Cache"] == "miss", "an answer with a credential is not kept")
        }
        for (target, code) in [
            ("/echo/v1/cut", "upstream_unreachable"), ("/echo/v1/garbage", "upstream_unreachable"), ("/echo/v1/hang", "upstream_timeout"),
            ("/proxied/v1/ok", "upstream_unreachable"), ("/dead/v1/ok", "upstream_unreachable"), ("/off/v1/ok", "provider_unavailable"),
            ("/nobody/v1/ok", "unknown_provider"), ("/echo/v1/../ok", "bad_request"),
        ] {
            let reply = try call(target, key: rich)
            #expect(reply.json["code"] as? String == code, "\(target): \(reply.body)")
            note(target, reply)
        }
        for (name, reply) in [
            ("a spent budget", try call("/echo/v1/ok", key: poor)),
            ("a wrong key", try call("/echo/v1/ok", key: "gwk_\(plant("wrong key"))")),
            ("a wrong wish", try call("/echo/v1/ok", key: rich, ["X-Gateway-Max-Cost": plant("maximum")])),
            ("a low maximum", try call("/echo/v1/ok", key: rich, ["X-Gateway-Max-Cost": "0.01"])),
            ("the budget", try call("/_gateway/budget", key: rich, method: "GET")),
            ("nothing of the gateway's", try call("/_gateway/nothing", key: rich, method: "GET")),
            (
                "a wrong admin token",
                try HTTPClient(port: gateway.adminPort).send("GET", "/v1/config", ["Authorization": plant("wrong token")])
            ),
        ] { note(name, reply) }
        let unreadable = try HTTPClient(port: gateway.port).exchange("GET / \(plant("broken line")) HTTP/1.1\r\nHost: g\r\n\r\n")
        note("what is no HTTP", unreadable)
        let ask = [
            "metrics", "v1/config", "v1/spend?by=provider,operation,user,entity", "v1/keys", "readyz", "v1/workspaces/acme/budget",
            "nothing",
        ]
        for target in ask { try admin("GET", "/\(target)") }

        // Configurations with something wrong beside, and in, each secret.
        let good = try gateway.read("config.yaml")
        for (old, new) in [
            ("token: \"${ADMIN_TOKEN}\"", "token: [ \(plant("token in a list")) ]"),
            ("token: \"${ADMIN_TOKEN}\"", "token: { a: \(plant("token in a mapping")) }"),
            ("token: \"${ADMIN_TOKEN}\"", "tokem: \(plant("token under a wrong name"))"),
            ("token: \"${ADMIN_TOKEN}\"", "token: \"\(plant("token without an end"))"),
            ("token: \"${ADMIN_TOKEN}\"", "token: \"${ADMIN_TOKEN}\", token: \(plant("second token"))"),
            ("secret: \"${ALERT_SECRET}\"", "secret: [ \(plant("alert secret in a list")) ]"),
            ("secret: \"${ALERT_SECRET}\"", "secret: \(plant("alert secret")), wrong: 1"),
            ("http://127.0.0.1:\(dead)/${HOOK}", "ftp://127.0.0.1/\(plant("wrong webhook"))"),
            ("http://user:${PROXY_PASSWORD}@", "socks9://user:\(plant("wrong proxy"))@"),
            ("http://user:${PROXY_PASSWORD}@", "http://user:\(plant("wrong proxy password")) @"),
            ("log: {", "ledger: { url: \"mysql://user:\(plant("wrong ledger"))@host/db\" }\nlog: {"),
            ("log: {", "ledger: { url: \"postgres://user:\(plant("half a ledger"))@ret@host/db\" }\nlog: {"),
        ] {
            try #require(good.contains(old), "\(old)")
            try gateway.write(good.replacing(old, with: new), to: "config.yaml")
            #expect(try command("check").status == 1, "\(new)")
            try admin("POST", "/v1/reload")
            try admin("GET", "/v1/config")
        }
        try gateway.write(good, to: "config.yaml")
        let sound = try gateway.read("plugins/echo.yaml")
        try gateway.write(
            sound.replacing("Bearer ${ECHO_KEY}", with: "${\(plant("name").replacing("-", with: "_"))"), to: "plugins/echo.yaml")
        _ = try command("check")
        try gateway.write(
            sound.replacing("value: \"Bearer ${ECHO_KEY}\"", with: "value: [ \(plant("literal credential")) ]"), to: "plugins/echo.yaml")
        _ = try command("check")
        try admin("POST", "/v1/reload")
        try gateway.write(sound, to: "plugins/echo.yaml")
        try admin("POST", "/v1/reload")

        // A call in flight at a kill, and what the next start makes of it.
        let client = try gateway.client()
        try client.send(
            "GET /echo/v1/hang?q=\(query) HTTP/1.1\r\nHost: g\r\nX-Gateway-Key: \(rich)\r\nX-Tell: \(plant("last header"))\r\n\r\n")
        eventually("it is in flight") { provider.requests.count { $0.line.contains("/hang") } == 2 }
        try noteFiles(of: gateway, "before the kill")
        gateway.kill9()
        try start("after the kill")
        try eventually("it is charged") {
            try gateway.ledger("SELECT count(*) FROM api_cost_tracking WHERE \"errorMessage\" = 'interrupted'") == [["1"]]
        }
        for target in ask { try admin("GET", "/\(target)") }
        for arguments in [
            ["spend", "--by", "provider,operation,user"], ["spend", "--format", "json"], ["key", "list"], ["reload"], ["check"],
        ] {
            note(
                "gateway \(arguments)",
                try CommandResult.run(GatewayUnderTest.executable, arguments, in: gateway.folder, environment: shell))
        }
        #expect(gateway.stop() == 0)
        eventually("the log's end") { gateway.log.last?.contains("stopped") == true }
        #expect(gateway.log.count > 30)
        note("the log", gateway.log.joined(separator: "\n"))
        try noteFiles(of: gateway, "at the end")
        _ = try command("spend", "--format", "csv")
        _ = try command("key", "list", "--format", "json")
        checkNothingIsFound()
    }

    /// A database that is away, whose address has a password.
    @Test func theLedgersPasswordIsNowhere() throws {
        let password = plant("ledger password")
        let dead = try ScriptedServer { _ in }.port
        let gateway = try GatewayUnderTest(
            configuration: "ledger: { url: \"postgres://user:${LEDGER_PASSWORD}@127.0.0.1:\(dead)/db?connect_timeout=2\" }")
        let environment = ["LEDGER_PASSWORD": password, "PATH": "/usr/bin:/bin"]
        for name in ["token", "proxy", "hook", "key", "other"] { _ = plant("nothing but a \(name)") }
        func command(_ arguments: String...) throws {
            note(
                "gateway \(arguments)",
                try CommandResult.run(GatewayUnderTest.executable, arguments, in: gateway.folder, environment: environment))
        }
        try gateway.start(environment: ["LEDGER_PASSWORD": password], arguments: ["--log-level", "trace"])
        note("the greeting", gateway.greeting)
        for index in 0..<5 { note("call \(index)", try gateway.get("/pdl/v5/person/enrich?email=ada@example.com")) }
        for target in ["metrics", "v1/config", "v1/spend", "readyz", "v1/keys", "v1/workspaces/acme/budget"] {
            note(target, try gateway.admin("GET", "/\(target)"))
        }
        note(
            "a budget",
            try HTTPClient(port: gateway.adminPort).send(
                "PUT", "/v1/workspaces/acme/budget", ["Content-Type": "application/json"], body: "{\"daily\": 1}"))
        eventually("the log says that it is away") { gateway.log.contains { $0.contains(" error ") && $0.contains("ledger") } }
        try command("spend")
        try command("reload")
        try noteFiles(of: gateway, "while it runs")
        // With nobody to drain to, it stops all the same; its stop is not what is asked for here.
        gateway.kill9()
        for arguments in [
            ["spend"], ["key", "list"], ["migrate"], ["migrate", "--ledger", "postgres://user:\(password)@127.0.0.1:\(dead)/db"],
            ["lease", "list"], ["check"],
        ] {
            note(
                "gateway \(arguments[0])",
                try CommandResult.run(GatewayUnderTest.executable, arguments, in: gateway.folder, environment: environment))
        }
        note("the log", gateway.log.joined(separator: "\n"))
        checkNothingIsFound()
    }
}
