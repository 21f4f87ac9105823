import Foundation
import Glibc
import Synchronization

/// A server on the loopback interface whose every byte a test decides: a script runs on a thread of its own for each connection.
package final class ScriptedServer: Sendable {
    package typealias Script = @Sendable (Connection) throws -> Void

    package let port: UInt16
    private let listener: Int32
    private let state = Mutex((accepted: 0, open: Set<Int32>(), requests: [Connection.Request]()))

    package var accepted: Int { state.withLock(\.accepted) }
    package var requests: [Connection.Request] { state.withLock(\.requests) }
    package var openConnections: Int { state.withLock(\.open.count) }
    package var url: String { "http://127.0.0.1:\(port)" }

    package init(_ script: @escaping Script) throws {
        (listener, port) = try Self.listen()
        Thread.detachNewThread { [weak self, listener] in
            while true {
                let socket = Glibc.accept(listener, nil, nil)
                guard socket >= 0 else { break }
                guard let self else {
                    Glibc.close(socket)
                    break
                }
                let index = self.state.withLock { state in
                    state.open.insert(socket)
                    state.accepted += 1
                    return state.accepted - 1
                }
                Thread.detachNewThread { [weak self] in
                    let connection = Connection(
                        socket: socket, index: index,
                        record: { request in self?.state.withLock { $0.requests.append(request) } },
                        willClose: { _ = self?.state.withLock { $0.open.remove(socket) } })
                    // A script that ends early is a peer that went away: the assertions are about what the client makes of it.
                    try? script(connection)
                    connection.close()
                }
            }
            Glibc.close(listener)
        }
    }

    /// Answers every request on every connection with what `answer` gives.
    package convenience init(_ answer: @escaping @Sendable (Connection.Request) -> String) throws {
        try self.init { connection in
            while true { connection.send(answer(try connection.readRequest())) }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        for socket in state.withLock(\.open) { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    private static func listen() throws -> (Int32, UInt16) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && Glibc.listen(listener, 512) == 0 && getsockname(listener, address, &length) == 0
            }
        }
        guard bound else { throw SocketError(description: "listen: \(errno)") }
        return (listener, UInt16(bigEndian: address.sin_port))
    }

    static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}

/// A port of the loopback interface on which nobody listens for as long as this object lives, unless it is told to share it
/// (`SO_REUSEPORT`).
package final class ReservedPort: Sendable {
    package let number: UInt16
    private let socket: Int32

    package init() throws {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var on: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = ScriptedServer.loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length) == 0 && getsockname(socket, address, &length) == 0
            }
        }
        self.socket = socket
        number = UInt16(bigEndian: address.sin_port)
        guard isBound else { throw SocketError(description: "bind: \(errno)") }
    }

    deinit {
        close(socket)
    }
}

package struct SocketError: Error {
    package var description: String

    package init(description: String) {
        self.description = description
    }
}

