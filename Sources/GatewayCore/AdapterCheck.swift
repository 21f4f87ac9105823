extension Adapter {
    /// What is wrong with its structure. Its examples are run separately: ``runExamples()``.
    package func problems() -> [AdapterProblem] {
        var problems: [AdapterProblem] = []
        for name in Self.repeated(dimensions) { problems.append(AdapterProblem(.dimensions, "the dimension '\(name)' is declared twice")) }
        if operations.isEmpty { problems.append(AdapterProblem(.adapter, "it has no operations")) }
        if examples.isEmpty {
            problems.append(AdapterProblem(.examples, "it has no examples; an adapter is loaded only with its own tests"))
        }
        problems += priceProblems()
        for index in operations.indices { problems += operationProblems(index) }
        return problems + enrichmentProblems()
    }

    private func operationProblems(_ index: Int) -> [AdapterProblem] {
        let operation = operations[index]
        var problems: [AdapterProblem] = []
        if operations[..<index].contains(where: { $0.name == operation.name }) {
            problems.append(AdapterProblem(.operation(index), "an earlier operation is called '\(operation.name)' too"))
        }
        let unreachable = operation.match.methods.allSatisfy { method in
            operations[..<index].contains { $0.match.serves(allOf: operation.match, method: method) }
        }
        if unreachable {
            let earlier = operations[..<index].first { earlier in
                operation.match.methods.contains { earlier.match.serves(allOf: operation.match, method: $0) }
            }
            problems.append(
                AdapterProblem(
                    .match(operation: index), "it is never reached: '\(earlier?.name ?? "")' before it serves all of its requests"))
        }
        let captures = operation.match.captureNames
        if let once = operation.once, !captures.contains(once) {
            problems.append(AdapterProblem(.once(operation: index), Self.unknownCapture(once, captures)))
        }
        if let reported = operation.reported {
            problems += Self.captureProblems(reported, captures, .reported(operation: index))
        }
        problems += usageProblems(index, captures)
        problems += streamProblems(index, captures)
        problems += dimensionProblems(index, captures)
        problems += lineProblems(index, captures)
        return problems
    }

    private func usageProblems(_ index: Int, _ captures: [String]) -> [AdapterProblem] {
        let usage = operations[index].usage
        var problems: [AdapterProblem] = []
        for name in Self.repeated(usage.map(\.name)) {
            problems.append(AdapterProblem(.usage(operation: index, name: name), "the quantity '\(name)' is named twice"))
        }
        for (name, quantity) in usage {
            let element = AdapterProblem.Element.usage(operation: index, name: name)
            problems += Self.captureProblems(quantity, captures, element)
            if quantity.sources.isEmpty && quantity.fallback == nil {
                problems.append(AdapterProblem(element, "the quantity '\(name)' has neither a source nor a default"))
            }
            // A name that no expression can spell could never be used.
            if (try? Expression(name))?.names != [name] {
                problems.append(
                    AdapterProblem(element, "'\(name)' is no name for a quantity: letters, digits and '_', and no function's name"))
            }
        }
        return problems
    }

    private func streamProblems(_ index: Int, _ captures: [String]) -> [AdapterProblem] {
        guard let streaming = operations[index].streaming else { return [] }
        let names = operations[index].usage.map(\.name)
        var problems: [AdapterProblem] = []
        for name in Self.repeated(streaming.usage.map(\.name)) {
            problems.append(AdapterProblem(.streamUsage(operation: index, name: name), "the quantity '\(name)' is named twice"))
        }
        for (name, quantity) in streaming.usage {
            let element = AdapterProblem.Element.streamUsage(operation: index, name: name)
            problems += Self.captureProblems(quantity, captures, element)
            if !names.contains(name) {
                problems.append(AdapterProblem(element, "'\(name)' takes the place of nothing: it is not in usage" + Self.choice(names)))
            }
        }
        if let text = streaming.text, !names.contains(text.name) {
            let message = "the text is counted for '\(text.name)', which is not in usage" + Self.choice(names)
            problems.append(AdapterProblem(.streamText(operation: index), message))
        }
        return problems
    }

    private func dimensionProblems(_ index: Int, _ captures: [String]) -> [AdapterProblem] {
        let operation = operations[index]
        var problems: [AdapterProblem] = []
        for (name, source) in operation.dimensions.sorted(by: { $0.key < $1.key }) {
            let element = AdapterProblem.Element.dimension(operation: index, name: name)
            if !dimensions.contains(name) {
                problems.append(AdapterProblem(element, "'\(name)' is not among the adapter's dimensions" + Self.choice(dimensions)))
            }
            switch source {
            case .first(let sources, _, _):
                for case .path(let capture) in sources where !captures.contains(capture) {
                    problems.append(AdapterProblem(element, Self.unknownCapture(capture, captures)))
                }
            case .ranges(let of, let ranges):
                if !operation.usage.contains(where: { $0.name == of }) {
                    problems.append(
                        AdapterProblem(element, "'of' names '\(of)', which is not in usage" + Self.choice(operation.usage.map(\.name))))
                }
                if ranges.isEmpty { problems.append(AdapterProblem(element, "it has no ranges")) }
                if Set(ranges.map(\.from)).count < ranges.count {
                    problems.append(AdapterProblem(element, "two ranges begin at the same number"))
                }
            }
        }
        return problems
    }

    private func lineProblems(_ index: Int, _ captures: [String]) -> [AdapterProblem] {
        let operation = operations[index]
        let usage = Dictionary(operation.usage.map { ($0.name, $0.quantity) }) { first, _ in first }
        var problems: [AdapterProblem] = []

        func check(_ line: Operation.Line, _ element: AdapterProblem.Element, beforeTheCall: Bool) {
            switch line.amount {
            case .quantity(let quantity):
                problems += Self.captureProblems(quantity, captures, element)
                if beforeTheCall, quantity.readsResponse {
                    problems.append(
                        AdapterProblem(element, "an estimate uses only what is read from the request, and this reads the answer"))
                }
                if quantity.sources.isEmpty && quantity.fallback == nil {
                    problems.append(AdapterProblem(element, "'\(line.unit)' has neither a source nor a default"))
                }
            case .expression(let expression):
                for name in expression.nameList {
                    guard let quantity = usage[name] else {
                        problems.append(AdapterProblem(element, "'\(name)' is not in usage" + Self.choice(operation.usage.map(\.name))))
                        continue
                    }
                    if beforeTheCall, quantity.readsResponse {
                        let message = "an estimate uses only what is read from the request, and '\(name)' reads the answer"
                        problems.append(AdapterProblem(element, message))
                    }
                }
            }
        }

        for unit in Self.repeated(operation.charge.map(\.unit)) {
            problems.append(AdapterProblem(.charge(operation: index, unit: unit), "'\(unit)' is charged twice"))
        }
        for unit in Self.repeated(operation.estimate.map(\.unit)) {
            problems.append(AdapterProblem(.estimate(operation: index, unit: unit), "'\(unit)' is estimated twice"))
        }
        for line in operation.charge {
            let element = AdapterProblem.Element.charge(operation: index, unit: line.unit)
            check(line, element, beforeTheCall: false)
            if !operation.estimate.contains(where: { $0.unit == line.unit }) {
                problems.append(AdapterProblem(element, "'\(line.unit)' is charged and has no estimate"))
            }
            problems += rowProblems(line.unit, operation, element)
        }
        for line in operation.estimate {
            let element = AdapterProblem.Element.estimate(operation: index, unit: line.unit)
            check(line, element, beforeTheCall: true)
            if !operation.charge.contains(where: { $0.unit == line.unit }) { problems += rowProblems(line.unit, operation, element) }
        }
        return problems
    }

    private static func captureProblems(_ quantity: Quantity, _ captures: [String], _ element: AdapterProblem.Element) -> [AdapterProblem] {
        quantity.sources.compactMap {
            guard case .path(let name) = $0, !captures.contains(name) else { return nil }
            return AdapterProblem(element, unknownCapture(name, captures))
        }
    }

    private static func unknownCapture(_ name: String, _ captures: [String]) -> String {
        "the operation's path captures no '\(name)'" + choice(captures)
    }

    static func choice(_ names: [String]) -> String {
        names.isEmpty ? "; there are none" : "; there are \(names.joined(separator: ", "))"
    }

    /// Each name that stands there more than once.
    static func repeated(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        var repeated: [String] = []
        for name in names where !seen.insert(name).inserted && !repeated.contains(name) { repeated.append(name) }
        return repeated
    }
}
