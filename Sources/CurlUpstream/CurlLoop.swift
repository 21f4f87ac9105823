import CCurl
import GatewayCore
import Glibc
import HTTP1
import Synchronization

/// One thread's transfers: a curl multi handle with its connections and name cache, driven by epoll.
///
/// Created anywhere, then used by its own thread alone (``run()``).
final class CurlLoop {
    let inbox: Inbox
    let settings: CurlSettings
    let gates: ProviderGates
    let counters: CurlCounters
    /// The monotonic clock at the start of this round, nanoseconds.
    var now: UInt64 = 0
    /// Every call that is not over.
    var live: [CurlCall] = []
    let multi: UnsafeMutableRawPointer
    var idle = IdleTransfers()
    /// Calls with events to deliver.
    private var dirty: [CurlCall] = []
    private var answeredEarly: [Transfer] = []
    private let poller: Poller
    private let tlsPending = ccurl_find_tls_pending()
    private let tlsProtocol = ccurl_find_tls_protocol()
    /// When curl wants to be called though no socket is ready.
    private var curlDeadline = UInt64.max
    /// No call's deadline is earlier than this. Deadlines mostly move away, so calls are looked through only when this moment has come.
    private var earliest = UInt64.max
    private var isStopping = false

    init(settings: CurlSettings, gates: ProviderGates, counters: CurlCounters) throws(CurlSetupError) {
        inbox = try Inbox()
        poller = try Poller(wake: inbox.descriptor)
        guard let multi = curl_multi_init() else { throw CurlSetupError("curl_multi_init: no memory") }
        self.multi = multi
        self.settings = settings
        self.gates = gates
        self.counters = counters
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = ccurl_multi_set_socket(multi, socketCallback)
        _ = ccurl_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, context)
        _ = ccurl_multi_set_timer(multi, timerCallback)
        _ = ccurl_multi_set_pointer(multi, CURLMOPT_TIMERDATA, context)
        // curl's default shrinks with the number of transfers and would close connections after every peak.
        _ = ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, settings.idleConnections)
    }

    deinit {
        // The transfers go first: their handles know the multi handle. Closing connections calls back into this object, which is still
        // whole.
        idle.removeAll()
        curl_multi_cleanup(multi)
    }

    static func monotonicNow() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    func run() {
        var commands: [Inbox.Command] = []
        now = Self.monotonicNow()
        while true {
            inbox.take(into: &commands)
            for command in commands { handle(command) }
            commands.removeAll(keepingCapacity: true)
            guard !isStopping else { break }
            if curlDeadline <= now { runCurl(CURL_SOCKET_TIMEOUT, 0) }
            settle()
            let count = poller.wait(milliseconds: inbox.fallAsleep() ? sleepTime() : 0)
            inbox.wakeUp()
            now = Self.monotonicNow()
            poller.forEach(ofFirst: count) { socket, bits in runCurl(socket, bits) }
            settle()
            // Only after the sockets were looked at: a machine that stood still has not made its providers silent.
            checkDeadlines()
            deliver()
        }
        for command in inbox.close() { handle(command) }
        while let call = live.last {
            finish(call, .failed(UpstreamError(kind: .cancelled, wasSent: call.wasSent, detail: "shutting down")))
        }
        deliver()
    }

    private func handle(_ command: Inbox.Command) {
        switch command {
        case .send(let call): receive(call)
        case .proceed(let call): proceed(call)
        case .body(let call, let bytes):
            guard !call.isOver else { return }
            call.appendBody(bytes)
            askForBody(call)
            resume(call, sending: true)
        case .finishBody(let call):
            guard !call.isOver else { return }
            call.upload.finish()
            resume(call, sending: true)
        case .resume(let call): resume(call, sending: false)
        case .cancel(let call):
            finish(call, .failed(UpstreamError(kind: .cancelled, wasSent: call.wasSent, detail: "cancelled")))
        case .stop: isStopping = true
        }
    }

    // MARK: curl

    private func runCurl(_ socket: curl_socket_t, _ bits: Int32) {
        if socket == CURL_SOCKET_TIMEOUT { curlDeadline = .max }
        var running: Int32 = 0
        curl_multi_socket_action(multi, socket, bits, &running)
    }

    /// Ends the calls whose transfers are over and delivers what has come, until nothing more is to be done. Calls back into curl (a retry,
    /// a withdrawal) only make work for the next round.
    private func settle() {
        var code = CURLE_OK
        while let easy = ccurl_multi_finished(multi, &code) {
            guard let context = ccurl_private(easy) else { continue }
            complete(Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue(), code)
        }
        while let transfer = answeredEarly.popLast() { stop(transfer) }
        deliver()
    }

    /// The transfer is over though curl would go on: the response is complete, or something is at fault.
    func answered(_ transfer: Transfer) {
        answeredEarly.append(transfer)
    }

    func opened(_ socket: curl_socket_t) {
        counters.connectionsOpened.add(1, ordering: .relaxed)
        poller.opened(socket)
    }

    /// Whether the connection that curl has picked for a call speaks HTTP/2: a route that wants it need not get it.
    func speaksHTTP2(_ transfer: Transfer) -> Bool {
        transfer.call?.request.route.http2 == true && ccurl_speaks_http2(transfer.easy, tlsProtocol) != 0
    }

    /// Whether the kept-alive connection that curl has picked for a call holds bytes of which the call has asked for none: more than the
    /// last answer, which would be taken for the next one. libcurl looks for the connection's end alone until 8.1. With HTTP/2 every frame
    /// says whose it is.
    func isSpoilt(_ transfer: Transfer, port: Int32) -> Bool {
        guard ccurl_connects(transfer.easy) == 0, !transfer.speaksHTTP2 else { return false }
        return poller.hasInput(idleConnectionsOf: UInt16(truncatingIfNeeded: port))
            || ccurl_has_buffered_input(transfer.easy, tlsPending) != 0
    }

    /// A transfer's request goes out on a connection.
    func began(_ transfer: Transfer) {
        counters.requestsOut.add(1, ordering: .relaxed)
        if ccurl_connects(transfer.easy) == 0 { counters.connectionsReused.add(1, ordering: .relaxed) }
    }

    func closed(_ socket: curl_socket_t) {
        counters.connectionsClosed.add(1, ordering: .relaxed)
        poller.closed(socket)
        close(socket)
    }

    fileprivate func watch(_ easy: UnsafeMutableRawPointer?, _ socket: curl_socket_t, _ interest: Int32) {
        let isWatched = poller.watch(socket, interest)
        guard !isWatched || (interest != CURL_POLL_IN && interest != CURL_POLL_INOUT), let easy, let context = ccurl_private(easy) else {
            return
        }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        guard isWatched else {
            transfer.fault = "epoll refuses to watch the connection"
            return answered(transfer)
        }
        // curl has read the whole response, though it could go on sending the body: it would wait for the rest of that for ever. (Not so
        // with HTTP/2, where the socket serves other streams and curl is told when one is over.)
        guard let call = transfer.call, transfer.head.isComplete, !transfer.isReceivePaused, !call.upload.isExhausted,
            !transfer.speaksHTTP2
        else { return }
        answered(transfer)
    }

    fileprivate func setTimer(milliseconds: Int) {
        curlDeadline = milliseconds < 0 ? .max : now &+ UInt64(milliseconds) &* 1_000_000
    }

    // MARK: Time

    /// The provider has shown a sign of life, or begins or ceases to be the one who is awaited.
    func touch(_ transfer: Transfer) {
        guard let call = transfer.call else { return }
        let isOurTurn = transfer.isSendPaused || transfer.isReceivePaused
        call.idleDeadline = isOurTurn ? .max : deadline(after: call.request.route.timeout)
        watchDeadline(call.idleDeadline)
    }

    func watchDeadline(_ deadline: UInt64) {
        earliest = min(earliest, deadline)
    }

    func deadline(after milliseconds: Int, from start: UInt64? = nil) -> UInt64 {
        // A year is as good as for ever, and the sum cannot overflow.
        (start ?? now) &+ UInt64(max(1, min(milliseconds, 365 * 86_400_000))) &* 1_000_000
    }

    private func checkDeadlines() {
        guard earliest <= now else { return }
        earliest = .max
        // Ended calls leave their place to the last one, so from behind.
        for index in live.indices.reversed() {
            let call = live[index]
            if call.totalDeadline <= now {
                finish(call, .failed(UpstreamError(kind: .timeout, wasSent: call.wasSent, detail: "the whole call took too long")))
            } else if case .backingOff(let until) = call.phase {
                if until <= now { begin(call) } else { watchDeadline(until) }
            } else if call.idleDeadline <= now {
                fallSilent(call)
            }
            if !call.isOver { watchDeadline(min(call.idleDeadline, call.totalDeadline)) }
        }
    }

    private func sleepTime() -> Int32 {
        let next = min(earliest, curlDeadline)
        guard next != .max else { return -1 }
        let current = Self.monotonicNow()
        guard next > current else { return 0 }
        return Int32(min((next - current + 999_999) / 1_000_000, 3_600_000))
    }

    // MARK: Events

    func markDirty(_ call: CurlCall) {
        guard !call.isDirty else { return }
        call.isDirty = true
        dirty.append(call)
    }

    func askForBody(_ call: CurlCall) {
        guard call.shouldAskForBody(below: settings.uploadLowWater) else { return }
        call.append(.wantsBody)
        markDirty(call)
    }

    /// Receivers only post to inboxes, so nothing here changes while they are called.
    private func deliver() {
        var index = 0
        while index < dirty.count {
            let call = dirty[index]
            index += 1
            call.isDirty = false
            var events = call.takeEvents()
            if call.isCancelled {
                let error = UpstreamError(kind: .cancelled, wasSent: call.wasSent, detail: "cancelled")
                finish(call, .failed(error))
                _ = call.takeEvents()
                events = [.failed(error)]
            }
            if !events.isEmpty { call.receiver?.receive(events) }
            // The receiver may well hold the call.
            if call.isOver { call.receiver = nil }
        }
        dirty.removeAll(keepingCapacity: true)
    }
}

private let socketCallback: curl_socket_callback = { easy, socket, interest, context, _ in
    if let context { Unmanaged<CurlLoop>.fromOpaque(context).takeUnretainedValue().watch(easy, socket, interest) }
    return 0
}

private let timerCallback: curl_multi_timer_callback = { _, milliseconds, context in
    if let context { Unmanaged<CurlLoop>.fromOpaque(context).takeUnretainedValue().setTimer(milliseconds: milliseconds) }
    return 0
}
