package import GatewayCore
import JSONPath
import Synchronization

/// Answers calls from the adapters' own examples, so that everything can be tried without a provider's key.
///
/// Of the examples of the operation that a call matches, the one whose request is most like the call answers;
/// among equals the first, found ones before errors.
package final class SandboxUpstream: Upstream {
    private let generations: CurrentGeneration

    package init(generations: CurrentGeneration) {
        self.generations = generations
    }

    package func send(_ request: UpstreamRequest, to receiver: any UpstreamReceiver) -> any UpstreamCall {
        let call = SandboxCall { [generations] body in
            receiver.receive(Self.answer(to: request, body: body, in: generations.generation))
        }
        switch request.body {
        case .none: call.answer(with: [])
        case .bytes(let bytes): call.answer(with: bytes)
        case .stream: receiver.receive([.wantsBody])
        }
        call.onProgress { receiver.receive([.wantsBody]) }
        return call
    }

    private static func answer(to request: UpstreamRequest, body: [UInt8], in generation: Generation) -> [UpstreamEvent] {
        guard let adapter = generation.adapters[request.route.provider], let example = adapter.example(like: request, body: body) else {
            let text = #"{"error":"the adapter has no example for this operation"}"#
            let headers = HeaderList([("Content-Type", "application/json"), ("Content-Length", String(text.utf8.count))])
            return [.head(UpstreamHead(status: 501, headers: headers)), .body(Array(text.utf8)), .end]
        }
        let response = example.response
        var headers = response.headers
        if !headers.contains("content-type"), !response.body.isEmpty { headers.append("Content-Type", "application/json") }
        headers.set("Content-Length", String(response.body.count))
        headers.append("X-Sandbox-Example", example.name)
        let isBodiless = request.method == "HEAD" || response.status == 204 || response.status == 304
        var events = [UpstreamEvent.head(UpstreamHead(status: response.status, headers: headers, isBodiless: isBodiless))]
        if !isBodiless, !response.body.isEmpty { events.append(.body(response.body)) }
        events.append(.end)
        return events
    }
}

/// A call whose answer is made at once, or when its streamed body is complete.
private final class SandboxCall: UpstreamCall {
    private struct State {
        var body: [UInt8] = []
        var answer: (@Sendable ([UInt8]) -> Void)?
        var progress: (@Sendable () -> Void)?
    }

    private let state: Mutex<State>

    init(answer: @escaping @Sendable ([UInt8]) -> Void) {
        state = Mutex(State(answer: answer))
    }

    func onProgress(_ progress: @escaping @Sendable () -> Void) {
        state.withLock { $0.progress = progress }
    }

    func answer(with body: [UInt8]) {
        let answer = state.withLock { state in
            defer { state.answer = nil }
            return state.answer
        }
        answer?(body)
    }

    func sendBody(_ bytes: [UInt8]) {
        let progress = state.withLock { state in
            state.body.append(contentsOf: bytes)
            return state.progress
        }
        progress?()
    }

    func finishBody() {
        answer(with: state.withLock { $0.body })
    }

    func acknowledge(_ count: Int) {}

    func cancel() {
        state.withLock { $0.answer = nil }
    }
}
