import GatewayCore
import HTTP1

/// Parses a request head from its bytes: RFC 9112, without any of its leniencies.
///
/// What two parsers could read in two ways is refused: bare CR or LF, white space around a field name, folded lines,
/// repeated or signed lengths, a length beside a transfer coding, codings other than `chunked`, targets that are not in origin form.
package enum RequestParser {
    /// `bytes` begins at the request line and ends with the empty line's CRLF.
    package static func parse(_ bytes: UnsafeRawBufferPointer) throws(RequestError) -> RequestHead {
        var cursor = 0
        let line = try nextLine(bytes, &cursor)
        let (method, target, isVersion11) = try requestLine(bytes, line)
        var head = RequestHead(
            method: method, target: target, isVersion11: isVersion11, headers: HeaderList(), body: .none, keepsAlive: isVersion11,
            expectsContinue: false)
        head.headers.reserveCapacity(fields: 16, bytes: bytes.count)
        var framing = Framing()
        while true {
            let line = try nextLine(bytes, &cursor)
            if line.isEmpty { break }
            let (name, value) = try field(bytes, line)
            try framing.note(bytes, name, value)
            head.headers.append(
                name: UnsafeRawBufferPointer(rebasing: bytes[name]), value: UnsafeRawBufferPointer(rebasing: bytes[value]))
            if head.headers.count > 1000 { throw RequestError("more than 1,000 header fields", status: 431) }
        }
        try framing.decide(&head)
        return head
    }

    /// The range up to the next CRLF; every line must have one, and neither byte may stand alone.
    private static func nextLine(_ bytes: UnsafeRawBufferPointer, _ cursor: inout Int) throws(RequestError) -> Range<Int> {
        let start = cursor
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            if byte == CR {
                guard index + 1 < bytes.count, bytes[index + 1] == LF else {
                    throw RequestError("a carriage return stands alone in the head")
                }
                cursor = index + 2
                return start..<index
            }
            if byte == LF { throw RequestError("a line of the head ends in a bare line feed") }
            index += 1
        }
        throw RequestError("the head has no end")
    }

    private static func requestLine(
        _ bytes: UnsafeRawBufferPointer, _ line: Range<Int>
    ) throws(RequestError) -> (method: String, target: String, isVersion11: Bool) {
        var index = line.lowerBound
        while index < line.upperBound, isTokenByte(bytes[index]) { index += 1 }
        let method = line.lowerBound..<index
        guard !method.isEmpty, method.count <= 32, index < line.upperBound, bytes[index] == SP else {
            throw RequestError("the request line has no method")
        }
        let targetStart = index + 1
        index = targetStart
        while index < line.upperBound, bytes[index] > 0x20, bytes[index] < 0x7F { index += 1 }
        let target = targetStart..<index
        guard index < line.upperBound, bytes[index] == SP else { throw RequestError("the request line has no target") }
        guard !target.isEmpty, bytes[target.lowerBound] == UInt8(ascii: "/") else {
            throw RequestError("the target must be a path that begins with '/'")
        }
        guard !bytes[target].contains(UInt8(ascii: "#")) else { throw RequestError("the target has a fragment") }
        let version = bytes[(index + 1)..<line.upperBound]
        let isVersion11: Bool
        if version.elementsEqual("HTTP/1.1".utf8) {
            isVersion11 = true
        } else if version.elementsEqual("HTTP/1.0".utf8) {
            isVersion11 = false
        } else {
            throw RequestError("the version must be HTTP/1.1 or HTTP/1.0", status: version.starts(with: "HTTP/".utf8) ? 505 : 400)
        }
        let name = string(bytes, method)
        // An answer to CONNECT has another framing, and one to TRACE would show the provider's credentials.
        guard name != "CONNECT", name != "TRACE" else { throw RequestError("CONNECT and TRACE are not served", status: 501) }
        return (name, string(bytes, target), isVersion11)
    }

    private static func field(
        _ bytes: UnsafeRawBufferPointer, _ line: Range<Int>
    ) throws(RequestError) -> (name: Range<Int>, value: Range<Int>) {
        var index = line.lowerBound
        while index < line.upperBound, isTokenByte(bytes[index]) { index += 1 }
        guard index > line.lowerBound else {
            throw RequestError(
                bytes[line.lowerBound] == SP || bytes[line.lowerBound] == TAB ? "a header field is folded" : "a header field has no name")
        }
        guard index < line.upperBound, bytes[index] == UInt8(ascii: ":") else {
            throw RequestError("a header field's name has a byte that is not allowed, or no colon behind it")
        }
        let name = line.lowerBound..<index
        var start = index + 1
        var end = line.upperBound
        while start < end, bytes[start] == SP || bytes[start] == TAB { start += 1 }
        while end > start, bytes[end - 1] == SP || bytes[end - 1] == TAB { end -= 1 }
        for position in start..<end {
            let byte = bytes[position]
            guard byte >= 0x20 && byte != 0x7F || byte == TAB else { throw RequestError("a header field's value has a control character") }
        }
        return (name, start..<end)
    }

    /// What the fields say about the body and the connection.
    private struct Framing {
        var contentLength: Int64?
        var isChunked = false
        var hosts = 0
        var close = false
        var keepAlive = false
        var expectsContinue = false

        mutating func note(_ bytes: UnsafeRawBufferPointer, _ name: Range<Int>, _ value: Range<Int>) throws(RequestError) {
            let text = UnsafeRawBufferPointer(rebasing: bytes[value])
            switch name.count {
            case 4 where named(bytes, name, "host"):
                guard text.allSatisfy(isHostByte) else { throw RequestError("Host is no host and port") }
                hosts += 1
            case 6 where named(bytes, name, "expect"):
                guard equalIgnoringCase(text, "100-continue".utf8) else {
                    throw RequestError("the expectation is not '100-continue'", status: 417)
                }
                expectsContinue = true
            case 10 where named(bytes, name, "connection"):
                for option in text.split(separator: UInt8(ascii: ",")) {
                    let trimmed = option.drop { $0 == SP || $0 == TAB }.reversed().drop { $0 == SP || $0 == TAB }.reversed()
                    if equalIgnoringCase(trimmed, "close".utf8) { close = true }
                    if equalIgnoringCase(trimmed, "keep-alive".utf8) { keepAlive = true }
                }
            case 14 where named(bytes, name, "content-length"):
                guard contentLength == nil else { throw RequestError("Content-Length stands twice") }
                guard !text.isEmpty, text.count <= 18, text.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
                    throw RequestError("Content-Length is no plain number")
                }
                contentLength = text.reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
            case 17 where named(bytes, name, "transfer-encoding"):
                guard !isChunked, equalIgnoringCase(text, "chunked".utf8) else {
                    throw RequestError("the transfer coding must be 'chunked', once", status: isChunked ? 400 : 501)
                }
                isChunked = true
            default:
                break
            }
        }

        private func named(_ bytes: UnsafeRawBufferPointer, _ name: Range<Int>, _ other: StaticString) -> Bool {
            other.withUTF8Buffer { equalIgnoringCase(UnsafeRawBufferPointer(rebasing: bytes[name]), $0) }
        }

        func decide(_ head: inout RequestHead) throws(RequestError) {
            if isChunked {
                guard contentLength == nil else { throw RequestError("Content-Length stands beside Transfer-Encoding") }
                guard head.isVersion11 else { throw RequestError("HTTP/1.0 has no Transfer-Encoding") }
                head.body = .chunked
            } else if let contentLength, contentLength > 0 {
                head.body = .length(contentLength)
            }
            guard hosts == 1 || (hosts == 0 && !head.isVersion11) else {
                throw RequestError(hosts == 0 ? "the Host header field is missing" : "Host stands twice")
            }
            head.keepsAlive = head.isVersion11 ? !close : keepAlive && !close
            head.expectsContinue = expectsContinue && head.isVersion11 && head.body != .none
        }
    }

    private static func string(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> String {
        String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }
}

/// What a host and port are made of (RFC 3986, section 3.2), less the comma, which would make a list of them.
private func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "-"),
        UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "%"), UInt8(ascii: "!"), UInt8(ascii: "$"),
        UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"),
        UInt8(ascii: ";"), UInt8(ascii: "="):
        true
    default: false
    }
}
