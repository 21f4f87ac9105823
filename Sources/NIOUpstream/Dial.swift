import GatewayCore
import HTTP1
import NIOCore
import NIOPosix
import NIOSSL

/// A connection in the making, for one call: name, TCP, TLS.
///
/// Unchecked because all state is confined to the event loop.
final class Dial: @unchecked Sendable {
    private let endpoint: Endpoint
    private let transport: LoopTransport
    private let request: ByteBuffer
    private let text: RequestText
    private let connectTimeout: TimeAmount
    /// Nil once it has its connection or its refusal, or is over.
    private var call: NIOCall?
    private var connection: ProviderConnection?

    init(_ call: NIOCall, _ endpoint: Endpoint, request: ByteBuffer, _ text: RequestText) {
        self.call = call
        self.endpoint = endpoint
        self.request = request
        self.text = text
        transport = call.transport
        connectTimeout = LoopTransport.amount(call.request.route.connectTimeout)
    }

    func start() {
        guard endpoint.address.isTLS else { return connect(nil) }
        transport.shared.tls.context(endpoint.certificateAuthorities, on: transport.eventLoop).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let context): self.connect(context)
            case .failure(let error): self.failed("\(error)")
            }
        }
    }

    private func connect(_ tls: NIOSSLContext?) {
        guard call != nil else { return }
        let (host, port) = (endpoint.address.host, endpoint.address.port)
        let numeric = try? SocketAddress(ipAddress: host, port: port)
        let bootstrap = ClientBootstrap(group: transport.eventLoop)
            .connectTimeout(connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.maxMessagesPerRead, value: 1)
            // Most answers come in one read, also the first on a connection.
            .channelOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 4 << 10, initial: 16 << 10, maximum: 64 << 10))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        // An address is held against the certificate's addresses by itself; only names have an indication.
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: numeric == nil ? host : nil))
                    }
                    // There is one for each address that is tried.
                    try pipeline.addHandler(ProviderConnection(self.endpoint, self.transport))
                }
            }
        let connected =
            if let numeric { bootstrap.connect(to: numeric) } else {
                bootstrap.resolver(NameResolver(transport.eventLoop)).connect(host: host, port: port)
            }
        connected.assumeIsolated().whenComplete { result in
            switch result {
            case .failure(let error): self.failed(Self.sentence(error))
            case .success(let channel): self.connected(channel, isTLS: tls != nil)
            }
        }
    }

    private func connected(_ channel: any Channel, isTLS: Bool) {
        guard call != nil, let connection = try? channel.pipeline.syncOperations.handler(type: ProviderConnection.self) else {
            return channel.close(promise: nil)
        }
        guard isTLS else { return succeeded(connection) }
        connection.dial = self
        self.connection = connection
        // It may have ended in the meantime.
        if !channel.isActive { failed("the connection closed before it was ready") }
    }

    func handshakeCompleted(_ connection: ProviderConnection, on channel: any Channel) {
        if isForHost(channel) { return succeeded(connection) }
        let detail = "TLS: the provider's certificate is for an address and not for \(endpoint.address.host)"
        connection.dial = nil
        connection.close()
        failed(detail)
    }

    /// NIOSSL takes a certificate for the peer's address in the place of one for its name. Who directs a name to an address of their own
    /// may well have that.
    private func isForHost(_ channel: any Channel) -> Bool {
        let host = endpoint.address.host.lowercased()
        guard (try? SocketAddress(ipAddress: host, port: 0)) == nil else { return true }
        guard let certificate = try? channel.pipeline.syncOperations.nioSSL_peerCertificate() else { return false }
        let names = certificate._subjectAlternativeNames()
        guard names.contains(where: { $0.nameType == .ipAddress }) else { return true }
        return names.contains { name in
            guard name.nameType == .dnsName else { return false }
            let pattern = String(decoding: Array(name.contents), as: UTF8.self).lowercased()
            if pattern.hasPrefix("*."), let dot = host.firstIndex(of: ".") { return host[dot...] == pattern.dropFirst() }
            return host == pattern
        }
    }

    private func succeeded(_ connection: ProviderConnection) {
        connection.dial = nil
        self.connection = nil
        guard let call else { return connection.close() }
        self.call = nil
        call.phase = .running(connection)
        connection.start(call, request, text)
    }

    func failed(_ detail: String) {
        guard let call else { return }
        self.call = nil
        connection = nil
        transport.connectFailed(call, detail)
    }

    /// Nobody waits for it any more.
    func abandon() {
        call = nil
        connection?.dial = nil
        connection?.close()
        connection = nil
    }

    /// What went wrong, in a sentence without anything of a request.
    static func sentence(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let failure = error.connectionErrors.first { return sentence(failure.error) }
            return "the name \(error.host) is not known: \(error.dnsAError ?? error.dnsAAAAError ?? error)"
        case ChannelError.connectTimeout:
            return "the connection took too long"
        case NIOSSLError.uncleanShutdown:
            return "the connection closed without TLS's farewell"
        case let error as NIOSSLError:
            let text = "\(error)"
            if text.contains("CERTIFICATE_VERIFY_FAILED") {
                return "TLS: the provider's certificate is not vouched for by an authority that is trusted"
            }
            return "TLS: \(text)"
        default:
            return "\(error)"
        }
    }
}
