import GatewayCore

extension FuzzTarget {
    /// Expressions, against a calculator that reads and computes in one go with fractions of its own.
    static let expression = FuzzTarget("expression", maximumLength: 512, shortRun: 4000) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        let expected = PlainCalculator.evaluate(text) { quantity($0) }
        let expression: Expression
        do throws(ExpressionError) {
            expression = try Expression(text)
        } catch {
            try promise((0...text.utf8.count).contains(error.offset) && !error.message.isEmpty, "an error outside the text: \(error)")
            let isBound = error.message.hasPrefix("nested deeper") || error.message.hasSuffix("out of range")
            try promise(expected == .malformed || isBound, "an expression is refused: \(error)")
            return false
        }
        try promise(expected != .malformed, "what is no expression is taken")
        let quantities = Dictionary(uniqueKeysWithValues: expression.names.map { ($0, quantity($0)) })
        let result = Result { () throws(EvaluationError) in try expression.value(of: quantities) }
        switch (expected, result) {
        case (.value(let fraction), .success(let value)):
            try promise(
                fraction == PlainFraction(value.numerator, value.denominator) && value.denominator > 0, "\(value) instead of \(fraction)")
            try check(value)
        case (.value(let fraction), .failure(let error)): throw BrokenPromise(description: "\(error) instead of \(fraction)")
        case (.divisionByZero, .failure(.arithmetic(.divisionByZero))), (.tooLarge, _): break
        case (.divisionByZero, let other): throw BrokenPromise(description: "\(other) instead of a division by zero")
        case (.malformed, _): break
        }
        return true
    }

    /// Small numbers with small denominators; wide ones where the name says so.
    private static func quantity(_ name: String) -> Exact {
        let sum = name.utf8.reduce(0) { $0 + Int128($1) }
        let numerator = name.utf8.first == UInt8(ascii: "w") ? Int128.max / (sum + 1) : sum % 41 - 20
        return (try? Exact(numerator, over: [1, 1, 2, 3, 7, 1000][Int(sum % 6)])) ?? .zero
    }

    /// A value's text, where it is a decimal, is that value again; floor, ceiling and rounding keep their distances.
    private static func check(_ value: Exact) throws {
        // A text of more than 38 digits is not read again.
        if !value.description.utf8.contains(UInt8(ascii: "/")), let again = try? Exact(decimal: value.description) {
            try promise(again == value, "\(value) is \(again) when it is read again")
        }
        let (floor, ceiling) = (value.floor, value.ceiling)
        try promise(
            ceiling - floor == (value.denominator == 1 ? 0 : 1), "between floor \(floor) and ceiling \(ceiling) is more than \(value)")
        try promise(!value.isLess(than: Exact(floor)) && !Exact(ceiling).isLess(than: value), "\(value) is not between floor and ceiling")
        if let rounded = try? value.roundedHalfUp() {
            if let half = try? Exact(1, over: 2), let distance = try? value - Exact(rounded), let sum = try? distance + half {
                try promise(distance.isLess(than: half) && !sum.isNegative, "\(value) is rounded to \(rounded)")
            }
        }
    }
}

/// A fraction in lowest terms.
struct PlainFraction: Equatable {
    let over: Int128
    let under: Int128

    init(_ over: Int128, _ under: Int128) {
        var (a, b) = (over.magnitude, under.magnitude)
        while b != 0 { (a, b) = (b, a % b) }
        let divisor = a == 0 ? 1 : Int128(a)
        self.over = (under < 0 ? -over : over) / divisor
        self.under = (under < 0 ? -under : under) / divisor
    }
}

/// Reads an expression by its grammar and computes as it reads, nothing kept, nothing compiled.
struct PlainCalculator {
    enum Outcome: Equatable {
        case value(PlainFraction)
        case divisionByZero
        /// Beyond this calculator's range.
        case tooLarge
        case malformed
    }

    private struct Malformed: Error {}
    private var rest: Substring.UnicodeScalarView
    private var failure: Outcome?
    private let quantity: (String) -> Exact

    static func evaluate(_ text: String, quantity: @escaping (String) -> Exact) -> Outcome {
        var calculator = PlainCalculator(rest: Substring(text).unicodeScalars, quantity: quantity)
        guard let value = try? calculator.sum() else { return .malformed }
        calculator.skipSpace()
        return calculator.rest.isEmpty ? calculator.failure ?? .value(value) : .malformed
    }

