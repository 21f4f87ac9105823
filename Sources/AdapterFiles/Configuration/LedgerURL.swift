package import GatewayCore

extension LedgerSettings.Engine {
    /// The engine that a URL names; nil for any other.
    package init?(url: String, relativeTo folder: String) {
        if url.hasPrefix("sqlite:") {
            let path = url.dropFirst("sqlite:".count)
            guard !path.isEmpty, !path.hasPrefix(":"), !path.hasSuffix("/") else { return nil }
            self = .sqlite(path: Path.joined(folder, String(path)))
        } else if ["postgres://", "postgresql://"].contains(where: { url.hasPrefix($0) && url.utf8.count > $0.utf8.count }) {
            self = .postgres(Secret(url))
        } else {
            return nil
        }
    }
}
