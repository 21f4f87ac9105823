import GatewayCore
import Loopback
import Testing

/// A polled job is charged a single time for its workspace.
@Suite struct OnceTests {
    @Test(arguments: ["jobs", "reports"])
    func theSecondPollIsFree(kind: String) async throws {
        try await Bench.run { bench in
            let first = try bench.exchange(request("/acme/v1/\(kind)/j%31")) { $0.answer(body: #"{"credits": 1}"#) }
            #expect(first["X-Gateway-Cost"] == "0.10")
            let second = try bench.exchange(request("/acme/v1/\(kind)/j1", ["X-Gateway-Max-Cost: 0"])) {
                $0.answer(body: #"{"credits": 1}"#)
            }
            #expect(second["X-Gateway-Cost"] == "0.00" && second["X-Gateway-Spend-Daily"] == "0.10")
            let other = try bench.exchange(request("/acme/v1/\(kind)/j2")) { $0.answer(body: #"{"credits": 1}"#) }
            #expect(other["X-Gateway-Cost"] == "0.10")
            #expect(bench.log.settled.map(\.onceKey) == ["j1", nil, "j2"])
            #expect(bench.log.settled[1].requestData?.contains(#""lines":[]"#) == true)
            #expect(bench.log.settled[1].estimate == .zero)
        }
    }

    /// Both were let through at their estimate; the first to be settled takes the charge.
    @Test(arguments: ["jobs", "reports"])
    func concurrentPollsAreChargedOnce(kind: String) async throws {
        try await Bench.run { bench in
            let clients = try (0..<8).map { _ in try bench.client() }
            for client in clients { try client.send(request("/acme/v1/\(kind)/j1")) }
            let calls = try clients.map { _ in try bench.upstream.next() }
            #expect(bench.accounts.snapshot.held == Money(kind == "jobs" ? "1.6" : "0.8"))
            for call in calls.reversed() { call.answer(body: #"{"credits": 1}"#) }
            let costs = try clients.map { try $0.response()["X-Gateway-Cost"] }
            #expect(costs.filter { $0 == "0.10" }.count == 1 && costs.filter { $0 == "0.00" }.count == 7)
            #expect(bench.log.settled.map(\.cost).reduce(.zero, +) == Money("0.1"))
            #expect(bench.log.settled.compactMap(\.onceKey) == ["j1"])
        }
    }

    @Test func aPollThatIsNotBilledLeavesTheChargeToTheNext() async throws {
        try await Bench.run { bench in
            for (status, body, cost) in [(200, #"{"credits": 0}"#, "0.00"), (500, "", "0.00"), (200, #"{"credits": 1}"#, "0.10")] {
                let response = try bench.exchange(request("/acme/v1/jobs/j1")) { $0.answer(status, body: body) }
                #expect(response["X-Gateway-Cost"] == cost)
            }
            #expect(bench.log.settled.map(\.onceKey) == [nil, nil, "j1"])
        }
    }

    @Test func workspacesPayEachForThemselves() async throws {
        try await Bench.run { bench in
            for workspace in ["a", "b"] {
                let text = "GET /acme/v1/reports/j1 HTTP/1.1\r\nHost: g\r\nX-Workspace-Id: \(workspace)\r\n\r\n"
                let response = try bench.exchange(text) { $0.answer(body: "x") }
                #expect(response["X-Gateway-Cost"] == "0.10")
            }
        }
    }
}
