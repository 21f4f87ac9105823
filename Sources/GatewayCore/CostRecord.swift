/// What a call's cost was computed from.
package enum CostBasis: String, Sendable, Hashable, CaseIterable {
    /// The price table and the answer's usage.
    case table
    /// What was reserved: the answer could not be metered, was cut, or never came to an end.
    case estimate
}

/// Whether an answer came from a cache; `none` where the operation has none.
package enum CacheOutcome: String, Sendable, Hashable, CaseIterable {
    case hit, miss, coalesced, bypass, none
}

/// One forwarded call: a row of `api_cost_tracking`.
package struct CostRecord: Sendable, Hashable {
    package var id: CallID
    package var workspace: String
    package var user: String?
    package var provider: String
    /// The path without its query, cut to 100 characters.
    package var endpoint: String?
    package var operation: String?
    package var cost: Money
    package var basis: CostBasis
    package var priceVersion: String?
    /// What was held for it.
    package var estimate: Money
    /// What the provider itself says it cost.
    package var reportedCost: Money?
    /// The provider's status; nil when no response head came.
    package var status: Int?
    package var cache: CacheOutcome
    /// What a call would have cost that was answered with what another has paid for; nil for every other call.
    package var saved: Money?
    /// How many records the call has brought. 0: none, or it was charged and what came could not be read. nil: it has no answer to that, as an
    /// operation whose answers do not become records, an answer from a cache, or a provider that failed without being paid.
    package var found: Int?
    /// Milliseconds from reservation to settlement.
    package var duration: Int?
    /// The sum of charged quantities whose unit ends in `token`.
    package var tokens: Int64?
    package var entityType: String?
    package var entityID: String?
    /// A JSON object with the method and the cost lines; never a body.
    package var requestData: String?
    package var success: Bool
    package var errorMessage: String?
    /// The instant of the reservation, which decides the windows that the call counts in.
    package var createdAt: Timestamp
    /// The start of the workspace's day at the reservation, in its zone then: the rollups' key.
    package var day: Timestamp
    /// The value that an operation with `once` charges a single time.
    package var onceKey: String?
    /// What it tells of the provider's own count; nil where that is not compared.
    package var reading: ProviderReading?

    package init(
        id: CallID, workspace: String, user: String? = nil, provider: String, endpoint: String? = nil, operation: String? = nil,
        cost: Money,
        basis: CostBasis, priceVersion: String? = nil, estimate: Money, reportedCost: Money? = nil, status: Int? = nil,
        cache: CacheOutcome = .none, saved: Money? = nil, found: Int? = nil, duration: Int? = nil, tokens: Int64? = nil,
        entityType: String? = nil,
        entityID: String? = nil,
        requestData: String? = nil, success: Bool, errorMessage: String? = nil, createdAt: Timestamp, day: Timestamp,
        onceKey: String? = nil,
        reading: ProviderReading? = nil
    ) {
        self.id = id
        self.workspace = workspace
        self.user = user
        self.provider = provider
        self.endpoint = endpoint
        self.operation = operation
        self.cost = cost
        self.basis = basis
        self.priceVersion = priceVersion
        self.estimate = estimate
        self.reportedCost = reportedCost
        self.status = status
        self.cache = cache
        self.saved = saved
        self.found = found
        self.duration = duration
        self.tokens = tokens
        self.entityType = entityType
        self.entityID = entityID
        self.requestData = requestData
        self.success = success
        self.errorMessage = errorMessage
        self.createdAt = createdAt
        self.day = day
        self.onceKey = onceKey
        self.reading = reading
    }
}

/// A price entry as it stood, kept once for each version that a row names.
package struct PriceVersionRecord: Sendable, Hashable {
    package var provider: String
    /// The effective date, `+`, and the first 8 hex digits of the SHA-256 of `canonical`.
    package var version: String
    /// The entry with this deployment's overrides, as canonical JSON.
    package var canonical: String

    package init(provider: String, version: String, canonical: String) {
        self.provider = provider
        self.version = version
        self.canonical = canonical
    }
}

/// What the journal keeps, in the order in which it happened. Indirect: an entry passes through several hands, and a record is large.
package indirect enum JournalEntry: Sendable, Hashable {
    /// A call is about to be forwarded. The record is the row that it becomes if nothing more is heard of it:
    /// its estimate, basis `estimate`, `interrupted`.
    case held(CostRecord)
    /// A call is over.
    case settled(CostRecord)
    /// A held call never reached its provider.
    case released(CallID)
    /// A price version that rows from here on may name.
    case priced(PriceVersionRecord)
    /// An answer is served again until it expires.
    case kept(KeptAnswer)
    /// A normalized record is to be stored.
    case stored(EntityRecord)
}
