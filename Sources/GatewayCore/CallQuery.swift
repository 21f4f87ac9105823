/// Which calls are listed: the newest first, by the instant of the reservation and then by id. What is nil admits every call.
package struct CallQuery: Sendable, Hashable {
    package var workspace: String?
    package var provider: String?
    package var operation: String?
    /// The provider's status.
    package var status: Int?
    package var from: Timestamp?
    /// Exclusive.
    package var until: Timestamp?
    /// Only what comes behind this place.
    package var after: Place?
    package var limit: Int

    /// A row's place in that order. Rows may come before and behind it, and it stays the same.
    package struct Place: Sendable, Hashable {
        package var createdAt: Timestamp
        package var id: String

        package init(createdAt: Timestamp, id: String) {
            self.createdAt = createdAt
            self.id = id
        }
    }

    package init(
        workspace: String? = nil, provider: String? = nil, operation: String? = nil, status: Int? = nil, from: Timestamp? = nil,
        until: Timestamp? = nil, after: Place? = nil, limit: Int
    ) {
        self.workspace = workspace
        self.provider = provider
        self.operation = operation
        self.status = status
        self.from = from
        self.until = until
        self.after = after
        self.limit = limit
    }
}

/// A row of `api_cost_tracking` with the id that stands there: an application that owned the table before has made ids of its own kind.
package struct LedgerRow: Sendable, Hashable {
    package var id: String
    /// Its own id, where the row's is none of ours, is zero; its day is not read.
    package var record: CostRecord

    package init(id: String, record: CostRecord) {
        self.id = id
        self.record = record
    }

    package var place: CallQuery.Place { CallQuery.Place(createdAt: record.createdAt, id: id) }
}
