/// A logical expression of RFC 9535, such as stands behind the `?` of a filter selector, on its own: a condition on a whole document, for example
/// `!$.data || count($.results[*]) == 0`. Both `$` and `@` are the node it is asked about.
///
/// Expressions are equal when their texts are.
package struct JSONLogical: Sendable, Hashable, CustomStringConvertible {
    /// The expression's text.
    package let description: String
    /// Whether the expression holds where every query selects nothing: for a body that is not JSON.
    package let holdsOnNothing: Bool
    private let expression: Logical

    /// Reads an expression.
    ///
    /// - Throws: `JSONPathError` when the text is not a well-formed and valid expression, or is nested too deep.
    package init(_ text: String) throws(JSONPathError) {
        var parser = QueryParser(text)
        expression = try parser.expression()
        description = text
        do {
            let expression = expression
            holdsOnNothing = try Tape.withNothing { (tape) throws(JSONPathEvaluationError) -> Bool in
                var evaluation = Evaluation(tape, root: Evaluation.nothing, limit: JSONPath.defaultStepLimit)
                return try evaluation.holds(expression, at: Evaluation.nothing)
            }
        } catch {
            throw JSONPathError(offset: 0, message: error.description)
        }
    }

    /// Whether the expression holds for a node.
    ///
    /// - Parameters:
    ///   - node: What `$` and `@` stand for.
    ///   - limit: How many steps to take at most.
    /// - Throws: `JSONPathEvaluationError` when the limit is reached.
    package func holds(at node: JSONNode, limit: Int = JSONPath.defaultStepLimit) throws(JSONPathEvaluationError) -> Bool {
        try node.storage.withTape { (tape) throws(JSONPathEvaluationError) -> Bool in
            var evaluation = Evaluation(tape, root: node.index, limit: limit)
            return try evaluation.holds(expression, at: node.index)
        }
    }

    /// Whether the texts are the same, character code by character code.
    package static func == (left: JSONLogical, right: JSONLogical) -> Bool {
        left.description.utf8.elementsEqual(right.description.utf8)
    }

    /// Feeds the text into a hasher.
    package func hash(into hasher: inout Hasher) {
        for byte in description.utf8 { hasher.combine(byte) }
    }
}
