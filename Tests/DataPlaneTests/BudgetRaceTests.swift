import Foundation
import GatewayCore
import Loopback
import TestSupport
import Testing

/// The budget under concurrency: whatever the order of events, never more is forwarded than it allows.
@Suite struct BudgetRaceTests {
    /// Plays calls from a thread of its own, in an order that chance decides.
    private func shuffle(_ calls: [ScriptedCall], seed: UInt64, _ play: @escaping @Sendable (ScriptedCall, UInt64) -> Void) {
        var random = SplitMix64(seed: seed)
        let order = calls.shuffled(using: &random)
        let choices = order.map { _ in random.next() }
        Thread.detachNewThread {
            for (call, choice) in zip(order, choices) {
                if choice % 3 == 0 { usleep(UInt32(choice % 700)) }
                play(call, choice)
            }
        }
    }

    @Test func exactlyAsManyCallsAsTheBudgetAllows() async throws {
        let budget = Budget(workspace: WindowLimits(daily: Money("3.2"), monthly: nil))
        try await Bench.run(budget: budget, eventLoops: 2) { bench in
            let clients = try (0..<64).map { _ in try bench.client() }
            // 200 rounds of callers who all want the same at once: 0.10 each, 32 fit. Each round has a workspace, and so a budget, of its
            // own; every tenth asks the one before once more, which has nothing left.
            var forwarded = 0
            for round in 0..<200 {
                let isSpent = round % 10 == 9
                let workspace = "race-\(isSpent ? round - 1 : round)"
                for client in clients { try client.send(request("/acme/v1/upload", method: "POST", workspace: workspace)) }
                let expected = isSpent ? 0 : 32
                let calls = try (0..<expected).map { _ in try bench.upstream.next() }
                forwarded += calls.count
                shuffle(calls, seed: UInt64(round)) { call, _ in call.answer(body: "ok") }
                let statuses = try clients.map { try $0.response().status }
                #expect(statuses.filter { $0 == 200 }.count == expected)
                #expect(statuses.filter { $0 == 429 }.count == 64 - expected)
            }
            #expect(bench.upstream.count == forwarded)
            #expect(forwarded == 180 * 32)
            #expect(bench.log.settled.map(\.cost).reduce(.zero, +) == Money("576"))
            #expect(bench.accounts.snapshot.held == .zero && bench.accounts.snapshot.openReservations == 0)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func randomOutcomesNeverExceedTheLimit(seed: UInt64) async throws {
        let limit = Money(nanos: 20_000_000_000)
        let budget = Budget(workspace: WindowLimits(daily: limit, monthly: nil))
        try await Bench.run(budget: budget, eventLoops: 2) { bench in
            let random = Watched(SplitMix64(seed: seed))
            bench.upstream.play { call in
                let choice = random.change { $0.next() }
                Thread.detachNewThread {
                    usleep(UInt32((choice >> 32) % 2000))
                    switch choice % 8 {
                    case 0: call.fail(.unreachable, wasSent: false)
                    case 1: call.fail(.timeout)
                    case 2: call.answer(500, body: "x")
                    case 3:
                        call.head(200)
                        call.fail(.broken)
                    default: call.answer(200, [("x-credits", "3")], body: #"{"credits": 5}"#)
                    }
                }
            }
            var refused = 0
            for round in 0..<6 {
                let clients = try (0..<32).map { _ in try bench.client() }
                for (index, client) in clients.enumerated() {
                    try client.send(request(index % 2 == 0 ? "/acme/v1/search" : "/acme/v1/people/\(index)"))
                }
                for (index, client) in clients.enumerated() {
                    if (index + round) % 7 == 0 {
                        client.reset()
                    } else if let response = try? client.response(), response.status == 429 {
                        refused += 1
                    }
                }
                let status = bench.accounts.status(workspace: "w1", user: nil, provider: nil, budget: budget, at: Bench.now)
                #expect(status.daily.spent + status.daily.held <= limit)
            }
            #expect(refused > 0, "the budget was never tight")
            try eventually("nothing is held") { bench.accounts.snapshot.openReservations == 0 }
            // What ends is journaled a moment after its hold is gone.
            try eventually("each held call has ended") { bench.log.held.count == bench.log.settled.count + bench.log.released.count }
            let status = bench.accounts.status(workspace: "w1", user: nil, provider: nil, budget: budget, at: Bench.now)
            #expect(status.daily.spent == bench.log.settled.map(\.cost).reduce(.zero, +))
            #expect(status.daily.spent <= limit && status.daily.held == .zero)
            #expect(Set(bench.log.settled.map(\.id) + bench.log.released).count == bench.log.held.count, "each held call ends once")
        }
    }
}
