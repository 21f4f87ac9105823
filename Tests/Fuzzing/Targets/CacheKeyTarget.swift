import GatewayCore
import JSONPath

extension FuzzTarget {
    /// Two request bodies, an empty line between them: they have one key if, and only if, they are the same JSON or the same bytes.
    static let cacheKey = FuzzTarget("cache-key", maximumLength: 512, shortRun: 4000) { bytes in
        let (text, other) = halves(bytes)
        guard let other else { return false }
        let first = Array(text.utf8)
        func canonical(_ body: [UInt8], query: String? = nil) -> [UInt8] {
            CacheQuestion(
                workspace: "w", provider: "p", operation: "o", method: "POST", path: "/", query: query, body: body, headers: []
            ).canonicalBytes
        }
        let (a, b) = (try? JSONDocument(parsing: first).root, try? JSONDocument(parsing: other).root)
        var areEqual = first == other
        if let a, let b, !a.repeatsNames, !b.repeatsNames, (try? JSONValue(a)) != nil, (try? JSONValue(b)) != nil {
            areEqual = areEqual || a.isEqual(to: b)
        }
        try promise((canonical(first) == canonical(other)) == areEqual, "bodies that are \(areEqual ? "equal" : "different") to a parser")
        // The same bytes as a query: sorted, no parameter is lost and none is gained.
        let query = String(decoding: other, as: UTF8.self)
        let reversed = query.split(separator: "&", omittingEmptySubsequences: false).reversed()
        let names = reversed.map { $0.prefix { $0 != "=" } }
        if Set(names).count == names.count {
            try promise(
                canonical([], query: query) == canonical([], query: reversed.joined(separator: "&")), "the order of '\(query)' matters")
        }
        try promise(canonical([], query: query) != canonical([], query: query + "&"), "a parameter more is nothing")
        return areEqual
    }
}