    private mutating func sum() throws -> PlainFraction {
        var value = try product()
        while let sign = take("+") ?? take("-") ?? take("−") {
            let next = try product()
            value = combine { (checked) in
                let (left, right) = try (checked.times(value.over, next.under), checked.times(next.over, value.under))
                return (try checked.plus(left, sign == "+" ? right : -right), try checked.times(value.under, next.under))
            }
        }
        return value
    }

    private mutating func product() throws -> PlainFraction {
        var value = try factor()
        while let sign = take("*") ?? take("/") {
            let next = try factor()
            if sign == "/", next.over == 0 { failure = failure ?? .divisionByZero }
            value = combine { (checked) in
                let (over, under) = sign == "*" ? (next.over, next.under) : (next.under, next.over)
                return (try checked.times(value.over, over), try checked.times(value.under, under))
            }
        }
        return value
    }

    private mutating func factor() throws -> PlainFraction {
        if (take("-") ?? take("−")) != nil {
            let value = try factor()
            return PlainFraction(-value.over, value.under)
        }
        if take("(") != nil {
            let value = try sum()
            guard take(")") != nil else { throw Malformed() }
            return value
        }
        skipSpace()
        let word = String(rest.prefix { $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "_" || $0 == ".") })
        rest = rest.dropFirst(word.unicodeScalars.count)
        guard let first = word.unicodeScalars.first else { throw Malformed() }
        if ("0"..."9").contains(first) { return try number(word) }
        guard !word.contains(".") else { throw Malformed() }
        let isCall = take("(") != nil
        guard isCall == ["ceil", "floor", "min", "max"].contains(word) else { throw Malformed() }
        guard isCall else {
            let value = quantity(word)
            return PlainFraction(value.numerator, value.denominator)
        }
        var arguments = [try sum()]
        while take(",") != nil { arguments.append(try sum()) }
        guard take(")") != nil else { throw Malformed() }
        return try call(word, arguments)
    }

    private mutating func number(_ text: String) throws -> PlainFraction {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && $0.unicodeScalars.allSatisfy { ("0"..."9").contains($0) } }) else {
            throw Malformed()
        }
        guard let digits = Int128(parts.joined()), parts.count == 1 || parts[1].count <= 38 else {
            failure = failure ?? .tooLarge
            return PlainFraction(0, 1)
        }
        return PlainFraction(digits, parts.dropFirst().reduce(1) { power, part in part.reduce(power) { power, _ in power * 10 } })
    }

    private mutating func call(_ function: String, _ arguments: [PlainFraction]) throws -> PlainFraction {
        guard function == "min" || function == "max" else {
            guard arguments.count == 1 else { throw Malformed() }
            let (over, under) = (arguments[0].over, arguments[0].under)
            let rest = (over % under + under) % under
            let floor = (over - over % under) / under - (over % under < 0 ? 1 : 0)
            return PlainFraction(function == "ceil" && rest != 0 ? floor + 1 : floor, 1)
        }
        var best = arguments[0]
        for next in arguments.dropFirst() {
            let difference = combine { (checked) in
                (try checked.plus(try checked.times(next.over, best.under), -(try checked.times(best.over, next.under))), 1)
            }
            if function == "min" ? difference.over < 0 : difference.over > 0 { best = next }
        }
        return best
    }

    /// Arithmetic that throws where it leaves 126 bits, so that signs can be turned freely.
    private struct Checked {
        func times(_ left: Int128, _ right: Int128) throws -> Int128 { try bounded(left.multipliedReportingOverflow(by: right)) }
        func plus(_ left: Int128, _ right: Int128) throws -> Int128 { try bounded(left.addingReportingOverflow(right)) }

        private func bounded(_ result: (partialValue: Int128, overflow: Bool)) throws -> Int128 {
            guard !result.overflow, result.partialValue.magnitude < 1 << 126 else { throw Malformed() }
            return result.partialValue
        }
    }

    private mutating func combine(_ operation: (Checked) throws -> (over: Int128, under: Int128)) -> PlainFraction {
        // What is computed after the first failure counts no more, only its grammar does.
        if failure == nil, let (over, under) = try? operation(Checked()) { return PlainFraction(over, under) }
        failure = failure ?? .tooLarge
        return PlainFraction(0, 1)
    }

    private mutating func skipSpace() {
        rest = rest.drop { $0 == " " || ("\t"..."\r").contains($0) }
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        skipSpace()
        guard rest.first == scalar else { return nil }
        rest.removeFirst()
        return scalar
    }
}
