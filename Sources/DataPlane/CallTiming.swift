import GatewayCore
import NIOCore

/// When a call reached its stages, on the monotonic clock.
struct CallTiming {
    private let began = NIODeadline.now()
    private var complete: NIODeadline?
    private var forwarded: NIODeadline?
    private var firstByte: NIODeadline?
    private var lastByte: NIODeadline?

    /// The request is there as far as it is read before it is forwarded: what comes before is the caller's time.
    mutating func noteRequest() { complete = .now() }
    mutating func noteForwarded() { forwarded = .now() }
    /// The provider's response head.
    mutating func noteHead() { firstByte = .now() }
    /// The provider's last byte, or the failure in its place.
    mutating func noteEnd() { lastByte = .now() }

    /// What it comes to, now that the end of the response may go.
    ///
    /// - Parameter waitedForOther: Whether the answer is another call's, which it has waited for.
    func spans(waitedForOther: Bool) -> CallSpans {
        let now = NIODeadline.now()
        let start = complete ?? began
        var spans = CallSpans(total: (now - began).nanoseconds)
        guard let forwarded else {
            if !waitedForOther { spans.own = (now - start).nanoseconds }
            return spans
        }
        // A transport that never answers is asked until now.
        let end = lastByte ?? now
        spans.own = (forwarded - start).nanoseconds + (now - end).nanoseconds
        spans.firstByte = firstByte.map { ($0 - forwarded).nanoseconds }
        spans.upstream = (end - forwarded).nanoseconds
        return spans
    }
}
