/// Why a text is not a JSONPath query or logical expression, and where.
package struct JSONPathError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The position of the fault in the text, in Unicode scalar values, from 0.
    package let offset: Int
    /// What was expected there, and what was found.
    package let message: String

    /// The message with the position.
    package var description: String {
        "\(message) at character \(offset)"
    }
}

/// Why a valid query was not evaluated to the end.
package enum JSONPathEvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The query and the document together take more work than the limit given, about one step a visited node.
    case tooManySteps(limit: Int)
    /// A regular expression taken from the document is larger than this implementation accepts.
    case patternTooLarge

    /// One line of English.
    package var description: String {
        switch self {
        case .tooManySteps(let limit): "the query takes more than \(limit) steps on this document"
        case .patternTooLarge: "a regular expression in the document is too large"
        }
    }
}
