import GatewayCore
import Synchronization

/// One POST to a webhook. The status is all that counts of its answer: the rest is not read, so that nothing in it can do harm.
final class WebhookCall: UpstreamReceiver {
    private enum State {
        case open
        case awaited(CheckedContinuation<String?, Never>)
        case over(failure: String?)
    }

    private let state = Mutex(State.open)

    /// Why the webhook has not acknowledged; nil when it has.
    static func post(_ request: UpstreamRequest, over upstream: any Upstream) async -> String? {
        let receiver = WebhookCall()
        let call = upstream.send(request, to: receiver)
        let failure = await withTaskCancellationHandler {
            await withCheckedContinuation { receiver.wait($0) }
        } onCancel: {
            receiver.end("the gateway is stopping")
        }
        call.cancel()
        return failure
    }

    func receive(_ events: [UpstreamEvent]) {
        for event in events {
            switch event {
            case .head(let head): end((200..<300).contains(head.status) ? nil : "answered \(head.status)")
            case .failed(let error): end(Self.text(error))
            case .wantsBody, .body, .end: break
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

    private func wait(_ continuation: CheckedContinuation<String?, Never>) {
        let over = state.withLock { state -> String?? in
            if case .over(let failure) = state { return .some(failure) }
            state = .awaited(continuation)
            return nil
        }
        if let over { continuation.resume(returning: over) }
    }

    /// The first end counts.
    private func end(_ failure: String?) {
        let continuation = state.withLock { state -> CheckedContinuation<String?, Never>? in
            switch state {
            case .open:
                state = .over(failure: failure)
                return nil
            case .awaited(let continuation):
                state = .over(failure: failure)
                return continuation
            case .over:
                return nil
            }
        }
        continuation?.resume(returning: failure)
    }
}
