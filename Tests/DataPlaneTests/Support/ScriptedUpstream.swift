import GatewayCore

/// A transport whose calls the test plays.
final class ScriptedUpstream: Upstream {
    private struct State {
        var waiting: [ScriptedCall] = []
        var count = 0
        /// Plays each call by itself instead of handing it to the test.
        var player: (@Sendable (ScriptedCall) -> Void)?
    }

    private let state = Watched(State())

    func send(_ request: UpstreamRequest, to receiver: any UpstreamReceiver) -> any UpstreamCall {
        let call = ScriptedCall(request, receiver: receiver)
        let player = state.change { state in
            state.count += 1
            if state.player == nil { state.waiting.append(call) }
            return state.player
        }
        player?(call)
        return call
    }

    /// How many calls have been forwarded.
    var count: Int { state.current.count }

    func play(_ player: @escaping @Sendable (ScriptedCall) -> Void) {
        state.change { $0.player = player }
    }

    /// The next call that is forwarded.
    func next() throws -> ScriptedCall {
        try state.wait(for: "a forwarded call") { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
    }
}

/// A forwarded call.
final class ScriptedCall: UpstreamCall {
    struct State {
        var receiver: (any UpstreamReceiver)?
        weak var weakReceiver: (any UpstreamReceiver)?
        var sent: [UInt8] = []
        var pieces = 0
        var isBodyFinished = false
        var acknowledged = 0
        var isCancelled = false
    }

    let request: UpstreamRequest
    private let state: Watched<State>

    init(_ request: UpstreamRequest, receiver: any UpstreamReceiver) {
        self.request = request
        state = Watched(State(receiver: receiver, weakReceiver: receiver))
    }

    // MARK: What the gateway does

    func sendBody(_ bytes: [UInt8]) {
        state.change {
            $0.sent += bytes
            $0.pieces += 1
        }
    }

    func finishBody() { state.change { $0.isBodyFinished = true } }
    func acknowledge(_ count: Int) { state.change { $0.acknowledged += count } }
    func cancel() { state.change { $0.isCancelled = true } }

    // MARK: What the test does

    var current: State { state.current }
    var isFreed: Bool { state.current.weakReceiver == nil }

    func wait<Result>(for what: String, _ take: (State) -> Result?) throws -> Result {
        try state.wait(for: what) { take($0) }
    }

    func emit(_ events: UpstreamEvent...) {
        let isOver = events.contains {
            switch $0 {
            case .end, .failed: true
            case .wantsBody, .head, .body: false
            }
        }
        // A transport lets go of its receiver with the last event.
        let receiver = state.change { state in
            defer { if isOver { state.receiver = nil } }
            return state.receiver
        }
        receiver?.receive(events)
    }

    func head(_ status: Int = 200, _ headers: [(String, String)] = []) {
        emit(.head(UpstreamHead(status: status, headers: HeaderList(headers))))
    }

    func body(_ text: String) { emit(.body(Array(text.utf8))) }
    func end() { emit(.end) }

    func fail(_ kind: UpstreamError.Kind, wasSent: Bool = true) {
        emit(.failed(UpstreamError(kind: kind, wasSent: wasSent, detail: "10.0.0.7 said no")))
    }

    /// A whole answer with its length.
    func answer(_ status: Int = 200, _ headers: [(String, String)] = [], body: String = "") {
        emit(
            .head(UpstreamHead(status: status, headers: HeaderList([("Content-Length", "\(body.utf8.count)")] + headers))),
            .body(Array(body.utf8)), .end)
    }
}
