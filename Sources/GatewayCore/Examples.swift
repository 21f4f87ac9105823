/// How one of an adapter's examples came out.
package struct ExampleOutcome: Sendable {
    /// Nil when there is no price or no operation for it.
    package let quote: Quote?
    /// A line for everything that is not as expected; none when it passed.
    package let differences: [String]
}

extension Adapter {
    /// Prices an example as of its own `at`, or else the newest `checked` date, and compares.
    package func run(_ example: Example) -> ExampleOutcome {
        guard let instant = example.at ?? newestChecked else { return ExampleOutcome(quote: nil, differences: ["there are no prices"]) }
        do {
            let quote = try quote(example.request, response: example.response, at: instant)
            let differences =
                Self.differences(example.expectation, quote) + recordDifferences(example, quote, at: instant)
                + countDifferences(example, quote)
            return ExampleOutcome(quote: quote, differences: differences)
        } catch {
            return ExampleOutcome(quote: nil, differences: [error.description])
        }
    }

    /// Runs all of them: a problem for every difference.
    package func runExamples() -> [AdapterProblem] {
        examples.enumerated().flatMap { index, example in
            run(example).differences.map { AdapterProblem(.example(index), "example '\(example.name)': \($0)") }
        }
    }

    private static func differences(_ expected: Example.Expectation, _ quote: Quote) -> [String] {
        var differences: [String] = []
        func compare<Value: Equatable>(_ name: String, _ expected: Value?, _ actual: Value?, _ lines: [CostLine] = []) {
            guard let expected, expected != actual else { return }
            let found = actual.map { "\($0)" } ?? "none"
            let detail = lines.isEmpty ? "" : " (\(lines.map(\.description).joined(separator: "; ")))"
            differences.append("\(name): expected \(expected), found \(found)\(detail)")
        }
        compare("operation", expected.operation, quote.operation)
        compare("estimate", expected.estimate, quote.estimate.cost, quote.estimate.lines)
        compare("cost", expected.cost, quote.charge?.cost, quote.charge?.lines ?? [])
        compare("basis", expected.basis?.rawValue, quote.charge?.basis.rawValue)
        compare("reported", expected.reported, quote.charge?.reported)
        compare("price version", expected.priceVersion, quote.priceVersion)
        // Why the estimate stands in explains the differences; by itself it is none.
        if !differences.isEmpty, let problem = quote.charge?.meteringProblem { differences.append("metering: \(problem)") }
        return differences
    }
}
