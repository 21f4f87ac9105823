import GatewayCore
import HTTP1
import NIOCore
import Synchronization

/// One event loop's calls and connections. A call's way: received → (waiting →) connecting → running ⇄ backing off → over.
///
/// Unchecked because all state is confined to the event loop; other threads only use ``run(_:)``, ``send(_:to:)`` and ``isInUse``.
final class LoopTransport: @unchecked Sendable {
    let eventLoop: any EventLoop
    let shared: SharedState
    /// Calls and connections that are not over.
    private let uses = Atomic<Int>(0)
    /// Every call that is not over.
    private var live: [NIOCall] = []
    private var endpoints: [Endpoint.Key: Endpoint] = [:]
    private var idleCount = 0 {
        didSet { shared.connectionsIdle.add(idleCount - oldValue, ordering: .relaxed) }
    }
    /// No deadline is earlier than this. Deadlines mostly move away, so they are looked through only when this moment has come.
    private var earliest = NIODeadline.distantFuture
    private var timer: Scheduled<Void>?
    /// Where requests are written, one after another: once it is out, its memory serves again.
    private var scratch = ByteBuffer()
    /// Someone who gets events has called: they wait until that call has returned.
    private(set) var isCalled = false

    init(_ eventLoop: any EventLoop, _ shared: SharedState) {
        self.eventLoop = eventLoop
        self.shared = shared
    }

    // MARK: Any thread

    func send(_ request: UpstreamRequest, to receiver: any UpstreamReceiver) -> any UpstreamCall {
        let call = NIOCall(request: request, receiver: receiver, transport: self)
        uses.add(1, ordering: .sequentiallyConsistent)
        shared.active.add(1, ordering: .relaxed)
        if eventLoop.inEventLoop { keepingQuiet { receive(call) } } else { eventLoop.execute { self.receive(call) } }
        return call
    }

    /// At once on the event loop, else there and soon.
    func run(_ body: @escaping @Sendable (LoopTransport) -> Void) {
        if eventLoop.inEventLoop { keepingQuiet { body(self) } } else { eventLoop.execute { body(self) } }
    }

    /// Nothing is delivered until whoever has called is out of its call.
    private func keepingQuiet(_ body: () -> Void) {
        let wasCalled = isCalled
        isCalled = true
        body()
        isCalled = wasCalled
    }

    /// Whether the event loop has anything to do, and so cannot have ended.
    var isInUse: Bool { uses.load(ordering: .sequentiallyConsistent) > 0 }

    // MARK: Calls

    private func receive(_ call: NIOCall) {
        call.slot = live.count
        live.append(call)
        let now = NIODeadline.now()
        call.totalDeadline = now + Self.amount(call.request.route.total)
        watch(call.totalDeadline)
        guard !shared.isStopped.load(ordering: .sequentiallyConsistent) else { return fail(call, .cancelled, "shut down") }
        guard let limit = call.request.route.maximumConcurrent else { return begin(call) }
        if !shared.gates.enter(call, limit: limit) { fail(call, .overloaded, "too many calls wait for this provider") }
    }

    /// The gate has let the call in.
    func proceed(_ call: NIOCall) {
        guard !call.isOver else { return shared.gates.leave(call.request.route.provider) }
        call.holdsPlace = true
        begin(call)
    }

    /// A try: on a connection that waits for one, or on a new one.
    private func begin(_ call: NIOCall) {
        let route = call.request.route
        guard let endpoint = endpoint(of: route) else { return fail(call, .unreachable, ProviderAddress.refusal) }
        let text = RequestText(call.request, to: endpoint.address)
        if let refusal = text.write(into: &scratch) { return fail(call, .unreachable, refusal) }
        call.tries += 1
        if let connection = takeIdle(endpoint) {
            shared.connectionsReused.add(1, ordering: .relaxed)
            call.phase = .running(connection)
            connection.start(call, scratch, text)
        } else {
            let dial = Dial(call, endpoint, request: scratch, text)
            call.phase = .connecting(dial)
            call.idleDeadline = .now() + Self.amount(route.connectTimeout)
            watch(call.idleDeadline)
            dial.start()
            call.askForBody()
        }
    }

    func cancel(_ call: NIOCall) {
        guard !call.isOver else { return }
        call.dropEvents()
        fail(call, .cancelled, "cancelled")
    }

    func fail(_ call: NIOCall, _ kind: UpstreamError.Kind, _ detail: String) {
        finish(call, .failed(UpstreamError(kind: kind, wasSent: call.wasSent, detail: detail)))
    }

    /// Ends the call with its last event; a connection in use is closed.
    func finish(_ call: NIOCall, _ event: UpstreamEvent) {
        guard !call.isOver, call.slot >= 0 else { return }
        let phase = call.phase
        call.phase = .over
        switch phase {
        case .running(let connection): connection.abandon(call)
        case .connecting(let dial): dial.abandon()
        case .waiting, .backingOff, .over: break
        }
        if let last = live.popLast(), last !== call {
            live[call.slot] = last
            last.slot = call.slot
        }
        uses.subtract(1, ordering: .sequentiallyConsistent)
        shared.active.subtract(1, ordering: .relaxed)
        let route = call.request.route
        if call.holdsPlace {
            shared.gates.leave(route.provider)
        } else if route.maximumConcurrent != nil {
            // Should it just have been let in, `proceed` gives the place back.
            _ = shared.gates.withdraw(call)
        }
        call.append(event)
        call.deliver()
    }

