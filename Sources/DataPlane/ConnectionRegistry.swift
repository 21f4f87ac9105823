import GatewayCore
import NIOCore

/// The connections and calls of one event loop: closes connections that wait too long, and drains at shutdown.
///
/// Confined to its event loop.
final class ConnectionRegistry {
    /// What its calls journal.
    let log: LogBatch
    /// What other threads bring to them.
    let arrivals: Arrivals
    private var connections: [ObjectIdentifier: Connection] = [:]
    /// Calls that are reserved and not yet settled and let go, with or without a caller.
    private(set) var openCalls = 0
    private var isDraining = false
    private var drained: (() -> Void)?

    init(log: any DurableLog, eventLoop: any EventLoop) {
        self.log = LogBatch(log, eventLoop: eventLoop)
        arrivals = Arrivals(eventLoop: eventLoop)
    }

    func add(_ connection: Connection) {
        connections[ObjectIdentifier(connection)] = connection
        if isDraining { connection.drain() }
    }

    func remove(_ connection: Connection) {
        connections[ObjectIdentifier(connection)] = nil
        noteEnd()
    }

    func callBegan() {
        openCalls += 1
    }

    func callEnded() {
        openCalls -= 1
        noteEnd()
    }

    private func noteEnd() {
        guard connections.isEmpty, openCalls == 0, let drained else { return }
        self.drained = nil
        drained()
    }

    /// One look at all deadlines: far cheaper than a timer for each connection and each request.
    func check(at now: NIODeadline) {
        for connection in connections.values { connection.check(at: now) }
    }

    /// Lets calls in flight finish; `completion` runs once, when the last connection and the last call are gone.
    func drain(completion: @escaping () -> Void) {
        isDraining = true
        drained = completion
        for connection in connections.values { connection.drain() }
        noteEnd()
    }

    func closeAll() {
        for connection in connections.values { connection.closeNow() }
    }
}
