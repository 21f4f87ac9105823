import CCurl
import GatewayCore
import HTTP1

// What curl calls while a loop runs it, on the loop's thread. Each pointer was given to curl together with the callback and its owner lives
// until curl is done with the handle or the connection (see `Transfer` and `CurlLoop`). Bytes are copied before a callback returns; nothing
// is delivered and no call ends in here: that waits until curl has returned.

private func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
}

let headerCallback: curl_write_callback = { bytes, size, count, context in
    guard let bytes, let transfer = transfer(context) else { return 0 }
    let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return transfer.readHeader(line.assumingMemoryBound(to: UInt8.self)) ? line.count : 0
}

let writeCallback: curl_write_callback = { bytes, size, count, context in
    guard let bytes, let transfer = transfer(context) else { return 0 }
    return transfer.readBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
}

let readCallback: curl_read_callback = { buffer, size, count, context in
    guard let buffer, let transfer = transfer(context) else { return Int(CURL_READFUNC_ABORT) }
    return transfer.writeBody(UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
}

let seekCallback: curl_seek_callback = { context, offset, origin in
    guard let call = transfer(context)?.call, offset == 0, origin == 0, call.upload.rewind() else { return CURL_SEEKFUNC_FAIL }
    return CURL_SEEKFUNC_OK
}

let requestCallback: curl_prereq_callback = { context, _, _, _, localPort in
    guard let transfer = transfer(context) else { return CURL_PREREQFUNC_ABORT }
    return transfer.beginRequest(localPort: localPort) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}

let socketOpenedCallback: curl_sockopt_callback = { context, socket, _ in
    guard let context else { return CURL_SOCKOPT_ERROR }
    Unmanaged<CurlLoop>.fromOpaque(context).takeUnretainedValue().opened(socket)
    return CURL_SOCKOPT_OK
}

let socketClosedCallback: curl_closesocket_callback = { context, socket in
    guard let context else { return 0 }
    Unmanaged<CurlLoop>.fromOpaque(context).takeUnretainedValue().closed(socket)
    return 0
}

extension Transfer {
    /// There is a connection, and the request goes out on it next: from now on it counts as sent. curl comes here again to repeat a request,
    /// whatever its method, when a kept-alive connection closed before a line of the response came. The provider may have read it and would
    /// charge it twice: it is not repeated.
    fileprivate func beginRequest(localPort: Int32) -> Bool {
        guard let call else { return false }
        guard !isRequestOut else {
            fault = "the connection, which was kept from an earlier call, closed before the answer"
            return false
        }
        speaksHTTP2 = loop.speaksHTTP2(self)
        isSpoilt = loop.isSpoilt(self, port: localPort)
        guard !isSpoilt else { return false }
        // What curl took for the first try it may or may not have sent; the second starts over.
        guard call.upload.rewind() else {
            fault = "the connection closed and the beginning of the request's body is no longer held"
            return false
        }
        isRequestOut = true
        loop.began(self)
        call.wasSent = true
        isSendPaused = false
        loop.touch(self)
        return true
    }

    fileprivate func readHeader(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let call else { return false }
        switch head.read(line) {
        case .more:
            return true
        case .malformed(let reason):
            fault = reason
            return false
        case .head(let head):
            loop.touch(self)
            if loop.shouldRetry(call, status: head.status) {
                isSwallowing = true
            } else {
                call.append(.head(head))
                loop.markDirty(call)
            }
            // curl does not know that the answer to a HEAD with a body is over.
            if head.isBodiless, !call.upload.isExhausted || call.request.method == "HEAD" && !call.request.isBodiless {
                loop.answered(self)
            }
            return true
        }
    }

    fileprivate func readBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let call else { return 0 }
        if isSwallowing {
            // A little is worth reading for the sake of the connection.
            swallowed += bytes.count
            return swallowed <= 64 * 1024 ? bytes.count : 0
        }
        if call.mustHoldBack() {
            isReceivePaused = true
            loop.touch(self)
            return Int(CURL_WRITEFUNC_PAUSE)
        }
        call.append(bytes)
        loop.markDirty(call)
        loop.touch(self)
        return bytes.count
    }

    fileprivate func writeBody(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let call else { return Int(CURL_READFUNC_ABORT) }
        let portion = call.upload.read(into: buffer)
        loop.askForBody(call)
        switch portion {
        case .bytes(let count):
            loop.touch(self)
            return count
        case .wait:
            isSendPaused = true
            loop.touch(self)
            return Int(CURL_READFUNC_PAUSE)
        case .end:
            loop.touch(self)
            return 0
        case .wrongLength:
            fault = "the request's body is not as long as was announced"
            return Int(CURL_READFUNC_ABORT)
        }
    }
}

extension UpstreamRequest {
    fileprivate var isBodiless: Bool {
        switch body {
        case .none: true
        case .bytes(let bytes): bytes.isEmpty
        case .stream(let length): length == 0
        }
    }
}
