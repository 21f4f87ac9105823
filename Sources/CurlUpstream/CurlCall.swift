import GatewayCore
import Synchronization

/// One call: what its caller holds, and what its loop knows about it.
///
/// `@unchecked Sendable`: the constants and atomics are for every thread; the variables belong to the loop's thread and are touched nowhere
/// else. The methods of ``UpstreamCall`` only use the former and the inbox.
final class CurlCall: UpstreamCall, GatedCall, @unchecked Sendable {
    enum Phase {
        /// In the provider's queue.
        case waiting
        case running(Transfer)
        /// To be tried again at this time.
        case backingOff(until: UInt64)
        /// Its last event is on its way or was delivered.
        case over
    }

    let inbox: Inbox
    let request: UpstreamRequest
    /// When it came, in nanoseconds of the monotonic clock.
    let start: UInt64
    private let unacknowledged = Atomic<Int>(0)
    /// Whether the loop waits for the receiver to catch up.
    private let isHeldBack = Atomic<Bool>(false)
    private let cancelled = Atomic<Bool>(false)
    private let window: Int

    // From here on: the loop's alone.
    var receiver: (any UpstreamReceiver)?
    var phase = Phase.waiting
    /// Its place among the loop's live calls.
    var slot = -1
    /// Nanoseconds; `UInt64.max` while the provider is not the one who is awaited.
    var idleDeadline = UInt64.max
    var totalDeadline = UInt64.max
    /// Tries begun.
    var tries = 0
    /// It counts among its provider's running calls.
    var holdsPlace = false
    var wasSent = false
    var upload: BodyQueue
    private var hasAskedForBody = false
    /// Its events are to be delivered at the end of this round.
    var isDirty = false
    private var events: [UpstreamEvent] = []
    private var piece: [UInt8] = []

    init(request: UpstreamRequest, receiver: any UpstreamReceiver, inbox: Inbox, window: Int, start: UInt64) {
        self.request = request
        self.receiver = receiver
        self.inbox = inbox
        self.window = window
        self.start = start
        upload =
            switch request.body {
            case .bytes(let bytes) where bytes.count > Transfer.wholeBodyLimit: BodyQueue(whole: bytes)
            case .none, .bytes: BodyQueue(length: 0)
            case .stream(let length): BodyQueue(length: length)
            }
    }

    // MARK: Any thread

    package func sendBody(_ bytes: [UInt8]) {
        inbox.post(.body(self, bytes))
    }

    package func finishBody() {
        inbox.post(.finishBody(self))
    }

    package func acknowledge(_ count: Int) {
        let left = unacknowledged.subtract(max(0, count), ordering: .sequentiallyConsistent).newValue
        // Half a window later rather than at once: fewer, larger turns.
        guard left <= window / 2, isHeldBack.load(ordering: .sequentiallyConsistent) else { return }
        if isHeldBack.exchange(false, ordering: .sequentiallyConsistent) { inbox.post(.resume(self)) }
    }

    package func cancel() {
        guard !cancelled.exchange(true, ordering: .sequentiallyConsistent) else { return }
        inbox.post(.cancel(self))
    }

    func proceed() -> Bool {
        inbox.post(.proceed(self))
    }

    var isCancelled: Bool { cancelled.load(ordering: .sequentiallyConsistent) }

    // MARK: The loop's thread

    var isOver: Bool {
        if case .over = phase { true } else { false }
    }

    var isStreaming: Bool {
        if case .stream = request.body { true } else { false }
    }

    /// Whether the receiver has a window's worth to acknowledge; if so, ``acknowledge(_:)`` posts `.resume`. Announcing first and looking
    /// again after leaves no gap in which an acknowledgement goes unseen.
    func mustHoldBack() -> Bool {
        guard unacknowledged.load(ordering: .sequentiallyConsistent) >= window else { return false }
        isHeldBack.store(true, ordering: .sequentiallyConsistent)
        guard unacknowledged.load(ordering: .sequentiallyConsistent) <= window / 2 else { return true }
        // Whoever resets the flag is the one to go on.
        return !isHeldBack.exchange(false, ordering: .sequentiallyConsistent)
    }

    /// Pieces that come in one round are delivered as one.
    func append(_ bytes: UnsafeRawBufferPointer) {
        unacknowledged.add(bytes.count, ordering: .sequentiallyConsistent)
        piece.append(contentsOf: bytes)
    }

    func append(_ event: UpstreamEvent) {
        takePiece()
        events.append(event)
    }

    /// True when the caller is to be asked for more of a streamed body.
    func shouldAskForBody(below lowWater: Int) -> Bool {
        guard isStreaming, !hasAskedForBody, !upload.isFinished, upload.queued < lowWater else { return false }
        hasAskedForBody = true
        return true
    }

    func appendBody(_ bytes: [UInt8]) {
        hasAskedForBody = false
        upload.append(bytes)
    }

    func takeEvents() -> [UpstreamEvent] {
        takePiece()
        defer { events = [] }
        return events
    }

    private func takePiece() {
        guard !piece.isEmpty else { return }
        events.append(.body(piece))
        piece = []
    }
}
