/// Something in an adapter that keeps it from being loaded.
package struct AdapterProblem: Sendable, Hashable, CustomStringConvertible {
    /// What it is about, so that a file's line can be put to it. Places count from 0.
    package enum Element: Sendable, Hashable {
        case adapter, dimensions, prices, examples
        /// An entry of ``PriceTable/entries``, newest first.
        case entry(Int)
        case row(entry: Int, row: Int)
        case operation(Int), match(operation: Int), once(operation: Int), reported(operation: Int)
        case usage(operation: Int, name: String)
        case streamUsage(operation: Int, name: String), streamText(operation: Int)
        case dimension(operation: Int, name: String)
        case charge(operation: Int, unit: String)
        case estimate(operation: Int, unit: String)
        case example(Int)
        case enrichment(RecordEntity, rule: Int)
    }

    package let element: Element
    package let message: String

    package init(_ element: Element, _ message: String) {
        self.element = element
        self.message = message
    }

    package var description: String { message }
}
