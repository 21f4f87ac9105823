import GatewayCore
import NIOCore
import Synchronization

/// Gathers what the calls of one event loop journal while it handles what is ready, and hands it over once for all of them:
/// waking the journal's thread for each entry would cost more than writing it.
///
/// Confined to its event loop.
final class LogBatch {
    private let log: any DurableLog
    private let eventLoop: any EventLoop
    private var waiting: [LogAppend] = []

    init(_ log: any DurableLog, eventLoop: any EventLoop) {
        self.log = log
        self.eventLoop = eventLoop
    }

    func append(_ append: LogAppend) {
        waiting.append(append)
        // Tasks run when everything that is ready has been read.
        if waiting.count == 1 { eventLoop.assumeIsolated().execute { self.handOver() } }
    }

    private func handOver() {
        let appends = waiting
        waiting = []
        log.append(appends)
    }
}

/// What other threads bring to the calls of one event loop, in the order in which it comes: the loop is woken once for all that has come
/// before it looks.
final class Arrivals: Sendable {
    enum Arrival: Sendable {
        /// A call's entry is durable, or cannot be made so.
        case logged(Call, Result<Void, DurabilityError>, then: @Sendable (Call, Result<Void, DurabilityError>) -> Void)
        /// The database has been asked for room in a budget.
        case leased(Call, LeaseNews)
        /// A provider's transfer has gone on.
        case received(Call, [UpstreamEvent])
        /// Another call, or the ledger, has something for a call.
        case told(Call, @Sendable (Call) -> Void)
    }

    private let waiting = Mutex<[Arrival]>([])
    private let eventLoop: any EventLoop

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    var isOnEventLoop: Bool { eventLoop.inEventLoop }

    func post(_ arrival: Arrival) {
        let isFirst = waiting.withLock { waiting in
            waiting.append(arrival)
            return waiting.count == 1
        }
        if isFirst { eventLoop.execute { self.deliver() } }
    }

    private func deliver() {
        let arrivals = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for arrival in arrivals {
            switch arrival {
            case .logged(let call, let result, let then): then(call, result)
            case .leased(let call, let news): call.retryReservation(news)
            case .received(let call, let events): call.handle(events)
            case .told(let call, let body): body(call)
            }
        }
    }
}
