package import JSONPath

/// Meters an event stream while it passes: what its events report, and the text that is counted where it ends before that.
///
/// Of a quantity or dimension in the answer's body, the last value counts that any event had. What the request says is read at the
/// beginning, so that nothing of it is kept while the stream lasts.
package struct StreamMeter: Sendable {
    private let meter: Meter
    private let status: Int
    /// What the request and the answer's head say.
    private var given: Values
    /// What the events have said.
    private var seen: Values
    private var text: TextTally
    /// Whether text has come since its quantity was last reported.
    private var hasUnreportedText = false
    /// Whether an event could not be read since a quantity was last reported.
    private var hasMissedEvent = false
    private var reported: Money?
    /// Whether an event has said that the provider failed: it has an `error`, or its `response` has, that is an object or a text.
    package private(set) var hasFailed = false
    /// Why the events cannot be metered; nil while they can.
    private var failure: String?

    /// By place in the meter's ``StreamPlan``; nil where there is none.
    private struct Values: Sendable {
        var quantities: [Exact?]
        var texts: [String?]
    }

    /// - Parameters:
    ///   - request: As it was when it was forwarded.
    ///   - headers: The answer's.
    package init(_ meter: Meter, request: RequestFacts, status: Int, headers: HeaderList) {
        self.meter = meter
        self.status = status
        text = TextTally(meter.operation.tokenizer)
        let plan = meter.stream
        seen = Values(
            quantities: [Exact?](repeating: nil, count: plan.quantities.count), texts: [String?](repeating: nil, count: plan.texts.count))
        given = seen
        let reading = Reading(
            request: request, response: ResponseFacts(status: status, headers: headers), tokenizer: meter.operation.tokenizer)
        do {
            for (index, planned) in plan.quantities.enumerated() {
                given.quantities[index] = try reading.number(planned.elsewhere, name: planned.name)
            }
            for (index, planned) in plan.texts.enumerated() {
                given.texts[index] = try reading.text(planned.elsewhere, ignoring: planned.ignored)
            }
            if let elsewhere = plan.reported?.elsewhere { reported = reading.money(elsewhere) }
        } catch {
            failure = error.description
        }
    }

    /// Reads one event.
    package mutating func read(_ event: JSONNode) {
        if Self.tellsOfError(event) || event["response"].map(Self.tellsOfError) == true { hasFailed = true }
        guard failure == nil else { return }
        let plan = meter.stream
        let reading = Reading(
            request: RequestFacts(), response: ResponseFacts(status: status, headers: HeaderList(), body: .json(event)),
            tokenizer: meter.operation.tokenizer)
        do {
            try readText(event)
            for (index, planned) in plan.quantities.enumerated() {
                guard let inEvents = planned.inEvents, let number = try reading.number(inEvents, name: planned.name) else { continue }
                // An event in which there is nothing to count says nothing.
                if planned.counts, number == .zero { continue }
                if index == plan.textPlace { hasUnreportedText = false }
                hasMissedEvent = false
                seen.quantities[index] = number
            }
            for (index, planned) in plan.texts.enumerated() where !planned.inEvents.isEmpty {
                if let text = try reading.text(planned.inEvents, ignoring: planned.ignored) { seen.texts[index] = text }
            }
            if let inEvents = plan.reported?.inEvents, let amount = reading.money(inEvents) { reported = amount }
        } catch {
            failure = error.description
        }
    }

    private static func tellsOfError(_ node: JSONNode) -> Bool {
        guard let error = node["error"] else { return false }
        return error.kind == .object || error.kind == .string
    }

    /// An event has come that was too large to be read.
    package mutating func missEvent() {
        hasMissedEvent = true
    }

    private mutating func readText(_ event: JSONNode) throws(MeterFailure) {
        guard meter.stream.textPlace != nil, let paths = meter.operation.streaming?.text?.paths else { return }
        for path in paths {
            let nodes: [JSONNode]
            do {
                nodes = try path.nodes(in: event)
            } catch {
                throw .steps(error)
            }
            for node in nodes {
                let count = node.withUTF8 { string in
                    text.append(string)
                    return string.count
                }
                if let count, count > 0 { hasUnreportedText = true }
            }
        }
    }

    /// What the stream cost.
    ///
    /// What no event has reported is counted, for the quantity that the adapter's `text` stands for; for any other it is the request's own value
    /// or a default, or else what was estimated of that unit. Where an adapter names no text, the whole estimate is charged then.
    ///
    /// - Parameter isWhole: Whether the stream came to its own end.
    package func charge(isWhole: Bool, estimate: Estimate) -> Charge {
        guard meter.billable.covers(status: status) else {
            return Charge(cost: .zero, basis: .table, lines: [], dimensions: estimate.dimensions, reported: reported, isBillable: false)
        }
        if let failure { return .estimated(estimate, because: failure, reported: reported) }
        if hasMissedEvent { return .estimated(estimate, because: "an event was too large to be read", reported: reported) }
        do {
            return try metered(isWhole: isWhole, estimate: estimate)
        } catch {
            return .estimated(estimate, because: isWhole ? error.description : nil, reported: reported)
        }
    }

    private func metered(isWhole: Bool, estimate: Estimate) throws(MeterFailure) -> Charge {
        let plan = meter.stream
        var isCounted = false
        var numbers = given.quantities
        for (index, planned) in plan.quantities.enumerated() {
            numbers[index] = try value(index, planned, isWhole: isWhole, isCounted: &isCounted)
        }
        let values = meter.streamUsage.indices.map { slot in plan.places[slot].flatMap { numbers[$0] } }
        let states = try meter.states(values, isOpen: !isWhole) { (dimension, _, _) throws(MeterFailure) in
            plan.texts.firstIndex { $0.dimension == dimension }.flatMap { place in
                plan.texts[place].comesFirst ? seen.texts[place] ?? given.texts[place] : given.texts[place] ?? seen.texts[place]
            }
        }
        var lines: [CostLine] = []
        for (index, line) in meter.chargeLines.enumerated() {
            var number: Exact?
            switch line.amount {
            case .quantity:
                number = plan.lines[index].flatMap { numbers[$0] }
            case .expression(let expression, let slots):
                var values = values
                // Beside what is counted, a default is the best that is known.
                if slots.contains(where: { plan.places[$0] == plan.textPlace && plan.textPlace != nil }) {
                    for slot in slots where values[slot] == nil { values[slot] = meter.streamUsage[slot].quantity.fallback }
                }
                if slots.allSatisfy({ values[$0] != nil }) {
                    number = try Meter.value(expression, slots, values, unit: line.rates.unit)
                }
            }
            if number == nil { isCounted = true }
            let estimated = estimate.lines.first { $0.unit == line.rates.unit }?.quantity
            lines.append(try meter.costLine(line, number ?? estimated ?? .zero, states))
        }
        return Charge(
            cost: try Meter.total(lines), basis: isCounted ? .estimate : .table, lines: lines, dimensions: meter.known(states),
            reported: reported, meteringProblem: isWhole && isCounted ? "the stream ended without its usage" : nil)
    }

    /// The number that stands for a quantity in the end; nil where its unit's estimate does.
    private func value(
        _ index: Int, _ planned: StreamPlan.PlannedQuantity, isWhole: Bool, isCounted: inout Bool
    ) throws(MeterFailure) -> Exact? {
        let (reported, given) = (seen.quantities[index], given.quantities[index])
        let told = planned.comesFirst ? reported ?? given : given ?? reported
        let hasText = meter.stream.textPlace != nil
        if index == meter.stream.textPlace, told == nil || hasUnreportedText {
            let counted = Exact(text.total)
            if let told, !told.isLess(than: counted) { return told }
            if isWhole, text.isEmpty, let fallback = planned.fallback { return fallback }
            isCounted = true
            return counted
        }
        if let told { return told }
        if isWhole, planned.counts { return .zero }
        // A default is what an answer means by leaving a value out; one that was cut before it reported anything has not left it out yet.
        let hasReported = hasText && seen.quantities.contains { $0 != nil }
        if let fallback = planned.fallback, isWhole || hasReported || planned.inEvents == nil { return fallback }
        guard hasText else { throw .missing(name: planned.name, planned.quantity) }
        return nil
    }
}

