import GatewayCore
import Synchronization

/// A request of the gateway's own. Of its answer no more is read than is asked for, so that nothing in it can do harm.
final class OwnCall: UpstreamReceiver {
    struct Answer: Sendable {
        var status: Int
        var body: [UInt8] = []

        /// Why it is not what was wished for; nil for any 2xx.
        var refusal: String? { (200..<300).contains(status) ? nil : "answered \(status)" }
    }

    /// Why there is no answer.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private enum State {
        case open
        case awaited(CheckedContinuation<Result<Answer, Failure>, Never>)
        case over(Result<Answer, Failure>)
    }

    private let state = Mutex(State.open)
    private let answer = Mutex<Answer?>(nil)
    /// The longest body; nil where the status is all that counts. It is less than a transport sends without an acknowledgement.
    private let bodyLimit: Int?

    private init(bodyLimit: Int?) {
        self.bodyLimit = bodyLimit
    }

    static func send(_ request: UpstreamRequest, over upstream: any Upstream, bodyLimit: Int? = nil) async -> Result<Answer, Failure> {
        let receiver = OwnCall(bodyLimit: bodyLimit)
        let call = upstream.send(request, to: receiver)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { receiver.wait($0) }
        } onCancel: {
            receiver.end(.failure(Failure(description: "the gateway is stopping")))
        }
        call.cancel()
        return result
    }

    func receive(_ events: [UpstreamEvent]) {
        for event in events {
            switch event {
            case .head(let head):
                answer.withLock { $0 = Answer(status: head.status) }
                if bodyLimit == nil { end(.success(Answer(status: head.status))) }
            case .body(let bytes):
                guard let bodyLimit else { continue }
                let isTooLong = answer.withLock { answer in
                    answer?.body += bytes
                    return answer.map { $0.body.count > bodyLimit } ?? true
                }
                if isTooLong { end(.failure(Failure(description: "the answer is longer than \(bodyLimit) bytes"))) }
            case .end:
                end(answer.withLock { $0 }.map { .success($0) } ?? .failure(Failure(description: "no HTTP answer")))
            case .failed(let error):
                end(.failure(Failure(description: Self.text(error))))
            case .wantsBody:
                break
            }
        }
    }

    private static func text(_ error: UpstreamError) -> String {
        let kind =
            switch error.kind {
            case .unreachable: "unreachable"
            case .overloaded: "overloaded"
            case .timeout: "no answer in time"
            case .broken: "no HTTP answer"
            case .cancelled: "cancelled"
            }
        return "\(kind): \(error.detail.prefix(200))"
    }

    private func wait(_ continuation: CheckedContinuation<Result<Answer, Failure>, Never>) {
        let over = state.withLock { state -> Result<Answer, Failure>? in
            if case .over(let result) = state { return result }
            state = .awaited(continuation)
            return nil
        }
        if let over { continuation.resume(returning: over) }
    }

    /// The first end counts.
    private func end(_ result: Result<Answer, Failure>) {
        let continuation = state.withLock { state -> CheckedContinuation<Result<Answer, Failure>, Never>? in
            switch state {
            case .open:
                state = .over(result)
                return nil
            case .awaited(let continuation):
                state = .over(result)
                return continuation
            case .over:
                return nil
            }
        }
        continuation?.resume(returning: result)
    }
}
