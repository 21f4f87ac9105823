import CurlUpstream
import GatewayCore
import NIOUpstream

/// The transports, and which of them takes a call: HTTP/1.1 to the provider itself stays on the event loop of the call; HTTP/2 and egress
/// proxies are libcurl's.
final class Transports: Upstream {
    private let direct: NIOUpstream
    private let curl: CurlUpstream

    init(threads: Int) throws {
        // A provider's bound holds whichever way its calls take, before and after a reload.
        let gates = ProviderGates()
        direct = NIOUpstream(gates: gates)
        curl = try CurlUpstream(threads: threads, gates: gates)
    }

    func send(_ request: UpstreamRequest, to receiver: any UpstreamReceiver) -> any UpstreamCall {
        let isDirect = !request.route.http2 && request.route.proxy == nil
        return isDirect ? direct.send(request, to: receiver) : curl.send(request, to: receiver)
    }

    func snapshot() -> UpstreamSnapshot { direct.snapshot() + curl.snapshot() }

    func shutdown() {
        direct.shutdown()
        curl.shutdown()
    }
}
