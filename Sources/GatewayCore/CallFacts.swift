package import JSONPath

/// What a request says that its price may depend on.
package struct RequestFacts: Sendable {
    package enum Body: Sendable {
        /// There is none: every path selects nothing.
        case none
        case json(JSONNode)
        /// There is one, and it cannot be read; the reason, for the caller. A call whose price depends on it has no price.
        case unreadable(String)
    }

    /// What the operation's pattern captured, percent-encoded as it came.
    package var captures: [String: String]
    /// As it came, without the `?`.
    package var query: String?
    package var body: Body

    package init(captures: [String: String] = [:], query: String? = nil, body: Body = .none) {
        self.captures = captures
        self.query = query
        self.body = body
    }

    /// A body from its bytes.
    package static func body(_ bytes: [UInt8]?) -> Body {
        guard let bytes, !bytes.isEmpty else { return .none }
        do {
            return .json(try JSONDocument(parsing: bytes).root)
        } catch {
            return .unreadable("the request's body is not JSON")
        }
    }

    /// The values of a parameter, percent-decoded, in order.
    func parameters(_ name: String) -> [String] {
        guard let query else { return [] }
        var values: [String] = []
        var rest = query[...]
        while !rest.isEmpty {
            let end = rest.utf8.firstIndex(of: UInt8(ascii: "&")) ?? rest.endIndex
            let pair = rest[..<end]
            rest = end == rest.endIndex ? rest[end...] : rest[rest.utf8.index(after: end)...]
            let equals = pair.utf8.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            guard PercentCoding.decoded(pair[..<equals], isQuery: true) == name else { continue }
            values.append(equals == pair.endIndex ? "" : PercentCoding.decoded(pair[pair.utf8.index(after: equals)...], isQuery: true))
        }
        return values
    }

    /// A capture's value, percent-decoded.
    func capture(_ name: String) -> String? {
        captures[name].map { PercentCoding.decoded($0[...]) }
    }
}

/// What an answer says that its price may depend on.
package struct ResponseFacts: Sendable {
    package enum Body: Sendable {
        /// Nobody read it, because the meter does not need it.
        case unread
        case json(JSONNode)
        /// It is whole and no JSON: conditions select nothing; a quantity that needs it has no value.
        case notJSON(String)
        /// What it says cannot be known: cut short, in an unknown encoding, too large. Whatever needs it, conditions too, has no value.
        case unreadable(String)
        /// Conditions are ignored; a quantity that needs it has no value.
        case eventStream
    }

    package var status: Int
    package var headers: HeaderList
    package var body: Body

    package init(status: Int, headers: HeaderList, body: Body = .unread) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A whole, decoded body that is no event stream, from its bytes.
    package static func body(_ bytes: [UInt8]) -> Body {
        do {
            return .json(try JSONDocument(parsing: bytes).root)
        } catch {
            return .notJSON(bytes.isEmpty ? "the answer's body is empty" : "the answer's body is not JSON: \(error)")
        }
    }
}
