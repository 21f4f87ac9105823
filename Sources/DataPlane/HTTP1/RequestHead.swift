package import GatewayCore

/// A request line and its header fields, framing decided.
package struct RequestHead: Sendable {
    /// How long the body is.
    package enum BodyFraming: Sendable, Hashable {
        case none
        case length(Int64)
        case chunked
    }

    package var method: String
    /// The target as it came: origin form, visible ASCII, no fragment.
    package var target: String
    /// HTTP/1.0 or HTTP/1.1.
    package var isVersion11: Bool
    package var headers: HeaderList
    package var body: BodyFraming
    /// Whether the connection may serve another request after this one.
    package var keepsAlive: Bool
    package var expectsContinue: Bool

    /// The target's part before `?`.
    package var path: Substring {
        target[..<(mark ?? target.endIndex)]
    }

    /// The target's part after the first `?`; nil without one.
    package var query: Substring? {
        mark.map { target[target.utf8.index(after: $0)...] }
    }

    private var mark: String.Index? {
        target.utf8.firstIndex(of: UInt8(ascii: "?"))
    }
}

/// Why bytes are no request that the gateway serves. The connection is closed after the answer: what follows cannot be trusted.
package struct RequestError: Error, Sendable, Hashable, CustomStringConvertible {
    package var status: Int
    /// What the caller may read.
    package var description: String

    package init(_ description: String, status: Int = 400) {
        self.status = status
        self.description = description
    }
}
