import Foundation
import GatewayCore
import Loopback
import TestSupport
import Testing

/// Identical calls in flight at once share one upstream call.
@Suite struct CoalescingTests {
    private static let target = "/keeper/v1/things/1"

    private func run(
        limits: Limits = Limits(), budget: Budget = Budget(), onTrackerError: TrackerErrorPolicy = .open, eventLoops: Int = 2,
        patience: Duration = .seconds(20),
        _ body: (Bench) async throws -> Void
    ) async throws {
        try await Bench.run(
            limits: limits, budget: budget, onTrackerError: onTrackerError, adapters: [try TestAdapter.keeper()], eventLoops: eventLoops,
            patience: patience, body)
    }

    /// Sends the same on connections of their own; returns when the event loops have read it.
    private func send(_ count: Int, _ bench: Bench, _ text: String = request(target)) throws -> [RawClient] {
        let clients = try (0..<count).map { _ in try bench.client() }
        for client in clients { try client.send(text) }
        for _ in 0..<4 { try bench.settleLoop() }
        return clients
    }

    /// What the answers say that the cache did, in order of the alphabet.
    private func outcomes(_ responses: [RawClient.Response]) -> [String: Int] {
        responses.reduce(into: [:]) { $0[$1["X-Gateway-Cache"] ?? "-", default: 0] += 1 }
    }

