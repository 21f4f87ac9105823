import CCurl
import Glibc

/// epoll for one loop's sockets, sparing with system calls: a connection that falls idle stays registered, so a call on a kept-alive
/// connection registers nothing. Should such a connection stir while nobody is interested (its peer closed it), it is taken out then.
///
/// Kept apart from curl's own `curl_multi_poll`, which asks the kernel about every transfer each time round.
final class Poller {
    private struct Descriptor {
        var registered: UInt32 = 0
        var wanted: UInt32 = 0
        /// A connection announces its birth and death (``opened(_:)``, ``closed(_:)``); curl's other descriptors do not, and so are never
        /// left registered.
        var isConnection = false
        /// Of this end; 0 until it is asked for.
        var port: UInt16 = 0
    }

    private let epoll: Int32
    private let wake: Int32
    private var descriptors: [Descriptor] = []
    /// The connections by their own port. Those to different peers may share one.
    private var connections: [UInt16: [Int32]] = [:]
    private let ready: UnsafeMutableBufferPointer<epoll_event>

    init(wake: Int32) throws(CurlSetupError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        self.wake = wake
        ready = .allocate(capacity: 256)
        ready.initialize(repeating: epoll_event())
        guard epoll >= 0 else { throw CurlSetupError("epoll: \(String(cString: strerror(errno)))") }
        guard control(EPOLL_CTL_ADD, wake, EPOLLIN.rawValue | EPOLLET.rawValue) == 0 else {
            throw CurlSetupError("epoll: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        ready.deallocate()
        if epoll >= 0 { close(epoll) }
    }

    func opened(_ socket: Int32) {
        guard socket >= 0 else { return }
        while descriptors.count <= Int(socket) { descriptors.append(Descriptor()) }
        descriptors[Int(socket)] = Descriptor(isConnection: true)
    }

    /// To be called while the socket is still open.
    func closed(_ socket: Int32) {
        guard descriptors.indices.contains(Int(socket)) else { return }
        if descriptors[Int(socket)].registered != 0 { _ = control(EPOLL_CTL_DEL, socket, 0) }
        let port = descriptors[Int(socket)].port
        if port != 0, let left = connections[port]?.filter({ $0 != socket }) { connections[port] = left.isEmpty ? nil : left }
        descriptors[Int(socket)] = Descriptor()
    }

    /// Whether an idle connection of this port has bytes, or its end, to be read: something of which nobody has asked for any.
    func hasInput(idleConnectionsOf port: UInt16) -> Bool {
        for socket in connections[port, default: []] where descriptors[Int(socket)].wanted == 0 {
            var byte: UInt8 = 0
            let count = recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
            if count >= 0 || errno != EAGAIN { return true }
        }
        return false
    }

    /// What curl wants to hear about a socket (`CURL_POLL_…`). False when the kernel refuses to watch it.
    func watch(_ socket: Int32, _ interest: Int32) -> Bool {
        guard socket >= 0 else { return false }
        while descriptors.count <= Int(socket) { descriptors.append(Descriptor()) }
        var wanted: UInt32 = 0
        if interest == CURL_POLL_IN || interest == CURL_POLL_INOUT { wanted |= EPOLLIN.rawValue }
        if interest == CURL_POLL_OUT || interest == CURL_POLL_INOUT { wanted |= EPOLLOUT.rawValue }
        var descriptor = descriptors[Int(socket)]
        descriptor.wanted = wanted
        if descriptor.isConnection, descriptor.port == 0 {
            descriptor.port = Self.port(of: socket)
            if descriptor.port != 0 { connections[descriptor.port, default: []].append(socket) }
        }
        defer { descriptors[Int(socket)] = descriptor }

        if wanted == 0, !descriptor.isConnection {
            if descriptor.registered != 0 { _ = control(EPOLL_CTL_DEL, socket, 0) }
            descriptor.registered = 0
            return true
        }
        let staysAsItIs = wanted == descriptor.registered || (wanted == 0 && descriptor.registered & EPOLLOUT.rawValue == 0)
        guard !staysAsItIs else { return true }
        let result: Int32
        if wanted == 0 {
            result = control(EPOLL_CTL_DEL, socket, 0)
        } else if descriptor.registered == 0 {
            result = control(EPOLL_CTL_ADD, socket, wanted)
        } else {
            result = control(EPOLL_CTL_MOD, socket, wanted)
        }
        descriptor.registered = result == 0 ? wanted : 0
        return result == 0
    }

    /// Waits for at most that many milliseconds (-1: as long as it takes); how many descriptors are ready.
    func wait(milliseconds: Int32) -> Int {
        // An interrupted wait is an empty one: the loop comes round again.
        max(0, Int(epoll_wait(epoll, ready.baseAddress, Int32(ready.count), milliseconds)))
    }

    /// Calls `body` with each socket that is ready and its `CURL_CSELECT_…` bits.
    func forEach(ofFirst count: Int, _ body: (Int32, Int32) -> Void) {
        for index in 0..<count {
            let socket = ready[index].data.fd
            guard socket != wake else { continue }
            // An earlier event of this batch may have closed the socket or ended the interest in it.
            let descriptor = descriptors[Int(socket)]
            guard descriptor.wanted != 0 else {
                if descriptor.registered != 0 {
                    _ = control(EPOLL_CTL_DEL, socket, 0)
                    descriptors[Int(socket)].registered = 0
                }
                continue
            }
            let events = ready[index].events
            var bits: Int32 = 0
            if events & EPOLLIN.rawValue != 0 { bits |= CURL_CSELECT_IN }
            if events & EPOLLOUT.rawValue != 0 { bits |= CURL_CSELECT_OUT }
            if bits == 0 {
                // An error: curl learns which by doing what it wanted to do.
                if descriptor.wanted & EPOLLIN.rawValue != 0 { bits |= CURL_CSELECT_IN }
                if descriptor.wanted & EPOLLOUT.rawValue != 0 { bits |= CURL_CSELECT_OUT }
            }
            body(socket, bits)
        }
    }

    private static func port(of socket: Int32) -> UInt16 {
        // The port stands at the same place in an address of either family.
        var address = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        return result == 0 ? UInt16(bigEndian: address.sin6_port) : 0
    }

    private func control(_ operation: Int32, _ socket: Int32, _ events: UInt32) -> Int32 {
        var event = epoll_event()
        event.events = events
        event.data.fd = socket
        return epoll_ctl(epoll, operation, socket, &event)
    }
}
