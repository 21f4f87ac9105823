import GatewayCore
import Loopback
import Testing

/// Calls that find no room in this gateway's slice of a shared budget wait for the database, which the test plays.
@Suite struct LeaseTests {
    private static let budget = Budget(workspace: WindowLimits(daily: Money("10"), monthly: nil))
    /// Its cost and its estimate are 0.10.
    private static let upload = request("/acme/v1/upload", method: "POST")

    /// Answers the questions that wait: each lease gets so much in all.
    private func answer(_ bench: Bench, isOpening: Bool, granted: String?, isRefused: Bool = false) throws {
        var requests: [LeaseRequest] = []
        try eventually("the call has asked") {
            requests =
                isOpening
                ? bench.accounts.openings(at: Bench.now) { [] } : bench.accounts.leaseRequests(isTick: false, at: Bench.now)
            return !requests.isEmpty
        }
        let replies = granted.map { text in
            requests.map { _ -> LeaseReply? in
                let nanos = Money(text)?.nanos ?? 0
                return LeaseReply(granted: nanos, used: 0, spent: 0, available: nanos, isRefused: isRefused)
            }
        }
        if isOpening { bench.accounts.opened(requests, replies) { [] } } else { bench.accounts.answered(requests, replies) }
    }

    @Test func aCallWaitsForRoomAndGoesOn() async throws {
        try await Bench.run(budget: Self.budget, isShared: true) { bench in
            let client = try bench.client()
            try client.send(Self.upload)
            try answer(bench, isOpening: true, granted: "0.10")
            try bench.upstream.next().answer(body: "ok")
            let response = try client.response()
            #expect(response.status == 200 && response["X-Gateway-Budget"] == "ok")
            // The slice is spent; the next one waits for an exchange about the open lease.
            try client.send(Self.upload)
            try answer(bench, isOpening: false, granted: "0.30")
            try bench.upstream.next().answer(body: "ok")
            #expect(try client.response()["X-Gateway-Spend-Daily"] == "0.20")
            // And the one after that has room already.
            try client.send(Self.upload)
            try bench.upstream.next().answer(body: "ok")
            #expect(try client.response().status == 200)
        }
    }

    @Test func aRefusalOfTheDatabaseIsAnswered() async throws {
        try await Bench.run(budget: Self.budget, isShared: true) { bench in
            let client = try bench.client()
            try client.send(Self.upload)
            try answer(bench, isOpening: true, granted: "0", isRefused: true)
            let response = try client.response()
            #expect(response.status == 429 && response["Retry-After"] == "1")
            #expect(response.text.contains(#""reason":"held""#) && bench.upstream.count == 0)
        }
    }

    @Test(arguments: [TrackerErrorPolicy.open, .closed])
    func withoutAnAnswerThePolicyDecides(policy: TrackerErrorPolicy) async throws {
        try await Bench.run(budget: Self.budget, onTrackerError: policy, isShared: true) { bench in
            let client = try bench.client()
            try client.send(Self.upload)
            try answer(bench, isOpening: true, granted: nil)
            if policy == .open {
                try bench.upstream.next().answer(body: "ok")
                let response = try client.response()
                #expect(response.status == 200 && response["X-Gateway-Budget"] == "unverified")
            } else {
                let response = try client.response()
                #expect(response.status == 503 && response.text.contains("tracker_unavailable"))
                #expect(bench.upstream.count == 0)
            }
        }
    }

    @Test func aDatabaseThatDoesNotAnswerKeepsNobodyForLong() async throws {
        try await Bench.run(budget: Self.budget, isShared: true) { bench in
            let client = try bench.client()
            try client.send(Self.upload)
            try bench.upstream.next().answer(body: "ok")
            #expect(try client.response()["X-Gateway-Budget"] == "unverified")
            // Those who come then are not kept waiting at all, until it answers.
            try client.send(Self.upload)
            try bench.upstream.next().answer(body: "ok")
            #expect(try client.response()["X-Gateway-Budget"] == "unverified")
            try answer(bench, isOpening: true, granted: "0.40")
            try client.send(Self.upload)
            try bench.upstream.next().answer(body: "ok")
            #expect(try client.response()["X-Gateway-Budget"] == "ok")
        }
    }

    @Test func aCallerWhoLeavesMeanwhileLeavesNothingBehind() async throws {
        try await Bench.run(budget: Self.budget, isShared: true) { bench in
            let client = try bench.client()
            try client.send(Self.upload)
            try eventually("it waits") { bench.accounts.hasLeasesToOpen }
            client.reset()
            try bench.settleLoop()
            try answer(bench, isOpening: true, granted: "1")
            try bench.settleLoop()
            #expect(bench.upstream.count == 0 && bench.accounts.snapshot.openReservations == 0)
        }
    }
}
