import Foundation

/// An answer, with its fields as they came.
struct Reply: Sendable {
    var status: Int
    var headers: [(name: String, value: String)]
    var body: String

    subscript(header: String) -> String? {
        headers.first { $0.name.lowercased() == header.lowercased() }?.value
    }

    /// The body as a JSON object; empty when it is none.
    var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
    }
}

struct ConnectionLost: Error {}

/// A blocking client on one socket of its own, so that every byte is the test's.
struct HTTPClient {
    let port: Int

    func send(_ method: String, _ target: String, _ headers: [String: String], body: String? = nil) throws -> Reply {
        var text = "\(method) \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
        return try exchange(text + "\r\n" + (body ?? ""))
    }

    /// Sends bytes and reads until the connection closes. Throws when the answer is not whole.
    func exchange(_ request: String) throws -> Reply {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw ConnectionLost() }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard connected == 0 else { throw ConnectionLost() }
        var pending = Array(request.utf8)[...]
        while !pending.isEmpty {
            let count = pending.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw ConnectionLost() }
            pending = pending.dropFirst(count)
        }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &piece, piece.count)
            guard count >= 0 else { throw ConnectionLost() }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return try parse(bytes, isHead: request.hasPrefix("HEAD "))
    }

    private func parse(_ bytes: [UInt8], isHead: Bool) throws -> Reply {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { throw ConnectionLost() }
        var lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        guard let status = lines.removeFirst().split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { throw ConnectionLost() }
        let headers = lines.map { line -> (name: String, value: String) in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : "")
        }
        var reply = Reply(status: status, headers: headers, body: "")
        var body = bytes[end.upperBound...]
        if reply["Transfer-Encoding"] == "chunked" {
            var whole: [UInt8] = []
            while let line = body.firstRange(of: [13, 10]) {
                guard let size = Int(String(decoding: body[..<line.lowerBound], as: UTF8.self), radix: 16) else { throw ConnectionLost() }
                body = body[line.upperBound...]
                guard size > 0 else {
                    // Trailer fields up to the empty line.
                    for field in String(decoding: body, as: UTF8.self).components(separatedBy: "\r\n") where field.contains(":") {
                        let parts = field.split(separator: ":", maxSplits: 1)
                        reply.headers.append((String(parts[0]), parts[1].trimmingCharacters(in: .whitespaces)))
                    }
                    guard body.suffix(2) == [13, 10] else { throw ConnectionLost() }
                    reply.body = String(decoding: whole, as: UTF8.self)
                    return reply
                }
                guard body.count >= size + 2 else { throw ConnectionLost() }
                whole += body.prefix(size)
                body = body.dropFirst(size + 2)
            }
            throw ConnectionLost()
        }
        if !isHead, let length = reply["Content-Length"].flatMap({ Int($0) }), body.count < length { throw ConnectionLost() }
        reply.body = String(decoding: body, as: UTF8.self)
        return reply
    }
}
