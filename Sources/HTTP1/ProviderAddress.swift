/// Where a base URL leads: `http(s)://host[:port][/path]`, and nothing else.
package struct ProviderAddress: Sendable {
    package let isTLS: Bool
    /// A name or an IP address; an IPv6 address stands without its brackets.
    package let host: String
    package let port: Int
    /// What precedes every target; empty or with a leading slash.
    package let path: String
    /// The value of the `Host` field: as the base URL has it, without a port that goes without saying.
    package let authority: String

    /// What is said of a base URL that is none.
    package static let refusal = "the provider's base URL is not http(s)://host[:port][/path]"

    package init?(_ url: String) {
        let rest: Substring
        if url.hasPrefix("https://") {
            (isTLS, rest) = (true, url.dropFirst(8))
        } else if url.hasPrefix("http://") {
            (isTLS, rest) = (false, url.dropFirst(7))
        } else {
            return nil
        }
        let isPlain = rest.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        let authority = rest.prefix { $0 != "/" }
        guard isPlain, !authority.contains("@"), !authority.contains("\\") else { return nil }
        path = String(rest[authority.endIndex...])
        let name: Substring
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            name = authority[...end]
            host = String(name.dropFirst().dropLast())
        } else {
            name = authority.prefix { $0 != ":" }
            host = String(name)
        }
        guard !host.isEmpty else { return nil }
        let number = authority[name.endIndex...]
        let usual = isTLS ? 443 : 80
        if number.isEmpty {
            port = usual
        } else {
            guard number.first == ":", number.dropFirst().utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let port = UInt16(number.dropFirst()), port > 0
            else { return nil }
            self.port = Int(port)
        }
        self.authority = port == usual ? String(name) : "\(name):\(port)"
    }
}
