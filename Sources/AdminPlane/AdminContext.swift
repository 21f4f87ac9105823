import GatewayCore
import Hummingbird
import NIOCore

/// What is known of a request beside itself.
struct AdminContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The address that it came from, for the audit.
    let peer: String

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.channel.remoteAddress?.ipAddress ?? "unknown"
    }

    /// A part of the path, without its percent-encoding.
    func segment(_ name: String) throws -> String {
        PercentCoding.decoded(Substring(try parameters.require(name)))
    }

    /// The workspace that the path names.
    func workspace() throws -> String {
        let id = try segment("id")
        guard (1...128).contains(id.utf8.count), id.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw Refusal(400, "Bad request", "A workspace's id is 1 to 128 printable ASCII characters.")
        }
        return id
    }
}

/// An answer that ends a request before its time.
struct Refusal: Error, HTTPResponseError {
    let answer: AdminAnswer

    init(_ answer: AdminAnswer) {
        self.answer = answer
    }

    init(_ status: Int, _ title: String, _ detail: String) {
        self.init(AdminAnswer(problem: status, title, detail))
    }

    init(_ error: any Error) {
        self.init(503, "Ledger unavailable", "\(error)")
    }

    var status: HTTPResponse.Status { HTTPResponse.Status(code: answer.status) }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        try answer.response(from: request, context: context)
    }
}

extension Request {
    /// The bytes of a body that is JSON.
    func json(upTo limit: Int) async throws -> [UInt8] {
        // No type that a page in an operator's browser could send here without asking first.
        guard headers[.contentType]?.split(separator: ";").first?.lowercased() == "application/json" else {
            throw Refusal(415, "Unsupported media type", "The body is of type application/json.")
        }
        return try await bytes(upTo: limit)
    }

    /// The bytes of a body.
    func bytes(upTo limit: Int) async throws -> [UInt8] {
        var (bytes, length) = ([UInt8](), 0)
        for try await piece in body {
            length += piece.readableBytes
            if length <= limit { bytes += piece.readableBytesView }
            // What is too long is read on for a while: who sends first and listens then would not hear the answer.
            if length > limit + 64 << 20 { break }
        }
        guard length <= limit else { throw Refusal(413, "Body too large", "At most \(limit >> 10) KiB.") }
        return bytes
    }
}
