import GatewayCore
import HTTP1
import NIOCore

/// A place that calls go to, with the connections that wait for their next call there.
///
/// Confined to its event loop.
final class Endpoint {
    /// Routes that may share connections.
    struct Key: Hashable {
        let baseURL: String
        let certificateAuthorities: String?

        init(_ route: UpstreamRoute) {
            baseURL = route.baseURL
            certificateAuthorities = route.certificateAuthorities
        }
    }

    let address: ProviderAddress
    let certificateAuthorities: String?
    /// The latest last.
    var idle: [ProviderConnection] = []
    /// No call comes here any more.
    var isForgotten = false

    init?(_ key: Key) {
        guard let address = ProviderAddress(key.baseURL) else { return nil }
        self.address = address
        certificateAuthorities = key.certificateAuthorities
    }
}
