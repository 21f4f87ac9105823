import Foundation
import Loopback
import Testing

/// What the admin plane says of all workspaces, of answers' quality, and of calls as they happen.
@Suite(.timeLimit(.minutes(2))) struct AdminViewTests {
    private static let person = "/pdl/v5/person/enrich?email=ada@example.com"

    private func gateway(workspaces count: Int = 0) throws -> GatewayUnderTest {
        let named = (0..<count).map { "w\($0): { daily: \($0 + 1), monthly: 100000 }" }.joined(separator: ", ")
        let gateway = try GatewayUnderTest(configuration: "budgets: { workspaces: { \(named) } }")
        try gateway.start()
        return gateway
    }

    private func ids(_ page: Reply) -> [String] {
        (page.json["workspaces"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
    }

    /// All pages from a place on.
    private func walk(_ gateway: GatewayUnderTest, _ sort: String, from start: String? = nil) throws -> [String] {
        var (all, cursor) = ([String](), start ?? "")
        while true {
            let page = try gateway.admin("GET", "/v1/workspaces?sort=\(sort)&limit=7\(cursor.isEmpty ? "" : "&cursor=\(cursor)")")
            try #require(page.status == 200 && (1...7).contains(ids(page).count), "\(page.body)")
            all += ids(page)
            guard let next = page.json["next"] as? String else { return all }
            cursor = next
        }
    }

    @Test(arguments: ["share", "daily", "monthly", "id"]) func pagesHaveEveryWorkspaceOnce(sort: String) throws {
        let gateway = try gateway(workspaces: 23)
        for index in [3, 5, 5, 11] { #expect(try gateway.get(Self.person, ["X-Workspace-Id": "w\(index)"]).status == 200) }
        let whole = try gateway.admin("GET", "/v1/workspaces?sort=\(sort)&limit=500")
        let order = ids(whole)
        #expect(try walk(gateway, sort) == order && Set(order) == Set((0..<23).map { "w\($0)" }) && order.count == 23)
        let total = whole.json["all"] as? [String: Any]
        #expect(total?["workspaces"] as? Int == 23 && total?["spent_daily"] as? String == "1.12" && total?["held"] as? String == "0.00")
        let names = (0..<23).map { "w\($0)" }.sorted()
        let first = ["share": ["w5", "w3", "w11"], "daily": ["w5", "w11", "w3"], "monthly": ["w5", "w11", "w3"], "id": []][sort] ?? []
        #expect(order == first + names.filter { !first.contains($0) })

        // One that goes up while somebody reads is on no later page; none of the others is left out or comes twice.
        let page = try gateway.admin("GET", "/v1/workspaces?sort=\(sort)&limit=7")
        let rising = order[15]
        #expect(try gateway.get(Self.person, ["X-Workspace-Id": rising]).status == 200)
        let rest = try walk(gateway, sort, from: page.json["next"] as? String)
        #expect(rest == order[7...].filter { $0 != rising || sort == "id" })
    }

    @Test func aWorkspaceIsShownAsItsBudgetIs() throws {
        let gateway = try gateway(workspaces: 1)
        #expect(try gateway.get(Self.person, ["X-Workspace-Id": "w0"]).status == 200)
        #expect(try gateway.get(Self.person, ["X-Workspace-Id": "Other<b>"]).status == 200)
        let named = try #require((try gateway.admin("GET", "/v1/workspaces?search=W0").json["workspaces"] as? [[String: Any]])?.first)
        let budget = try gateway.admin("GET", "/v1/workspaces/w0/budget").json
        for window in ["daily", "monthly"] { #expect(named[window] as? [String: String] == budget[window] as? [String: String]) }
        #expect(named["share_millionths"] as? Int == 280_000 && named["budget_from"] as? String == "file")
        #expect(named["state"] as? String == "ok" && named["enforcement"] as? String == "enforce")
        let other = try gateway.admin("GET", "/v1/workspaces?search=%3CB%3E")
        #expect(ids(other) == ["Other<b>"] && other.json["matching"] as? Int == 1 && other.body.contains(#""budget_from":"default""#))
        #expect(ids(try gateway.admin("GET", "/v1/workspaces?search=nobody")).isEmpty)
    }

    @Test func whatCannotBeUnderstoodIsRefused() throws {
        let gateway = try gateway()
        for target in [
            "workspaces?limit=0", "workspaces?limit=501", "workspaces?limit=x", "workspaces?sort=name", "workspaces?cursor=x",
            "workspaces?cursor=:a", "workspaces?search=\(String(repeating: "a", count: 129))", "quality?from=yesterday",
            "spend?together=maybe",
        ] {
            let answer = try gateway.admin("GET", "/v1/\(target)")
            #expect(answer.status == 400 && answer["Content-Type"] == "application/problem+json", "\(target): \(answer.body)")
        }
    }

    @Test func qualityCountsWhatRowsSay() throws {
        let gateway = try gateway()
        let before = try gateway.admin("GET", "/v1/quality")
        #expect(before.status == 200 && (before.json["providers"] as? [Any])?.isEmpty == true && before.json["complete"] as? Bool == true)
        #expect(try gateway.get(Self.person, ["X-Workspace-Id": "acme", "X-Gateway-Normalize": "true"]).status == 200)
        #expect(try gateway.get(Self.person).status == 200)
        try eventually("two calls in the ledger") { try gateway.admin("GET", "/v1/quality").json["calls"] as? Int == 2 }
        let after = try gateway.admin("GET", "/v1/quality?from=2026-01-01")
        let quality = try #require((after.json["providers"] as? [[String: Any]])?.first)
        #expect(quality["provider"] as? String == "pdl" && quality["calls"] as? Int == 2 && quality["succeeded"] as? Int == 2)
        #expect(quality["estimated"] as? Int == 0 && quality["unanswered"] as? Int == 0 && quality["records"] as? Int == 1)
        #expect((quality["grades"] as? [String: Int])?.values.reduce(0, +) == 1)
        let future = try gateway.admin("GET", "/v1/quality?from=2099-01-01")
        #expect(future.json["calls"] as? Int == 0)
        let rows = try gateway.ledger(#"SELECT count(*) FROM "api_cost_tracking" WHERE "requestData" LIKE '%"grades":{"%'"#)
        #expect(rows == [["1"]])
    }

    /// Watchers see settled calls and refusals, once each; as many may watch as there is room for, and a place is free again when its watcher
    /// has gone. A gateway that stops does not wait for them.
    @Test func callsAreSentAsTheyHappen() throws {
        let gateway = try GatewayUnderTest(configuration: "budgets: { default: { daily: 0.50 } }")
        try gateway.start()
        var watchers: [RawClient] = []
        for _ in 0..<16 {
            let watcher = try RawClient(port: gateway.adminPort)
            try watcher.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(watcher.read(until: ": watching").isFound)
            watchers.append(watcher)
        }
        let refused = try gateway.admin("GET", "/v1/events")
        #expect(refused.status == 503 && refused["Content-Type"] == "application/problem+json")
        let headers = ["X-Workspace-Id": "acme", "X-User-Id": "a\"b"]
        let settled = try #require(try gateway.get(Self.person, headers)["X-Gateway-Request-Id"])
        let second = try #require(try gateway.get(Self.person, headers)["X-Gateway-Request-Id"])
        for watcher in watchers {
            let text = watcher.read(until: "budget_exhausted").text
            #expect(text.matches(of: /event: call\n/).count == 1 && text.contains("id: \(settled)\ndata: {\"id\":\"\(settled)\""))
            #expect(text.contains(#""cost":"0.28""#) && text.contains(#""userId":"a\"b""#))
            #expect(text.contains("event: refusal\nid: \(second)\n"))
        }
        watchers.removeLast().close()
        try eventually("a place is free") {
            let watcher = try RawClient(port: gateway.adminPort)
            try watcher.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            watchers.append(watcher)
            return try watcher.head().status == 200
        }
        #expect(gateway.stop() == 0)
    }
}
