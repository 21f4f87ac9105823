import Dispatch
import Glibc
import NIOCore
import NIOPosix

/// Looks up one name, on a thread of its own: NIO's resolver does so one name after another, and a name whose servers are silent would
/// hold up all others.
final class NameResolver: Resolver, Sendable {
    private let v4: EventLoopPromise<[SocketAddress]>
    private let v6: EventLoopPromise<[SocketAddress]>

    init(_ eventLoop: any EventLoop) {
        v4 = eventLoop.makePromise()
        v6 = eventLoop.makePromise()
    }

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        v4.futureResult
    }

    /// The first of the two to be called; one look-up answers both.
    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        DispatchQueue.global().async { self.resolve(host, port) }
        return v6.futureResult
    }

    func cancelQueries() {}

    private func resolve(_ host: String, _ port: Int) {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            let error = LookupError(description: String(cString: gai_strerror(code)))
            v6.fail(error)
            return v4.fail(error)
        }
        defer { freeaddrinfo(list) }
        var (found4, found6): ([SocketAddress], [SocketAddress]) = ([], [])
        var next = list
        while let entry = next?.pointee {
            next = entry.ai_next
            guard let address = UnsafeRawPointer(entry.ai_addr) else { continue }
            switch entry.ai_family {
            case AF_INET: found4.append(SocketAddress(address.loadUnaligned(as: sockaddr_in.self), host: host))
            case AF_INET6: found6.append(SocketAddress(address.loadUnaligned(as: sockaddr_in6.self), host: host))
            default: break
            }
        }
        v6.succeed(found6)
        v4.succeed(found4)
    }
}

private struct LookupError: Error, CustomStringConvertible {
    let description: String
}
