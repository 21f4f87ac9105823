package import JSONPath

/// What became of what was replayed.
package struct ReplayOutcome: Sendable, Hashable {
    /// Records given to the ledger.
    package var records = 0
    /// Those of them that it did not have.
    package var new = 0
    /// Those that cannot be rows and wait in `rejected_records` for a person.
    package var setAside = 0
    /// Those of calls that are in flight in the running gateway, which settles them itself.
    package var inFlight = 0
    package var priceVersions = 0

    /// The media type of replayable lines.
    package static let lineType = "application/vnd.gateway.replay"

    package init() {}

    /// Those that the ledger had.
    package var known: Int { records - new - setAside - inFlight }

    package static func += (left: inout ReplayOutcome, right: ReplayOutcome) {
        for member in members { left[keyPath: member.path] += right[keyPath: member.path] }
    }

    private static var members: [(name: String, path: WritableKeyPath<ReplayOutcome, Int>)] {
        [
            ("records", \.records), ("new", \.new), ("set_aside", \.setAside), ("in_flight", \.inFlight),
            ("price_versions", \.priceVersions),
        ]
    }

    /// As the admin plane answers it.
    package var json: JSONValue {
        .object(Self.members.map { .init($0.name, .number(JSONNumber(Int64(self[keyPath: $0.path])))) })
    }

    /// Reads such an answer; nil for anything else.
    package init?(_ json: JSONNode) {
        for member in Self.members {
            guard let count = (json[member.name]?.number).flatMap({ Int($0.text) }) else { return nil }
            self[keyPath: member.path] = count
        }
    }
}

/// Why nothing, or not all, was recorded. Doing it again is safe: what is there changes nothing.
package struct ReplayError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// What was sent is no replayable lines.
        case malformed
        /// The ledger takes no records at the moment.
        case unavailable
    }

    package var kind: Kind
    package var description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