/// Where an operation's quantities and dimensions are found in an event stream.
struct StreamPlan: Sendable {
    struct PlannedQuantity: Sendable {
        let name: String
        let quantity: Quantity
        /// Its sources in the answer's body; nil where there is none.
        let inEvents: Quantity?
        /// Its other sources.
        let elsewhere: Quantity
        var fallback: Exact? { quantity.fallback }
        /// Whether the events are asked first.
        let comesFirst: Bool
        /// Whether it counts nodes of the answer's body.
        let counts: Bool

        init(_ quantity: Quantity, name: String) {
            self.name = name
            self.quantity = quantity
            let sources = quantity.sources.filter(\.readsResponseBody)
            inEvents = sources.isEmpty ? nil : Quantity(sources: sources)
            elsewhere = Quantity(sources: quantity.sources.filter { !$0.readsResponseBody })
            comesFirst = quantity.sources.first?.readsResponseBody == true
            counts = sources.contains { if case .count = $0 { true } else { false } }
        }
    }

    struct PlannedText: Sendable {
        /// The dimension's place.
        let dimension: Int
        let inEvents: [DimensionSource.Source]
        let elsewhere: [DimensionSource.Source]
        let ignored: Set<String>
        let comesFirst: Bool
    }

    let quantities: [PlannedQuantity]
    /// By usage slot: the place in ``quantities``.
    let places: [Int?]
    /// By line of `charge`: the same, for those that are quantities of their own.
    let lines: [Int?]
    let texts: [PlannedText]
    let reported: PlannedQuantity?
    /// The quantity that the adapter's `text` stands for.
    let textPlace: Int?

    init(
        _ usage: [(name: String, quantity: Quantity)], slots: [Int], lines: [Meter.Line], dimensions: [Meter.Dimension],
        _ operation: Operation
    ) {
        var quantities: [PlannedQuantity] = []
        var places = [Int?](repeating: nil, count: usage.count)
        for slot in slots {
            places[slot] = quantities.count
            quantities.append(PlannedQuantity(usage[slot].quantity, name: usage[slot].name))
        }
        self.lines = lines.map { line in
            guard case .quantity(let quantity) = line.amount else { return nil }
            quantities.append(PlannedQuantity(quantity, name: line.rates.unit))
            return quantities.count - 1
        }
        self.quantities = quantities
        self.places = places
        texts = dimensions.enumerated().compactMap { index, dimension in
            guard case .first(let sources, _, let ignored, _) = dimension.source else { return nil }
            func isInBody(_ source: DimensionSource.Source) -> Bool { if case .body = source { true } else { false } }
            return PlannedText(
                dimension: index, inEvents: sources.filter(isInBody), elsewhere: sources.filter { !isInBody($0) }, ignored: ignored,
                comesFirst: sources.first.map(isInBody) == true)
        }
        reported = operation.reported.map { PlannedQuantity($0, name: "reported") }
        textPlace = operation.streaming?.text.flatMap { text in usage.firstIndex { $0.name == text.name } }.flatMap { places[$0] }
    }
}
