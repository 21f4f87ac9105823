package import GatewayCore
package import Loopback

/// A receiver that hands a call's events to the test.
package final class Recorder: UpstreamReceiver {
    private let stream: AsyncStream<[UpstreamEvent]>
    private let continuation: AsyncStream<[UpstreamEvent]>.Continuation

    package init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    package func receive(_ events: [UpstreamEvent]) {
        continuation.yield(events)
    }

    /// Deliveries, one by one. The stream does not end by itself: what comes after the last event is to be seen too.
    package var deliveries: AsyncStream<[UpstreamEvent]> { stream }

    /// Everything up to the last event. Acknowledges the body as it comes if there is a call to acknowledge to.
    package func outcome(acknowledging call: (any UpstreamCall)? = nil) async -> Outcome {
        var outcome = Outcome()
        for await events in stream {
            outcome.deliveries += 1
            for event in events {
                outcome.add(event)
                if case .body(let bytes) = event { call?.acknowledge(bytes.count) }
            }
            if outcome.isOver { break }
        }
        return outcome
    }
}

package struct Outcome {
    package var deliveries = 0
    package var heads: [UpstreamHead] = []
    package var body: [UInt8] = []
    package var pieces = 0
    package var hasEnded = false
    package var error: UpstreamError?

    package init() {}

    package var status: Int? { heads.first?.status }
    package var bodyText: String { String(decoding: body, as: UTF8.self) }
    package var isOver: Bool { hasEnded || error != nil }

    package mutating func add(_ event: UpstreamEvent) {
        switch event {
        case .wantsBody: break
        case .head(let head): heads.append(head)
        case .body(let bytes):
            body += bytes
            pieces += 1
        case .end: hasEnded = true
        case .failed(let failure): error = failure
        }
    }
}

extension Upstream {
    /// Sends a request and waits for its outcome.
    package func outcome(_ request: UpstreamRequest) async -> Outcome {
        let recorder = Recorder()
        let call = send(request, to: recorder)
        return await recorder.outcome(acknowledging: call)
    }

    /// Sends a request with a streamed body: a piece each time one is asked for.
    package func outcome(_ request: UpstreamRequest, pieces: [[UInt8]]) async -> Outcome {
        let recorder = Recorder()
        let call = send(request, to: recorder)
        var rest = pieces[...]
        var outcome = Outcome()
        for await events in recorder.deliveries {
            for event in events {
                outcome.add(event)
                if case .body(let bytes) = event { call.acknowledge(bytes.count) }
                guard case .wantsBody = event else { continue }
                if let piece = rest.popFirst() { call.sendBody(piece) } else { call.finishBody() }
            }
            if outcome.isOver { break }
        }
        return outcome
    }
}

package func get(_ target: String, _ headers: [(String, String)], method: String = "GET", _ route: UpstreamRoute) -> UpstreamRequest {
    UpstreamRequest(method: method, target: target, headers: HeaderList(headers), body: .none, route: route)
}

package func get(_ target: String, _ route: UpstreamRoute) -> UpstreamRequest { get(target, [], route) }

package func get(method: String = "GET", _ route: UpstreamRoute) -> UpstreamRequest { get("/", [], method: method, route) }

package func post(_ body: UpstreamRequest.Body, _ headers: [(String, String)], method: String = "POST", _ route: UpstreamRoute)
    -> UpstreamRequest
{
    UpstreamRequest(method: method, target: "/", headers: HeaderList(headers), body: body, route: route)
}

package func post(_ body: UpstreamRequest.Body, method: String = "POST", _ route: UpstreamRoute) -> UpstreamRequest {
    post(body, [], method: method, route)
}

extension ScriptedServer {
    package func route(
        path: String = "", timeout: Int = 20_000, total: Int = 60_000, maximumConcurrent: Int? = nil, maximumQueued: Int = 1000,
        http2: Bool = false, retry: RetryPolicy? = nil
    ) -> UpstreamRoute {
        UpstreamRoute(
            provider: "provider", baseURL: url + path, timeout: timeout, total: total, http2: http2, maximumConcurrent: maximumConcurrent,
            maximumQueued: maximumQueued,
            retry: retry)
    }
}
