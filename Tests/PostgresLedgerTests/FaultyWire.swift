import Foundation
import Synchronization

/// A wire to a server that can be cut, and that can fall silent without being cut.
final class FaultyWire: Sendable {
    enum Mode: Sendable {
        case sound
        /// What the server answers gets lost.
        case deaf
        /// Nothing gets through.
        case silent
    }

    private struct State {
        var mode = Mode.sound
        var isOver = false
        var mustCut = false
        /// Bytes that got lost on the way back.
        var lost = 0
    }

    let port: Int
    private let listener: Int32
    private let state = Mutex(State())

    init(to server: Int) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) + listen(listener, 16) + getsockname(listener, $0, &length)
            }
        }
        guard status == 0 else { throw CocoaError(.fileWriteUnknown) }
        port = Int(UInt16(bigEndian: address.sin_port))
        self.listener = listener
        Thread.detachNewThread { [self] in run(server) }
    }

    var mode: Mode {
        get { state.withLock { $0.mode } }
        set { state.withLock { $0.mode = newValue } }
    }

    var lostBytes: Int { state.withLock { $0.lost } }

    /// Ends all connections.
    func cut() {
        state.withLock { $0.mustCut = true }
    }

    func close() {
        state.withLock { $0.isOver = true }
    }

    private func run(_ server: Int) {
        var pairs: [(client: Int32, server: Int32)] = []
        while true {
            let (mode, isOver, mustCut) = state.withLock { state in
                defer { state.mustCut = false }
                return (state.mode, state.isOver, state.mustCut)
            }
            if isOver || mustCut {
                for pair in pairs { end(pair) }
                pairs = []
            }
            if isOver { break }
            var descriptors = ([listener] + (mode == .silent ? [] : pairs.flatMap { [$0.client, $0.server] })).map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            poll(&descriptors, nfds_t(descriptors.count), 10)
            for (index, pair) in pairs.enumerated().reversed() where descriptors.count > 1 {
                let isWhole =
                    (descriptors[1 + 2 * index].revents == 0 || pass(pair.client, pair.server, isLost: false))
                    && (descriptors[2 + 2 * index].revents == 0 || pass(pair.server, pair.client, isLost: mode == .deaf))
                guard !isWhole else { continue }
                end(pair)
                pairs.remove(at: index)
            }
            if descriptors[0].revents != 0 {
                let client = accept(listener, nil, nil)
                let upstream = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                var address = Self.loopback(server)
                let status = withUnsafePointer(to: &address) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        connect(upstream, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                if status == 0 { pairs.append((client, upstream)) } else { end((client, upstream)) }
            }
        }
        Glibc.close(listener)
    }

    private func end(_ pair: (client: Int32, server: Int32)) {
        Glibc.close(pair.client)
        Glibc.close(pair.server)
    }

    private func pass(_ from: Int32, _ to: Int32, isLost: Bool) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(from, &bytes, bytes.count, 0)
        guard count > 0 else { return false }
        guard !isLost else {
            state.withLock { $0.lost += count }
            return true
        }
        return send(to, bytes, count, Int32(MSG_NOSIGNAL)) == count
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        address.sin_port = in_port_t(port).bigEndian
        return address
    }
}