    // MARK: Retries

    func shouldRetry(_ call: NIOCall, status: Int) -> Bool {
        call.request.route.retry?.statuses.contains(status) == true && canRetry(call)
    }

    /// There is no connection, and nothing was sent on one.
    func connectFailed(_ call: NIOCall, _ detail: String) {
        if call.request.route.retry?.onConnect == true, canRetry(call) { backOff(call) } else { fail(call, .unreachable, detail) }
    }

    private func canRetry(_ call: NIOCall) -> Bool {
        guard let policy = call.request.route.retry, !call.isStreaming, call.tries < policy.attempts else { return false }
        return .now() + longestBackOff(call) < call.totalDeadline
    }

    func backOff(_ call: NIOCall) {
        let longest = longestBackOff(call).nanoseconds
        let until = NIODeadline.now() + .nanoseconds(Int64.random(in: longest / 2...longest))
        call.phase = .backingOff(until: until)
        call.idleDeadline = .distantFuture
        watch(until)
    }

    private func longestBackOff(_ call: NIOCall) -> TimeAmount {
        Self.amount(shared.settings.retryBackOff &<< min(max(call.tries - 1, 0), 10))
    }

    // MARK: Connections

    private func endpoint(of route: UpstreamRoute) -> Endpoint? {
        let key = Endpoint.Key(route)
        if let endpoint = endpoints[key] { return endpoint }
        guard let endpoint = Endpoint(key) else { return nil }
        // Those that configurations of the past have left.
        if endpoints.count >= 256 {
            for (key, endpoint) in endpoints where endpoint.idle.isEmpty {
                endpoint.isForgotten = true
                endpoints[key] = nil
            }
        }
        endpoints[key] = endpoint
        return endpoint
    }

    /// The connection that has waited for the shortest time; those that must not be used are closed on the way.
    private func takeIdle(_ endpoint: Endpoint) -> ProviderConnection? {
        let now = NIODeadline.now()
        while let connection = endpoint.idle.popLast() {
            idleCount -= 1
            if connection.idleUntil > now, connection.isClean { return connection }
            connection.close()
        }
        return nil
    }

    /// The connection has served its call and may serve another.
    func keep(_ connection: ProviderConnection) {
        guard idleCount < shared.settings.idleConnections, !connection.endpoint.isForgotten, !shared.isStopped.load(ordering: .relaxed)
        else { return connection.close() }
        idleCount += 1
        connection.idleUntil = .now() + shared.settings.idleTime
        watch(connection.idleUntil)
        connection.endpoint.idle.append(connection)
    }

    func opened() {
        uses.add(1, ordering: .sequentiallyConsistent)
        shared.connectionsOpened.add(1, ordering: .relaxed)
    }

    func closed(_ connection: ProviderConnection) {
        uses.subtract(1, ordering: .sequentiallyConsistent)
        shared.connectionsClosed.add(1, ordering: .relaxed)
        guard let index = connection.endpoint.idle.lastIndex(where: { $0 === connection }) else { return }
        connection.endpoint.idle.remove(at: index)
        idleCount -= 1
    }

    func stop() {
        timer?.cancel()
        while let call = live.last { fail(call, .cancelled, "shutting down") }
        for endpoint in endpoints.values { for connection in endpoint.idle { connection.close() } }
    }

    // MARK: Time

    func watch(_ deadline: NIODeadline) {
        guard deadline < earliest else { return }
        earliest = deadline
        timer?.cancel()
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.checkDeadlines() }
    }

    /// A year is as good as for ever, and the sum cannot overflow.
    static func amount(_ milliseconds: Int) -> TimeAmount {
        .milliseconds(Int64(max(1, min(milliseconds, 365 * 86_400_000))))
    }

    private func checkDeadlines() {
        let now = NIODeadline.now()
        var next = NIODeadline.distantFuture
        earliest = .distantFuture
        // Ended calls leave their place to the last one, and receivers may begin further ones: a copy.
        for call in live where !call.isOver {
            if call.totalDeadline <= now {
                fail(call, .timeout, "the whole call took too long")
            } else if case .backingOff(let until) = call.phase {
                if until <= now { begin(call) } else { next = min(next, until) }
            } else if call.idleDeadline <= now {
                fallSilent(call)
            }
            if !call.isOver { next = min(next, call.idleDeadline, call.totalDeadline) }
        }
        for endpoint in endpoints.values {
            for connection in endpoint.idle {
                if connection.idleUntil <= now { connection.close() } else { next = min(next, connection.idleUntil) }
            }
        }
        if next != .distantFuture { watch(next) }
    }

    /// The time for the next byte, or for the connection, is over.
    private func fallSilent(_ call: NIOCall) {
        switch call.phase {
        case .connecting(let dial):
            dial.abandon()
            connectFailed(call, "the connection took too long")
        case .running(let connection) where connection.isSwallowing:
            // Of a response that nobody waits for.
            connection.abandon(call)
            backOff(call)
        default:
            fail(call, .timeout, "the provider was silent for too long")
        }
    }
}
