package import JSONPath

/// What an adapter says of an operation's event streams: `stream`.
package struct Streaming: Sendable {
    /// What becomes of a stream whose caller leaves.
    package enum Departure: String, Sendable, Hashable, CaseIterable {
        /// It is cut, and what has come is counted.
        case cancel
        /// It is read to its end, within the provider's `total`, and charged as reported.
        case drain
    }

    /// Text that is counted where a stream ends before its usage.
    package struct Text: Sendable {
        /// The quantity that the count stands for.
        package var name: String
        package var paths: [JSONPath]

        package init(name: String, paths: [JSONPath]) {
            self.name = name
            self.paths = paths
        }
    }

    /// Which requests, by their bodies, ask for a stream.
    package var when: JSONLogical
    /// Members that such a request's body gets; objects are merged.
    package var request: [JSONValue.Member]
    /// Events that come of `request` alone and that a caller who has not asked for them does not see.
    package var omit: JSONLogical?
    /// Takes the place of the operation's usage, by name.
    package var usage: [(name: String, quantity: Quantity)]
    package var text: Text?
    package var onDisconnect: Departure

    package init(
        when: JSONLogical, request: [JSONValue.Member] = [], omit: JSONLogical? = nil, usage: [(name: String, quantity: Quantity)] = [],
        text: Text? = nil, onDisconnect: Departure = .cancel
    ) {
        self.when = when
        self.request = request
        self.omit = omit
        self.usage = usage
        self.text = text
        self.onDisconnect = onDisconnect
    }
}
