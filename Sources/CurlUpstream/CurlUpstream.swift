import CCurl
package import GatewayCore
import Glibc
import Synchronization

/// Providers over HTTP and HTTPS, through libcurl: connections are kept alive and shared by the calls of a thread.
///
/// * A request goes out as given: the target byte for byte below the base URL's path, the header fields in order and spelling, then
///   `Content-Length` or `Transfer-Encoding`. Nothing is added but `Host`. Redirects, cookies, `.netrc`, proxy variables and content
///   codings are not looked at.
/// * A request that could not be written as it is meant (a line break in a field, say) fails as `.unreachable` and nothing is sent.
/// * A request goes out once: not even libcurl's own repetition takes place, by which a request on a kept-alive connection that closes before
///   a line of the response came would go out on another. Such a call fails as `.broken`.
package final class CurlUpstream: Upstream {
    private let settings: CurlSettings
    private let gates: ProviderGates
    private let counters = CurlCounters()
    private let inboxes: [Inbox]
    private let threads: Mutex<[pthread_t]>
    private let turn = Atomic<Int>(0)

    /// Starts that many threads, each with connections of its own.
    package init(
        threads count: Int = 1, settings: CurlSettings = CurlSettings(), gates: ProviderGates = ProviderGates()
    ) throws(CurlSetupError) {
        guard Self.isReady else { throw CurlSetupError("curl_global_init failed") }
        self.settings = settings
        self.gates = gates
        var inboxes: [Inbox] = []
        var threads: [pthread_t] = []
        var failure: CurlSetupError?
        for _ in 0..<max(1, count) {
            do {
                let loop = try CurlLoop(settings: settings, gates: gates, counters: counters)
                inboxes.append(loop.inbox)
                threads.append(try Self.start(loop))
            } catch {
                failure = error
            }
        }
        self.inboxes = inboxes
        self.threads = Mutex(threads)
        if let failure {
            shutdown()
            throw failure
        }
    }

    deinit {
        shutdown()
    }

    package func send(_ request: UpstreamRequest, to receiver: any UpstreamReceiver) -> any UpstreamCall {
        send(request, to: receiver, hint: nil)
    }

    /// `hint` picks the thread, so that calls of one origin share connections; without one, threads take turns.
    package func send(_ request: UpstreamRequest, to receiver: any UpstreamReceiver, hint: Int?) -> any UpstreamCall {
        let number = hint ?? (inboxes.count == 1 ? 0 : turn.wrappingAdd(1, ordering: .relaxed).newValue)
        let inbox = inboxes[Int(UInt(bitPattern: number) % UInt(inboxes.count))]
        let call = CurlCall(request: request, receiver: receiver, inbox: inbox, window: settings.window, start: CurlLoop.monotonicNow())
        if !inbox.post(.send(call)) {
            receiver.receive([.failed(UpstreamError(kind: .cancelled, wasSent: false, detail: "shut down"))])
        }
        return call
    }

    package func snapshot() -> UpstreamSnapshot {
        var snapshot = UpstreamSnapshot()
        snapshot.connectionsOpened = counters.connectionsOpened.load(ordering: .relaxed)
        snapshot.connectionsOpen = snapshot.connectionsOpened - counters.connectionsClosed.load(ordering: .relaxed)
        // With HTTP/2 a connection has several requests at once: then there are none that could be called idle.
        snapshot.connectionsIdle = max(0, snapshot.connectionsOpen - counters.requestsOut.load(ordering: .relaxed))
        snapshot.connectionsReused = counters.connectionsReused.load(ordering: .relaxed)
        snapshot.active = counters.active.load(ordering: .relaxed)
        snapshot.queued = gates.waiting
        return snapshot
    }

    /// Ends every call as `.cancelled`, closes every connection and returns when the threads have ended. Calls that come later fail the
    /// same way, on the caller's thread.
    package func shutdown() {
        let threads = self.threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for inbox in inboxes { inbox.post(.stop) }
        for thread in threads {
            // The last reference may be let go by a receiver, on a thread that cannot wait for itself.
            if pthread_equal(thread, pthread_self()) != 0 { pthread_detach(thread) } else { pthread_join(thread, nil) }
        }
    }

    /// Once a process.
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private static func start(_ loop: CurlLoop) throws(CurlSetupError) -> pthread_t {
        let context = Unmanaged.passRetained(loop).toOpaque()
        // Signals are other threads' business; SIGPIPE must not end the process when a peer is gone.
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var thread = pthread_t()
        let result = pthread_create(&thread, nil, runLoop, context)
        guard result == 0 else {
            Unmanaged<CurlLoop>.fromOpaque(context).release()
            throw CurlSetupError("pthread_create: \(String(cString: strerror(result)))")
        }
        return thread
    }
}

/// The thread holds the only lasting reference to its loop, so the loop also ends here.
private func runLoop(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    ccurl_name_thread("curl")
    Unmanaged<CurlLoop>.fromOpaque(context).takeRetainedValue().run()
    return nil
}

/// What rarely needs another value.
package struct CurlSettings: Sendable {
    /// Bytes of a response body that may stand unacknowledged, give or take one of curl's pieces (16 KiB). A transfer that has reached it
    /// goes on when no more than half of them are left.
    package var window = 256 * 1024
    /// curl's receive buffer of a running transfer, bytes. curl gives it back after each one, and the C library tidies up its whole heap
    /// whenever 64 KiB or more are given back.
    package var bufferSize = 32 * 1024
    /// The caller is asked for more of a streamed body when fewer bytes than this are queued.
    package var uploadLowWater = 64 * 1024
    /// The header fields of one response, 1xx and trailers included, bytes.
    package var maximumHeadBytes = 256 * 1024
    /// Connections kept open, busy ones included, a thread.
    package var idleConnections = 1024
    /// Easy handles kept for further calls, a thread.
    package var idleTransfers = 256
    /// The longest wait before a second try, milliseconds; it doubles with each further one, and chance takes off up to half.
    package var retryBackOff = 100

    package init() {}
}

/// What the loops count together.
final class CurlCounters: Sendable {
    let connectionsOpened = Atomic<Int>(0)
    let connectionsClosed = Atomic<Int>(0)
    let connectionsReused = Atomic<Int>(0)
    /// Transfers whose request is on a connection.
    let requestsOut = Atomic<Int>(0)
    let active = Atomic<Int>(0)
}
