/// Checks of URLs, made here because what follows from a wrong one (a key sent to the wrong host) is worse than a refusal.
enum WebAddress {
    enum Purpose {
        /// A provider's base: no user, query or fragment.
        case base
        /// Where something is posted: no user or fragment.
        case endpoint
        /// Where somebody reads.
        case page
        /// An egress proxy: `http` or `https`, perhaps a user, no path.
        case proxy
    }

    /// Why a text is no URL for a purpose; nil when it is one.
    static func problem(_ text: String, as purpose: Purpose) -> String? {
        let bytes = text.utf8
        guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }) else { return "it begins with https:// or http://" }
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) && !"\"<>\\^`{|}".utf8.contains($0) }) else {
            return "it has characters that need percent-encoding"
        }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let tail = rest[authority.endIndex...]
        if purpose != .page, tail.contains("#") { return "it has a fragment" }
        if purpose == .base || purpose == .proxy, tail.contains("?") { return "it has a query" }
        var host = authority
        if let at = authority.lastIndex(of: "@") {
            guard purpose == .proxy else { return "it has a user or password" }
            host = authority[authority.index(after: at)...]
        }
        if purpose == .proxy, !tail.isEmpty, tail != "/" { return "it has a path" }
        if purpose == .base, tail.split(separator: "/").contains(where: { $0 == "." || $0 == ".." }) { return "its path has '.' or '..'" }
        return hostProblem(host)
    }

    private static func hostProblem(_ text: Substring) -> String? {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return "its host has '[' without ']'" }
            host = text[...end]
            let rest = text[text.index(after: end)...]
            if !rest.isEmpty {
                guard rest.first == ":" else { return "its host is malformed" }
                port = rest.dropFirst()
            }
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.isEmpty, host != "[]" else { return "it has no host" }
        if let port {
            guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port), (1...65_535).contains(number) else {
                return "its port is none"
            }
        }
        guard host.hasPrefix("[") || host.utf8.allSatisfy({ $0 != 0x25 && !"!$&'()*+,;=@[]".utf8.contains($0) }) else {
            return "its host is malformed"
        }
        return nil
    }
}
