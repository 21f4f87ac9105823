/// A JSONPath query (RFC 9535), checked and ready to be evaluated: all selectors, filters and function extensions of the standard.
///
/// Queries are equal when their texts are.
package struct JSONPath: Sendable, Hashable, CustomStringConvertible {
    /// The number of steps after which an evaluation gives up unless told otherwise. A step is about one visited node, and takes
    /// from ten to a hundred nanoseconds. A mebibyte of JSON has half a million nodes at most.
    package static let defaultStepLimit = 2_000_000
    /// How deep parentheses, filters and function calls may be nested in a query.
    package static let maximumNesting = 64

    /// The query's text.
    package let description: String
    private let query: Query

    /// Reads a query.
    ///
    /// - Throws: `JSONPathError` when the text is not a well-formed and valid query, or is nested deeper than `maximumNesting`.
    package init(_ query: String) throws(JSONPathError) {
        var parser = QueryParser(query)
        self.query = try parser.query()
        description = query
    }

    /// Whether the query can select one node at most, as its form shows.
    package var isSingular: Bool { query.isSingular }

    /// The nodes that the query selects, in the standard's order (members of objects in the order of the text), repeated where it selects one repeatedly.
    ///
    /// - Parameters:
    ///   - root: The node that `$` stands for.
    ///   - limit: How many steps to take at most.
    /// - Throws: `JSONPathEvaluationError` when the limit is reached.
    package func nodes(in root: JSONNode, limit: Int = JSONPath.defaultStepLimit) throws(JSONPathEvaluationError) -> [JSONNode] {
        var steps = limit
        return try nodes(in: root, spending: &steps)
    }

    /// The same with an allowance that several evaluations share: what this one takes is subtracted.
    package func nodes(in root: JSONNode, spending steps: inout Int) throws(JSONPathEvaluationError) -> [JSONNode] {
        try root.storage.withTape { (tape) throws(JSONPathEvaluationError) -> [JSONNode] in
            var evaluation = Evaluation(tape, root: root.index, limit: steps)
            let selected = try evaluation.select(query, at: root.index)
            steps = evaluation.remaining
            return selected.map { JSONNode(storage: root.storage, index: $0) }
        }
    }

    /// The first node that the query selects.
    ///
    /// - Parameters:
    ///   - root: The node that `$` stands for.
    ///   - limit: How many steps to take at most.
    /// - Throws: `JSONPathEvaluationError` when the limit is reached.
    package func first(in root: JSONNode, limit: Int = JSONPath.defaultStepLimit) throws(JSONPathEvaluationError) -> JSONNode? {
        var steps = limit
        return try first(in: root, spending: &steps)
    }

    /// The same with an allowance that several evaluations share: what this one takes is subtracted.
    package func first(in root: JSONNode, spending steps: inout Int) throws(JSONPathEvaluationError) -> JSONNode? {
        let found = try root.storage.withTape { (tape) throws(JSONPathEvaluationError) -> Int? in
            var evaluation = Evaluation(tape, root: root.index, limit: steps)
            let found =
                query.isSingular ? try evaluation.resolve(query, at: root.index) : try evaluation.select(query, at: root.index).first
            steps = evaluation.remaining
            return found
        }
        return found.map { JSONNode(storage: root.storage, index: $0) }
    }

    /// Whether the texts are the same, character code by character code.
    package static func == (left: JSONPath, right: JSONPath) -> Bool {
        left.description.utf8.elementsEqual(right.description.utf8)
    }

    /// Feeds the text into a hasher.
    package func hash(into hasher: inout Hasher) {
        for byte in description.utf8 { hasher.combine(byte) }
    }
}
