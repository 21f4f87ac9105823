import GatewayCore
import NIOCore

/// One call: what its caller holds, and what its event loop knows about it.
///
/// Unchecked because all state is confined to the transport's event loop: the methods of ``UpstreamCall`` go there first.
final class NIOCall: UpstreamCall, GatedCall, @unchecked Sendable {
    enum Phase {
        /// In the provider's queue.
        case waiting
        case connecting(Dial)
        case running(ProviderConnection)
        /// To be tried again at this time.
        case backingOff(until: NIODeadline)
        /// Its last event is on its way or was delivered.
        case over
    }

    let request: UpstreamRequest
    let transport: LoopTransport
    private var receiver: (any UpstreamReceiver)?
    var phase = Phase.waiting
    /// Its place among the transport's live calls.
    var slot = -1
    /// `distantFuture` while the provider is not the one who is awaited.
    var idleDeadline = NIODeadline.distantFuture
    var totalDeadline = NIODeadline.distantFuture
    /// Tries begun.
    var tries = 0
    /// It counts among its provider's running calls.
    var holdsPlace = false
    var wasSent = false
    var upload: Upload
    /// Bytes of the response's body that the receiver has not acknowledged.
    private(set) var unacknowledged = 0
    /// The window is full: the connection waits for the receiver to catch up.
    var isHeldBack = false
    private var hasAskedForBody = false
    private var events: [UpstreamEvent] = []
    private var piece: [UInt8] = []

    init(request: UpstreamRequest, receiver: any UpstreamReceiver, transport: LoopTransport) {
        self.request = request
        self.receiver = receiver
        self.transport = transport
        upload = if case .stream(let length) = request.body { Upload(length: length) } else { Upload() }
    }

    // MARK: Any thread

    func sendBody(_ bytes: [UInt8]) {
        transport.run { _ in self.appendBody(bytes) }
    }

    func finishBody() {
        transport.run { _ in self.endBody() }
    }

    func acknowledge(_ count: Int) {
        // Once a piece: on the event loop without a closure.
        if transport.eventLoop.inEventLoop { noteAcknowledged(count) } else { transport.run { _ in self.noteAcknowledged(count) } }
    }

    func cancel() {
        transport.run { $0.cancel(self) }
    }

    func proceed() -> Bool {
        transport.run { $0.proceed(self) }
        return true
    }

    // MARK: The event loop

    var isOver: Bool {
        if case .over = phase { true } else { false }
    }

    var isStreaming: Bool {
        if case .stream = request.body { true } else { false }
    }

    /// How much more of the body the receiver may be given.
    var room: Int { max(0, transport.shared.settings.window - unacknowledged) }

    private func noteAcknowledged(_ count: Int) {
        unacknowledged -= max(0, count)
        // Half a window later rather than at once: fewer, larger turns.
        guard isHeldBack, unacknowledged <= transport.shared.settings.window / 2 else { return }
        isHeldBack = false
        // Not at once: the receiver is perhaps in the middle of a delivery.
        transport.eventLoop.execute {
            if case .running(let connection) = self.phase { connection.resume() }
        }
    }

    private func appendBody(_ bytes: [UInt8]) {
        guard !isOver, isStreaming else { return }
        hasAskedForBody = false
        upload.append(bytes)
        bodyMoved()
    }

    private func endBody() {
        guard !isOver, isStreaming else { return }
        upload.finish()
        bodyMoved()
    }

    private func bodyMoved() {
        guard !upload.hasWrongLength else {
            return transport.finish(
                self,
                .failed(UpstreamError(kind: .broken, wasSent: wasSent, detail: "the request's body is not as long as was announced")))
        }
        if case .running(let connection) = phase { connection.pump() } else { askForBody() }
    }

    /// Asks for more of a streamed body, unless that is done or enough is there.
    func askForBody() {
        guard isStreaming, !hasAskedForBody, !upload.isFinished, upload.queued < transport.shared.settings.uploadLowWater else { return }
        hasAskedForBody = true
        events.append(.wantsBody)
        deliverLater()
    }

    // MARK: Events

    /// What comes in one turn is delivered as one piece.
    func append(_ bytes: UnsafeRawBufferPointer) {
        unacknowledged += bytes.count
        piece.append(contentsOf: bytes)
    }

    func append(_ event: UpstreamEvent) {
        takePiece()
        events.append(event)
    }

    /// What has not been delivered is not wanted any more.
    func dropEvents() {
        events = []
        piece = []
    }

    /// Hands over what has come: the last thing that is done in a turn, for the receiver may do anything.
    func deliver() {
        guard !transport.isCalled else { return deliverLater() }
        takePiece()
        guard !events.isEmpty else { return }
        let events = self.events
        self.events = []
        let receiver = self.receiver
        // The receiver may well hold the call.
        if isOver { self.receiver = nil }
        receiver?.receive(events)
    }

    private func deliverLater() {
        transport.eventLoop.execute { self.deliver() }
    }

    private func takePiece() {
        guard !piece.isEmpty else { return }
        events.append(.body(piece))
        piece = []
    }
}

/// A request's body on its way to the connection.
struct Upload {
    private var pieces: [[UInt8]] = []
    private var length: Int64?
    private var received: Int64 = 0
    /// Bytes that no connection has taken yet.
    private(set) var queued = 0
    /// No more will come.
    private(set) var isFinished = true

    init() {}

    /// A body that comes piece by piece.
    init(length: Int64?) {
        self.length = length
        isFinished = length == 0
    }

    /// Whether the pieces are more or fewer than the length that was announced.
    var hasWrongLength: Bool {
        guard let length else { return false }
        return received > length || isFinished && received < length
    }

    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty, !isFinished else { return }
        pieces.append(bytes)
        queued += bytes.count
        received += Int64(bytes.count)
    }

    mutating func finish() {
        isFinished = true
    }

    mutating func takeAll() -> [[UInt8]] {
        defer { (pieces, queued) = ([], 0) }
        return pieces
    }

    /// Whether all there ever will be has come: the announced length needs no further word.
    var isWhole: Bool { isFinished || length.map { received == $0 } ?? false }
}
