import GatewayCore

/// Who a request is from, as the configuration says that this is told: believed from a header, or proved by a key.
struct Authentication {
    let configuration: Configuration
    let keys: KeyRing
    let now: Timestamp

    /// The paying workspace, and the key that was shown where keys are what counts.
    ///
    /// - Parameter provider: The one that is asked for, whose own credential's places may hold the gateway's key.
    func workspace(of head: RequestHead, for provider: Provider?) throws(Problem) -> (workspace: String, key: CallerKey?) {
        let named = try Caller.identifier("X-Workspace-Id", head.headers)
        switch configuration.authentication {
        case .header:
            // This mode listens on loopback alone, which a browser reaches too. Services send no Origin, and may use any name of a mesh.
            if let origin = head.headers.first("Origin"), !LoopbackRequest.isOwn(host: head.headers.first("Host"), origin: origin) {
                throw Problem(
                    .notAllowed, "This is a web page's request, and pages of elsewhere are not answered; use 'auth: { mode: keys }'.")
            }
            guard let workspace = named ?? configuration.defaultWorkspace else {
                throw Problem(.workspaceRequired, "Say which workspace pays for this call: send the header X-Workspace-Id.")
            }
            return (workspace, nil)
        case .keys:
            let key = try identify(head, provider)
            guard named == nil || named == key.workspace else {
                throw Problem(.unauthenticated, "The key is not of the workspace that X-Workspace-Id names.")
            }
            return (key.workspace, key)
        }
    }

    private func identify(_ head: RequestHead, _ provider: Provider?) throws(Problem) -> CallerKey {
        guard let shown = Self.key(in: head, provider) else {
            throw Problem(
                .unauthenticated,
                "Show a key of this gateway (gwk_…): in X-Gateway-Key, in Authorization: Bearer, or where the provider's own key goes.")
        }
        switch keys.identify(KeyDigest(of: shown), at: now) {
        case .granted(let key): return key
        case .unknown: throw Problem(.unauthenticated, "This gateway has no such key.")
        case .revoked: throw Problem(.unauthenticated, "The key has been revoked.")
        case .expired: throw Problem(.unauthenticated, "The key has expired.")
        case .unreadable:
            var problem = Problem(.keysUnavailable, "The gateway cannot read its keys at the moment, and has not seen this one before.")
            problem.retryAfter = 1
            throw problem
        }
    }

    /// The first of the places that have one; what stands in `X-Gateway-Key` is meant for the gateway, whatever it looks like.
    private static func key(in head: RequestHead, _ provider: Provider?) -> ArraySlice<UInt8>? {
        if let index = head.headers.firstIndex(of: "X-Gateway-Key") { return head.headers[index].value }
        if let key = key(in: head.headers, "Authorization") { return key }
        for place in provider?.credentialPlaces ?? [] {
            switch place {
            case .header(let name):
                if let key = key(in: head.headers, name) { return key }
            case .query(let name):
                for part in head.query?.split(separator: "&") ?? [] {
                    let pair = part.split(separator: "=", maxSplits: 1)
                    guard pair.count == 2, PercentCoding.decoded(pair[0], isQuery: true) == name else { continue }
                    if let key = KeySecret.find(in: Array(PercentCoding.decoded(pair[1], isQuery: true).utf8)) { return key }
                }
            }
        }
        return nil
    }

    private static func key(in headers: HeaderList, _ name: String) -> ArraySlice<UInt8>? {
        var next = headers.firstIndex(of: name)
        while let index = next {
            if let key = KeySecret.find(in: headers[index].value) { return key }
            next = headers.firstIndex(of: name, from: index + 1)
        }
        return nil
    }
}
