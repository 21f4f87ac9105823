import GatewayCore
import NIOCore

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
