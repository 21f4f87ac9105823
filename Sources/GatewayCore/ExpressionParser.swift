/// Reads an expression into postfix steps: recursive descent, its depth bounded by ``Expression/maximumNesting``.
struct ExpressionParser {
    private(set) var steps: [Expression.Step] = []
    private(set) var names: [String] = []
    /// The most values that wait on the stack at once.
    private(set) var height = 0

    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0
    private var waiting = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    mutating func parse() throws(ExpressionError) {
        guard bytes.count <= Expression.maximumLength else {
            throw ExpressionError(offset: Expression.maximumLength, message: "an expression has at most \(Expression.maximumLength) bytes")
        }
        try sum()
        guard position == bytes.count else { throw unexpected(orElse: "an operator") }
    }

    private mutating func sum() throws(ExpressionError) {
        try product()
        while true {
            if accept("+") {
                try product()
                emit(.add, taking: 2)
            } else if accept("-") || acceptMinusSign() {
                try product()
                emit(.subtract, taking: 2)
            } else {
                return
            }
        }
    }

    private mutating func product() throws(ExpressionError) {
        try factor()
        while true {
            if accept("*") {
                try factor()
                emit(.multiply, taking: 2)
            } else if accept("/") {
                try factor()
                emit(.divide, taking: 2)
            } else {
                return
            }
        }
    }

    private mutating func factor() throws(ExpressionError) {
        skipSpace()
        depth += 1
        defer { depth -= 1 }
        guard depth <= Expression.maximumNesting else {
            throw ExpressionError(offset: position, message: "nested deeper than \(Expression.maximumNesting)")
        }
        if accept("-") || acceptMinusSign() {
            try factor()
            emit(.negate, taking: 1)
        } else if accept("(") {
            try sum()
            guard accept(")") else { throw unexpected(orElse: "')'") }
        } else if let byte = peek, Self.isDigit(byte) {
            try number()
        } else if let byte = peek, Self.isLetter(byte) {
            try name()
        } else {
            throw unexpected(orElse: "a name, a number or '('")
        }
    }

    private mutating func number() throws(ExpressionError) {
        let start = position
        while let byte = peek, Self.isDigit(byte) { position += 1 }
        if peek == UInt8(ascii: ".") {
            position += 1
            guard let byte = peek, Self.isDigit(byte) else { throw unexpected(orElse: "a digit") }
            while let byte = peek, Self.isDigit(byte) { position += 1 }
        }
        if let byte = peek, Self.isLetter(byte) || byte == UInt8(ascii: ".") { throw unexpected(orElse: "an operator") }
        let value: Exact?
        do {
            value = try Exact(decimalBytes: bytes[start..<position])
        } catch {
            throw ExpressionError(offset: start, message: "the number is out of range")
        }
        guard let value else { throw ExpressionError(offset: start, message: "this is no number") }
        emit(.number(value), taking: 0)
    }

    private mutating func name() throws(ExpressionError) {
        let start = position
        while let byte = peek, Self.isLetter(byte) || Self.isDigit(byte) { position += 1 }
        let name = String(decoding: bytes[start..<position], as: UTF8.self)
        let isFunction = ["ceil", "floor", "min", "max"].contains(name)
        guard accept("(") else {
            if isFunction { throw ExpressionError(offset: start, message: "'\(name)' is a function: '\(name)(…)'") }
            let index = names.firstIndex(of: name) ?? names.count
            if index == names.count { names.append(name) }
            emit(.name(index), taking: 0)
            return
        }
        guard isFunction else {
            throw ExpressionError(offset: start, message: "there is no function '\(name)'; there are ceil, floor, min and max")
        }
        var count = 1
        try sum()
        while accept(",") {
            try sum()
            count += 1
        }
        guard accept(")") else { throw unexpected(orElse: "',' or ')'") }
        switch name {
        case "min": emit(.min(count), taking: count)
        case "max": emit(.max(count), taking: count)
        default:
            guard count == 1 else { throw ExpressionError(offset: start, message: "'\(name)' takes one argument, not \(count)") }
            emit(name == "ceil" ? .ceil : .floor, taking: 1)
        }
    }

    private mutating func emit(_ step: Expression.Step, taking count: Int) {
        steps.append(step)
        waiting += 1 - count
        height = max(height, waiting)
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
    }

    /// Takes a character that stands next, with the white space before and after it.
    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard let byte = peek, UInt32(byte) == character.value else { return false }
        position += 1
        skipSpace()
        return true
    }

    /// Takes U+2212, which typesetters put for '-'.
    private mutating func acceptMinusSign() -> Bool {
        skipSpace()
        guard bytes[position...].starts(with: [0xE2, 0x88, 0x92]) else { return false }
        position += 3
        skipSpace()
        return true
    }

    private func unexpected(orElse expected: String) -> ExpressionError {
        guard position < bytes.count else { return ExpressionError(offset: position, message: "\(expected) is missing at the end") }
        let character = String(decoding: bytes[position...].prefix(4), as: UTF8.self).unicodeScalars.first.map(String.init) ?? ""
        return ExpressionError(offset: position, message: "'\(character)' where \(expected) belongs")
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
    }
}
