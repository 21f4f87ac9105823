internal import TokenCounting

/// An operation made ready to be metered at the prices of one entry: names are resolved, rows are ranked, and what no price depends on is left out.
package final class Meter: Sendable {
    struct Line: Sendable {
        let rates: UnitRates
        let amount: Amount
    }

    enum Amount: Sendable {
        /// `slots[i]` is where the expression's i-th name stands in `usage`.
        case expression(Expression, slots: [Int])
        case quantity(Quantity)
    }

    struct Dimension: Sendable {
        let source: Source
        enum Source: Sendable {
            /// `isLate` when only the answer tells, where the request does not.
            case first([DimensionSource.Source], fallback: String?, ignored: Set<String>, isLate: Bool)
            /// Highest first.
            case ranges(slot: Int, [(from: Exact, label: String)])
        }
    }

    package let operation: Operation
    /// The price entry's version.
    package let priceVersion: String
    /// Whether a cost depends on the request's body, or a stream is asked for in it, so that it is read whole before the call is forwarded.
    package let readsRequestBody: Bool
    /// Whether a cost depends on the answer's body, or what the provider reports stands there.
    package let readsResponseBody: Bool

    private let usage: [(name: String, quantity: Quantity)]
    /// The same for an event stream.
    let streamUsage: [(name: String, quantity: Quantity)]
    private let dimensionNames: [String]
    private let dimensions: [Dimension]
    private let estimateLines: [Line]
    let chargeLines: [Line]
    private let estimateSlots: [Int]
    private let chargeSlots: [Int]
    let billable: Billable
    private let reported: Quantity?
    /// Where all of it stands in an event stream.
    let stream: StreamPlan
    private let once: String?

    /// An operation that has problems (``Adapter/problems()``) can be metered all the same; what cannot be resolved makes its calls unpriced.
    package init(_ operation: Operation, prices: PriceEntry) {
        let units = Set((operation.charge + operation.estimate).map(\.unit))
        let conditions = Set(prices.rows.filter { row in units.contains { row.rates[$0] != nil } }.flatMap(\.conditions.keys))
        let names = operation.dimensions.keys.filter(conditions.contains).sorted()
        let usage = operation.usage
        var estimateSlots: Set<Int> = []
        var chargeSlots: Set<Int> = []

        func lines(_ lines: [Operation.Line], _ needed: inout Set<Int>) -> [Line] {
            lines.map { line in
                let rates = UnitRates(unit: line.unit, rows: prices.rows, dimensions: names)
                switch line.amount {
                case .quantity(let quantity): return Line(rates: rates, amount: .quantity(quantity))
                case .expression(let expression):
                    let slots = expression.nameList.map { name in usage.firstIndex { $0.name == name } }
                    guard let slots = slots.allPresent() else {
                        return Line(rates: rates, amount: .quantity(Quantity(sources: [])))
                    }
                    needed.formUnion(slots)
                    return Line(rates: rates, amount: .expression(expression, slots: slots))
                }
            }
        }
        estimateLines = lines(operation.estimate, &estimateSlots)
        chargeLines = lines(operation.charge, &chargeSlots)

        dimensions = names.map { name in
            switch operation.dimensions[name] {
            case .first(let sources, let fallback, let ignored):
                let isLate = sources.contains(where: \.readsResponse)
                return Dimension(source: .first(sources, fallback: fallback, ignored: ignored, isLate: isLate))
            case .ranges(let of, let ranges):
                guard let slot = usage.firstIndex(where: { $0.name == of }) else { fallthrough }
                chargeSlots.insert(slot)
                if !usage[slot].quantity.readsResponse { estimateSlots.insert(slot) }
                return Dimension(source: .ranges(slot: slot, ranges.sorted { $1.from.isLess(than: $0.from) }))
            case nil: return Dimension(source: .first([], fallback: nil, ignored: [], isLate: false))
            }
        }
        self.operation = operation
        dimensionNames = names
        self.usage = usage
        let streamed = operation.streaming?.usage ?? []
        let streamUsage = usage.map { own in (name: own.name, quantity: streamed.last { $0.name == own.name }?.quantity ?? own.quantity) }
        self.streamUsage = streamUsage
        self.estimateSlots = estimateSlots.sorted()
        self.chargeSlots = chargeSlots.sorted()
        stream = StreamPlan(
            streamUsage, slots: chargeSlots.sorted(), lines: chargeLines, dimensions: dimensions, operation)
        billable = operation.billable
        reported = operation.reported
        once = operation.once
        priceVersion = prices.version

        var quantities = [operation.reported].compactMap { $0 }
        for slot in estimateSlots.union(chargeSlots) { quantities += [usage[slot].quantity, streamUsage[slot].quantity] }
        for line in operation.charge + operation.estimate {
            if case .quantity(let quantity) = line.amount { quantities.append(quantity) }
        }
        // Now, and not in the middle of the first call: a vocabulary takes some milliseconds to read.
        if quantities.contains(where: \.countsTokens) || operation.streaming?.text != nil { operation.tokenizer.prepare() }
        let sources = names.compactMap { operation.dimensions[$0] }
        readsRequestBody =
            quantities.contains(where: \.readsRequestBody) || sources.contains(where: \.readsRequestBody)
            || operation.streaming?.request.isEmpty == false
        readsResponseBody =
            quantities.contains(where: \.readsResponseBody) || sources.contains(where: \.readsResponseBody) || billable.when != nil
            || billable.unless != nil
    }

    /// The most that a call can cost. Throws when it has no price, or what its price depends on is missing in the request.
    package func estimate(_ request: RequestFacts) throws(MeteringError) -> Estimate {
        let reading = Reading(request: request, response: nil, tokenizer: operation.tokenizer)
        do {
            let values = try values(estimateSlots, reading)
            let states = try states(values, reading)
            let lines = try costLines(estimateLines, values, states, reading)
            return Estimate(cost: try Self.total(lines), lines: lines, dimensions: known(states))
        } catch {
            throw .unpriced(error.description)
        }
    }

    /// What a call did cost. Where the answer cannot be metered, the whole estimate.
    package func charge(_ request: RequestFacts, _ response: ResponseFacts, estimate: Estimate) -> Charge {
        let reading = Reading(request: request, response: response, tokenizer: operation.tokenizer)
        let reported = reported(reading)
        do {
            guard try billable.holds(response) else {
                return Charge(cost: .zero, basis: .table, lines: [], dimensions: estimate.dimensions, reported: reported, isBillable: false)
            }
            let values = try values(chargeSlots, reading)
            let states = try states(values, reading)
            let lines = try costLines(chargeLines, values, states, reading)
            return Charge(cost: try Self.total(lines), basis: .table, lines: lines, dimensions: known(states), reported: reported)
        } catch {
            return .estimated(estimate, because: error.description, reported: reported)
        }
    }

    /// The value that the operation's `once` charges a single time: its capture, percent-decoded. Nil when it has no `once`.
    package func onceValue(_ request: RequestFacts) -> String? {
        once.flatMap(request.capture)
    }

    /// The quantities in the slots that are needed; nil for the others.
    private func values(_ slots: [Int], _ reading: Reading) throws(MeterFailure) -> [Exact?] {
        guard !slots.isEmpty else { return [] }
        var values = [Exact?](repeating: nil, count: usage.count)
        for slot in slots {
            let (name, quantity) = usage[slot]
            guard let value = try reading.number(quantity, name: name) else { throw .missing(name: name, quantity) }
            values[slot] = value
        }
        return values
    }

    private func states(_ values: [Exact?], _ reading: Reading) throws(MeterFailure) -> [DimensionState] {
        try states(values, isOpen: reading.response == nil) { (_, sources, ignored) throws(MeterFailure) in
            try reading.text(sources, ignoring: ignored)
        }
    }

    /// What is known of each dimension.
    ///
    /// - Parameters:
    ///   - isOpen: Whether the answer has not said all that it will.
    ///   - text: The value that the sources of the dimension at a place give.
    func states(
        _ values: [Exact?], isOpen: Bool, text: (Int, [DimensionSource.Source], Set<String>) throws(MeterFailure) -> String?
    ) throws(MeterFailure) -> [DimensionState] {
        var states: [DimensionState] = []
        states.reserveCapacity(dimensions.count)
        for (index, dimension) in dimensions.enumerated() {
            switch dimension.source {
            case .first(let sources, let fallback, let ignored, let isLate):
                if let text = try text(index, sources, ignored) {
                    states.append(.known(text))
                } else if isLate && isOpen {
                    states.append(.unknown)
                } else {
                    states.append(fallback.map { .known($0) } ?? .absent)
                }
            case .ranges(let slot, let ranges):
                guard let value = values.isEmpty ? nil : values[slot] else {
                    states.append(.unknown)
                    continue
                }
                let label = ranges.first { !value.isLess(than: $0.from) }?.label
                states.append(label.map { .known($0) } ?? .absent)
            }
        }
        return states
    }

    private func costLines(
        _ lines: [Line], _ values: [Exact?], _ states: [DimensionState], _ reading: Reading
    ) throws(MeterFailure) -> [CostLine] {
        var result: [CostLine] = []
        result.reserveCapacity(lines.count)
        for line in lines {
            let unit = line.rates.unit
            switch line.amount {
            case .quantity(let source):
                guard let number = try reading.number(source, name: unit) else { throw .missing(name: unit, source) }
                result.append(try costLine(line, number, states))
            case .expression(let expression, let slots):
                result.append(try costLine(line, try Self.value(expression, slots, values, unit: unit), states))
            }
        }
        return result
    }

    /// An expression's value; all values that it names are there.
    static func value(_ expression: Expression, _ slots: [Int], _ values: [Exact?], unit: String) throws(MeterFailure) -> Exact {
        do {
            return try expression.value { values[slots[$0]] ?? .zero }
        } catch {
            throw .arithmetic(error, name: unit)
        }
    }

    /// So many of a line's unit, at the rate that holds.
    func costLine(_ line: Line, _ quantity: Exact, _ states: [DimensionState]) throws(MeterFailure) -> CostLine {
        let quantity = quantity.isNegative ? .zero : quantity
        guard let rate = line.rates.rate(states) else { throw .noRow(line.rates.refusal(states, names: dimensionNames)) }
        do {
            return CostLine(unit: line.rates.unit, quantity: quantity, rate: rate, cost: try quantity * rate.value)
        } catch {
            throw .arithmetic(error, name: line.rates.unit)
        }
    }

    static func total(_ lines: [CostLine]) throws(MeterFailure) -> Money {
        do {
            var sum = Exact.zero
            for line in lines { sum = try sum + line.cost }
            return try sum.money()
        } catch {
            throw .tooMuch
        }
    }

    func known(_ states: [DimensionState]) -> [DimensionValue] {
        guard !states.isEmpty else { return [] }
        return zip(dimensionNames, states).compactMap { name, state in
            if case .known(let value) = state { DimensionValue(name: name, value: value) } else { nil }
        }
    }

    private func reported(_ reading: Reading) -> Money? { reported.flatMap(reading.money) }
}

/// Every meter of an adapter, made once when it is loaded.
package struct Meters: Sendable {
    /// Newest first, as the price table's entries.
    private let entries: [(effective: Timestamp, meters: [Meter])]

    package init(_ adapter: Adapter) {
        entries = adapter.prices.entries.map { entry in
            (entry.effective, adapter.operations.map { Meter($0, prices: entry) })
        }
    }

    /// The meter of an operation, by its place in the adapter, at the prices in force; nil when none are.
    package func meter(operation index: Int, at now: Timestamp) -> Meter? {
        guard let entry = entries.first(where: { $0.effective <= now }), entry.meters.indices.contains(index) else { return nil }
        return entry.meters[index]
    }
}

extension Array {
    /// The values, when none is missing.
    fileprivate func allPresent<Wrapped>() -> [Wrapped]? where Element == Wrapped? {
        let present = compactMap { $0 }
        return present.count == count ? present : nil
    }
}
