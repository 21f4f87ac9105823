/// Filters: whether an expression holds, and the values it compares.
extension Evaluation {
    /// Whether a logical expression holds, with `@` at `current`.
    mutating func holds(_ expression: Logical, at current: Int) throws(JSONPathEvaluationError) -> Bool {
        switch expression {
        case .any(let alternatives):
            for alternative in alternatives where try holds(alternative, at: current) { return true }
            return false
        case .all(let conditions):
            for condition in conditions where try !holds(condition, at: current) { return false }
            return true
        case .not(let condition):
            return try !holds(condition, at: current)
        case .exists(let query):
            return query.isSingular ? try resolve(query, at: current) != nil : try !select(query, at: current).isEmpty
        case .comparison(let left, let comparison, let right):
            return try compare(try value(left, at: current), comparison, try value(right, at: current))
        case .pattern(let text, let pattern, let isWhole):
            return try matches(try value(text, at: current), pattern, isWhole: isWhole, at: current)
        }
    }

    /// What a comparison or function sees: a node of the document, a literal, or no value at all.
    enum Value {
        case nothing
        case node(Int)
        case null
        case bool(Bool)
        case number([UInt8])
        case string([UInt8])
    }

    private mutating func value(_ operand: Operand, at current: Int) throws(JSONPathEvaluationError) -> Value {
        switch operand {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .number(let text): return .number(text)
        case .string(let text): return .string(text)
        case .query(let query):
            return try resolve(query, at: current).map { .node($0) } ?? .nothing
        case .count(let query):
            return .number(Array(String(try select(query, at: current).count).utf8))
        case .value(let query):
            let nodes = try select(query, at: current)
            return nodes.count == 1 ? .node(nodes[0]) : .nothing
        case .length(let operand):
            return try length(of: try value(operand, at: current)).map { .number(Array(String($0).utf8)) } ?? .nothing
        }
    }

    /// A string's number of scalars, an array's of elements, an object's of members.
    private mutating func length(of value: Value) throws(JSONPathEvaluationError) -> Int? {
        if case .node(let index) = value, tape.isContainer(index) {
            if tape.isObject(index) { try charge(tape.length(index)) }
            return tape.childCount(index)
        }
        return try withString(value) { (_, text) throws(JSONPathEvaluationError) in
            text.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
        }
    }

    /// Lends the UTF-8 of a value that is a string; nil for others.
    private mutating func withString<Result>(
        _ value: Value, _ body: (inout Evaluation, UnsafeBufferPointer<UInt8>) throws(JSONPathEvaluationError) -> Result
    ) throws(JSONPathEvaluationError) -> Result? {
        switch value {
        case .string(let text):
            try charge(1 + text.count / 32)
            return try text.withUnsafeBufferPointer { (text) throws(JSONPathEvaluationError) in try body(&self, text) }
        case .node(let index) where tape.isString(index):
            try charge(1 + tape.length(index) / 32)
            return try tape.withUTF8(index) { (text) throws(JSONPathEvaluationError) in try body(&self, text) }
        default:
            return nil
        }
    }

    /// Lends a value that is a number, taken apart; nil for others.
    private mutating func withNumber<Result>(
        _ value: Value, _ body: (inout Evaluation, Decimal) throws(JSONPathEvaluationError) -> Result
    ) throws(JSONPathEvaluationError) -> Result? {
        switch value {
        case .number(let text):
            return try text.withUnsafeBufferPointer { (text) throws(JSONPathEvaluationError) in try body(&self, Decimal(text)) }
        case .node(let index) where tape.kind(index) == .number:
            try charge(1 + tape.length(index) / 32)
            return try body(&self, Decimal(tape.text(index)))
        default:
            return nil
        }
    }
}

// MARK: - Comparisons

