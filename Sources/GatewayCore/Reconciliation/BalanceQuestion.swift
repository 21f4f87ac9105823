extension UpstreamSettings {
    /// Puts the provider's credentials where it wants them.
    package func addCredentials(to headers: inout HeaderList, query: inout String?) {
        switch authentication {
        case .header(let name, let value):
            headers.append(name, value.reveal())
        case .query(let name, let value):
            let parameter = "\(PercentCoding.encoded(name))=\(PercentCoding.encoded(value.reveal()))"
            query = query.flatMap { $0.isEmpty ? nil : "\($0)&\(parameter)" } ?? parameter
        case nil:
            break
        }
    }
}

extension Adapter {
    /// The question for the provider's balance; nil where its answers tell it.
    package var balanceQuestion: UpstreamRequest? {
        guard let endpoint = reconciliation?.endpoint else { return nil }
        let parts = endpoint.path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var headers = HeaderList([("Accept", "application/json"), ("Accept-Encoding", "identity")])
        for header in upstream.headers where !headers.contains(header.name) { headers.append(header.name, header.value.reveal()) }
        var query = parts.count > 1 ? parts[1] : nil
        upstream.addCredentials(to: &headers, query: &query)
        return UpstreamRequest(
            method: "GET", target: query.map { "\(parts[0])?\($0)" } ?? parts[0], headers: headers, body: .none, route: upstream.route)
    }
}
