package import GatewayCore
package import NIOCore
import NIOPosix
import Synchronization

/// Providers over HTTP/1.1, plain or with TLS, on the event loop of whoever calls: a call and its connection stay on its caller's thread,
/// without a lock or a wake-up between them.
///
/// * A request goes out as given: the target byte for byte below the base URL's path, the header fields in order and spelling, then
///   `Content-Length` or `Transfer-Encoding`. Nothing is added but `Host`.
/// * A request that could not be written as it is meant (a line break in a field, say) fails as `.unreachable` and nothing is sent.
/// * A request goes out once. Only the adapter's ``RetryPolicy`` sends it again.
/// * HTTP/2 and egress proxies are not spoken: `UpstreamRoute.http2` and `.proxy` are not looked at.
package final class NIOUpstream: Upstream {
    private let shared: SharedState
    /// The transport of the event loop whose thread this is.
    private let current = ThreadSpecificVariable<LoopTransport>()
    private let transports = Mutex(Transports())

    private struct Transports {
        var all: [LoopTransport] = []
        /// Of calls from threads that are no event loop's.
        var elsewhere: LoopTransport?
    }

    /// The event loops are those of the callers; calls from any other thread go to one of the process's own.
    package init(settings: NIOUpstreamSettings = NIOUpstreamSettings(), gates: ProviderGates = ProviderGates()) {
        shared = SharedState(settings: settings, gates: gates)
    }

    deinit {
        shutdown()
    }

    /// On an event loop, the call's events are delivered there, and never before this or a method of the call has returned.
    package func send(_ request: UpstreamRequest, to receiver: any UpstreamReceiver) -> any UpstreamCall {
        if let transport = current.currentValue { return transport.send(request, to: receiver) }
        let here = MultiThreadedEventLoopGroup.currentEventLoop
        let transport = transports.withLock { transports in
            if here == nil, let elsewhere = transports.elsewhere { return elsewhere }
            let new = LoopTransport(here ?? MultiThreadedEventLoopGroup.singleton.any(), shared)
            transports.all.append(new)
            if here == nil { transports.elsewhere = new }
            return new
        }
        if here != nil { current.currentValue = transport }
        return transport.send(request, to: receiver)
    }

    package func snapshot() -> UpstreamSnapshot {
        var snapshot = UpstreamSnapshot()
        snapshot.connectionsOpened = shared.connectionsOpened.load(ordering: .relaxed)
        snapshot.connectionsOpen = snapshot.connectionsOpened - shared.connectionsClosed.load(ordering: .relaxed)
        snapshot.connectionsIdle = shared.connectionsIdle.load(ordering: .relaxed)
        snapshot.connectionsReused = shared.connectionsReused.load(ordering: .relaxed)
        snapshot.active = shared.active.load(ordering: .relaxed)
        snapshot.queued = shared.gates.waiting
        return snapshot
    }

    /// Ends every call as `.cancelled` and closes every connection, on their event loops and soon. Calls that come later fail the same way.
    package func shutdown() {
        shared.isStopped.store(true, ordering: .sequentiallyConsistent)
        // One that has neither may be of a loop that has ended already.
        for transport in transports.withLock(\.all) where transport.isInUse { transport.run { $0.stop() } }
    }
}

/// What rarely needs another value.
package struct NIOUpstreamSettings: Sendable {
    /// Bytes of a response body that may stand unacknowledged. A call that has reached it goes on when no more than half of them are left.
    package var window = 256 * 1024
    /// The caller is asked for more of a streamed body when fewer bytes than this wait for a connection. On one, the socket decides.
    package var uploadLowWater = 64 * 1024
    /// The header fields of one response, 1xx included, bytes.
    package var maximumHeadBytes = 256 * 1024
    /// Connections kept for further calls, an event loop.
    package var idleConnections = 1024
    /// How long a connection is kept for its next call. Most servers keep an idle one for a minute or more: one that is as old may be closed
    /// while a request is on its way.
    package var idleTime = TimeAmount.seconds(50)
    /// The longest wait before a second try, milliseconds; it doubles with each further one, and chance takes off up to half.
    package var retryBackOff = 100

    package init() {}
}

/// What the event loops have in common.
final class SharedState: Sendable {
    let settings: NIOUpstreamSettings
    let gates: ProviderGates
    let tls = TLSContexts()
    let connectionsOpened = Atomic<Int>(0)
    let connectionsClosed = Atomic<Int>(0)
    let connectionsIdle = Atomic<Int>(0)
    let connectionsReused = Atomic<Int>(0)
    let active = Atomic<Int>(0)
    let isStopped = Atomic<Bool>(false)

    init(settings: NIOUpstreamSettings, gates: ProviderGates) {
        self.settings = settings
        self.gates = gates
    }
}
