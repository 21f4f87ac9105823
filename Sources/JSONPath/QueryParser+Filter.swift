/// Filters: logical expressions, comparisons, and calls of function extensions with their types checked (RFC 9535, section 2.4.3).
extension QueryParser {
    /// Reads a logical expression.
    mutating func logical() throws(JSONPathError) -> Logical {
        var alternatives = [try conjunction()]
        while takeOperator("||") { alternatives.append(try conjunction()) }
        return alternatives.count == 1 ? alternatives[0] : .any(alternatives)
    }

    private mutating func conjunction() throws(JSONPathError) -> Logical {
        var conditions = [try basic()]
        while takeOperator("&&") { conditions.append(try basic()) }
        return conditions.count == 1 ? conditions[0] : .all(conditions)
    }

    private mutating func takeOperator(_ text: StaticString) -> Bool {
        let start = position
        skipSpace()
        guard take(text) else {
            position = start
            return false
        }
        skipSpace()
        return true
    }

    private mutating func basic() throws(JSONPathError) -> Logical {
        let isNegated = take("!")
        if isNegated { skipSpace() }
        let condition: Logical
        if take("(") {
            condition = try nested { (parser) throws(JSONPathError) in
                parser.skipSpace()
                let inner = try parser.logical()
                parser.skipSpace()
                guard parser.take(")") else { throw parser.expected("'&&', '||' or ')'") }
                return inner
            }
        } else {
            condition = try testOrComparison(isNegated: isNegated)
        }
        return isNegated ? .not(condition) : condition
    }

    private mutating func testOrComparison(isNegated: Bool) throws(JSONPathError) -> Logical {
        let start = position
        let left = try term()
        let end = position
        skipSpace()
        if let comparison = takeComparison() {
            if isNegated { throw JSONPathError(offset: end, message: "expected parentheses around a comparison that '!' negates") }
            let leftOperand = try operand(left, start: start)
            skipSpace()
            let rightStart = position
            return .comparison(leftOperand, comparison, try operand(try term(), start: rightStart))
        }
        position = end
        switch left {
        case .query(let query): return .exists(query)
        case .logical(let test): return test
        case .operand(_, isLiteral: true):
            skipSpace()
            throw expected("a comparison after a literal")
        case .operand(_, isLiteral: false):
            skipSpace()
            throw expected("a comparison after a function that has a value")
        }
    }

    private mutating func takeComparison() -> Comparison? {
        if take("==") { return .equal }
        if take("!=") { return .notEqual }
        if take("<=") { return .lessOrEqual }
        if take(">=") { return .greaterOrEqual }
        if take("<") { return .less }
        if take(">") { return .greater }
        return nil
    }
}

// MARK: - Terms

/// What may stand on a side of a comparison, as a test, or as an argument, before it is known which.
private enum Term {
    case operand(Operand, isLiteral: Bool)
    case query(Query)
    case logical(Logical)
}

extension QueryParser {
    private func operand(_ term: Term, start: Int) throws(JSONPathError) -> Operand {
        switch term {
        case .operand(let operand, _): return operand
        case .query(let query):
            guard query.isSingular else { throw JSONPathError(offset: start, message: "expected a query that selects one node at most") }
            return .query(query)
        case .logical:
            throw JSONPathError(offset: start, message: "expected a value, found a function whose result is true or false only")
        }
    }

    private mutating func term() throws(JSONPathError) -> Term {
        switch peek {
        case "@":
            position += 1
            return .query(try segments(isAbsolute: false))
        case "$":
            position += 1
            return .query(try segments(isAbsolute: true))
        case "'", "\"":
            return .operand(.string(try stringLiteral()), isLiteral: true)
        case "-", .some("0"..."9"):
            return .operand(try number(), isLiteral: true)
        case .some("a"..."z"):
            return try word()
        default:
            throw expected("a query, a literal, a function, '!' or '('")
        }
    }

    private mutating func number() throws(JSONPathError) -> Operand {
        let start = position
        let isNegative = take("-")
        let digits = takeDigits()
        guard !digits.isEmpty else { throw expected("a digit") }
        guard digits.count == 1 || digits.first != "0" else { throw JSONPathError(offset: start, message: "a number has no leading zero") }
        var isInteger = true
        if take(".") {
            isInteger = false
            guard !takeDigits().isEmpty else { throw expected("a digit") }
        }
        if take("e") || take("E") {
            isInteger = false
            if !take("-") { _ = take("+") }
            guard !takeDigits().isEmpty else { throw expected("a digit") }
        }
        if isInteger, isNegative, digits == "0" { return .number(text: Array("0".utf8)) }
        return .number(text: Array(text(from: start).utf8))
    }

    /// Reads `true`, `false`, `null` or a function's call.
    private mutating func word() throws(JSONPathError) -> Term {
        let start = position
        while let scalar = peek, ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) || scalar == "_" { position += 1 }
        let name = text(from: start)
        guard peek == "(" else {
            switch name {
            case "true": return .operand(.bool(true), isLiteral: true)
            case "false": return .operand(.bool(false), isLiteral: true)
            case "null": return .operand(.null, isLiteral: true)
            default: throw JSONPathError(offset: start, message: "expected true, false, null or a function's call")
            }
        }
        position += 1
        return try nested { (parser) throws(JSONPathError) in
            parser.skipSpace()
            let result: Term
            switch name {
            case "length": result = .operand(.length(try parser.valueArgument()), isLiteral: false)
            case "count": result = .operand(.count(try parser.nodesArgument()), isLiteral: false)
            case "value": result = .operand(.value(try parser.nodesArgument()), isLiteral: false)
            case "match", "search":
                let text = try parser.valueArgument()
                guard parser.take(",") else { throw parser.expected("',' and a regular expression") }
                parser.skipSpace()
                result = .logical(.pattern(text: text, pattern: try parser.patternArgument(), isWhole: name == "match"))
            default:
                throw JSONPathError(offset: start, message: "expected one of the functions length, count, match, search, value")
            }
            guard parser.take(")") else { throw parser.expected("')'") }
            return result
        }
    }

    private mutating func valueArgument() throws(JSONPathError) -> Operand {
        let start = position
        let argument = try operand(try term(), start: start)
        skipSpace()
        return argument
    }

    private mutating func nodesArgument() throws(JSONPathError) -> Query {
        let start = position
        guard case .query(let query) = try term() else { throw JSONPathError(offset: start, message: "expected a query") }
        skipSpace()
        return query
    }

    private mutating func patternArgument() throws(JSONPathError) -> Pattern {
        let start = position
        let argument = try valueArgument()
        guard case .string(let text) = argument else { return .computed(argument) }
        do {
            return .known(try text.withUnsafeBufferPointer { (text) throws(IRegexpError) in try IRegexp(text) })
        } catch {
            switch error {
            // RFC 9535, section 2.4.6: the query is valid, and the function false.
            case .invalid: return .known(nil)
            case .tooLarge: throw JSONPathError(offset: start, message: "the regular expression is too large")
            }
        }
    }
}
