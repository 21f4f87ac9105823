import Foundation
import Glibc

/// A caller that speaks in exact bytes. Every read gives up after a generous time.
package final class RawClient {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    package struct Response {
        package var status: Int
        package var headers: [(name: String, value: String)]
        package var body: [UInt8] = []
        package var trailers: [(name: String, value: String)] = []

        package subscript(name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
        package func all(_ name: String) -> [String] { headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value) }
        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    private var descriptor: Int32
    private var buffer: [UInt8] = []

    package init(port: Int, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "no socket: \(errno)") }
        if var receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4) }
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard connected == 0 else { throw Failure(description: "no connection: \(errno)") }
    }

    deinit { close() }

    package func close() {
        guard descriptor >= 0 else { return }
        _ = Glibc.close(descriptor)
        descriptor = -1
    }

    /// Closes with a reset.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    package func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure(description: "cannot send: \(errno)") }
            sent += count
        }
    }

    // MARK: Reading

    /// More bytes; false at the end of the connection.
    private func fill() throws -> Bool {
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &piece, piece.count, 0)
        guard count >= 0 else { throw Failure(description: "cannot read: \(errno)") }
        buffer += piece[..<count]
        return count > 0
    }

    /// What has arrived and was not asked for yet, without waiting.
    package func arrived() -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &piece, piece.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return buffer }
            buffer += piece[..<count]
        }
    }

    package func read(_ count: Int) throws -> [UInt8] {
        while buffer.count < count {
            guard try fill() else { throw Failure(description: "the connection ended after \(buffer.count) of \(count) bytes") }
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    package func line() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                defer { buffer.removeFirst(end + 1) }
                guard end > 0, buffer[end - 1] == 13 else { throw Failure(description: "a line without CR") }
                return String(decoding: buffer[..<(end - 1)], as: UTF8.self)
            }
            guard try fill() else {
                throw Failure(description: "the connection ended in a line: \(String(decoding: buffer, as: UTF8.self))")
            }
        }
    }

    /// Everything up to the orderly end of the connection.
    package func readToEnd() throws -> [UInt8] {
        while try fill() {}
        defer { buffer = [] }
        return buffer
    }

    /// Everything up to a text, or to the end of the connection, in whatever way it comes.
    package func read(until marker: String) -> (text: String, isFound: Bool) {
        let marker = Array(marker.utf8)
        var isOpen = true
        while isOpen, buffer.firstRange(of: marker) == nil {
            do { isOpen = try fill() } catch { isOpen = false }
        }
        let end = buffer.firstRange(of: marker)?.upperBound
        defer { buffer.removeFirst(end ?? buffer.count) }
        return (String(decoding: buffer[..<(end ?? buffer.count)], as: UTF8.self), end != nil)
    }

    /// Whether the connection ends, in whatever way, with nothing more to read.
    package func endsHere() -> Bool {
        do {
            return try readToEnd().isEmpty
        } catch {
            return errno == ECONNRESET
        }
    }

    private func fields() throws -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        while true {
            let text = try line()
            if text.isEmpty { return fields }
            guard let colon = text.firstIndex(of: ":") else { throw Failure(description: "no field: \(text)") }
            fields.append((String(text[..<colon]), text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces)))
        }
    }

    package func head() throws -> Response {
        let status = try line().split(separator: " ", maxSplits: 2)
        guard status.count >= 2, status[0] == "HTTP/1.1", let code = Int(status[1]) else {
            throw Failure(description: "no status line: \(status)")
        }
        return Response(status: code, headers: try fields())
    }

    /// The data of the next chunk; empty for the last.
    package func chunk() throws -> [UInt8] {
        guard let size = Int(try line(), radix: 16) else { throw Failure(description: "no chunk size") }
        guard size > 0 else { return [] }
        let data = try read(size)
        guard try line().isEmpty else { throw Failure(description: "a chunk without its end") }
        return data
    }

    package func trailers() throws -> [(name: String, value: String)] { try fields() }

    /// A whole response.
    package func response(to method: String = "GET") throws -> Response {
        var response = try head()
        try readBody(of: &response, to: method)
        return response
    }

    /// The body that follows a head; throws when it is cut.
    package func readBody(of response: inout Response, to method: String = "GET") throws {
        if method == "HEAD" || response.status == 204 || response.status == 304 || response.status < 200 { return }
        if response["Transfer-Encoding"] == "chunked" {
            while true {
                let data = try chunk()
                if data.isEmpty { break }
                response.body += data
            }
            response.trailers = try trailers()
        } else if let length = response["Content-Length"].flatMap({ Int($0) }) {
            response.body = try read(length)
        } else {
            response.body = try readToEnd()
        }
    }
}
