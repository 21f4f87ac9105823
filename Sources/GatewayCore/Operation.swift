package import JSONPath
package import TokenCounting

/// One kind of call that a provider offers, and how it is metered.
package struct Operation: Sendable {
    package var name: String
    package var match: RoutePattern
    /// What the operation is about (`person`, `company`), for the ledger where the caller says nothing.
    package var entity: String?
    /// How each dimension's value is found; a dimension without an entry here has none in this operation.
    package var dimensions: [String: DimensionSource]
    /// Named quantities, in file order.
    package var usage: [(name: String, quantity: Quantity)]
    /// What is charged when the answer is billable.
    package var charge: [Line]
    package var billable: Billable
    /// The most that the call can cost, known before it is made.
    package var estimate: [Line]
    /// What the provider itself says it cost, in US dollars.
    package var reported: Quantity?
    /// The capture whose value is charged a single time for a workspace.
    package var once: String?
    /// What counts the tokens of the request's text.
    package var tokenizer: Tokenizer
    /// How its answers become records.
    package var normalization: Normalization?
    /// Whether and how its answers are kept and shared.
    package var keeping: Keeping?
    /// How its event streams are asked for and metered.
    package var streaming: Streaming?
    /// What its calls count in the provider's own balance; nil where nothing is compared.
    package var providerCount: ProviderCount?

    /// A unit and how many of it.
    package struct Line: Sendable {
        package var unit: String
        package var amount: Amount

        package init(unit: String, amount: Amount) {
            self.unit = unit
            self.amount = amount
        }
    }

    package enum Amount: Sendable {
        case expression(Expression)
        case quantity(Quantity)
    }

    package init(
        name: String, match: RoutePattern, entity: String? = nil, dimensions: [String: DimensionSource] = [:],
        usage: [(name: String, quantity: Quantity)] = [], charge: [Line] = [], billable: Billable = Billable(), estimate: [Line] = [],
        reported: Quantity? = nil, once: String? = nil, tokenizer: Tokenizer = .bytes, normalization: Normalization? = nil,
        keeping: Keeping? = nil, streaming: Streaming? = nil, providerCount: ProviderCount? = nil
    ) {
        self.name = name
        self.match = match
        self.entity = entity
        self.dimensions = dimensions
        self.usage = usage
        self.charge = charge
        self.billable = billable
        self.estimate = estimate
        self.reported = reported
        self.once = once
        self.tokenizer = tokenizer
        self.normalization = normalization
        self.keeping = keeping
        self.streaming = streaming
        self.providerCount = providerCount
    }
}

/// Where a number comes from: sources tried in order, then the default.
package struct Quantity: Sendable {
    package enum Source: Sendable {
        /// The numbers that a path selects in the answer's body, summed.
        case body(JSONPath)
        /// A header of the answer.
        case header(String)
        /// The numbers that a path selects in the request's body, summed.
        case request(JSONPath)
        /// A parameter of the request's query.
        case query(String)
        /// What the operation's path captured.
        case path(String)
        /// How many nodes a path selects, in the answer or the request.
        case count(JSONPath, inRequest: Bool)
        /// Tokens of the request's strings that the paths select; a selected node that is no string counts `each`.
        case tokens([JSONPath], each: Exact?)
        case number(Exact)
    }

    package var sources: [Source]
    package var fallback: Exact?

    package init(sources: [Source], fallback: Exact? = nil) {
        self.sources = sources
        self.fallback = fallback
    }
}

/// Where a dimension's value comes from.
package indirect enum DimensionSource: Sendable {
    package enum Source: Sendable {
        case body(JSONPath)
        case header(String)
        case request(JSONPath)
        case query(String)
        case path(String)
        case constant(String)
    }

    /// The first source that has a value (a string, number or boolean), else the default. Values that are ignored are none.
    case first([Source], fallback: String?, ignored: Set<String> = [])
    /// The label of the first range, highest first, that the quantity `of` reaches.
    case ranges(of: String, [(from: Exact, label: String)])
}

/// When an answer is charged.
package struct Billable: Sendable {
    /// nil: any 2xx.
    package var statuses: Set<Int>?
    package var when: JSONLogical?
    package var unless: JSONLogical?

    package init(statuses: Set<Int>? = nil, when: JSONLogical? = nil, unless: JSONLogical? = nil) {
        self.statuses = statuses
        self.when = when
        self.unless = unless
    }
}

extension Quantity {
    /// Whether it needs the answer's body.
    package var readsResponseBody: Bool { sources.contains(where: \.readsResponseBody) }

    /// Whether it needs the answer's status or headers.
    package var readsResponseHead: Bool {
        sources.contains { if case .header = $0 { true } else { false } }
    }

    /// Whether it counts the tokens of a text.
    var countsTokens: Bool {
        sources.contains { if case .tokens = $0 { true } else { false } }
    }

    /// Whether it needs the request's body.
    package var readsRequestBody: Bool {
        sources.contains {
            switch $0 {
            case .request, .tokens, .count(_, inRequest: true): true
            default: false
            }
        }
    }
}

extension Quantity.Source {
    /// Whether it is in the answer's body.
    var readsResponseBody: Bool {
        switch self {
        case .body, .count(_, inRequest: false): true
        default: false
        }
    }
}

extension Quantity {
    /// Whether anything of the answer can decide it.
    package var readsResponse: Bool { readsResponseBody || readsResponseHead }
}

extension DimensionSource.Source {
    /// Whether it is the answer's.
    package var readsResponse: Bool {
        switch self {
        case .body, .header: true
        case .request, .query, .path, .constant: false
        }
    }
}

extension DimensionSource {
    private var sources: [Source] {
        if case .first(let sources, _, _) = self { sources } else { [] }
    }

    package var readsResponseBody: Bool { sources.contains { if case .body = $0 { true } else { false } } }
    package var readsRequestBody: Bool { sources.contains { if case .request = $0 { true } else { false } } }
}
