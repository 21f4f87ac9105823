/// What tells a request of this machine's own programs from one that a web page makes an operator's browser send.
///
/// A page can have its own name resolve to 127.0.0.1 (DNS rebinding), so that a loopback address keeps nobody out. The browser then still says
/// that name in `Host`, and in `Origin` whose page it is.
package enum LoopbackRequest {
    /// Whether a request was meant for this machine and comes from no page of elsewhere.
    ///
    /// - Parameter host: The field `Host`: a name or an address, with or without a port. Only what is no browser leaves it out.
    package static func isOwn(host: String?, origin: String?) -> Bool {
        guard let host = host?.lowercased() else { return origin == nil }
        guard (SocketAddress(host) ?? SocketAddress("\(host):80"))?.isLoopback == true else { return false }
        guard let origin = origin?.lowercased() else { return true }
        return origin == "http://\(host)" || origin == "https://\(host)"
    }
}
