package import JSONPath

/// A provider, as its one YAML file describes it: how it is reached, what it costs, and how its answers are metered.
package struct Adapter: Sendable {
    /// `[a-z][a-z0-9-]*`, the first path segment that callers use.
    package var provider: String
    package var title: String
    package var upstream: UpstreamSettings
    /// The names of the columns that choose a price row.
    package var dimensions: [String]
    package var prices: PriceTable
    /// In file order: the first that matches counts.
    package var operations: [Operation]
    package var examples: [Example]
    /// How it finds people and companies, where it can: the first rule for which enough is known counts.
    package var enrichment: [RecordEntity: [EnrichmentRule]]
    /// How the provider tells what it has counted; nil where it does not.
    package var reconciliation: Reconciliation?
    /// Environment variables that its file names and that are not set: it is loaded, but off.
    package var missingVariables: [String]
    /// False where config.yaml turns it off.
    package var isEnabled: Bool

    package init(
        provider: String, title: String, upstream: UpstreamSettings, dimensions: [String] = [], prices: PriceTable, operations: [Operation],
        examples: [Example] = [], enrichment: [RecordEntity: [EnrichmentRule]] = [:], reconciliation: Reconciliation? = nil,
        missingVariables: [String] = [], isEnabled: Bool = true
    ) {
        self.provider = provider
        self.title = title
        self.upstream = upstream
        self.dimensions = dimensions
        self.prices = prices
        self.operations = operations
        self.examples = examples
        self.enrichment = enrichment
        self.reconciliation = reconciliation
        self.missingVariables = missingVariables
        self.isEnabled = isEnabled
    }

    /// Which operation serves a request, by its place in ``operations``, and what its pattern captured.
    package struct Match: Sendable {
        package let index: Int
        /// Percent-encoded as they came, but for characters that need no encoding.
        package let captures: [String: String]
    }

    /// The first operation, in file order, that serves a method and path.
    ///
    /// `path` is without the query and without the provider's own segment; it begins with `/`. See ``RoutePattern/canonical(path:)`` for spellings.
    package func match(method: String, path: String) -> Match? {
        guard let path = RoutePattern.canonical(path: path) else { return nil }
        for index in operations.indices {
            if let captures = operations[index].match.captures(method: method, path: path) {
                return Match(index: index, captures: captures)
            }
        }
        return nil
    }
}

/// How a provider is reached and what is added to its calls.
package struct UpstreamSettings: Sendable, Hashable {
    /// Where the provider's credential goes.
    package enum Authentication: Sendable, Hashable {
        case header(name: String, value: Secret)
        case query(name: String, value: Secret)
    }

    /// Where a caller's SDK may put what it takes for the provider's key.
    package enum CredentialPlace: Sendable, Hashable {
        case header(String)
        case query(String)
    }

    package var route: UpstreamRoute
    package var authentication: Authentication?
    /// Further places than `authentication`'s own; a caller's credential never leaves the gateway from any of them.
    package var callerCredentials: [CredentialPlace]
    /// Sent unless the caller sends its own.
    package var headers: [Header]

    package struct Header: Sendable, Hashable {
        package var name: String
        package var value: Secret

        package init(name: String, value: Secret) {
            self.name = name
            self.value = value
        }
    }

    /// Everywhere that a caller's credential may be, the adapter's own place included.
    package var credentialPlaces: [CredentialPlace] {
        switch authentication {
        case .header(let name, _): callerCredentials + [.header(name)]
        case .query(let name, _): callerCredentials + [.query(name)]
        case nil: callerCredentials
        }
    }

    package init(
        route: UpstreamRoute, authentication: Authentication? = nil, callerCredentials: [CredentialPlace] = [], headers: [Header] = []
    ) {
        self.route = route
        self.authentication = authentication
        self.callerCredentials = callerCredentials
        self.headers = headers
    }
}

/// One of an adapter's own tests; `gateway check` runs it and the sandbox replays it.
package struct Example: Sendable {
    package struct Request: Sendable {
        package var method: String
        /// The path, perhaps with a query of its own.
        package var path: String
        package var query: [(name: String, value: String)]
        package var headers: HeaderList
        /// The body's bytes: JSON serialized, or the text as it stood.
        package var body: [UInt8]?

        package init(
            method: String, path: String, query: [(name: String, value: String)] = [], headers: HeaderList = HeaderList(),
            body: [UInt8]? = nil
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.headers = headers
            self.body = body
        }
    }

    package struct Response: Sendable {
        package var status: Int
        package var headers: HeaderList
        package var body: [UInt8]

        package init(status: Int, headers: HeaderList = HeaderList(), body: [UInt8] = []) {
            self.status = status
            self.headers = headers
            self.body = body
        }
    }

    /// What must come out. What is nil is not checked.
    package struct Expectation: Sendable {
        package var operation: String?
        package var estimate: Money?
        package var cost: Money?
        package var basis: CostBasis?
        package var reported: Money?
        package var priceVersion: String?
        package var normalized: Records?
        /// What the call counts in the provider's balance, and what its answer says is left.
        package var counted: Credits?
        package var remaining: Credits?

        /// Fields that records must have; those that are `null` they must not have. Other fields are not checked.
        package enum Records: Sendable {
            /// There is a record, and the first has these.
            case first(JSONValue)
            /// There are as many records as here.
            case all([JSONValue])
        }

        package init(
            operation: String? = nil, estimate: Money? = nil, cost: Money? = nil, basis: CostBasis? = nil, reported: Money? = nil,
            priceVersion: String? = nil, normalized: Records? = nil, counted: Credits? = nil, remaining: Credits? = nil
        ) {
            self.operation = operation
            self.estimate = estimate
            self.cost = cost
            self.basis = basis
            self.reported = reported
            self.priceVersion = priceVersion
            self.normalized = normalized
            self.counted = counted
            self.remaining = remaining
        }
    }

    package var name: String
    /// The day that it is priced as of; nil for the newest `checked` date.
    package var at: Timestamp?
    package var request: Request
    package var response: Response
    package var expectation: Expectation
    /// Where it stands in its file, for messages: `plugins/acme.yaml:14:5`.
    package var location: String

    package init(name: String, at: Timestamp? = nil, request: Request, response: Response, expectation: Expectation, location: String) {
        self.name = name
        self.at = at
        self.request = request
        self.response = response
        self.expectation = expectation
        self.location = location
    }
}
