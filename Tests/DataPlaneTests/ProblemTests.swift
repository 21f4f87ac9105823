import GatewayCore
import JSONPath
import Loopback
import Testing

/// The gateway's own answers: their status, their fields, and every member of their bodies.
@Suite struct ProblemTests {
    private func expect(
        _ response: RawClient.Response, _ status: Int, _ body: JSONValue, retryAfter: String? = nil, shouldRetry: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(response.status == status, sourceLocation: sourceLocation)
        #expect(response["Content-Type"] == "application/problem+json", sourceLocation: sourceLocation)
        #expect(response["Retry-After"] == retryAfter, sourceLocation: sourceLocation)
        #expect(response["X-Should-Retry"] == shouldRetry, sourceLocation: sourceLocation)
        #expect(try JSONValue(JSONDocument(parsing: response.body).root) == body, "\(response.text)", sourceLocation: sourceLocation)
    }

    private func problem(
        _ code: String, _ status: Int64, _ title: String, _ detail: String, provider: String? = "acme", workspace: String? = "w1",
        type: String = "about:blank", _ members: [JSONValue.Member] = []
    ) -> JSONValue {
        var all: [JSONValue.Member] = [
            .init("type", .string(type)), .init("title", .string(title)), .init("status", .number(JSONNumber(status))),
            .init("detail", .string(detail)), .init("code", .string(code)),
        ]
        if let provider { all.append(.init("provider", .string(provider))) }
        if let workspace { all.append(.init("workspace", .string(workspace))) }
        return .object(all + members)
    }

    private let quota = "https://iana.org/assignments/http-problem-types#quota-exceeded"

    private func exhausted(spent: String, held: String, estimate: String, reason: String, policies: [JSONValue], advice: String)
        -> JSONValue
    {
        problem(
            "budget_exhausted", 429, "Budget exhausted", "The workspace's daily limit is 1.00: \(spent) spent, \(held) held. \(advice)",
            type: quota,
            [
                .init("scope", "workspace"), .init("window", "daily"), .init("limit", "1.00"), .init("spent", .string(spent)),
                .init("held", .string(held)), .init("estimate", .string(estimate)), .init("currency", "USD"),
                .init("resets_at", "2026-11-24T00:00:00Z"), .init("violated-policies", .array(policies)), .init("reason", .string(reason)),
            ])
    }

    private let budget = Budget(workspace: WindowLimits(daily: Money("1"), monthly: nil))

