import GatewayCore
import Loopback
import Testing

/// What every answer tells its caller about its cost and its budget.
@Suite struct AnswerHeaderTests {
    /// The gateway's fields, less the id, which is new each time.
    private func report(_ response: RawClient.Response) -> [String: String] {
        var fields: [String: String] = [:]
        for (name, value) in response.headers where name.lowercased().hasPrefix("x-gateway-") {
            #expect(fields[name] == nil, "\(name) stands twice")
            fields[name] = value
        }
        let id = fields.removeValue(forKey: "X-Gateway-Request-Id")
        #expect(id.flatMap { CallID($0) } != nil, "no id: \(id ?? "none")")
        return fields
    }

    private func expected(
        operation: String?, cost: String?, basis: String, daily: String, monthly: String, left: (String, String), budget: String = "ok"
    ) -> [String: String] {
        var fields = [
            "X-Gateway-Provider": "acme", "X-Gateway-Workspace": "w1", "X-Gateway-Cost-Basis": basis,
            "X-Gateway-Price-Version": TestAdapter.priceVersion, "X-Gateway-Spend-Daily": daily, "X-Gateway-Spend-Monthly": monthly,
            "X-Gateway-Limit-Daily": "1.00", "X-Gateway-Limit-Monthly": "20.00", "X-Gateway-Remaining-Daily": left.0,
            "X-Gateway-Remaining-Monthly": left.1, "X-Gateway-Reset-Daily": "2026-11-24T00:00:00Z",
            "X-Gateway-Reset-Monthly": "2026-12-01T00:00:00Z", "X-Gateway-Budget": budget, "X-Gateway-Cache": "none",
        ]
        fields["X-Gateway-Operation"] = operation
        fields["X-Gateway-Cost"] = cost
        return fields
    }

    private let budget = Budget(workspace: WindowLimits(daily: Money("1"), monthly: Money("20")))

    @Test func aHeldAnswerTellsItsFinalCost() async throws {
        try await Bench.run(budget: budget) { bench in
            let response = try bench.exchange(request("/acme/v1/search")) { $0.answer(body: #"{"credits": 2}"#) }
            #expect(response.status == 200)
            #expect(response.text == #"{"credits": 2}"#)
            #expect(
                report(response)
                    == expected(operation: "search", cost: "0.20", basis: "table", daily: "0.20", monthly: "0.20", left: ("0.80", "19.80")))
            let record = try #require(bench.log.settled.first)
            #expect(record.id.description == response["X-Gateway-Request-Id"])
            #expect(record.cost == Money("0.2") && record.basis == .table && record.estimate == Money("0.5") && record.success)
            #expect(bench.history.state.current.noted == [record])
        }
    }

    @Test func aCostThatHeadersDecideIsToldAtOnce() async throws {
        try await Bench.run(budget: budget) { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/people/7"))
            let call = try bench.upstream.next()
            call.head(200, [("x-credits", "2"), ("Content-Length", "4")])
            let response = try client.head()
            #expect(
                report(response)
                    == expected(operation: "person", cost: "0.20", basis: "table", daily: "0.20", monthly: "0.20", left: ("0.80", "19.80")))
            #expect(bench.accounts.snapshot.held == Money("0.3"), "the books change when the call is over")
            call.emit(.body(Array("abcd".utf8)), .end)
            #expect(try client.read(4) == Array("abcd".utf8))
            #expect(try bench.log.waitForSettled()[0].cost == Money("0.2"))
        }
    }

    @Test func aPendingCostFollowsInATrailer() async throws {
        try await Bench.run(limits: Limits(bufferedResponse: 4), budget: budget) { bench in
            let response = try bench.exchange(request("/acme/v1/search")) { call in
                call.head(200, [("Content-Type", "application/json")])
                call.body(#"{"credits""#)
                call.body(": 4}")
                call.end()
            }
            #expect(response.text == #"{"credits": 4}"#)
            #expect(response["Transfer-Encoding"] == "chunked")
            #expect(response["Trailer"] == "X-Gateway-Cost")
            #expect(
                report(response)
                    == expected(operation: "search", cost: nil, basis: "pending", daily: "0.00", monthly: "0.00", left: ("0.50", "19.50")))
            #expect(response.trailers.map(\.name) == ["X-Gateway-Cost"])
            #expect(response.trailers.map(\.value) == ["0.40"])
        }
    }

