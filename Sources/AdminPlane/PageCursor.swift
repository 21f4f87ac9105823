import GatewayCore
import JSONPath

/// Which page of a list is asked for: so many elements, after the one that the page before ended with.
struct PageCursor {
    var limit: Int
    var after: CallID?

    private static let largest = 1000

    init(limit: String?, cursor: String?) throws(PageCursorError) {
        guard let limit = Int(limit ?? "100"), (1...Self.largest).contains(limit) else {
            throw PageCursorError(description: "'limit' is a whole number from 1 to \(Self.largest).")
        }
        self.limit = limit
        guard let cursor else { return }
        guard let id = CallID(cursor) else {
            throw PageCursorError(description: "'cursor' is what an earlier answer gave as next.")
        }
        after = id
    }

    /// The next page's cursor; null where what was found, asked for with one more than the limit, shows that there is none.
    func next<Element>(_ found: [Element], id: (Element) -> CallID) -> JSONValue {
        found.count > limit ? .string(id(found[limit - 1]).description) : .null
    }
}

struct PageCursorError: Error, CustomStringConvertible {
    var description: String
}
