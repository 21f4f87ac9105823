import GatewayCore

/// Builds a response's head from the lines that curl reports, one at a time.
struct ResponseHeadReader {
    enum Step {
        case more
        /// A final head. Lines that follow are trailers.
        case head(UpstreamHead)
        case malformed(String)
    }

    private let maximumBytes: Int
    private let maximumFields: Int
    private let isHeadRequest: Bool
    private var status = 0
    private var headers = HeaderList()
    private var bytes = 0
    private var contentLength: Int64?
    private var isChunked = false
    private(set) var isComplete = false

    init(method: String, maximumBytes: Int, maximumFields: Int = 1000) {
        self.maximumBytes = maximumBytes
        self.maximumFields = maximumFields
        isHeadRequest = method == "HEAD"
    }

    /// A line with its line end; an empty one ends the head. 1xx heads and trailers count towards the limit and are dropped.
    mutating func read(_ line: UnsafeBufferPointer<UInt8>) -> Step {
        bytes += line.count
        guard bytes <= maximumBytes else { return .malformed("the response's head is larger than \(maximumBytes) bytes") }
        guard !isComplete else { return .more }
        var end = line.count
        if end > 0, line[end - 1] == UInt8(ascii: "\n") { end -= 1 }
        if end > 0, line[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        let text = UnsafeBufferPointer(rebasing: line[..<end])
        if status == 0 { return readStatus(text) }
        if text.isEmpty { return finish() }
        return readField(text)
    }

    private mutating func readStatus(_ line: UnsafeBufferPointer<UInt8>) -> Step {
        guard line.starts(with: "HTTP/".utf8), let space = line.firstIndex(of: UInt8(ascii: " ")), line.count >= space + 4 else {
            return .malformed("no status line")
        }
        var number = 0
        for byte in line[space + 1..<space + 4] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return .malformed("no status") }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        guard number >= 100, number != 101, line.count == space + 4 || line[space + 4] == UInt8(ascii: " ") else {
            return .malformed("a status that nobody asked for")
        }
        status = number
        (contentLength, isChunked) = (nil, false)
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
        return .head(UpstreamHead(status: status, headers: headers, isBodiless: isHeadRequest || status == 204 || status == 304))
    }

    /// Nothing is left that programs could take for different ends of the body: of several lengths curl takes the last, and of each the
    /// digits that it begins with.
    private mutating func readField(_ line: UnsafeBufferPointer<UInt8>) -> Step {
        // A name with white space around it, or a value continued on the next line, is read differently by different programs.
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), isToken(line[..<colon]) else {
            return .malformed("a header field without a name")
        }
        guard headers.count < maximumFields else { return .malformed("more than \(maximumFields) header fields") }
        var start = colon + 1
        var end = line.count
        while start < end, isSpace(line[start]) { start += 1 }
        while end > start, isSpace(line[end - 1]) { end -= 1 }
        let value = UnsafeBufferPointer(rebasing: line[start..<end])
        guard !containsLineBreak(value) else { return .malformed("a line break within a header field") }
        switch colon {
        case 14 where equalIgnoringCase(line[..<colon], "content-length".utf8):
            guard (1...18).contains(value.count), value.allSatisfy({ (0x30...0x39).contains($0) }) else {
                return .malformed("a length that is no number")
            }
            let length = value.reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
            guard contentLength != length else { return .more }
            guard contentLength == nil else { return .malformed("lengths that differ") }
            contentLength = length
        case 17 where equalIgnoringCase(line[..<colon], "transfer-encoding".utf8):
            guard !isChunked, equalIgnoringCase(value, "chunked".utf8) else {
                return .malformed("a transfer coding that nobody asked for")
            }
            isChunked = true
        default:
            break
        }
        headers.append(name: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: line[..<colon])), value: UnsafeRawBufferPointer(value))
        return .more
    }
}

/// Whether these bytes are a token (RFC 9110, 5.6.2): a method's or a field's name.
func isToken(_ bytes: some Sequence<UInt8>) -> Bool {
    var isEmpty = true
    for byte in bytes {
        guard isTokenByte(byte) else { return false }
        isEmpty = false
    }
    return !isEmpty
}

private func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "~"), UInt8(ascii: "^"), UInt8(ascii: "`"),
        UInt8(ascii: "|"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"):
        true
    default: false
    }
}

/// Whether a byte that ends a line or a C string is among these.
func containsLineBreak(_ bytes: some Sequence<UInt8>) -> Bool {
    for byte in bytes where byte == 0x0A || byte == 0x0D || byte == 0 { return true }
    return false
}

func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09
}
