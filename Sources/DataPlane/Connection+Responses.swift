import GatewayCore
import Glibc
import NIOCore

/// Responses out, and how a connection ends.
extension Connection {
    /// How much of a body that nobody wants is read in the hope of keeping the connection.
    static let largestDiscard = 256 << 10
    /// How long a caller gets to read the last response before the connection is closed under it.
    static let lingering = TimeAmount.seconds(2)

    /// The caller waits for `100 Continue` before it sends its body.
    func sendContinue() {
        guard let context, head?.expectsContinue == true, staysOpen == nil else { return }
        head?.expectsContinue = false
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
    }

    /// Decides what becomes of the connection after the response whose head is about to be written.
    /// Returns the value of its `Connection` field; nil for none.
    func beginResponse(isDelimited: Bool = true) -> String? {
        let stays = isDelimited && keepsAlive && !isDraining && mayHoldAnother && canSkipBody
        staysOpen = stays
        self.isDelimited = isDelimited
        guard stays else { return "close" }
        return head?.isVersion11 == false ? "keep-alive" : nil
    }

    /// Whether what is left of the request's body can be read past.
    private var canSkipBody: Bool {
        // A body that was never asked for may never come.
        guard head?.expectsContinue != true else { return false }
        guard case .body(let body) = phase, let remaining = body.remaining else { return true }
        return remaining <= Int64(Self.largestDiscard)
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    func write(_ bytes: ByteBuffer) {
        context?.write(wrapOutboundOut(bytes), promise: nil)
    }

    func flush() {
        context?.flush()
    }

    /// The response is complete.
    func finish() {
        responder = nil
        context?.flush()
        guard context != nil else { return }
        guard staysOpen == true, !isDraining else { return linger() }
        switch phase {
        case .body(let body):
            phase = .discarding(body, count: 0)
            deadline = .now() + idleTimeout
            parse()
        case .answering:
            endOfExchange()
            parse()
        case .head, .discarding, .lingering:
            linger()
        }
    }

    /// Ends a response that will not be completed, so that the caller cannot take it for whole.
    func abort() {
        responder = nil
        guard let context else { return }
        guard !isDelimited else { return linger() }
        // Only a reset tells a body that ends with its connection from one that was cut.
        (context.channel as? any SocketOptionProvider)?.setSoLinger(Glibc.linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in }
        context.close(promise: nil)
    }

    func closeNow() {
        context?.close(promise: nil)
    }

    func endOfExchange() {
        if isDraining {
            linger()
        } else {
            waitForRequest()
        }
    }

    /// Half-closes once everything is written, and drops what still comes for a moment: closing with unread input would
    /// reset the connection and could take the response with it.
    func linger() {
        guard let context else { return }
        if case .lingering = phase { return }
        phase = .lingering
        responder = nil
        input = ByteBuffer()
        deadline = .now() + idleTimeout
        // What is written and not flushed would put the end off for ever.
        context.flush()
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in
            guard self.context != nil else { return }
            if self.sawEnd {
                self.closeNow()
            } else {
                self.deadline = .now() + Self.lingering
            }
        }
        if sawEnd {
            // Closing the second half closes at once, with what is not written yet: nothing is written behind it instead.
            context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
        } else {
            context.close(mode: .output, promise: written)
        }
    }

    /// Answers what is no request, or none that is served.
    func refuse(_ error: RequestError) {
        services.metrics.refusedRequests.increment()
        var problem = Problem(.badRequest, error.description)
        problem.status = error.status
        refuse(problem)
    }

    /// Says that there are as many connections as there may be.
    func turnAway() {
        var problem = Problem(.overloaded, "As many connections are open as limits.connections allows.")
        problem.retryAfter = 1
        refuse(problem)
    }

    private func refuse(_ problem: Problem) {
        keepsAlive = false
        write(ProblemResponse.bytes(problem, report: nil, connection: beginResponse(), isHead: false))
        flush()
        linger()
    }

    // MARK: Time

    /// Called now and then: closes what has waited too long.
    func check(at now: NIODeadline) {
        guard context != nil else { return }
        if let writeDeadline, writeDeadline <= now {
            // A slow reader is none that has stopped.
            guard takesBytes() else { return closeNow() }
            self.writeDeadline = now + idleTimeout
        }
        guard let deadline, deadline <= now else { return }
        switch phase {
        case .body:
            self.deadline = nil
            fail(RequestError("the request's body did not arrive in time", status: 408))
        // Until the caller has taken what is written, the deadline for that is the one that counts.
        case _ where writeDeadline != nil:
            break
        case .head where input.readableBytes > 0:
            self.deadline = nil
            fail(RequestError("the request did not arrive in time", status: 408))
        case .head, .discarding, .lingering, .answering:
            guard takesBytes() else { return closeNow() }
            self.deadline = now + idleTimeout
        }
    }

    /// Whether the caller has taken any of what waited to be written since the last look.
    private func takesBytes() -> Bool {
        let waiting = bufferedBytes
        defer { waitingBytes = waiting }
        return waiting > 0 && waiting != waitingBytes
    }

    /// Whether nothing waits to be written.
    var isFlushed: Bool { bufferedBytes == 0 }

    private var bufferedBytes: Int {
        guard let options = context?.channel.syncOptions else { return 0 }
        do {
            return try options.getOption(.bufferedWritableBytes)
        } catch {
            // Only a closed channel has no such option.
            return 0
        }
    }
}
