import GatewayCore

/// A request that is for a provider, understood: who calls, what for, and what will be sent.
///
/// A class, because it is large, never changes, and is looked at in every step of a call.
final class Admission {
    let generation: Generation
    let provider: Provider
    let captures: [String: String]
    let caller: Caller
    /// The provider's own path.
    let path: String
    /// The same as the ledger keeps it: cut to 100 characters.
    let endpoint: String
    let query: Substring?
    /// The operation compiled against the prices in force when the call began.
    let meter: Meter
    /// Refuse if the estimate is higher.
    let maximumCost: Money?
    /// Whether the caller asks for records in the place of the provider's answer.
    let wantsRecords: Bool

    var adapter: Adapter { provider.adapter }
    var operation: Operation { meter.operation }
    /// Whether the request is read whole before it is forwarded.
    var readsRequestBody: Bool { meter.readsRequestBody || operation.keeping != nil }
    /// Whether the answer is held whole where it fits, whatever the caller asks for.
    var holdsAnswer: Bool { meter.readsResponseBody || storesRecord || operation.keeping != nil }
    /// Whether the answer is asked for as it is to be read.
    var readsResponseBody: Bool { holdsAnswer || (wantsRecords && operation.normalization != nil) }
    /// Whether the provider is asked for people or companies by this operation.
    var isEnriching: Bool { provider.enrichingOperations.contains(operation.name) }
    /// Whether it is counted how many records answers have. Of one that only flows by a copy is read, where the caller accepts nothing that the
    /// gateway could not undo: otherwise misses would be counted, which their status tells, and hits would not.
    let countsRecords: Bool
    /// Whether the answer's record is stored for the caller's entity.
    let storesRecord: Bool

    /// What could be understood of a request that is refused, for the headers of the refusal.
    struct Refusal: Error {
        var problem: Problem
        var caller: Caller?
        var operation: String?
    }

    /// Decides what a request is. Nothing is reserved or sent yet.
    ///
    /// - Parameter storesEntities: Whether the ledger has tables for people and companies.
    init(
        _ head: RequestHead, generation: Generation, keys: KeyRing, storesEntities: Bool = false, now: Timestamp
    ) throws(Refusal) {
        // Bytes, not characters: a target is ASCII.
        let target = head.path.utf8.dropFirst()
        let segment = target.prefix { $0 != UInt8(ascii: "/") }
        let name = String(Substring(segment))
        let rest = target[segment.endIndex...]
        let path = rest.isEmpty ? "/" : String(Substring(rest))
        let caller: Caller
        do {
            let authentication = Authentication(configuration: generation.configuration, keys: keys, now: now)
            caller = try Caller(head, for: generation.providers[name], by: authentication)
        } catch {
            var problem = error.problem
            problem.provider = generation.providers[name] == nil ? nil : name
            throw Refusal(problem: problem, caller: error.caller)
        }
        func refuse(_ code: Problem.Code, _ detail: String, operation: String? = nil, known: Bool = true) -> Refusal {
            var problem = Problem(code, detail)
            problem.provider = known ? name : nil
            problem.workspace = caller.workspace
            return Refusal(problem: problem, caller: caller, operation: operation)
        }

        guard let provider = generation.providers[name] else {
            let known = generation.providers.keys.sorted().joined(separator: ", ")
            throw refuse(
                .unknownProvider, "The first path segment names the provider; known: \(known.isEmpty ? "none" : known).", known: false)
        }
        guard !Self.leavesBase(path) else {
            throw refuse(
                .badRequest, "The path has a '.' or '..' segment or a control character, plain or encoded: it could be read in two ways.")
        }
        guard provider.adapter.isEnabled else {
            throw refuse(.providerUnavailable, "The provider is turned off in the gateway's configuration.")
        }
        guard provider.adapter.missingVariables.isEmpty else {
            let names = provider.adapter.missingVariables.joined(separator: ", ")
            throw refuse(.providerUnavailable, "The provider is off: the gateway's environment has no \(names).")
        }
        guard let match = provider.adapter.match(method: head.method, path: path) else {
            throw refuse(.unknownOperation, "The adapter has no operation for \(head.method) with this path.")
        }
        guard let meter = provider.meters.meter(operation: match.index, at: now) else {
            throw refuse(.unpriced, "The adapter has no prices for today.", operation: provider.adapter.operations[match.index].name)
        }
        if let key = caller.key {
            let operation = meter.operation.name
            guard key.permissions.allows(provider: name, operation: operation) else {
                throw refuse(.notAllowed, "The key is not for the operation '\(operation)' of '\(name)'.", operation: operation)
            }
            if let seconds = keys.admit(key, at: now) {
                var refusal = refuse(
                    .rateLimited, "The key may make \(key.permissions.rate?.description ?? "no") calls a second.", operation: operation)
                refusal.problem.retryAfter = seconds
                throw refusal
            }
        }
        do throws(Problem) {
            maximumCost = try Self.maximumCost(head.headers)
        } catch {
            throw refuse(error.code, error.detail, operation: meter.operation.name)
        }
        self.generation = generation
        self.provider = provider
        self.captures = match.captures
        self.caller = caller
        self.path = path
        // A target is ASCII: its bytes are its characters.
        endpoint = path.utf8.count <= 100 ? path : String(path.prefix(100))
        self.query = head.query
        self.meter = meter
        storesRecord = storesEntities && meter.operation.normalization?.storing != nil && caller.entityID != nil
        wantsRecords = head.headers.first("X-Gateway-Normalize")?.lowercased() == "true"
        countsRecords =
            meter.operation.normalization != nil
            && (meter.readsResponseBody || storesRecord || meter.operation.keeping != nil || wantsRecords
                || Self.acceptsReadable(head.headers))
    }