/// One accepted connection, used by its script's thread alone.
package final class Connection {
    package struct Request: Sendable {
        /// The request line and the fields, each with its line end, without the empty line; a character for each byte.
        package var head: String
        /// As on the wire: chunk sizes included.
        package var body: [UInt8]
        /// Whether the peer went away before it was complete.
        package var isCut = false

        package var line: String { head.components(separatedBy: "\r\n")[0] }
        package var bodyText: String { String(decoding: body, as: UTF8.self) }
    }

    package let index: Int
    private let socket: Int32
    private let record: (Request) -> Void
    private let willClose: () -> Void
    private var buffer: [UInt8] = []
    private var isOpen = true

    init(socket: Int32, index: Int, record: @escaping (Request) -> Void = { _ in }, willClose: @escaping () -> Void = {}) {
        self.socket = socket
        self.index = index
        self.record = record
        self.willClose = willClose
        var on: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    /// A connection to that port of the loopback interface.
    package static func open(port: UInt16) throws -> Connection {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = ScriptedServer.loopback(port: port)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0 else {
            Glibc.close(socket)
            throw SocketError(description: "connect: \(errno)")
        }
        return Connection(socket: socket, index: 0)
    }

    package func send(_ text: String) {
        send(Array(text.utf8))
    }

    package func send(_ bytes: [UInt8]) {
        guard isOpen else {
            isPeerGone = true
            return
        }
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else {
                isPeerGone = true
                return
            }
            sent += count
        }
    }

    /// What has come, at least one byte; nil at the end of the connection.
    package func receive() -> [UInt8]? {
        if !buffer.isEmpty {
            defer { buffer = [] }
            return buffer
        }
        return read()
    }

    package func readHead() throws -> String {
        while true {
            if let end = buffer.firstRange(of: Array("\r\n\r\n".utf8)) {
                defer { buffer.removeSubrange(..<end.upperBound) }
                return String(String.UnicodeScalarView(buffer[..<(end.lowerBound + 2)].map { UnicodeScalar($0) }))
            }
            try more()
        }
    }

    package func readBytes(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { try more() }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    package func readRequest() throws -> Request {
        var request = Request(head: try readHead(), body: [])
        defer { record(request) }
        let fields = request.head.lowercased()
        do {
            if let range = fields.range(of: "\r\ncontent-length: "), let length = Int(fields[range.upperBound...].prefix { $0.isNumber }) {
                request.body = try readBytes(length)
            } else if fields.contains("\r\ntransfer-encoding: chunked") {
                request.body = try readChunks()
            }
        } catch {
            request.isCut = true
            throw error
        }
        return request
    }

    /// A chunked body as it stands on the wire, up to the end of its trailer section.
    package func readChunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let line = try readLine()
            body += line
            guard let size = Int(String(decoding: line, as: UTF8.self).prefix(while: \.isHexDigit), radix: 16) else {
                throw SocketError(description: "no chunk")
            }
            guard size > 0 else { break }
            body += try readBytes(size + 2)
        }
        while true {
            let line = try readLine()
            body += line
            if line.count == 2 { return body }
        }
    }

    private func readLine() throws -> [UInt8] {
        while true {
            if let end = buffer.firstRange(of: [13, 10]) { return try readBytes(end.upperBound) }
            try more()
        }
    }

    /// Whether the last `send` failed.
    package private(set) var isPeerGone = false

    /// Returns when the peer has closed the connection.
    package func waitForClose() {
        while receive() != nil {}
    }

    /// Passes bytes on both ways until either side closes.
    package func relay(to other: Connection) {
        var sockets = [pollfd(fd: socket, events: Int16(POLLIN), revents: 0), pollfd(fd: other.socket, events: Int16(POLLIN), revents: 0)]
        while poll(&sockets, 2, -1) > 0 {
            if sockets[0].revents != 0 {
                guard let bytes = receive() else { break }
                other.send(bytes)
            }
            if sockets[1].revents != 0 {
                guard let bytes = other.receive() else { break }
                send(bytes)
            }
        }
        other.close()
    }

    /// With a reset instead of an orderly end.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    package func close() {
        guard isOpen else { return }
        isOpen = false
        willClose()
        Glibc.close(socket)
    }

    private func more() throws {
        guard let bytes = read() else { throw SocketError(description: "closed") }
        buffer += bytes
    }

    /// Never reads after `close`: the number of the socket may be another connection's by then.
    private func read() -> [UInt8]? {
        guard isOpen else { return nil }
        var bytes = [UInt8](repeating: 0, count: 64 * 1024)
        let count = recv(socket, &bytes, bytes.count, 0)
        return count > 0 ? Array(bytes[..<count]) : nil
    }
}

/// A response with a length.
package func response(_ status: String = "200 OK", _ body: String = "", _ headers: String...) -> String {
    "HTTP/1.1 \(status)\r\n" + headers.map { $0 + "\r\n" }.joined() + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
}
