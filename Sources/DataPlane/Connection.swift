import GatewayCore
import Glibc
import HTTP1
import NIOCore

/// One caller's connection: requests in, one answered at a time in the order in which they came, responses out.
///
/// Confined to its event loop.
final class Connection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        /// Between requests, or in a head that is not complete.
        case head
        /// In the body of the request that is being answered.
        case body(RequestBody)
        /// The request is read; its response is not complete. What follows waits.
        case answering
        /// The response is out before its request was: the rest is read and dropped.
        case discarding(RequestBody, count: Int)
        /// Nothing more is read for its meaning; the caller gets time to read the last response.
        case lingering
    }

    let services: Services
    let eventLoop: any EventLoop
    let registry: ConnectionRegistry
    /// Whether it is one more than there may be: told so, and closed.
    private let isSurplus: Bool
    private(set) var context: ChannelHandlerContext?

    var phase = Phase.head
    var input = ByteBuffer()
    private var scanned = 0
    private var isParsing = false
    private var readPending = false
    /// Set by a responder that cannot take more of the body now.
    private var bodyPaused = false
    private var bodyStarted = NIODeadline.now()
    private var headStarted = false

    var head: RequestHead?
    var responder: (any ConnectionResponder)?
    /// In force since the connection last waited for a request.
    private(set) var limits: Limits
    /// Whether the caller wants the connection to stay.
    var keepsAlive = true
    /// What the response in progress has said about the connection; nil before its head.
    var staysOpen: Bool?
    /// Whether the response in progress says itself where it ends.
    var isDelimited = true
    private(set) var isDraining = false
    /// The caller sends no more.
    private(set) var sawEnd = false

    /// When waiting for the caller's bytes ends.
    var deadline: NIODeadline?
    /// When waiting for the caller to take what is written ends.
    var writeDeadline: NIODeadline?
    /// What waited to be written at the last look.
    var waitingBytes = 0

    init(services: Services, registry: ConnectionRegistry, eventLoop: any EventLoop, isSurplus: Bool) {
        self.services = services
        self.registry = registry
        self.eventLoop = eventLoop
        self.isSurplus = isSurplus
        limits = services.limits
    }

    var idleTimeout: TimeAmount { .milliseconds(Int64(limits.idleTimeout)) }

    // MARK: Channel events

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        registry.add(self)
        waitForRequest()
        if isSurplus { turnAway() }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        registry.remove(self)
        self.context = nil
        deadline = nil
        writeDeadline = nil
        let responder = self.responder
        self.responder = nil
        responder?.callerGone()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if input.readableBytes == 0 {
            input = bytes
            scanned = 0
        } else {
            input.writeBuffer(&bytes)
        }
        parse()
    }

    func read(context: ChannelHandlerContext) {
        // Back-pressure: what is not needed yet stays in the kernel's buffer. The end of the connection is noticed all the same.
        if wantsInput {
            context.read()
        } else {
            readPending = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            writeDeadline = nil
            responder?.writable()
            if case .head = phase {
                // The next request could not begin before, and has all its time.
                waitForRequest()
                parse()
            }
        } else {
            // A caller that reads nothing at all does not hold its buffers for ever.
            writeDeadline = .now() + idleTimeout
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            sawEnd = true
            if case .answering = phase { responder?.callerFinishedSending() }
            parse()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Resets and the like: the connection is of no use any more, and channelInactive tells the responder.
        context.close(promise: nil)
    }

    // MARK: Reading requests

    private var wantsInput: Bool {
        switch phase {
        case .head: isWritable
        case .discarding, .lingering: true
        case .body: !bodyPaused
        case .answering: input.readableBytes < 64 << 10
        }
    }

    /// Goes as far in the input as it can. Called whenever there is more of it, or a reason to stop has gone.
    func parse() {
        // A responder may answer at once and so come back here: the loop that called it goes on.
        guard !isParsing else { return }
        isParsing = true
        do {
            while context != nil, try parseNext() {}
        } catch {
            fail(error)
        }
        isParsing = false
        if input.readableBytes == 0 { input = ByteBuffer() }
        if sawEnd { inputEnded() }
        if readPending, wantsInput, let context {
            readPending = false
            context.read()
        }
    }

    /// Whether anything was consumed, so that it is worth going on.
    private func parseNext() throws(RequestError) -> Bool {
        switch phase {
        case .head:
            // Answers that the caller does not take are not piled up: its next request waits until it does.
            guard isWritable else { return false }
            return try parseHead()
        case .body(var body):
            guard !bodyPaused else { return false }
            let piece = try body.next(&input)
            if let piece {
                phase = .body(body)
                head?.expectsContinue = false
                awaitBody()
                responder?.received(piece)
                // The responder may have ended the response, and with it this phase.
                guard case .body = phase else { return true }
            }
            if body.isComplete {
                phase = .answering
                deadline = nil
                responder?.receivedAll()
                return true
            }
            phase = .body(body)
            return piece != nil
        case .discarding(var body, let count):
            let piece: ByteBuffer?
            do {
                piece = try body.next(&input)
            } catch {
                // Its request has been answered; what comes behind it cannot be found.
                linger()
                return false
            }
            if body.isComplete {
                endOfExchange()
                return true
            }
            let total = count + (piece?.readableBytes ?? 0)
            guard total <= Self.largestDiscard else {
                linger()
                return false
            }
            phase = .discarding(body, count: total)
            return piece != nil
        case .answering:
            return false
        case .lingering:
            input = ByteBuffer()
            return false
        }
    }

    private func parseHead() throws(RequestError) -> Bool {
        // RFC 9112, section 2.2: an empty line before a request line is skipped.
        if scanned == 0 {
            while input.readableBytes >= 2, input.getInteger(at: input.readerIndex, as: UInt16.self) == 0x0D0A {
                input.moveReaderIndex(forwardBy: 2)
            }
            if input.readableBytes == 1, input.getInteger(at: input.readerIndex, as: UInt8.self) == CR { return false }
        }
        guard input.readableBytes > 0 else { return false }
        let length = try headLength()
        guard length ?? input.readableBytes <= limits.headerBytes else {
            throw RequestError("the request's head is larger than \(limits.headerBytes) bytes (limits.header_bytes)", status: 431)
        }
        guard let length else {
            if !headStarted {
                headStarted = true
                deadline = .now() + idleTimeout
            }
            return false
        }
        let parsed = input.withUnsafeReadableBytes { bytes in
            Result { () throws(RequestError) -> RequestHead in
                try RequestParser.parse(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
            }
        }
        input.moveReaderIndex(forwardBy: length)
        scanned = 0
        begin(try parsed.get())
        return true
    }

    /// The head's length with its empty line, once it is all there; what has been searched is not searched again.
    private func headLength() throws(RequestError) -> Int? {
        let start = scanned
        let found = input.withUnsafeReadableBytes { bytes -> (length: Int?, isBare: Bool) in
            var index = start
            while index < bytes.count, let base = bytes.baseAddress, let match = memchr(base + index, Int32(LF), bytes.count - index) {
                index = UnsafeRawPointer(match) - base
                guard index > 0, bytes[index - 1] == CR else { return (nil, true) }
                if index >= 3, bytes[index - 2] == LF { return (index + 1, false) }
                index += 1
            }
            return (nil, false)
        }
        // Said at once: a caller that ends its lines so would else wait for an answer that cannot come.
        if found.isBare { throw RequestError("a line of the head ends in a bare line feed") }
        scanned = input.readableBytes
        return found.length
    }

    private func begin(_ head: RequestHead) {
        self.head = head
        keepsAlive = head.keepsAlive
        staysOpen = nil
        isDelimited = true
        bodyPaused = false
        headStarted = false
        deadline = nil
        if head.body == .none {
            phase = .answering
        } else {
            phase = .body(RequestBody(head.body))
            bodyStarted = .now()
            awaitBody()
        }
        let responder = services.responder(to: head, on: self)
        self.responder = responder
        responder.start()
        if self.responder === responder, case .answering = phase { responder.receivedAll() }
    }

    /// Whether a small body is there already, behind its head.
    var hasWholeBody: Bool {
        guard case .length(let count)? = head?.body else { return false }
        return count <= 64 << 10 && count <= Int64(input.readableBytes)
    }

    /// No more of the body until ``resumeBody()``. Waiting for it is not the caller's fault.
    func pauseBody() {
        bodyPaused = true
        if case .body = phase { deadline = nil }
    }

    func resumeBody() {
        guard bodyPaused else { return }
        bodyPaused = false
        if case .body = phase { awaitBody() }
        parse()
    }

    /// The next piece must come within the idle timeout, and the whole within ten of them.
    private func awaitBody() {
        deadline = min(.now() + idleTimeout, bodyStarted + idleTimeout * 10)
    }

    func waitForRequest() {
        phase = .head
        head = nil
        scanned = 0
        headStarted = false
        limits = services.limits
        deadline = .now() + idleTimeout
    }

    /// What cannot be parsed, or did not come in time: nothing behind it can be trusted.
    func fail(_ error: RequestError) {
        keepsAlive = false
        if case .body = phase, let responder {
            responder.bodyFailed(error)
        } else {
            refuse(error)
        }
    }

    /// All of the input is used that can be, and no more comes.
    private func inputEnded() {
        switch phase {
        case .head where !isWritable && input.readableBytes > 0: break
        case .head, .discarding: linger()
        case .body where !bodyPaused: fail(RequestError("the request's body ends before it is complete"))
        case .body, .answering, .lingering: break
        }
    }

    /// What has been sent to a half-closed connection may hold further requests.
    var mayHoldAnother: Bool { !sawEnd || input.readableBytes > 0 }

    func drain() {
        isDraining = true
        if case .head = phase, input.readableBytes == 0 { isFlushed ? closeNow() : linger() }
    }

}

/// Who answers a request. Its methods are called on the connection's event loop.
protocol ConnectionResponder: AnyObject {
    /// The head is read. Nothing has been called before, and a body follows if the head has one.
    func start()
    /// A piece of the request's body.
    func received(_ piece: ByteBuffer)
    /// The request's body is complete.
    func receivedAll()
    /// The request's body will never be complete: it is malformed, too slow or cut short.
    func bodyFailed(_ error: RequestError)
    /// The caller is gone; nothing that is written reaches anybody.
    func callerGone()
    /// The caller has half-closed: it sends no more, and may still read.
    func callerFinishedSending()
    /// The caller takes more of the response.
    func writable()
}
