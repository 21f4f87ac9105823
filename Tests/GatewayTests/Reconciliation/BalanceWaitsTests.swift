import GatewayCore
import Testing

@testable import gateway

/// When providers that do not tell their balances are asked again.
@Suite struct BalanceWaitsTests {
    private func instant(_ minute: Int64) -> Timestamp { Timestamp(seconds: 1_800_000_000 + minute * 60) }

    @Test func theWaitsDoubleUpToAnHourAndAreWarnedOfOnceInOne() {
        var waits = BalanceWaits()
        var (asked, warned, tries): ([Int64], [Int64], [Int]) = ([], [], [])
        for minute in 0..<250 as Range<Int64> where waits.begin("acme", generation: 1, at: instant(minute)) {
            asked.append(minute)
            guard let failure = waits.end("acme", .failed("answered 401")) else { continue }
            tries.append(failure.tries)
            if failure.isWarning { warned.append(minute) }
            #expect(failure.reason == "answered 401" && failure.again > instant(minute))
        }
        #expect(asked == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243])
        #expect(tries == Array(1...10) && warned == [0, 63, 123, 183, 243])
    }

    @Test func anAnswerEndsTheWait() {
        var waits = BalanceWaits()
        func ask(_ minute: Int64, _ outcome: BalanceWaits.Outcome) -> BalanceWaits.Failure? {
            let isAsked = waits.begin("acme", generation: 1, at: instant(minute))
            #expect(isAsked)
            return waits.end("acme", outcome)
        }
        #expect(ask(0, .failed("no answer"))?.tries == 1)
        #expect(ask(1, .failed("no answer")) == .init(reason: "no answer", tries: 2, again: instant(3), isWarning: false))
        // One that is broken off says nothing.
        #expect(ask(3, .none) == nil)
        #expect(ask(3, .failed("no answer"))?.again == instant(7))
        #expect(ask(7, .answered) == nil)
        #expect(ask(7, .failed("no answer")) == .init(reason: "no answer", tries: 1, again: instant(8), isWarning: true))
    }

    @Test func nobodyIsAskedTwiceAtOnceAndEachWaitsForItself() {
        var waits = BalanceWaits()
        func begin(_ provider: String, _ generation: Int, _ minute: Int64) -> Bool {
            waits.begin(provider, generation: generation, at: instant(minute))
        }
        #expect(begin("acme", 1, 0))
        #expect(!begin("acme", 1, 60))
        #expect(begin("other", 1, 60))
        #expect(waits.end("other", .failed("no answer"))?.again == instant(61))
        // Nor after a reload, which ends the wait of one that has failed: what was wrong may be mended.
        #expect(!begin("acme", 2, 60))
        #expect(begin("other", 2, 60))
        #expect(waits.end("acme", .answered) == nil)
        #expect(begin("acme", 2, 60))
    }
}
