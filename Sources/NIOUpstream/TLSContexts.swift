import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// What TLS connections are made with, by the authorities that they trust: reading those takes long, so it is done away from the event loops
/// and seldom.
final class TLSContexts: Sendable {
    private struct Entry {
        let context: EventLoopFuture<NIOSSLContext>
        let until: NIODeadline
    }

    private let entries = Mutex<[String?: Entry]>([:])
    /// So long does a replaced file of authorities go unnoticed.
    private static let lifetime = TimeAmount.minutes(30)

    /// Trusts the authorities of that PEM file, nil for the system's.
    func context(_ authorities: String?, on eventLoop: any EventLoop) -> EventLoopFuture<NIOSSLContext> {
        entries.withLock { entries in
            if let entry = entries[authorities], entry.until > .now() { return entry.context.hop(to: eventLoop) }
            let context = NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { try Self.make(authorities) }
            entries[authorities] = Entry(context: context, until: .now() + Self.lifetime)
            // A file that can be read a moment later is read then.
            context.whenFailure { _ in self.entries.withLock { $0[authorities] = nil } }
            return context
        }
    }

    private static func make(_ authorities: String?) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let authorities {
            guard let certificates = try? NIOSSLCertificate.fromPEMFile(authorities), !certificates.isEmpty else {
                throw TLSSetupError(description: "the file of certificate authorities \(authorities) cannot be read")
            }
            configuration.trustRoots = .certificates(certificates)
        }
        return try NIOSSLContext(configuration: configuration)
    }
}

private struct TLSSetupError: Error, CustomStringConvertible {
    let description: String
}
