import GatewayCore
import Glibc
import NIOCore
import NIOTLS

/// One connection to a provider: writes requests and reads responses, one at a time, and waits for the next in between.
///
/// Confined to its event loop.
final class ProviderConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How far the bytes that are there have led.
    private enum Progress {
        /// More are needed.
        case more
        /// The receiver has a window's worth to acknowledge.
        case heldBack
        case complete
        case malformed(String)
        /// Too many, of a response that nobody wants.
        case notWorthReading
    }

    let endpoint: Endpoint
    private let transport: LoopTransport
    private var context: ChannelHandlerContext?
    private var socket: CInt?
    /// Until there is a connection that requests may be sent on.
    var dial: Dial?
    private var call: NIOCall?
    var idleUntil = NIODeadline.distantPast

    // The response.
    private var input = ByteBuffer()
    private var response = ResponseParser(method: "", maximumHeadBytes: 0)
    /// It is read and dropped: the call is to be tried again.
    private(set) var isSwallowing = false
    private var swallowed = 0
    private var readPending = false
    private var isClosing = false
    /// What comes is all there; the channel has ended.
    private var hasEnded = false
    /// Why.
    private var failure: String?

    // The request.
    /// It left in one piece.
    private var isSmall = true
    private var isUploadWhole = true
    private var isChunked = false
    /// What is left of a large body.
    private var upload: ArraySlice<UInt8> = []

    /// How much of an unwanted response is read for the sake of the connection.
    private static let largestSwallow = 64 << 10
    /// A large body is handed to the socket in slices of this size: each that it takes is a sign of life.
    private static let slice = 64 << 10

    init(_ endpoint: Endpoint, _ transport: LoopTransport) {
        self.endpoint = endpoint
        self.transport = transport
    }

    // MARK: Requests

    /// Sends the call's request and reads its response.
    func start(_ call: NIOCall, _ request: ByteBuffer, _ text: RequestText) {
        guard let context else { return transport.connectFailed(call, "the connection closed before it was ready") }
        self.call = call
        response = ResponseParser(method: call.request.method, maximumHeadBytes: transport.shared.settings.maximumHeadBytes)
        (isSwallowing, swallowed) = (false, 0)
        isChunked = text.isChunked
        upload = text.largeBody?[...] ?? []
        isSmall = upload.isEmpty && !call.isStreaming
        isUploadWhole = isSmall
        call.wasSent = true
        touch(call)
        context.write(wrapOutboundOut(request), promise: nil)
        if isSmall { context.flush() } else { pump(flushesAnyway: true) }
    }

    /// Hands on what there is of the request's body, as far as the socket takes it.
    func pump(flushesAnyway: Bool = false) {
        guard let context, let call, !isUploadWhole else { return }
        var mustFlush = flushesAnyway
        while context.channel.isWritable, !upload.isEmpty {
            // A copy of what the socket is given next, never of the whole.
            let slice = upload.prefix(Self.slice)
            upload = slice.count < upload.count ? upload.dropFirst(slice.count) : []
            write(ByteBuffer(bytes: slice), context)
            context.flush()
            mustFlush = false
            // A write that fails may end it all.
            guard self.call === call else { return }
        }
        if call.isStreaming {
            for piece in call.upload.takeAll() {
                write(isChunked ? Self.chunk(piece) : ByteBuffer(bytes: piece), context)
                mustFlush = true
            }
            isUploadWhole = isChunked ? call.upload.isFinished : call.upload.isWhole
            if isUploadWhole, isChunked {
                write(ByteBuffer(staticString: "0\r\n\r\n"), context)
                mustFlush = true
            }
        } else {
            isUploadWhole = upload.isEmpty
        }
        if mustFlush { context.flush() }
        guard self.call === call else { return }
        if call.isStreaming, context.channel.isWritable { call.askForBody() }
        touch(call)
    }

    /// NIO closes a connection on which a write fails, and tells the write alone why.
    private func write(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenFailure { self.failure = self.failure ?? Dial.sentence($0) }
        context.write(wrapOutboundOut(bytes), promise: promise)
    }

    private static func chunk(_ piece: [UInt8]) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: piece.count + 20)
        buffer.writeString(String(piece.count, radix: 16))
        buffer.writeStaticString("\r\n")
        buffer.writeBytes(piece)
        buffer.writeStaticString("\r\n")
        return buffer
    }

    /// The provider has shown a sign of life, or begins or ceases to be the one who is awaited.
    private func touch(_ call: NIOCall) {
        let awaitsCaller = call.isHeldBack || !isUploadWhole && call.isStreaming && context?.channel.isWritable == true
        call.idleDeadline = awaitsCaller ? .distantFuture : .now() + LoopTransport.amount(call.request.route.timeout)
        transport.watch(call.idleDeadline)
    }

    // MARK: Responses

    /// The receiver has caught up.
    func resume() {
        guard let call else { return }
        touch(call)
        advance()
        if readPending, let context, wantsInput {
            readPending = false
            context.read()
        }
    }

    private var wantsInput: Bool { call?.isHeldBack != true }

    /// Goes as far in the input as it can, then tells the receiver.
    private func advance() {
        guard let call else {
            // Said when nobody had asked for anything.
            if input.readableBytes > 0 { close() }
            return
        }
        let (count, progress) = input.withUnsafeReadableBytes { read($0, for: call) }
        input.moveReaderIndex(forwardBy: count)
        if input.readableBytes == 0 { input = ByteBuffer() }
        switch progress {
        case .more where hasEnded: cutShort(call)
        case .more:
            touch(call)
            call.deliver()
        case .heldBack:
            call.isHeldBack = true
            touch(call)
            call.deliver()
        case .complete: complete(call)
        case .malformed(let reason): transport.fail(call, .broken, reason)
        case .notWorthReading: tryAgain(call, isReusable: false)
        }
    }

    private func read(_ bytes: UnsafeRawBufferPointer, for call: NIOCall) -> (Int, Progress) {
        var cursor = 0
        while true {
            switch response.next(bytes, &cursor, room: isSwallowing ? .max : call.room) {
            case .more: return (cursor, .more)
            case .full: return (cursor, .heldBack)
            case .complete: return (cursor, .complete)
            case .malformed(let reason): return (cursor, .malformed(reason))
            case .head(let head):
                isSwallowing = transport.shouldRetry(call, status: head.status)
                if !isSwallowing { call.append(.head(head)) }
            case .body(let range) where isSwallowing:
                swallowed += range.count
                if swallowed > Self.largestSwallow { return (cursor, .notWorthReading) }
            case .body(let range):
                call.append(UnsafeRawBufferPointer(rebasing: bytes[range]))
            }
        }
    }

    // MARK: Ends

    private func complete(_ call: NIOCall) {
        // A byte more than the response is no one's answer.
        let isReusable =
            response.keepsAlive && input.readableBytes == 0 && isUploadWhole && (isSmall || isFlushed) && !hasEnded && !isClosing
        if isSwallowing { return tryAgain(call, isReusable: isReusable) }
        self.call = nil
        if isReusable { transport.keep(self) } else { close() }
        transport.finish(call, .end)
    }

    private func tryAgain(_ call: NIOCall, isReusable: Bool) {
        self.call = nil
        if isReusable { transport.keep(self) } else { close() }
        transport.backOff(call)
    }

    /// Whether the socket has taken all of the request.
    private var isFlushed: Bool {
        guard let context else { return false }
        return (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) == 0
    }

    /// The channel has ended before the response did.
    private func cutShort(_ call: NIOCall) {
        if response.endsWithConnection, failure == nil { return complete(call) }
        if isSwallowing { return tryAgain(call, isReusable: false) }
        transport.fail(call, .broken, failure ?? "the connection closed before the answer was complete")
    }

    /// That call is over; what the provider would still say is nobody's.
    func abandon(_ call: NIOCall) {
        guard self.call === call else { return }
        self.call = nil
        close()
    }

    func close() {
        isClosing = true
        input = ByteBuffer()
        context?.close(promise: nil)
    }

    /// Whether nothing has come and nothing has ended since its last response, as far as this machine knows: what the event loop has not
    /// read yet included.
    var isClean: Bool {
        guard context != nil, !isClosing, let socket else { return false }
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) < 0 && errno == EAGAIN
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        // Not when the channel becomes active: whoever waits for that hears of it first.
        self.context = context
    }

    func channelActive(context: ChannelHandlerContext) {
        socket = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        transport.opened()
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        socket = nil
        hasEnded = true
        transport.closed(self)
        dial?.failed(failure ?? "the connection closed before it was ready")
        dial = nil
        if wantsInput, call != nil { advance() }
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        guard !isClosing else { return }
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        if wantsInput { advance() }
    }

    func read(context: ChannelHandlerContext) {
        // What is not wanted yet stays in the kernel's buffer.
        if wantsInput { context.read() } else { readPending = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { pump() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event { dial?.handshakeCompleted(self, on: context.channel) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = failure ?? Dial.sentence(error)
        context.close(promise: nil)
    }
}
