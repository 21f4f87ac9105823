internal import JSONPath

/// What a call costs, worked out offline.
package struct Quote: Sendable {
    /// The operation's name.
    package let operation: String
    package let priceVersion: String
    package let estimate: Estimate
    /// Nil without an answer.
    package let charge: Charge?
}

/// Why there is no quote, in words for whoever asked.
package struct QuoteError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Whether an operation was found that has no price for the call, which a caller of the gateway would see as `unpriced`.
    package let isUnpriced: Bool
    package let description: String
}

extension Adapter {
    /// The newest day on which somebody looked at the prices' source.
    package var newestChecked: Timestamp? {
        prices.entries.map(\.checked).max()
    }

    /// What a request, and an answer to it, cost at an instant's prices.
    ///
    /// `operation` takes the one of that name even if another is first to serve the request.
    package func quote(
        _ request: Example.Request, response: Example.Response?, operation name: String? = nil, at instant: Timestamp
    ) throws(QuoteError) -> Quote {
        let parts = request.path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = String(parts.first ?? "")
        let match = try match(method: request.method, path: path, operation: name)
        guard let meter = Meters(self).meter(operation: match.index, at: instant) else {
            throw QuoteError(isUnpriced: true, description: "no price is in force on \(instant.rfc3339.prefix(10))")
        }
        let query =
            (parts.count > 1 ? [String(parts[1])] : [])
            + request.query.map { "\(PercentCoding.encoded($0.name))=\(PercentCoding.encoded($0.value))" }
        let facts = RequestFacts(
            captures: match.captures, query: query.joined(separator: "&"),
            body: meter.readsRequestBody ? RequestFacts.body(request.body) : .none)
        let estimate: Estimate
        do {
            estimate = try meter.estimate(facts)
        } catch {
            throw QuoteError(isUnpriced: true, description: error.description)
        }
        let charge = response.map { response in
            let body = meter.readsResponseBody ? Self.body(of: response) : .unread
            if case .eventStream = body { return Self.charge(meter, facts, stream: response, estimate: estimate) }
            return meter.charge(facts, ResponseFacts(status: response.status, headers: response.headers, body: body), estimate: estimate)
        }
        return Quote(operation: meter.operation.name, priceVersion: meter.priceVersion, estimate: estimate, charge: charge)
    }

    /// What an event stream that came to its end cost.
    private static func charge(_ meter: Meter, _ facts: RequestFacts, stream response: Example.Response, estimate: Estimate) -> Charge {
        let meter = StreamMeter(meter, request: facts, status: response.status, headers: response.headers)
        var reader = StreamReader(meter: meter, omit: nil, limit: .max)
        _ = reader.take(response.body)
        _ = reader.finish()
        return reader.meter?.charge(isWhole: true, estimate: estimate) ?? .estimated(estimate, because: nil)
    }

    private func match(method: String, path: String, operation name: String?) throws(QuoteError) -> Match {
        guard let name else {
            if let match = match(method: method, path: path) { return match }
            throw QuoteError(isUnpriced: false, description: "no operation serves \(method) \(path)")
        }
        guard let index = operations.firstIndex(where: { $0.name == name }) else {
            throw QuoteError(isUnpriced: false, description: "there is no operation '\(name)'" + Self.choice(operations.map(\.name)))
        }
        let captures = RoutePattern.canonical(path: path).flatMap { operations[index].match.captures(method: method, path: $0) }
        return Match(index: index, captures: captures ?? [:])
    }

    static func body(of response: Example.Response) -> ResponseFacts.Body {
        response.isEventStream ? .eventStream : ResponseFacts.body(response.body)
    }
}

extension Example.Response {
    /// Whether its content type is that of server-sent events.
    package var isEventStream: Bool {
        headers.areOfEventStream
    }
}