    @Test func anExhaustedBudgetSaysWhenItIsReset() async throws {
        try await Bench.run(budget: budget) { bench in
            try bench.exchange(request("/acme/v1/search")) { $0.answer(body: #"{"credits": 6}"#) }
            let response = try bench.refused(request("/acme/v1/search"))
            try expect(
                response, 429,
                exhausted(
                    spent: "0.60", held: "0.00", estimate: "0.50", reason: "spent", policies: ["workspace-daily"],
                    advice: "The call may cost 0.50; the budget is reset at 2026-11-24T00:00:00Z."), retryAfter: "43200",
                shouldRetry: "false")
            #expect(response["X-Gateway-Budget"] == "exhausted")
            #expect(response["X-Gateway-Spend-Daily"] == "0.60" && response["X-Gateway-Cost"] == "0.00")
            // What still fits is let through.
            #expect(try bench.exchange(request("/acme/v1/people/1")).status == 200)
        }
    }

    @Test func callsInFlightHoldTheRest() async throws {
        try await Bench.run(budget: budget) { bench in
            let (first, second) = (try bench.client(), try bench.client())
            try first.send(request("/acme/v1/search"))
            try second.send(request("/acme/v1/search"))
            let calls = [try bench.upstream.next(), try bench.upstream.next()]
            try expect(
                try bench.refused(request("/acme/v1/search")), 429,
                exhausted(
                    spent: "0.00", held: "1.00", estimate: "0.50", reason: "held", policies: ["workspace-daily"],
                    advice: "The call may cost 0.50, and calls in flight hold the rest: try again when they are over."), retryAfter: "1",
                shouldRetry: "true")
            for call in calls { call.answer(body: #"{"credits": 1}"#) }
            #expect(try first.response().status == 200)
            #expect(try second.response().status == 200)
            #expect(try bench.exchange(request("/acme/v1/search")).status == 200)
        }
    }

    @Test func aCallThatNeverFitsIsNotToBeRetried() async throws {
        try await Bench.run(budget: budget) { bench in
            let body = #"{"max_tokens": 1001}"#
            try expect(
                try bench.refused(request("/acme/v1/chat", method: "POST", body: body)), 429,
                exhausted(
                    spent: "0.00", held: "0.00", estimate: "1.001", reason: "too_large", policies: ["workspace-daily"],
                    advice: "The call may cost 1.001, more than a whole limit allows."), shouldRetry: "false")
        }
    }

    @Test func maxCostIsTheCallersOwnLimit() async throws {
        try await Bench.run { bench in
            try expect(
                try bench.refused(request("/acme/v1/search", ["X-Gateway-Max-Cost: 0.49"])), 402,
                problem(
                    "max_cost_exceeded", 402, "Estimate above the caller's limit", "The call may cost 0.50, above X-Gateway-Max-Cost.",
                    [.init("estimate", "0.50"), .init("max_cost", "0.49")]))
            #expect(try bench.exchange(request("/acme/v1/search", ["X-Gateway-Max-Cost: 0.5"])).status == 200)
            for wrong in ["", "x", "-1", "1e3", "0.0000000001"] {
                let response = try bench.refused(request("/acme/v1/search", ["X-Gateway-Max-Cost: \(wrong)"]))
                try expect(
                    response, 400,
                    problem(
                        "bad_request", 400, "Bad request",
                        "X-Gateway-Max-Cost must stand once and be an amount in US dollars, such as 0.50."))
            }
        }
    }

    @Test func withoutAPriceNothingIsForwarded() async throws {
        try await Bench.run { bench in
            let response = try bench.refused(request("/acme/v1/chat", method: "POST", body: #"{"model": "giant"}"#))
            #expect(response.status == 422)
            let body = try JSONValue(JSONDocument(parsing: response.body).root)
            #expect(body["code"] == "unpriced")
            #expect(response["X-Gateway-Operation"] == "chat")
            let unreadable = try bench.refused(request("/acme/v1/chat", method: "POST", body: "{"))
            try expect(unreadable, 422, problem("unpriced", 422, "No price for this call", "the request's body is not JSON"))
        }
        let future = try TestAdapter.acme(effective: Timestamp(seconds: Bench.now.seconds + 1))
        try await Bench.run(adapters: [future]) { bench in
            try expect(
                try bench.refused(request("/acme/v1/search")), 422,
                problem("unpriced", 422, "No price for this call", "The adapter has no prices for today."))
        }
    }

    @Test func whoCallsMustBeSaid() async throws {
        try await Bench.run { bench in
            let response = try bench.refused("GET /acme/v1/search HTTP/1.1\r\nHost: g\r\n\r\n")
            try expect(
                response, 400,
                problem(
                    "workspace_required", 400, "Workspace required",
                    "Say which workspace pays for this call: send the header X-Workspace-Id.",
                    workspace: nil))
            #expect(response["X-Gateway-Workspace"] == nil && response["X-Gateway-Cost"] == nil)
        }
    }

    @Test(arguments: ["X-Workspace-Id", "X-User-Id", "X-Entity-Id", "X-Entity-Type"])
    func identifiersAreBoundedAndPrintable(name: String) async throws {
        try await Bench.run { bench in
            let maximum = 128
            let who = name == "X-Workspace-Id" ? "" : "X-Workspace-Id: w1\r\n"
            let wrong =
                ["", String(repeating: "a", count: maximum + 1), "a\u{e9}", "a\tb"].map { "\(name): \($0)\r\n" } + [
                    "\(name): a\r\n\(name): a\r\n"
                ]
            for field in wrong {
                let response = try bench.refused("GET /acme/v1/search HTTP/1.1\r\nHost: g\r\n\(who)\(field)\r\n")
                try expect(
                    response, 400,
                    problem(
                        "bad_request", 400, "Bad request", "\(name) must stand once and have 1 to \(maximum) printable ASCII characters.",
                        workspace: who.isEmpty ? nil : "w1"))
                #expect(response["X-Gateway-Workspace"] == (who.isEmpty ? nil : "w1"), "who is known is told the budget")
            }
            let longest = String(repeating: "~", count: maximum)
            let response = try bench.exchange("GET /acme/v1/search HTTP/1.1\r\nHost: g\r\n\(who)\(name): \(longest)\r\n\r\n")
            #expect(response.status == 200)
        }
    }

    @Test func whatIsNotThereIsNamed() async throws {
        var off = try TestAdapter.acme()
        off.provider = "off"
        off.isEnabled = false
        var keyless = try TestAdapter.acme()
        keyless.provider = "keyless"
        keyless.missingVariables = ["ACME_KEY"]
        let adapters = [try TestAdapter.acme(), off, keyless]
        try await Bench.run(adapters: adapters) { bench in
            try expect(
                try bench.refused(request("/nobody/v1/search")), 404,
                problem(
                    "unknown_provider", 404, "Unknown provider", "The first path segment names the provider; known: acme, keyless, off.",
                    provider: nil))
            try expect(
                try bench.refused(request("/acme/v1/nothing")), 404,
                problem("unknown_operation", 404, "Unknown operation", "The adapter has no operation for GET with this path."))
            try expect(
                try bench.refused(request("/off/v1/search")), 503,
                problem(
                    "provider_unavailable", 503, "Provider unavailable", "The provider is turned off in the gateway's configuration.",
                    provider: "off"))
            try expect(
                try bench.refused(request("/keyless/v1/search")), 503,
                problem(
                    "provider_unavailable", 503, "Provider unavailable", "The provider is off: the gateway's environment has no ACME_KEY.",
                    provider: "keyless"))
        }
    }

    @Test func aTransportsFailureIsToldWithoutItsDetails() async throws {
        let cases: [(UpstreamError.Kind, Bool, Int, String, String, String, String?)] = [
            (.unreachable, false, 502, "upstream_unreachable", "Provider unreachable", "The provider could not be reached.", nil),
            (.broken, true, 502, "upstream_unreachable", "Provider unreachable", "The provider's answer broke off or was no HTTP.", nil),
            (.timeout, true, 504, "upstream_timeout", "Provider timed out", "The provider did not answer in time.", nil),
            (
                .overloaded, false, 503, "overloaded", "Too many calls at once",
                "As many calls as the provider is allowed at once are in flight, and its queue is full.", "1"
            ),
        ]
        try await Bench.run { bench in
            for (kind, wasSent, status, code, title, detail, retryAfter) in cases {
                let response = try bench.exchange(request("/acme/v1/search")) { $0.fail(kind, wasSent: wasSent) }
                try expect(response, status, problem(code, Int64(status), title, detail), retryAfter: retryAfter)
                #expect(response["X-Gateway-Cost"] == "0.00" && response["X-Gateway-Cost-Basis"] == "table")
            }
            // A release is journaled behind the answer.
            _ = try bench.log.waitForEntries(8)
            #expect(bench.log.released.count == 2, "what was not sent is released")
            #expect(bench.log.settled.map(\.cost) == [.zero, .zero])
            #expect(bench.log.settled.allSatisfy { !$0.success && $0.status == nil })
            #expect(bench.metrics.unansweredCalls.count == 2)
        }
    }

    @Test func aBodyAboveTheLimitIsRefused() async throws {
        try await Bench.run(limits: Limits(requestBody: 100)) { bench in
            let expected = problem(
                "body_too_large", 413, "Body too large", "The request's body is larger than 100 bytes (limits.request_body).")
            let body = String(repeating: " ", count: 101)
            try expect(try bench.refused(request("/acme/v1/chat", method: "POST", body: body)), 413, expected)
            let chunked = request("/acme/v1/chat", ["Transfer-Encoding: chunked"], method: "POST") + "65\r\n\(body)\r\n0\r\n\r\n"
            try expect(try bench.refused(chunked), 413, expected)
            #expect(try bench.exchange(request("/acme/v1/chat", method: "POST", body: String(body.dropLast(3)) + "{}")).status == 200)
        }
    }

    @Test func closedMeansThatNothingGoesUntracked() async throws {
        try await Bench.run(onTrackerError: .closed, isLoaded: false) { bench in
            try expect(
                try bench.refused(request("/acme/v1/search")), 503,
                problem(
                    "tracker_unavailable", 503, "Tracker unavailable",
                    "The workspace's spending is not known yet, and the gateway is set to refuse calls then."))
        }
        try await Bench.run(onTrackerError: .closed) { bench in
            bench.history.state.change { $0.isFailing = true }
            try expect(
                try bench.refused(request("/acme/v1/search")), 503,
                problem(
                    "tracker_unavailable", 503, "Tracker unavailable",
                    "The ledger does not take records at the moment, and the gateway is set to refuse calls then."))
            bench.history.state.change { $0.isFailing = false }
            bench.log.set(.failing)
            try expect(
                try bench.refused(request("/acme/v1/search")), 503,
                problem(
                    "tracker_unavailable", 503, "Tracker unavailable",
                    "The journal cannot be written, and the gateway is set to refuse calls then."))
        }
    }
}
