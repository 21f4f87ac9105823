internal import JSONPath

/// Why a call has no price before it is made.
package enum MeteringError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is missing, in words that the caller may read.
    case unpriced(String)

    package var detail: String {
        switch self {
        case .unpriced(let detail): detail
        }
    }

    package var description: String { "unpriced: \(detail)" }
}

/// Why something could not be metered. Made on the rare path only; the words come from ``description``.
enum MeterFailure: Error {
    /// No source of a quantity has a number, and there is no default.
    case missing(name: String, Quantity)
    /// A body that is needed cannot be read.
    case unreadable(String)
    case arithmetic(ArithmeticError, name: String)
    case steps(JSONPathEvaluationError)
    /// No row of a unit holds for the dimensions' values.
    case noRow(String)
    /// More than one call may cost.
    case tooMuch

    var description: String {
        switch self {
        case .missing(let name, let quantity):
            "'\(name)' has no number: there is none in \(quantity.places.joined(separator: " or "))"
        case .unreadable(let reason): reason
        case .arithmetic(.divisionByZero, let name): "'\(name)' divides by zero"
        case .arithmetic(.overflow, let name): "'\(name)' is out of range"
        case .steps(let error): "a path takes too long: \(error)"
        case .noRow(let detail): detail
        case .tooMuch: "the cost is above \(Money.largestCharge), the most that one call may cost"
        }
    }
}

extension Quantity {
    /// Its sources in words, without values.
    fileprivate var places: [String] {
        sources.map {
            switch $0 {
            case .body(let path): "\(path) of the answer"
            case .header(let name): "the answer's header '\(name)'"
            case .request(let path): "\(path) of the request"
            case .query(let name): "the query parameter '\(name)'"
            case .path(let name): "the path's '\(name)'"
            case .count(let path, let inRequest): "the count of \(path) of the \(inRequest ? "request" : "answer")"
            case .tokens: "the request's tokens"
            case .number(let number): "\(number)"
            }
        }
    }
}

/// A value from outside as it may stand in a message: cut short, without control characters.
func quoted(_ value: String) -> String {
    let scalars = value.unicodeScalars.prefix(64).map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "\u{FFFD}" : $0 }
    var text = String(String.UnicodeScalarView(scalars))
    if value.unicodeScalars.dropFirst(64).first != nil { text += "…" }
    return "'\(text)'"
}
