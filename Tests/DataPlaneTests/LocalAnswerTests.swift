import GatewayCore
import JSONPath
import Loopback
import Testing

/// What the gateway answers itself.
@Suite struct LocalAnswerTests {
    private func json(_ response: RawClient.Response) throws -> JSONValue { try JSONValue(JSONDocument(parsing: response.body).root) }

    @Test func healthNeedsNoWorkspace() async throws {
        try await Bench.run { bench in
            let response = try bench.refused("GET /_gateway/health HTTP/1.1\r\nHost: g\r\n\r\n")
            #expect(response.status == 200 && response.text == #"{"status":"ok"}"#)
            #expect(response["X-Gateway-Workspace"] == nil)
        }
    }

    @Test func theBudgetIsTheCallersOwn() async throws {
        let budget = Budget(
            workspace: WindowLimits(daily: Money("1"), monthly: nil), providers: ["acme": WindowLimits(daily: Money("0.6"))],
            users: Budget.UserLimits(standard: WindowLimits(daily: Money("0.7"))))
        try await Bench.run(budget: budget) { bench in
            try bench.exchange(request("/acme/v1/search", ["X-User-Id: u"])) { $0.answer(body: #"{"credits": 5}"#) }
            let response = try bench.refused(request("/_gateway/budget", ["X-User-Id: u"]))
            #expect(response.status == 200 && response["Content-Type"] == "application/json")
            #expect(
                response["X-Gateway-Workspace"] == "w1" && response["X-Gateway-Cost"] == "0.00"
                    && response["X-Gateway-Spend-Daily"] == "0.50")
            func window(_ limit: String?, _ remaining: String?, _ reset: String) -> JSONValue {
                var members: [JSONValue.Member] = []
                if let limit { members.append(.init("limit", .string(limit))) }
                members += [.init("spent", "0.50"), .init("held", "0.00")]
                if let remaining { members.append(.init("remaining", .string(remaining))) }
                return .object(members + [.init("resets_at", .string(reset))])
            }
            let (day, month) = ("2026-11-24T00:00:00Z", "2026-12-01T00:00:00Z")
            let open = window(nil, nil, month)
            #expect(
                try json(response)
                    == .object([
                        .init("workspace", "w1"), .init("currency", "USD"), .init("enforcement", "enforce"), .init("timezone", "UTC"),
                        .init("state", "ok"), .init("daily", window("1.00", "0.50", day)), .init("monthly", open),
                        .init(
                            "scopes",
                            .array([
                                .object([.init("scope", "workspace"), .init("daily", window("1.00", "0.50", day)), .init("monthly", open)]),
                                .object([
                                    .init("scope", "provider"), .init("name", "acme"), .init("daily", window("0.60", "0.10", day)),
                                    .init("monthly", open),
                                ]),
                                .object([
                                    .init("scope", "user"), .init("name", "u"), .init("daily", window("0.70", "0.20", day)),
                                    .init("monthly", open),
                                ]),
                            ])),
                    ]))
        }
    }

    @Test func aCallIsItsOwnWorkspacesAlone() async throws {
        try await Bench.run { bench in
            let call = try bench.exchange(
                request("/acme/v1/search?secret=1", ["X-User-Id: u", "X-Entity-Type: company", "X-Entity-Id: e"])
            ) { $0.answer(body: #"{"credits": 2}"#) }
            let id = try #require(call["X-Gateway-Request-Id"])
            let row = try json(try bench.refused(request("/_gateway/calls/\(id)")))
            for (name, value) in [
                ("id", JSONValue.string(id)), ("workspaceId", "w1"), ("userId", "u"), ("apiProvider", "acme"), ("endpoint", "/v1/search"),
                ("operation", "search"), ("cost", "0.20"), ("basis", "table"), ("priceVersion", .string(TestAdapter.priceVersion)),
                ("estimate", "0.50"), ("status", 200), ("cache", "none"), ("entityType", "company"), ("entityId", "e"), ("success", true),
                ("createdAt", "2026-11-23T12:00:00Z"),
            ] as [(String, JSONValue)] {
                #expect(row[name] == value, "\(name)")
            }
            let line = row["requestData"]?["lines"]
            guard case .array(let lines)? = line else { return #expect(Bool(false), "no lines") }
            #expect(lines == [.object([.init("unit", "credit"), .init("quantity", "2"), .init("rate", "0.10"), .init("cost", "0.20")])])
            let other = "GET /_gateway/calls/\(id) HTTP/1.1\r\nHost: g\r\nX-Workspace-Id: w2\r\n\r\n"
            #expect(try bench.refused(other).status == 404)
            #expect(try bench.refused(request("/_gateway/calls/nonsense")).status == 400)
            #expect(try bench.refused("GET /_gateway/calls/\(id) HTTP/1.1\r\nHost: g\r\n\r\n").status == 400)
            bench.history.state.change { $0.isUnreadable = true }
            let away = try bench.refused(request("/_gateway/calls/\(id)"))
            #expect(away.status == 503 && away.text.contains(#""code":"tracker_unavailable""#) && away["X-Gateway-Workspace"] == "w1")
        }
    }

    @Test func onlyReadingIsOffered() async throws {
        try await Bench.run { bench in
            #expect(try bench.refused(request("/_gateway/budget", method: "POST", body: "{}")).status == 405)
            #expect(try bench.refused(request("/_gateway/else")).status == 404)
            #expect(try bench.refused(request("/_gateway")).status == 404)
            let head = try bench.refused(request("/_gateway/budget", method: "HEAD"))
            #expect(head.status == 200 && head.body.isEmpty)
        }
    }
}
