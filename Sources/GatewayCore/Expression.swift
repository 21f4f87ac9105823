/// Arithmetic over named quantities: `+ - * / ( )`, `ceil(x)`, `floor(x)`, `min(x, …)`, `max(x, …)`, names and decimal numbers. Exact throughout.
///
/// Kept in postfix order, so that evaluating is one pass over an array and a stack of known height.
package struct Expression: Sendable, Hashable, CustomStringConvertible {
    /// One postfix step: a value to push, or an operation on the top of the stack.
    enum Step: Sendable, Hashable {
        case number(Exact)
        /// A position in ``nameList``.
        case name(Int)
        case add, subtract, multiply, divide, negate, ceil, floor
        /// Of that many values.
        case min(Int)
        case max(Int)
    }

    /// The longest text that is read, in UTF-8 bytes.
    package static let maximumLength = 4096
    /// How deep parentheses, function calls and signs may be nested.
    package static let maximumNesting = 64

    /// As the adapter wrote it.
    package let description: String
    /// Each name once, in the order of first use.
    let nameList: [String]
    private let steps: [Step]
    private let height: Int

    /// Reads an expression.
    package init(_ text: String) throws(ExpressionError) {
        var parser = ExpressionParser(text)
        try parser.parse()
        description = text
        nameList = parser.names
        steps = parser.steps
        height = parser.height
    }

    /// A plain number.
    package init(number: Exact) {
        description = number.description
        nameList = []
        steps = [.number(number)]
        height = 1
    }

    /// The quantities that it needs.
    package var names: Set<String> { Set(nameList) }

    /// The value, with the quantities that the names stand for.
    package func value(of quantities: [String: Exact]) throws(EvaluationError) -> Exact {
        var values: [Exact] = []
        for name in nameList {
            guard let value = quantities[name] else { throw .unknownName(name) }
            values.append(value)
        }
        do {
            return try value { values[$0] }
        } catch {
            throw .arithmetic(error)
        }
    }

    /// The value; `quantity` gives that of a position in ``nameList``.
    func value(_ quantity: (Int) -> Exact) throws(ArithmeticError) -> Exact {
        if steps.count == 1 {
            if case .number(let number) = steps[0] { return number }
            if case .name(let index) = steps[0] { return quantity(index) }
        }
        var stack: [Exact] = []
        stack.reserveCapacity(height)
        for step in steps {
            switch step {
            case .number(let number): stack.append(number)
            case .name(let index): stack.append(quantity(index))
            case .add: try Self.combine(&stack) { (left, right) throws(ArithmeticError) in try left + right }
            case .subtract: try Self.combine(&stack) { (left, right) throws(ArithmeticError) in try left - right }
            case .multiply: try Self.combine(&stack) { (left, right) throws(ArithmeticError) in try left * right }
            case .divide: try Self.combine(&stack) { (left, right) throws(ArithmeticError) in try left / right }
            case .negate: try Self.replaceTop(&stack) { (top) throws(ArithmeticError) in try .zero - top }
            case .ceil: try Self.replaceTop(&stack) { (top) throws(ArithmeticError) in Exact(top.ceiling) }
            case .floor: try Self.replaceTop(&stack) { (top) throws(ArithmeticError) in Exact(top.floor) }
            case .min(let count):
                for _ in 1..<count {
                    try Self.combine(&stack) { (left, right) throws(ArithmeticError) in right.isLess(than: left) ? right : left }
                }
            case .max(let count):
                for _ in 1..<count {
                    try Self.combine(&stack) { (left, right) throws(ArithmeticError) in left.isLess(than: right) ? right : left }
                }
            }
        }
        return stack.last ?? .zero
    }

    private static func combine(_ stack: inout [Exact], _ operation: (Exact, Exact) throws(ArithmeticError) -> Exact)
        throws(ArithmeticError)
    {
        // The parser emits an operation only after its operands.
        guard let right = stack.popLast(), let left = stack.popLast() else { return }
        stack.append(try operation(left, right))
    }

    private static func replaceTop(_ stack: inout [Exact], _ operation: (Exact) throws(ArithmeticError) -> Exact) throws(ArithmeticError) {
        guard let top = stack.popLast() else { return }
        stack.append(try operation(top))
    }
}

/// Why a text is no expression.
package struct ExpressionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// UTF-8 bytes from the start of the text.
    package let offset: Int
    package let message: String

    package var description: String { "\(message) (at offset \(offset))" }
}

/// Why an expression has no value.
package enum EvaluationError: Error, Sendable, Hashable {
    /// A name that stands for nothing.
    case unknownName(String)
    case arithmetic(ArithmeticError)
}
