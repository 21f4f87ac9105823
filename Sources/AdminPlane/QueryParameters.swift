import GatewayCore
import Hummingbird

/// The parameters in a request's query, each at most once.
struct QueryParameters {
    private var values: [String: String] = [:]

    static let largestPage = 1000
    static let standardPage = 100

    init(_ request: Request) throws {
        for part in (request.uri.query ?? "").split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = PercentCoding.decoded(halves[0])
            guard values[name] == nil else { throw Refusal(400, "Bad request", "'\(name)' is there twice.") }
            // A plus is a plus, as in an instant's distance from UTC.
            values[name] = halves.count > 1 ? PercentCoding.decoded(halves[1]) : ""
        }
    }

    var names: Dictionary<String, String>.Keys { values.keys }

    /// An id or a name.
    func text(_ name: String) throws -> String? {
        guard let text = values[name] else { return nil }
        guard (1...128).contains(text.unicodeScalars.count) else {
            throw Refusal(400, "Bad request", "'\(name)' is a text of 1 to 128 characters.")
        }
        return text
    }

    /// Any text.
    func raw(_ name: String) -> String? { values[name] }

    func instant(_ name: String) throws -> Timestamp? {
        guard let text = values[name] else { return nil }
        guard let instant = Timestamp(text) else {
            throw Refusal(400, "Bad request", "'\(name)' is a date (2026-11-01) or an RFC 3339 instant (2026-11-01T08:00:00Z).")
        }
        return instant
    }

    /// The end of what is asked for: a date is included, an instant is not.
    func end(_ name: String) throws -> Timestamp? {
        try instant(name).map { values[name]?.utf8.count == 10 ? $0.adding(seconds: 86_400) : $0 }
    }

    /// Whether something is wished.
    func flag(_ name: String) throws -> Bool {
        switch values[name] {
        case nil, "false": return false
        case "true": return true
        case _?: throw Refusal(400, "Bad request", "'\(name)' is true or false.")
        }
    }

    func number(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = values[name] else { return nil }
        // No sign and no zero in front: one way to write a number.
        guard let number = Int(text), range.contains(number), String(number) == text else {
            throw Refusal(400, "Bad request", "'\(name)' is a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// How many of a list are asked for.
    func limit() throws -> Int { try number("limit", in: 1...Self.largestPage) ?? Self.standardPage }

    /// Where a list goes on, read by whoever has given it.
    func cursor<Place>(_ read: (String) -> Place?) throws -> Place? {
        guard let text = values["cursor"] else { return nil }
        guard let place = read(text) else {
            throw Refusal(400, "Bad request", "'cursor' is what an earlier answer to the same question gave as next.")
        }
        return place
    }
}
