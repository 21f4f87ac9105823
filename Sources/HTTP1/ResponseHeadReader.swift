package import GatewayCore

/// Builds a response's head from its lines, one at a time.
package struct ResponseHeadReader: Sendable {
    package enum Step {
        case more
        /// A final head. Lines that follow are trailers.
        case head(UpstreamHead)
        case malformed(String)
    }

    /// How the body that follows a head finds its end.
    package enum BodyFraming: Sendable {
        case none
        case length(Int64)
        case chunked
        case untilClose
    }

    private let maximumBytes: Int
    private let maximumFields: Int
    private let isHeadRequest: Bool
    private var status = 0
    private var headers = HeaderList()
    private var bytes = 0
    private var contentLength: Int64?
    private var isChunked = false
    private var saysClose = false
    /// `HTTP/1.0` or `HTTP/1.1`; nil for another version.
    private var isVersion11: Bool?
    package private(set) var isComplete = false

    package init(method: String, maximumBytes: Int, maximumFields: Int = 1000) {
        self.maximumBytes = maximumBytes
        self.maximumFields = maximumFields
        isHeadRequest = method == "HEAD"
    }

    /// Of a complete head.
    package var framing: BodyFraming {
        if isBodiless { return .none }
        if isChunked { return .chunked }
        return contentLength.map(BodyFraming.length) ?? .untilClose
    }

    /// Whether the status line spoke of HTTP/1.
    package var isVersion1: Bool { isVersion11 != nil }

    /// Whether the connection may serve another request after this response.
    package var keepsAlive: Bool { isVersion11 == true && !saysClose }

    private var isBodiless: Bool { isHeadRequest || status == 204 || status == 304 }

    /// A line with its line end; an empty one ends the head. 1xx heads and trailers count towards the limit and are dropped.
    package mutating func read(_ line: UnsafeBufferPointer<UInt8>) -> Step {
        bytes += line.count
        guard bytes <= maximumBytes else { return .malformed("the response's head is larger than \(maximumBytes) bytes") }
        guard !isComplete else { return .more }
        var end = line.count
        if end > 0, line[end - 1] == LF { end -= 1 }
        if end > 0, line[end - 1] == CR { end -= 1 }
        let text = UnsafeBufferPointer(rebasing: line[..<end])
        if status == 0 { return readStatus(text) }
        if text.isEmpty { return finish() }
        return readField(text)
    }

    private mutating func readStatus(_ line: UnsafeBufferPointer<UInt8>) -> Step {
        guard line.starts(with: "HTTP/".utf8), let space = line.firstIndex(of: SP), line.count >= space + 4 else {
            return .malformed("no status line")
        }
        var number = 0
        for byte in line[space + 1..<space + 4] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return .malformed("no status") }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        guard !containsLineBreak(line) else { return .malformed("a line break within the status line") }
        guard number >= 100, number != 101, line.count == space + 4 || line[space + 4] == SP else {
            return .malformed("a status that nobody asked for")
        }
        status = number
        (contentLength, isChunked, saysClose) = (nil, false, false)
        let version = line[5..<space]
        isVersion11 = version.elementsEqual("1.1".utf8) ? true : version.elementsEqual("1.0".utf8) ? false : nil
        headers = HeaderList()
        headers.reserveCapacity(fields: 16, bytes: 512)
        return .more
    }

    private mutating func finish() -> Step {
        if status < 200 {
            status = 0
            return .more
        }
        isComplete = true
        return .head(UpstreamHead(status: status, headers: headers, isBodiless: isBodiless))
    }

    /// Nothing is left that programs could take for different ends of the body: a length beside a transfer coding, lengths that differ, digits
    /// followed by something else.
    private mutating func readField(_ line: UnsafeBufferPointer<UInt8>) -> Step {
        // A name with white space around it, or a value continued on the next line, is read differently by different programs.
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), isToken(line[..<colon]) else {
            return .malformed("a header field without a name")
        }
        guard headers.count < maximumFields else { return .malformed("more than \(maximumFields) header fields") }
        let value = trimmed(line[(colon + 1)...])
        guard !containsLineBreak(value) else { return .malformed("a line break within a header field") }
        switch colon {
        case 10 where equalIgnoringCase(line[..<colon], "connection".utf8):
            for option in value.split(separator: UInt8(ascii: ",")) where equalIgnoringCase(trimmed(option), "close".utf8) {
                saysClose = true
            }
        case 14 where equalIgnoringCase(line[..<colon], "content-length".utf8):
            guard (1...18).contains(value.count), value.allSatisfy({ (0x30...0x39).contains($0) }) else {
                return .malformed("a length that is no number")
            }
            let length = value.reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
            guard contentLength != length else { return .more }
            guard contentLength == nil else { return .malformed("lengths that differ") }
            guard !isChunked else { return .malformed("a length beside a transfer coding") }
            contentLength = length
        case 17 where equalIgnoringCase(line[..<colon], "transfer-encoding".utf8):
            guard !isChunked, equalIgnoringCase(value, "chunked".utf8) else {
                return .malformed("a transfer coding that nobody asked for")
            }
            guard contentLength == nil else { return .malformed("a length beside a transfer coding") }
            isChunked = true
        default:
            break
        }
        headers.append(name: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: line[..<colon])), value: UnsafeRawBufferPointer(value))
        return .more
    }
}

/// Without the white space around it.
private func trimmed(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> UnsafeBufferPointer<UInt8> {
    var bytes = bytes
    while let first = bytes.first, isSpace(first) { bytes.removeFirst() }
    while let last = bytes.last, isSpace(last) { bytes.removeLast() }
    return UnsafeBufferPointer(rebasing: bytes)
}
