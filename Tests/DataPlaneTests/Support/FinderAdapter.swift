import GatewayCore
import JSONPath

/// A provider that finds people by their address. A credit is 0.10; a match takes what the answer says, a miss nothing.
enum FinderAdapter {
    /// - Parameter estimate: The credits that are held.
    static func finder(_ provider: String, estimate: Int = 2, keeps: Bool = false, stores: Bool = false, when: [[MatchField]] = [[.email]])
        throws
        -> Adapter
    {
        func at(_ path: String) throws -> FieldSource { .value(ValueSource(places: [.record(try JSONPath(path))])) }
        let normalization = Normalization(
            entity: .person,
            fields: [
                .init(field: .fullName, source: try at("$.name")), .init(field: .jobTitle, source: try at("$.title")),
                .init(field: .linkedinUrl, source: try at("$.url")), .init(field: .email, source: try at("$.email")),
                .init(field: .emailQualityGrade, source: try at("$.grade")), .init(field: .phone, source: try at("$.phone")),
                .init(field: .phoneQualityScore, source: try at("$.score")),
            ],
            confidence: .value(ValueSource(places: [.record(try JSONPath("$.sure"))], factor: Exact(100))),
            miss: Normalization.Miss(statuses: [404]), storing: stores ? Storing() : nil)
        func credits(_ sources: [Quantity.Source], _ fallback: Exact? = nil) -> Operation.Line {
            Operation.Line(unit: "credit", amount: .quantity(Quantity(sources: sources, fallback: fallback)))
        }
        let find = Operation(
            name: "find", match: try RoutePattern(methods: ["GET"], path: "/v1/people/{id}"), entity: "person",
            charge: [credits([.body(try JSONPath("$.credits"))], Exact(1))], billable: Billable(statuses: [200]),
            estimate: [credits([.number(Exact(estimate))])], normalization: normalization, keeping: keeps ? Keeping(ttl: 3600) : nil)
        let search = Operation(
            name: "search", match: try RoutePattern(methods: ["POST"], path: "/v1/search/{place}"), entity: "person",
            charge: [credits([.number(Exact(1))])], billable: Billable(statuses: [200]),
            estimate: [credits([.request(try JSONPath("$.limit"))])], normalization: normalization)
        func text(_ text: String) throws -> TextTemplate { try TextTemplate(text, for: .person) }
        let byMail = EnrichmentRule(
            operation: "find", alternatives: when, request: RequestTemplate(method: "GET", path: try text("/v1/people/{email}")))
        let byTitle = EnrichmentRule(
            operation: "search", alternatives: [[.jobTitle, .city]],
            request: RequestTemplate(
                method: "POST", path: try text("/v1/search/{city}"),
                query: [("title", try text("{jobTitle}")), ("phone", try text("{phone}"))],
                headers: [("X-Title", try text("{jobTitle}"))],
                body: .object([("title", .text(try text("{jobTitle}"))), ("limit", .constant(1))])))
        var adapter = try TestAdapter.acme()
        adapter.provider = provider
        adapter.upstream.route.provider = provider
        adapter.operations = [find, search]
        adapter.enrichment = [.person: [byMail, byTitle]]
        return adapter
    }
}

/// What a provider does with a call.
enum Play: Sendable {
    /// An address of a grade, and the credits that it takes.
    case found(grade: String, credits: Int)
    case says(Int, String)
    /// Nothing comes back.
    case fails(UpstreamError.Kind, wasSent: Bool)
    /// A head, and then the connection breaks.
    case breaks
    /// Until the test ends it.
    case silent

    static let hit = Play.found(grade: "A", credits: 1)
    static let missed = Play.says(404, "{}")

    func callAsFunction(_ call: ScriptedCall) {
        let provider = call.request.route.provider
        switch self {
        case .found(let grade, let credits):
            call.answer(
                body: #"{"name":"\#(provider)","email":"ada@\#(provider).example","grade":"\#(grade)","credits":\#(credits)}"#)
        case .says(let status, let body): call.answer(status, body: body)
        case .fails(let kind, let wasSent): call.fail(kind, wasSent: wasSent)
        case .breaks:
            call.head(200, [("Content-Length", "99")])
            call.fail(.broken)
        case .silent: break
        }
    }
}