    /// Only the payer's answer costs anything; rows say the same as headers.
    private func expectOneCharge(_ bench: Bench, _ responses: [RawClient.Response], rows: Int) throws {
        let settled = try bench.log.waitForSettled(rows)
        #expect(settled.count == rows && Set(settled.map(\.id)).count == rows)
        #expect(settled.filter { $0.cost > .zero }.map(\.cost) == [Money("0.10")])
        #expect(settled.filter { $0.cost > .zero }.map(\.cache) == [.miss])
        #expect(
            settled.filter { $0.cost == .zero }.allSatisfy { $0.saved == Money("0.10") && ($0.cache == .coalesced || $0.cache == .hit) })
        for response in responses {
            let record = settled.first { $0.id.description == response["X-Gateway-Request-Id"] }
            #expect(record?.cost.description == response["X-Gateway-Cost"] && record?.cache.rawValue == response["X-Gateway-Cache"])
        }
        #expect(bench.upstream.count == 1 && bench.log.held.count == 1)
    }

    @Test func hundredsOfIdenticalCallsAreOneUpstreamCallAndOneCharge() async throws {
        let body = String(repeating: "0123456789abcdef", count: 4096)
        try await run { bench in
            let clients = try send(300, bench)
            try bench.upstream.next().answer(200, [("X-Provider", "yes"), ("Set-Cookie", "a=b")], body: body)
            let responses = try clients.map { try $0.response() }
            #expect(responses.allSatisfy { $0.status == 200 && $0.text == body && $0["X-Provider"] == "yes" })
            #expect(responses.filter { $0["Set-Cookie"] != nil }.count == 1, "a cookie is its own caller's")
            let outcomes = outcomes(responses)
            #expect(outcomes["miss"] == 1 && outcomes["coalesced", default: 0] > 0)
            #expect(outcomes["coalesced", default: 0] + outcomes["hit", default: 0] == 299)
            try expectOneCharge(bench, responses, rows: 300)
        }
    }

    @Test func thePayerLeavingLosesNothingForTheOthers() async throws {
        try await run { bench in
            let payer = try bench.client()
            try payer.send(request(Self.target))
            let call = try bench.upstream.next()
            let clients = try send(299, bench)
            payer.reset()
            try eventually("the payer's connection is gone") { bench.metrics.connectionsAccepted.count > 0 }
            for _ in 0..<4 { try bench.settleLoop() }
            #expect(!call.current.isCancelled)
            call.answer(body: "whole")
            let responses = try clients.map { try $0.response() }
            #expect(responses.allSatisfy { $0.status == 200 && $0.text == "whole" && $0["X-Gateway-Cost"] == "0.00" })
            try expectOneCharge(bench, responses, rows: 300)
            #expect(bench.kept.count == 1)
        }
    }

    @Test func thoseWhoWaitAndLeaveAreForgotten() async throws {
        try await run { bench in
            let first = try bench.client()
            try first.send(request(Self.target))
            let call = try bench.upstream.next()
            let clients = try send(20, bench)
            for client in clients[..<10] { client.reset() }
            for _ in 0..<4 { try bench.settleLoop() }
            call.answer(body: "x")
            let responses = try ([first] + clients[10...]).map { try $0.response() }
            #expect(responses.allSatisfy { $0.text == "x" })
            try expectOneCharge(bench, responses, rows: 11)
        }
    }

    /// Nothing was sent yet, so nothing would come: the next in line pays.
    @Test func aPayerWhoLeavesBeforeItsCallIsForwardedIsFollowedByTheNext() async throws {
        try await run(eventLoops: 1) { bench in
            bench.log.set(.manual)
            let payer = try bench.client()
            try payer.send(request(Self.target))
            _ = try bench.log.waitForEntries(1)
            let clients = try send(3, bench)
            payer.reset()
            for _ in 0..<4 { try bench.settleLoop() }
            bench.log.set(.durable)
            try bench.log.complete()
            try bench.upstream.next().answer(body: "x")
            let responses = try clients.map { try $0.response() }
            #expect(responses.allSatisfy { $0.text == "x" })
            #expect(outcomes(responses)["miss"] == 1 && bench.upstream.count == 1)
            #expect(bench.log.released.count == 1 && bench.log.settled.filter { $0.cost > .zero }.count == 1)
        }
    }

    /// Each is refused, or not, for itself: one's limits are not another's.
    @Test func aRefusedCallIsFollowedByTheNext() async throws {
        try await run(patience: .milliseconds(200)) { bench in
            // The first waits for the ledger for a while, and finds then that it may not cost so much.
            bench.store.state.change { $0.isSilent = true }
            let thrifty = try bench.client()
            try thrifty.send(request(Self.target, ["X-Gateway-Max-Cost: 0.01"]))
            try eventually("the ledger is asked") { bench.store.state.current.lookups == 1 }
            let clients = try send(3, bench)
            #expect(try thrifty.response().status == 402)
            try bench.upstream.next().answer(body: "x")
            #expect(try clients.map { try $0.response().text } == ["x", "x", "x"])
            #expect(bench.upstream.count == 1)
        }
    }

    @Test func aCallWhoseHoldCannotBeWrittenIsFollowedByTheNext() async throws {
        try await run(onTrackerError: .closed, eventLoops: 1) { bench in
            bench.log.set(.manual)
            let first = try bench.client()
            try first.send(request(Self.target))
            _ = try bench.log.waitForEntries(1)
            let clients = try send(3, bench)
            bench.log.set(.durable)
            try bench.log.complete(.failure(DurabilityError("the disk was full for a moment")))
            #expect(try first.response().status == 503)
            try bench.upstream.next().answer(body: "x")
            #expect(try clients.map { try $0.response().text } == ["x", "x", "x"])
            #expect(bench.upstream.count == 1 && bench.log.released.count == 1)
        }
    }

    @Test func exhaustedBudgetsRefuseEveryOneOfThem() async throws {
        try await run(budget: Budget(workspace: WindowLimits(daily: Money("0.05"), monthly: nil))) { bench in
            let responses = try send(50, bench).map { try $0.response() }
            #expect(responses.allSatisfy { $0.status == 429 && $0["X-Gateway-Cost"] == "0.00" })
            #expect(bench.upstream.count == 0 && bench.log.entries.isEmpty)
        }
    }

    enum Failure: CaseIterable {
        case unreachable, timeout, broken, cutShort
    }

    /// Five hundred more tries at once would make nothing better.
    @Test(arguments: Failure.allCases)
    func aFailureIsEverybodysAndHappensOnce(failure: Failure) async throws {
        try await run { bench in
            let first = try bench.client()
            try first.send(request(Self.target))
            let call = try bench.upstream.next()
            let clients = try send(30, bench)
            switch failure {
            case .unreachable: call.fail(.unreachable, wasSent: false)
            case .timeout: call.fail(.timeout)
            case .broken: call.fail(.broken)
            case .cutShort:
                call.head(200, [("Content-Length", "10")])
                call.body("12345")
                call.end()
            }
            let responses = try clients.map { try $0.response() }
            let own = try first.response()
            #expect(own.status == (failure == .timeout ? 504 : 502))
            #expect(
                responses.allSatisfy { $0.status == own.status && $0["X-Gateway-Cost"] == "0.00" && $0["X-Gateway-Cache"] == "coalesced" })
            #expect(bench.upstream.count == 1 && bench.kept.isEmpty)
            #expect(bench.log.settled.count == (failure == .unreachable ? 0 : 1))
            // Who asks after that asks anew.
            #expect(try bench.exchange(request(Self.target)) { $0.answer(body: "x") }["X-Gateway-Cache"] == "miss")
        }
    }

    /// A whole answer is everybody's even where it is not kept, and what it says is asked once.
    @Test(arguments: [404, 429, 500])
    func anAnswerThatIsNotKeptIsSharedByThoseWhoWait(status: Int) async throws {
        try await run { bench in
            let first = try bench.client()
            try first.send(request(Self.target))
            let call = try bench.upstream.next()
            let clients = try send(30, bench)
            call.answer(status, [("Retry-After", "7")], body: "no")
            let responses = try ([first] + clients).map { try $0.response() }
            #expect(
                responses.allSatisfy {
                    $0.status == status && $0.text == "no" && $0["Retry-After"] == "7" && $0["X-Gateway-Cost"] == "0.00"
                })
            #expect(outcomes(responses) == ["miss": 1, "coalesced": 30])
            let settled = try bench.log.waitForSettled(31)
            #expect(settled.allSatisfy { !$0.success && $0.status == status && $0.cost == .zero })
            #expect(bench.upstream.count == 1 && bench.kept.isEmpty)
        }
    }

    /// Such an answer goes to one reader as it comes; the others need not wait for its end to ask for themselves.
    @Test(arguments: [true, false])
    func streamsAndLongAnswersAreAskedForByEveryoneAlone(isStream: Bool) async throws {
        var limits = Limits()
        limits.bufferedResponse = 1024
        try await run(limits: limits) { bench in
            let first = try bench.client()
            try first.send(request(Self.target))
            let call = try bench.upstream.next()
            let clients = try send(5, bench)
            call.head(200, isStream ? [("Content-Type", "text/event-stream")] : [])
            call.body(String(repeating: "a", count: isStream ? 10 : 2000))
            // Before the first is at its end.
            let others = try clients.map { _ in try bench.upstream.next() }
            for other in others { other.answer(body: "own") }
            #expect(try clients.map { try $0.response().text } == Array(repeating: "own", count: 5))
            call.end()
            #expect(try first.response().text.count == (isStream ? 10 : 2000))
            #expect(bench.log.settled.map(\.cost) == Array(repeating: Money("0.10"), count: 6))
            #expect(bench.log.settled.allSatisfy { $0.cache == .miss })
        }
    }

    @Test func differentWorkspacesAndQuestionsDoNotWaitForEachOther() async throws {
        try await run { bench in
            let texts = [
                request(Self.target), request(Self.target, workspace: "w2"), request(Self.target + "0"),
                request(Self.target, ["X-Gateway-Cache: bypass"]),
            ]
            let clients = try texts.map { text in
                let client = try bench.client()
                try client.send(text)
                return client
            }
            let calls = try clients.map { _ in try bench.upstream.next() }
            for call in calls { call.answer(body: call.request.target) }
            #expect(try clients.map { try $0.response().text } == ["/v1/things/1", "/v1/things/1", "/v1/things/10", "/v1/things/1"])
        }
    }

    /// Callers who come, wait, leave and come again at random: nobody waits for ever, and everything adds up.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func anyOrderOfComingAndLeavingAddsUp(seed: UInt64) async throws {
        try await run { bench in
            let random = Watched(SplitMix64(seed: seed))
            bench.upstream.play { call in
                let choice = random.change { $0.next() }
                Thread.detachNewThread {
                    usleep(UInt32(choice >> 32 % 3000))
                    switch choice % 6 {
                    case 0: call.fail(.unreachable, wasSent: false)
                    case 1: call.fail(.timeout)
                    case 2: call.answer(500, body: "broken")
                    default: call.answer(body: "fine")
                    }
                }
            }
            var waiting: [RawClient] = []
            for round in 0..<600 {
                let choice = random.change { $0.next() }
                let client = try bench.client()
                try client.send(request("/keeper/v1/things/\(round / 40 % 5)"))
                if choice % 4 == 0 { client.reset() } else { waiting.append(client) }
                if waiting.count > 60 {
                    let response = try waiting.removeFirst().response()
                    #expect([200, 500, 502, 504].contains(response.status))
                    #expect(response.status != 200 || response.text == "fine")
                }
            }
            for client in waiting { #expect([200, 500, 502, 504].contains(try client.response().status)) }
            try eventually("every call is over") { bench.accounts.snapshot.openReservations == 0 }
            let settled = bench.log.settled
            #expect(Set(settled.map(\.id)).count == settled.count)
            #expect(settled.allSatisfy { ($0.cache == .miss) == ($0.saved == nil) && ($0.saved == nil || $0.cost == .zero) })
            #expect(settled.filter { $0.cache == .miss }.count + bench.log.released.count >= bench.upstream.count)
        }
    }
}