    /// Whether a caller accepts only answers that can be read in a copy: `deflate` stands beside `gzip` by habit, and nobody answers with it.
    private static func acceptsReadable(_ headers: HeaderList) -> Bool {
        headers.all("accept-encoding").allSatisfy { value in
            value.lowercased().split(separator: ",").allSatisfy { part in
                let coding = part.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
                return ["gzip", "x-gzip", "deflate", "identity"].contains(coding) || part.replacing(" ", with: "").hasSuffix(";q=0")
            }
        }
    }

    /// What a call may cost at the most, as its caller says; nil where it says nothing.
    static func maximumCost(_ headers: HeaderList) throws(Problem) -> Money? {
        guard let index = headers.firstIndex(of: "X-Gateway-Max-Cost") else { return nil }
        let isAlone = headers.firstIndex(of: "X-Gateway-Max-Cost", from: index + 1) == nil
        guard isAlone, let amount = Money(headers[index].valueText), amount >= .zero else {
            throw Problem(.badRequest, "X-Gateway-Max-Cost must stand once and be an amount in US dollars, such as 0.50.")
        }
        return amount
    }

    /// Whether a path has a segment that means this or the parent folder, however it is encoded: what one server takes
    /// for a name another resolves, and it could then leave the provider's base path.
    static func leavesBase(_ path: String) -> Bool {
        let isPlain = !path.utf8.contains { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "\\") }
        if isPlain { return false }
        let decoded = PercentCoding.decoded(path[...])
        for segment in decoded.utf8.split(whereSeparator: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }) {
            // `..;parameters` is the parent folder to some servers.
            let name = segment.prefix { $0 != UInt8(ascii: ";") }
            if name.count <= 2, !name.isEmpty, name.allSatisfy({ $0 == UInt8(ascii: ".") }) { return true }
        }
        return decoded.utf8.contains { $0 < 0x20 || $0 == 0x7F }
    }

    /// The request as the provider gets it: the caller's, less what is between the caller and the gateway, plus the provider's credentials.
    func upstreamRequest(_ head: RequestHead, body: UpstreamRequest.Body, trace: CallTrace) -> UpstreamRequest {
        let settings = provider.adapter.upstream
        var headers = HeaderList()
        headers.reserveCapacity(fields: head.headers.count + 4, bytes: 1024)
        let nominated = HopByHop.nominated(by: head.headers)
        let credentials = provider.credentialPlaces
        let readsResponseBody = readsResponseBody
        for index in 0..<head.headers.count {
            let field = head.headers[index]
            if HopByHop.includes(field, nominated: nominated) || Self.isForGateway(field) || trace.replaces(field) { continue }
            // The caller's own credentials end here; a provider never sees them.
            if field.isNamed("authorization") { continue }
            if credentials.contains(where: { if case .header(let name) = $0 { Self.isTaken(field, for: name) } else { false } }) {
                continue
            }
            if readsResponseBody, field.isNamed("accept-encoding") { continue }
            headers.append(field)
        }
        if readsResponseBody { headers.append("Accept-Encoding", "identity") }
        headers.append("traceparent", trace.context.traceparent)
        for header in settings.headers where !headers.contains(header.name) {
            headers.append(header.name, header.value.reveal())
        }
        var query = queryWithoutCredentials
        settings.addCredentials(to: &headers, query: &query)
        let target = query.map { "\(path)?\($0)" } ?? path
        return UpstreamRequest(method: head.method, target: target, headers: headers, body: body, route: settings.route)
    }

    /// The query less the caller's own credentials; nil without one.
    var queryWithoutCredentials: String? {
        var query = query.map(String.init)
        for case .query(let name) in provider.credentialPlaces { query = query.flatMap { Self.query($0, without: name) } }
        return query
    }

    /// Whether a provider may take a field for that of another name: to many frameworks `_` and `-` are the same.
    private static func isTaken(_ field: HeaderView, for name: String) -> Bool {
        field.name.count == name.utf8.count
            && equalIgnoringCase(field.name.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 }, name.utf8)
    }

    /// Fields that are said to the gateway, or that the transport sets itself.
    private static func isForGateway(_ field: HeaderView) -> Bool {
        if isGatewayOwn(field) { return true }
        return switch field.name.count {
        case 4: field.isNamed("host")
        case 6: field.isNamed("expect")
        case 9: field.isNamed("x-user-id")
        case 11: field.isNamed("x-entity-id")
        case 13: field.isNamed("x-entity-type")
        case 14: field.isNamed("x-workspace-id") || field.isNamed("content-length")
        default: false
        }
    }

    /// `X-Gateway-…`: said by callers to the gateway and by the gateway to callers; a provider's would be taken for ours.
    static func isGatewayOwn(_ field: HeaderView) -> Bool {
        field.name.count >= 10 && equalIgnoringCase(field.name.prefix(10), "x-gateway-".utf8)
    }

    /// A query without the parameters of a name, however that is encoded; nil when nothing is left. Untouched when there are none.
    private static func query(_ query: String, without name: String) -> String? {
        let parts = query.split(separator: "&", omittingEmptySubsequences: false)
        let kept = parts.filter { PercentCoding.decoded($0.prefix { $0 != "=" }, isQuery: true) != name }
        if kept.count == parts.count { return query }
        return kept.isEmpty ? nil : kept.joined(separator: "&")
    }
}
