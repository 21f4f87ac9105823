import GatewayCore
import NIOCore

/// A step of an enrichment: a call like any other, whose response nobody reads.
///
/// Confined to its event loop.
final class EnrichmentCall: CallOutlet {
    let eventLoop: any EventLoop
    let registry: ConnectionRegistry
    var keepsAlive = true
    private let services: Services
    private let startedAt: Timestamp
    private var call: Call?
    private var onEnd: ((EnrichmentStep.Ending) -> Void)?

    init(on connection: Connection, services: Services) {
        eventLoop = connection.eventLoop
        registry = connection.registry
        self.services = services
        startedAt = services.clock()
    }

    /// Makes the call. `onEnd` runs once, in a task of its own, unless the call is left before.
    func start(
        _ request: Example.Request, to provider: String, for caller: HeaderList, maximumCost: Money?,
        onEnd: @escaping (EnrichmentStep.Ending) -> Void
    ) {
        self.onEnd = onEnd
        let head = Self.head(request, to: provider, for: caller, maximumCost: maximumCost)
        let call = Call(head, on: self, services: services, keepsRecords: true)
        self.call = call
        call.start()
        if let body = request.body, self.onEnd != nil { call.received(ByteBuffer(bytes: body)) }
        if self.onEnd != nil { call.receivedAll() }
    }

    /// The call goes on without anybody who waits for it, as after any caller who leaves. Returns what it may still cost.
    func leave() -> EnrichmentStep.Ending {
        var ending = ending
        // One that is over and has not told so yet is no less whole.
        if onEnd != nil {
            onEnd = nil
            ending.isLate = true
            ending.answer = nil
            if ending.record == nil { ending.open = call?.pledge.map { ($0.id, $0.estimate.cost) } }
            call?.callerGone()
        }
        call = nil
        return ending
    }

    private var ending: EnrichmentStep.Ending {
        let elapsed = max(0, services.clock().microseconds - startedAt.microseconds)
        return EnrichmentStep.Ending(
            record: call?.settled?.record, problem: call?.refusal ?? call?.brokenOff, answer: call?.records,
            isUnverified: call?.isUnverified == true, latency: Int(elapsed / 1000))
    }

    private func end() {
        guard let onEnd else { return }
        self.onEnd = nil
        // What comes next must not begin in the middle of what this call still has to do.
        eventLoop.assumeIsolated().execute {
            guard self.call != nil else { return }
            let ending = self.ending
            self.call = nil
            onEnd(ending)
        }
    }

    /// What of a caller's head a step's has: who calls, on whose behalf, in which trace, and what is asked of the cache.
    private static let passed = [
        "X-Workspace-Id", "X-Gateway-Key", "Authorization", "X-User-Id", "X-Entity-Type", "X-Entity-Id", "X-Gateway-Cache",
        "traceparent", "tracestate",
    ]

    private static func head(
        _ request: Example.Request, to provider: String, for caller: HeaderList, maximumCost: Money?
    ) -> RequestHead {
        var headers = request.headers
        for name in passed {
            for value in caller.all(name) { headers.append(name, value) }
        }
        headers.append("X-Gateway-Normalize", "true")
        if let maximumCost { headers.append("X-Gateway-Max-Cost", maximumCost.description) }
        return RequestHead(
            method: request.method, target: "/\(provider)\(request.target)", isVersion11: true, headers: headers,
            body: request.body.map { .length(Int64($0.count)) } ?? .none, keepsAlive: true, expectsContinue: false)
    }

    // MARK: What a call takes for its caller

    var hasWholeBody: Bool { true }
    var isWritable: Bool { true }
    func sendContinue() {}
    func pauseBody() {}
    func resumeBody() {}
    func beginResponse(isDelimited: Bool) -> String? { nil }
    func write(_ bytes: ByteBuffer) {}
    func flush() {}
    func finish() { end() }
    func abort() { end() }
}
