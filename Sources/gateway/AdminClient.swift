import CurlUpstream
import Foundation
import GatewayCore
import JSONPath
import Synchronization

/// Asks a running gateway's admin plane.
struct AdminClient {
    let address: SocketAddress
    let token: Secret?

    struct Reply: Sendable {
        var status: Int
        var body: [UInt8]

        /// The body as JSON; nil when it is none.
        var json: JSONNode? { (try? JSONDocument(parsing: body))?.root }
    }

    /// One request; nil when nobody answers there.
    func send(_ method: String, _ target: String, body: (type: String, bytes: [UInt8])? = nil) async -> Reply? {
        guard let upstream = try? CurlUpstream(threads: 1) else { return nil }
        defer { upstream.shutdown() }
        // A gateway that listens on every address is asked on this machine.
        let host = ["0.0.0.0", "::"].contains(address.host) ? "127.0.0.1" : address.host
        let base = SocketAddress(host: host, port: address.port)
        var headers = HeaderList()
        if let token { headers.append("Authorization", "Bearer \(token.reveal())") }
        if let body { headers.append("Content-Type", body.type) }
        let request = UpstreamRequest(
            method: method, target: target, headers: headers, body: method == "POST" ? .bytes(body?.bytes ?? []) : .none,
            route: UpstreamRoute(provider: "admin", baseURL: "http://\(base)", timeout: 30_000, connectTimeout: 2_000, total: 60_000))
        return await withCheckedContinuation { continuation in
            let collector = Collector { continuation.resume(returning: $0) }
            collector.call = upstream.send(request, to: collector)
        }
    }

    /// Gathers a whole answer. The lock guards everything; the transport delivers on a thread of its own.
    private final class Collector: UpstreamReceiver {
        private struct State {
            var reply = Reply(status: 0, body: [])
            var done: (@Sendable (Reply?) -> Void)?
            var call: (any UpstreamCall)?
        }

        private let state: Mutex<State>

        init(done: @escaping @Sendable (Reply?) -> Void) {
            state = Mutex(State(done: done))
        }

        var call: (any UpstreamCall)? {
            get { state.withLock { $0.call } }
            set { state.withLock { $0.call = newValue } }
        }

        func receive(_ events: [UpstreamEvent]) {
            var finished: (reply: Reply?, done: (@Sendable (Reply?) -> Void)?)?
            var received = 0
            state.withLock { state in
                for event in events {
                    switch event {
                    case .wantsBody: break
                    case .head(let head): state.reply.status = head.status
                    case .body(let bytes):
                        state.reply.body += bytes
                        received += bytes.count
                    case .end: finished = (state.reply, state.done)
                    case .failed: finished = (nil, state.done)
                    }
                }
                if finished != nil { state.done = nil }
            }
            if let finished { finished.done?(finished.reply) } else if received > 0 { call?.acknowledge(received) }
        }
    }
}