    @Test func anAnswerThatIsNotBilledCostsNothing() async throws {
        try await Bench.run(budget: budget) { bench in
            let response = try bench.exchange(request("/acme/v1/people/7")) { $0.answer(404, body: "no") }
            #expect(response.status == 404)
            #expect(
                report(response)
                    == expected(operation: "person", cost: "0.00", basis: "table", daily: "0.00", monthly: "0.00", left: ("1.00", "20.00")))
            let record = try #require(bench.log.settled.first)
            #expect(record.status == 404 && !record.success && record.errorMessage == "the provider answered 404")
        }
    }

    @Test func anUnreadableAnswerIsChargedItsEstimate() async throws {
        try await Bench.run(budget: budget) { bench in
            let response = try bench.exchange(request("/acme/v1/search")) { $0.answer(body: "<html>") }
            #expect(response.text == "<html>")
            #expect(
                report(response)
                    == expected(
                        operation: "search", cost: "0.50", basis: "estimate", daily: "0.50", monthly: "0.50", left: ("0.50", "19.50")))
            #expect(bench.metrics.meteringProblems.count == 1)
        }
    }

    @Test func aRefusalTellsTheBudgetToo() async throws {
        try await Bench.run(budget: budget) { bench in
            let response = try bench.refused(request("/acme/v1/search", ["X-Gateway-Max-Cost: 0.49"]))
            #expect(response.status == 402)
            #expect(
                report(response)
                    == expected(operation: "search", cost: "0.00", basis: "table", daily: "0.00", monthly: "0.00", left: ("1.00", "20.00")))
        }
    }

    @Test func theStateIsTheWorstAfterTheCall() async throws {
        try await Bench.run(budget: budget) { bench in
            _ = try bench.exchange(request("/acme/v1/search")) { $0.answer(body: #"{"credits": 6}"#) }
            let warning = try bench.exchange(request("/acme/v1/people/1")) { $0.answer(200, [("x-credits", "2")], body: "ok") }
            #expect(warning["X-Gateway-Budget"] == "warning")
            let critical = try bench.exchange(request("/acme/v1/upload", method: "POST")) { $0.answer(body: "ok") }
            #expect(critical["X-Gateway-Budget"] == "warning")
            let last = try bench.exchange(request("/acme/v1/upload", method: "POST")) { $0.answer(body: "ok") }
            #expect(last["X-Gateway-Budget"] == "exhausted")
            #expect(last["X-Gateway-Remaining-Daily"] == "0.00")
        }
    }

    /// Without limits there is nothing to tell of them; spending is told.
    @Test func withoutALimitNoneIsTold() async throws {
        try await Bench.run(budget: Budget(workspace: WindowLimits())) { bench in
            let response = try bench.exchange(request("/acme/v1/search")) { $0.answer(body: #"{"credits": 2}"#) }
            #expect(response["X-Gateway-Limit-Daily"] == nil && response["X-Gateway-Remaining-Monthly"] == nil)
            #expect(response["X-Gateway-Spend-Daily"] == "0.20")
            #expect(response["X-Gateway-Budget"] == "ok")
        }
    }

    @Test func anUnknownPastIsUnverified() async throws {
        try await Bench.run(isLoaded: false) { bench in
            let response = try bench.exchange(request("/acme/v1/search")) { $0.answer(body: #"{"credits": 2}"#) }
            #expect(response.status == 200)
            #expect(response["X-Gateway-Budget"] == "unverified")
            #expect(bench.metrics.unverifiedCalls.count == 1)
        }
    }
}
