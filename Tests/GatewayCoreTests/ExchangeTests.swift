import GatewayCore
import Testing

/// The promise of one settlement or release for each reservation, over all orders in which events can come.
@Suite struct ExchangeTests {
    typealias Event = Exchange.Event
    typealias Action = Exchange.Action

    /// Everything that can happen, in every variant that the machine tells apart.
    static let events: [Event] = [
        .holdWritten, .holdFailed, .head(delivery: .held, endsWithCaller: false), .head(delivery: .flowing, endsWithCaller: false),
        .head(delivery: .flowing, endsWithCaller: true), .outgrown, .ended, .failed(wasSent: false), .failed(wasSent: true), .callerGone,
        .recorded,
    ]

    /// What has been seen of a run, against which each further action is held.
    private struct Run {
        var forwarded = false
        var callerGone = false
        var headSent = false
        var charged = 0
        var released = 0
        var finished = 0
        var recorded = false

        mutating func take(_ action: Action, after event: Event) {
            switch action {
            case .forward:
                #expect(!forwarded && charged == 0 && released == 0 && !callerGone, "forwarded twice, late, or for nobody")
                forwarded = true
            case .release(let ending):
                released += 1
                finished += 1
                #expect(!headSent, "a call whose answer has begun reached its provider")
                #expect(ending == (callerGone ? .abort : .problem))
            case .sendHead:
                #expect(forwarded && !callerGone && !headSent)
                headSent = true
            case .settle:
                #expect(forwarded)
                charged += 1
            case .cancelUpstream:
                #expect(forwarded && callerGone, "only a caller's departure cuts a transfer")
            case .finish(let ending):
                #expect(charged == 1 && recorded && !callerGone, "the end leaves once the record is durable")
                #expect(ending != .problem || !headSent, "a problem cannot follow a head")
                finished += 1
            }
            #expect(charged + released <= 1, "settled or released more than once")
            #expect(finished <= 1)
        }
    }

    @Test func everyOrderOfEventsSettlesOrReleasesAtMostOnce() {
        var checked = 0
        func explore(_ prefix: [Event], depth: Int) {
            for event in Self.events {
                let path = prefix + [event]
                replay(path)
                checked += 1
                if depth > 1 { explore(path, depth: depth - 1) }
            }
        }
        explore([], depth: 5)
        #expect(checked == (1...5).reduce(0) { sum, length in sum + Int(pow(Self.events.count, length)) })
    }

    private func pow(_ base: Int, _ exponent: Int) -> Int { (0..<exponent).reduce(1) { product, _ in product * base } }

    @discardableResult
    private func replay(_ events: [Event]) -> (charged: Int, released: Int, isFinished: Bool) {
        var exchange = Exchange()
        var run = Run()
        for event in events {
            // Only what the driver can say: a record is durable only after a settlement.
            if case .recorded = event {
                guard run.charged == 1 else { continue }
                run.recorded = true
            }
            if case .callerGone = event { run.callerGone = true }
            for action in exchange.on(event) { run.take(action, after: event) }
        }
        return (run.charged, run.released, exchange.isFinished)
    }

    /// Whatever came before, once the hold is written, the transfer has ended and the record is durable, the call is over and counted once.
    @Test func everyCompletedOrderEndsWithExactlyOneSettlementOrRelease() {
        let interludes: [[Event]] = [[], [.callerGone], [.outgrown], [.callerGone, .callerGone]]
        let heads: [[Event]] = [
            [], [.head(delivery: .held, endsWithCaller: false)], [.head(delivery: .flowing, endsWithCaller: false)],
            [.head(delivery: .flowing, endsWithCaller: true)],
        ]
        let ends: [Event] = [.ended, .failed(wasSent: false), .failed(wasSent: true)]
        var count = 0
        for first in interludes {
            for second in interludes {
                for head in heads {
                    for third in interludes {
                        for end in ends {
                            for fourth in interludes {
                                let path = first + [.holdWritten] + second + head + third + [end] + fourth + [.recorded]
                                let outcome = replay(path)
                                #expect(outcome.charged + outcome.released == 1, "\(path)")
                                #expect(outcome.isFinished, "\(path)")
                                count += 1
                            }
                        }
                    }
                }
            }
        }
        #expect(count == 4 * 4 * 4 * 4 * 3 * 4)
    }

    @Test func aHoldThatCannotBeWrittenIsReleasedAndNothingIsForwarded() {
        #expect(replay([.holdFailed]) == (0, 1, true))
        #expect(replay([.callerGone, .holdFailed]) == (0, 1, true))
        #expect(replay([.callerGone, .holdWritten]) == (0, 1, true))
    }

    @Test func anOrdinaryAnswerIsReadToItsEndForACallerWhoLeft() {
        var exchange = Exchange()
        _ = exchange.on(.holdWritten)
        _ = exchange.on(.head(delivery: .flowing, endsWithCaller: false))
        #expect(exchange.on(.callerGone) == [])
        #expect(exchange.delivery == .discarded)
        #expect(exchange.on(.ended) == [.settle(.metered)])
        #expect(exchange.on(.recorded) == [])
    }

    @Test func aStreamIsCutWhenItsCallerLeaves() {
        var exchange = Exchange()
        _ = exchange.on(.holdWritten)
        _ = exchange.on(.head(delivery: .flowing, endsWithCaller: true))
        #expect(exchange.on(.callerGone) == [.cancelUpstream, .settle(.cut)])
        #expect(exchange.on(.failed(wasSent: true)) == [])
    }

    @Test(arguments: [
        (Exchange.Delivery.held, Exchange.Ending.problem), (.flowing, .abort),
    ])
    func aBrokenAnswerIsNeverPassedOffAsWhole(delivery: Exchange.Delivery, ending: Exchange.Ending) {
        var exchange = Exchange()
        _ = exchange.on(.holdWritten)
        _ = exchange.on(.head(delivery: delivery, endsWithCaller: false))
        #expect(exchange.on(.failed(wasSent: true)) == [.settle(.cut)])
        #expect(exchange.on(.recorded) == [.finish(ending)])
    }
}
