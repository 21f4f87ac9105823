import Foundation
import Testing

/// The admin plane's own words: lists, parameters, and what it says to what it does not serve.
@Suite(.timeLimit(.minutes(2))) struct AdminTests {
    private static let person = "/pdl/v5/person/enrich?email=ada@example.com"

    @Test func callsAreListedInPagesWhileMoreArrive() throws {
        let gateway = try GatewayUnderTest()
        try gateway.start()
        var ids: [String] = []
        func call(_ workspace: String) throws -> String {
            try #require(try gateway.get(Self.person, ["X-Workspace-Id": workspace])["X-Gateway-Request-Id"])
        }
        for number in 0..<11 { ids.append(try call(number % 3 == 0 ? "a b/ü%".filter(\.isASCII) : "acme")) }
        try eventually("the ledger has them") { try gateway.ledger("SELECT count(*) FROM api_cost_tracking") == [["11"]] }

        func page(_ query: String) throws -> (rows: [[String: Any]], next: String?) {
            let reply = try gateway.admin("GET", "/v1/calls?\(query)")
            try #require(reply.status == 200, "\(reply.body)")
            return (reply.json["calls"] as? [[String: Any]] ?? [], reply.json["next"] as? String)
        }
        var (rows, next) = try page("limit=4")
        var pages = 1
        while let cursor = next {
            _ = try call("late")
            let more = try page("limit=4&cursor=\(cursor)")
            (rows, next, pages) = (rows + more.rows, more.next, pages + 1)
        }
        #expect(pages == 3)
        #expect(rows.compactMap { $0["id"] as? String } == ids.reversed())
        let row = try #require(rows.first)
        let own = try gateway.get("/_gateway/calls/\(try #require(row["id"] as? String))", ["X-Workspace-Id": "acme"])
        #expect(NSDictionary(dictionary: own.json) == NSDictionary(dictionary: row))

        #expect(try page("workspace=acme").rows.count == 7)
        #expect(try page("workspace=a%20b%2F%25").rows.count == 4)
        #expect(try page("workspace=acme&provider=pdl&operation=enrich_person&status=200&limit=7").rows.count == 7)
        #expect(try page("provider=lusha").rows.isEmpty && page("status=404").rows.isEmpty && page("to=2020-01-01").rows.isEmpty)
        #expect(try page("from=2999-01-01T00:00:00%2B02:00").rows.isEmpty)
        #expect(try page("from=2999-01-01&to=2001-01-01").rows.isEmpty, "nothing lies between")

        // A cursor goes on with its own question alone.
        let cursor = try #require(try page("workspace=acme&limit=2").next)
        #expect(try page("workspace=acme&limit=5&cursor=\(cursor)").rows.count == 5)
        for other in ["", "workspace=acm&", "workspace=acme&status=200&"] {
            #expect(try gateway.admin("GET", "/v1/calls?\(other)cursor=\(cursor)").status == 400)
        }
        #expect(gateway.stop() == 0)
    }

    /// Each is refused with a problem, whatever is asked.
    @Test func whatIsNotServedIsAProblem() throws {
        let gateway = try GatewayUnderTest()
        try gateway.start()
        let long = String(repeating: "9", count: 5000)
        let cases: [(method: String, target: String, status: Int, says: String)] = [
            ("GET", "/v1/calls?worksapce=acme", 400, "did you mean 'workspace'?"),
            ("GET", "/v1/calls?colour=red", 400, "there are workspace, provider, "), ("GET", "/v1/config?x=1", 400, "there are none"),
            ("HEAD", "/v1/calls?x=1", 400, ""), ("HEAD", "/nothing", 404, ""), ("HEAD", "/v1/reload", 405, ""),
            ("DELETE", "/v1/keys/x?y=1", 400, "no parameter 'y'"),
            ("GET", "/v1/calls?limit=1&limit=2", 400, "'limit' is there twice"), ("GET", "/v1/calls?limit=0", 400, "1 to 1000"),
            ("GET", "/v1/calls?limit=1001", 400, "1 to 1000"), ("GET", "/v1/calls?limit=%2B1", 400, "1 to 1000"),
            ("GET", "/v1/calls?limit=01", 400, "1 to 1000"), ("GET", "/v1/calls?limit=\(long)", 400, "1 to 1000"),
            ("GET", "/v1/calls?limit=", 400, "1 to 1000"), ("GET", "/v1/calls?limit", 400, "1 to 1000"),
            ("GET", "/v1/calls?limit=%D9%A1", 400, "1 to 1000"), ("GET", "/v1/calls?status=99", 400, "100 to 599"),
            ("GET", "/v1/calls?status=99999999999999999999", 400, "100 to 599"), ("GET", "/v1/calls?workspace=", 400, "1 to 128"),
            ("GET", "/v1/calls?provider=\(long)", 400, "1 to 128"), ("GET", "/v1/calls?from=yesterday", 400, "2026-11-01"),
            ("GET", "/v1/calls?from=2026-02-30", 400, "RFC 3339"), ("GET", "/v1/calls?to=0000-00-00T99:99:99Z", 400, "RFC 3339"),
            ("GET", "/v1/calls?cursor=", 400, "earlier answer"), ("GET", "/v1/calls?cursor=\(long)", 400, "earlier answer"),
            ("GET", "/v1/calls?cursor=%00", 400, "earlier answer"), ("GET", "/v1/audit?cursor=1", 400, "earlier answer"),
            ("GET", "/v1/audit?from=1&limit=2", 400, "'from'"), ("GET", "/v1/audit?form=2026-11-01", 400, "did you mean 'from'?"),
            ("GET", "/v1/keys?cursor=nothing", 400, "earlier answer"), ("GET", "/v1/keys?limit=-1", 400, "1 to 1000"),
            ("GET", "/v1/spend?by=colour", 400, "'colour' is nothing to sum by"), ("GET", "/v1/spend?workspace=", 400, "1 to 128"),
            ("GET", "/v1/workspaces/%C3%BC/budget", 400, "printable ASCII"), ("PUT", "/v1/workspaces/%0A/budget", 400, "printable ASCII"),
            ("GET", "/v1/workspaces/\(long)/spend", 400, "printable ASCII"), ("DELETE", "/v1/keys/\(long)", 404, "26 characters"),
            ("DELETE", "/v1/keys/01ARZ3NDEKTSV4RRFFQ69G5FAV", 404, "no key of this id"), ("GET", "/nothing", 404, "/openapi.json"),
            ("GET", "/v1/workspaces//budget", 404, ""), ("GET", "/v1/../etc/passwd", 404, ""), ("GET", "/v1/keys%2Fx", 404, ""),
            ("POST", "/v1/calls", 405, "GET, HEAD"), ("DELETE", "/v1/keys", 405, "GET, HEAD, POST"), ("TRACE", "/healthz", 405, "GET"),
            ("GET", "/v1/reload", 405, "POST"), ("PATCH", "/v1/workspaces/a/budget", 405, "GET, HEAD, PUT"),
            ("PROPFIND", "/openapi.json", 405, "GET, HEAD"), ("POST", "/v1/keys", 415, "application/json"),
        ]
        for (method, target, status, says) in cases {
            let reply = try gateway.admin(method, target)
            #expect(reply.status == status, "\(method) \(target.prefix(80)): \(reply.body)")
            #expect(reply["Content-Type"] == "application/problem+json")
            guard method != "HEAD" else {
                #expect(reply.body.isEmpty)
                continue
            }
            #expect(
                reply.json["status"] as? Int == status && reply.json["title"] is String && reply.json["type"] as? String == "about:blank")
            #expect(says.isEmpty || (reply.json["detail"] as? String ?? "").contains(says), "\(method) \(target.prefix(80)): \(reply.body)")
            if status == 405 { #expect(reply["Allow"]?.contains(says) == true) }
        }
        // What is no HTTP ends with a problem as well.
        for garbage in [
            "GET /v1/calls HTTP/9.9\r\n\r\n", "nonsense\r\n\r\n", "GET /\u{1} HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nA\u{0}: b\r\n\r\n",
        ] {
            let reply = try HTTPClient(port: gateway.adminPort).exchange(garbage)
            #expect(reply.status == 400 && reply["Content-Type"] == "application/problem+json", "\(garbage): \(reply)")
            #expect(reply.json["status"] as? Int == 400)
        }
        let reply = try gateway.send("DELETE", "/_gateway/budget")
        #expect(reply.status == 405 && reply["Allow"] == "GET, HEAD" && reply.json["code"] as? String == "method_not_allowed")
        #expect(gateway.stop() == 0)
    }

    @Test func headHasTheHeadersOfGetAndNoBody() throws {
        let gateway = try GatewayUnderTest(shippedPlugins: false)
        try gateway.start()
        for target in ["/healthz", "/openapi.json", "/v1/calls", "/v1/workspaces/acme/budget"] {
            let (get, head) = (try gateway.admin("GET", target), try gateway.admin("HEAD", target))
            #expect(get.status == 200 && head.status == 200 && head.body.isEmpty)
            #expect(head["Content-Length"] == String(get.body.utf8.count) && head["Content-Type"] == get["Content-Type"])
        }
        #expect(gateway.stop() == 0)
    }

    @Test func aTokenThatAReloadHasTakenAwayOpensNothing() throws {
        let gateway = try GatewayUnderTest(shippedPlugins: false)
        try gateway.start()
        func get(_ target: String, _ token: String) throws -> Reply {
            try HTTPClient(port: gateway.adminPort).send("GET", target, ["Authorization": "Bearer \(token)"])
        }
        let listen = "admin: { listen: 127.0.0.1:\(gateway.adminPort)"
        let file = try gateway.read("config.yaml")
        try gateway.write(file.replacing("\(listen) }", with: "\(listen), token: first-token }"), to: "config.yaml")
        try eventually("the first is asked for") { try gateway.admin("GET", "/v1/config").status == 401 }
        for target in ["/v1/config", "/v1/nothing", "/openapi.json", "/healthz"] {
            #expect(try gateway.admin("GET", target)["WWW-Authenticate"] == "Bearer")
            for wrong in ["", "first", "first-tokem", "first-token2", "first-token\u{FC}"] { #expect(try get(target, wrong).status == 401) }
        }
        #expect(try get("/v1/config", "first-token").status == 200)
        try gateway.write(file.replacing("\(listen) }", with: "\(listen), token: second-token }"), to: "config.yaml")
        try eventually("the second opens") { try get("/v1/config", "second-token").status == 200 }
        #expect(try get("/v1/audit", "first-token").status == 401)

        // The audit has both, and neither token.
        var after: [[String: [String: String]]] = []
        try eventually("the audit has both") {
            let entries = try get("/v1/audit", "second-token").json["entries"] as? [[String: Any]] ?? []
            #expect(entries.allSatisfy { $0["origin"] as? String == "file" && $0["kind"] as? String == "configuration" })
            after = entries.compactMap { ($0["after"] as? [String: Any])?["settings"] as? [String: [String: String]] }
            return after.count == 2
        }
        #expect(after == [["admin": ["token": "••• (new)"]], ["admin": ["token": "••• (new)"]]])
        #expect(gateway.stop() == 0)
        for file in try FileManager.default.contentsOfDirectory(atPath: gateway.folder.path) where file.hasPrefix("gateway.db") {
            let bytes = try Data(contentsOf: gateway.folder.appendingPathComponent(file))
            for token in ["first-token", "second-token"] { #expect(bytes.range(of: Data(token.utf8)) == nil) }
        }
    }
}