extension Evaluation {
    private mutating func compare(_ left: Value, _ comparison: Comparison, _ right: Value) throws(JSONPathEvaluationError) -> Bool {
        switch comparison {
        case .equal: return try areEqual(left, right)
        case .notEqual: return try !areEqual(left, right)
        case .less: return try isLess(left, right)
        case .greater: return try isLess(right, left)
        case .lessOrEqual:
            if try isLess(left, right) { return true }
            return try areEqual(left, right)
        case .greaterOrEqual:
            if try isLess(right, left) { return true }
            return try areEqual(left, right)
        }
    }

    private mutating func areEqual(_ left: Value, _ right: Value) throws(JSONPathEvaluationError) -> Bool {
        switch (left, right) {
        case (.nothing, .nothing): return true
        case (.nothing, _), (_, .nothing): return false
        case (.node(let a), .node(let b)):
            if a == b { return true }
            // Equality looks at each byte of each side once, and at each name a few times.
            let bytes = min(tape.extent(a).count, tape.extent(b).count)
            try charge(1 + bytes / 32 + max(tape.next(a) - a, tape.next(b) - b))
            return JSONEquality(tape, tape).areEqual(a, b)
        default:
            if let equal = try ordered(left, right, numbers: { $0 == $1 }, strings: equalBytes) { return equal }
            guard let a = simple(left), let b = simple(right) else { return false }
            return a == b
        }
    }

    private mutating func isLess(_ left: Value, _ right: Value) throws(JSONPathEvaluationError) -> Bool {
        try ordered(left, right, numbers: { Decimal.compare($0, $1) < 0 }, strings: precedes) ?? false
    }

    /// Compares two numbers or two strings; nil for anything else.
    private mutating func ordered(
        _ left: Value, _ right: Value,
        numbers: (Decimal, Decimal) -> Bool,
        strings: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Bool
    ) throws(JSONPathEvaluationError) -> Bool? {
        if let result = try withNumber(
            left,
            { (self, left) throws(JSONPathEvaluationError) in
                try self.withNumber(right) { (_, right) throws(JSONPathEvaluationError) in numbers(left, right) }
            })
        {
            return result
        }
        return try withString(left) { (self, left) throws(JSONPathEvaluationError) in
            try self.withString(right) { (_, right) throws(JSONPathEvaluationError) in strings(left, right) }
        } ?? nil
    }

    /// `null`, `false` and `true`.
    private func simple(_ value: Value) -> Tape.Kind? {
        switch value {
        case .null: return .null
        case .bool(let value): return value ? .true : .false
        case .node(let index):
            let kind = tape.kind(index)
            return kind == .null || kind == .true || kind == .false ? kind : nil
        default: return nil
        }
    }
}

// MARK: - Regular expressions

extension Evaluation {
    private mutating func matches(
        _ text: Value, _ pattern: Pattern, isWhole: Bool, at current: Int
    ) throws(JSONPathEvaluationError) -> Bool {
        let expression: IRegexp?
        switch pattern {
        case .known(let known): expression = known
        case .computed(let operand): expression = try self.expression(try value(operand, at: current))
        }
        guard let expression else { return false }
        return try withString(text) { (self, text) throws(JSONPathEvaluationError) in
            try self.charge(expression.program.count / 32)
            return try expression.matches(text, whole: isWhole) { (steps) throws(JSONPathEvaluationError) in try self.charge(steps) }
        } ?? false
    }

    /// Compiles an expression that the document holds, once.
    private mutating func expression(_ value: Value) throws(JSONPathEvaluationError) -> IRegexp? {
        try withString(value) { (self, text) throws(JSONPathEvaluationError) -> IRegexp? in
            let key = [UInt8](text)
            if let known = self.patterns[key] { return known }
            try self.charge(1 + text.count)
            let expression: IRegexp?
            do throws(IRegexpError) {
                expression = try IRegexp(text)
            } catch {
                guard error == .invalid else { throw JSONPathEvaluationError.patternTooLarge }
                expression = nil
            }
            // Enough for a list of expressions; bounded, whatever the document.
            if self.patterns.count < 16 { self.patterns[key] = expression }
            return expression
        } ?? nil
    }
}
