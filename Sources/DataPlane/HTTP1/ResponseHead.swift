import GatewayCore
import NIOCore

/// Writes a response head into a buffer, field by field, in one pass.
struct ResponseHead {
    private var bytes: [UInt8] = []

    init(status: Int, capacity: Int) {
        bytes.reserveCapacity(capacity)
        write("HTTP/1.1 ")
        bytes.append(contentsOf: String(status).utf8)
        write(" ")
        write(Self.reason(status))
        write("\r\n")
    }

    mutating func add(_ name: StaticString, _ value: String) {
        write(name)
        write(": ")
        bytes.append(contentsOf: value.utf8)
        write("\r\n")
    }

    mutating func add(_ name: StaticString, _ amount: Money) {
        write(name)
        write(": ")
        amount.append(to: &bytes)
        write("\r\n")
    }

    mutating func add(_ field: HeaderView) {
        bytes.append(contentsOf: field.name)
        write(": ")
        bytes.append(contentsOf: field.value)
        write("\r\n")
    }

    /// Ends the head; the body follows.
    mutating func end() {
        write("\r\n")
    }

    /// The body, or its beginning, where it leaves with the head.
    mutating func append(_ body: [UInt8]) {
        bytes.append(contentsOf: body)
    }

    /// All of it. An array takes the many small pieces quicker than a byte buffer does.
    var buffer: ByteBuffer { ByteBuffer(bytes: bytes) }

    private mutating func write(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// The reason phrases of RFC 9110 and the registry. A status that has none gets none.
    private static func reason(_ status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 203: "Non-Authoritative Information"
        case 204: "No Content"
        case 205: "Reset Content"
        case 206: "Partial Content"
        case 207: "Multi-Status"
        case 300: "Multiple Choices"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 423: "Locked"
        case 424: "Failed Dependency"
        case 425: "Too Early"
        case 426: "Upgrade Required"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 451: "Unavailable For Legal Reasons"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 507: "Insufficient Storage"
        default: ""
        }
    }
}
