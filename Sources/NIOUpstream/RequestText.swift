import GatewayCore
import HTTP1
import NIOCore

/// One request as it goes out.
struct RequestText {
    private enum Framing {
        case none
        case length(Int64)
        case chunked
    }

    private let request: UpstreamRequest
    private let address: ProviderAddress
    private let framing: Framing

    /// Larger bodies than this, bytes, are not copied behind their head.
    private static let smallBody = 16 << 10

    init(_ request: UpstreamRequest, to address: ProviderAddress) {
        self.request = request
        self.address = address
        framing =
            switch request.body {
            case .bytes(let bytes) where !bytes.isEmpty: .length(Int64(bytes.count))
            case .stream(nil): .chunked
            case .stream(let length?) where length > 0: .length(length)
            default:
                switch request.method {
                // A body is expected of these methods: its absence is said.
                case "POST", "PUT", "PATCH": .length(0)
                default: .none
                }
            }
    }

    var isChunked: Bool {
        if case .chunked = framing { true } else { false }
    }

    /// The body where it does not leave with its head.
    var largeBody: [UInt8]? {
        if case .bytes(let bytes) = request.body, bytes.count > Self.smallBody { bytes } else { nil }
    }

    private var smallBody: [UInt8]? {
        if case .bytes(let bytes) = request.body, bytes.count <= Self.smallBody { bytes } else { nil }
    }

    /// The head, and a small body. Says what is wrong with the request, or nil when nothing is: what could change the meaning of the bytes
    /// on the wire goes no further than this.
    func write(into buffer: inout ByteBuffer) -> String? {
        guard isToken(request.method.utf8) else { return "the request's method is not a token" }
        let fixed = request.method.utf8.count + address.path.utf8.count + request.target.utf8.count + address.authority.utf8.count + 128
        let capacity = fixed + request.headers.byteCount + 4 * request.headers.count + (smallBody?.count ?? 0)
        var refusal: String?
        buffer.clear(minimumCapacity: capacity)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: capacity) { room in
            var writer = Writer(room)
            refusal = write(into: &writer)
            return writer.count
        }
        return refusal
    }

    private func write(into writer: inout Writer) -> String? {
        writer.write(request.method)
        writer.write(" ")
        writer.write(address.path)
        var target = request.target
        let isFine = target.withUTF8 { bytes in
            writer.write(bytes)
            return isTarget(bytes)
        }
        guard isFine else { return "the request's target is not a path and query" }
        writer.write(" HTTP/1.1\r\nHost: ")
        writer.write(address.authority)
        writer.write("\r\n")
        var refusal: String?
        request.headers.forEach { name, value in
            guard refusal == nil, !Self.isTransports(name) else { return }
            guard isToken(name) else { return refusal = "a request header's name is not a token" }
            guard !containsLineBreak(value) else { return refusal = "a request header's value holds a line break" }
            writer.write(name)
            if value.allSatisfy(isSpace) {
                writer.write(":\r\n")
            } else {
                writer.write(": ")
                writer.write(value)
                writer.write("\r\n")
            }
        }
        switch framing {
        case .none: writer.write("\r\n")
        case .chunked: writer.write("Transfer-Encoding: chunked\r\n\r\n")
        case .length(let length):
            writer.write("Content-Length: ")
            writer.write(String(length))
            writer.write("\r\n\r\n")
        }
        smallBody?.withUnsafeBufferPointer { writer.write($0) }
        return refusal
    }

    /// The fields that are the transport's own.
    private static func isTransports(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        switch name.count {
        case 4: equalIgnoringCase(name, "host".utf8)
        case 6: equalIgnoringCase(name, "expect".utf8)
        case 14: equalIgnoringCase(name, "content-length".utf8)
        case 17: equalIgnoringCase(name, "transfer-encoding".utf8)
        default: false
        }
    }
}

/// Writes behind what it has written, into memory that was measured beforehand.
private struct Writer {
    private let room: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ room: UnsafeMutableRawBufferPointer) {
        self.room = room
    }

    mutating func write(_ bytes: UnsafeBufferPointer<UInt8>) {
        UnsafeMutableRawBufferPointer(rebasing: room[count...]).copyMemory(from: UnsafeRawBufferPointer(bytes))
        count += bytes.count
    }

    mutating func write(_ text: StaticString) {
        write(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { write($0) }
    }
}
