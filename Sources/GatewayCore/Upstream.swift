/// How calls reach a provider. One implementation a transport.
///
/// `send` may be called on any thread and returns at once. Events of one call arrive in order, one delivery at a time,
/// and end with exactly one `.end` or `.failed`; after ``UpstreamCall/cancel()`` at most a `.failed(.cancelled)` follows.
/// A transport that runs on its caller's event loop delivers there, as it is; others deliver on threads of their own.
package protocol Upstream: Sendable {
    func send(_ request: UpstreamRequest, to receiver: any UpstreamReceiver) -> any UpstreamCall
}

/// A call under way.
package protocol UpstreamCall: AnyObject, Sendable {
    /// More of a streamed request body. The transport asks for it with `.wantsBody` and takes what it is given.
    func sendBody(_ bytes: [UInt8])
    /// The streamed request body is complete.
    func finishBody()
    /// The receiver has passed on that many bytes of the response body; the transport never lets more than its window stand unacknowledged.
    func acknowledge(_ count: Int)
    /// Nobody wants the answer any more. The connection is closed if the call is in progress.
    func cancel()
}

/// What a transport is doing.
package struct UpstreamSnapshot: Sendable {
    /// Connections opened since the start, and those of them that are open.
    package var connectionsOpened = 0
    package var connectionsOpen = 0
    /// Open ones that wait for their next call.
    package var connectionsIdle = 0
    /// Times that a request went out on a connection that had served another one before.
    package var connectionsReused = 0
    /// Calls that are not over, waiting ones included.
    package var active = 0
    /// Calls that wait for their provider's bound, by provider; none for providers without.
    package var queued: [String: Int] = [:]

    package init() {}

    /// What two transports that share their providers' bounds are doing.
    package static func + (left: UpstreamSnapshot, right: UpstreamSnapshot) -> UpstreamSnapshot {
        var sum = left
        sum.connectionsOpened += right.connectionsOpened
        sum.connectionsOpen += right.connectionsOpen
        sum.connectionsIdle += right.connectionsIdle
        sum.connectionsReused += right.connectionsReused
        sum.active += right.active
        return sum
    }
}

/// Who gets a call's events, on the transport's thread: it must hand them over quickly and never block.
package protocol UpstreamReceiver: AnyObject, Sendable {
    /// Events in order; several at once where they came at once.
    func receive(_ events: [UpstreamEvent])
}

package enum UpstreamEvent: Sendable {
    /// The transport can take more of a streamed request body.
    case wantsBody
    /// The response's head. 1xx heads are not reported.
    case head(UpstreamHead)
    /// A piece of the body, as the provider sent it (transfer coding removed, content coding kept).
    case body([UInt8])
    /// The response is complete.
    case end
    /// The response will not be completed.
    case failed(UpstreamError)
}

package struct UpstreamHead: Sendable {
    package var status: Int
    package var headers: HeaderList
    /// Whether the provider's answer carries no body whatever its headers say (HEAD, 204, 304).
    package var isBodiless: Bool

    package init(status: Int, headers: HeaderList, isBodiless: Bool = false) {
        self.status = status
        self.headers = headers
        self.isBodiless = isBodiless
    }
}

package struct UpstreamRequest: Sendable {
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Comes piece by piece through ``UpstreamCall/sendBody(_:)``; `length` when the caller said it.
        case stream(length: Int64?)
    }

    package var method: String
    /// The path and query as the caller sent them, below the base URL's own path.
    package var target: String
    /// Hop-by-hop fields removed, the provider's credentials added. `Host`, `Content-Length` and `Transfer-Encoding` are the transport's.
    package var headers: HeaderList
    package var body: Body
    package var route: UpstreamRoute

    package init(method: String, target: String, headers: HeaderList, body: Body, route: UpstreamRoute) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.route = route
    }
}

/// Where and how a provider is reached. It comes from configuration alone; nothing in a call changes it.
package struct UpstreamRoute: Sendable, Hashable {
    /// Names the queue and the concurrency bound; two routes of one name share them.
    package var provider: String
    /// `https://host[:port][/base/path]`, without a trailing slash, query or fragment.
    package var baseURL: String
    /// To the response head, and between bytes; milliseconds.
    package var timeout: Int
    /// For connecting, TLS included; milliseconds.
    package var connectTimeout: Int
    /// For the whole call; milliseconds.
    package var total: Int
    package var http2: Bool
    /// `http://host:port`, with credentials if it wants any.
    package var proxy: Secret?
    /// A PEM file of certificate authorities instead of the system's store.
    package var certificateAuthorities: String?
    /// Calls at once; nil for no bound. Calls above it wait in a queue of `maximumQueued`, then are refused as `.overloaded`.
    package var maximumConcurrent: Int?
    package var maximumQueued: Int
    package var retry: RetryPolicy?

    package init(
        provider: String, baseURL: String, timeout: Int = 30_000, connectTimeout: Int = 10_000, total: Int = 600_000, http2: Bool = false,
        proxy: Secret? = nil, certificateAuthorities: String? = nil, maximumConcurrent: Int? = nil, maximumQueued: Int = 1000,
        retry: RetryPolicy? = nil
    ) {
        self.provider = provider
        self.baseURL = baseURL
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.total = total
        self.http2 = http2
        self.proxy = proxy
        self.certificateAuthorities = certificateAuthorities
        self.maximumConcurrent = maximumConcurrent
        self.maximumQueued = maximumQueued
        self.retry = retry
    }
}

/// When a call that has failed is sent again: only where the adapter says that this is not charged twice, only while no response byte has been
/// passed on, and only for bodies that are held whole.
package struct RetryPolicy: Sendable, Hashable {
    /// Statuses that are tried again.
    package var statuses: Set<Int>
    /// Whether a failed connection is tried again.
    package var onConnect: Bool
    /// Tries in all, the first included.
    package var attempts: Int

    package init(statuses: Set<Int>, onConnect: Bool, attempts: Int) {
        self.statuses = statuses
        self.onConnect = onConnect
        self.attempts = attempts
    }
}

/// Why there is no (whole) response.
package struct UpstreamError: Error, Sendable {
    package enum Kind: Sendable, Hashable {
        /// No connection: name, route, TLS. Nothing was sent.
        case unreachable
        /// Too many calls at once and the queue is full. Nothing was sent.
        case overloaded
        /// No response head, or no next byte, in time.
        case timeout
        /// The connection broke, or what came is no HTTP.
        case broken
        /// ``UpstreamCall/cancel()``.
        case cancelled
    }

    package var kind: Kind
    /// Whether any byte of the request may have reached the provider.
    package var wasSent: Bool
    /// For the log: what the transport says. Never a header or a body.
    package var detail: String

    package init(kind: Kind, wasSent: Bool, detail: String) {
        self.kind = kind
        self.wasSent = wasSent
        self.detail = detail
    }
}
