/// A scalar as written, and what the YAML 1.2 core schema makes of it.
package struct YAMLScalar: Sendable, Hashable {
    /// The text after YAML's unquoting and folding, before environment variables are put in.
    package var text: String
    /// Whether it stood without quotes and not as a block (`|`, `>`). Everything else is a string, whatever it looks like.
    package var isPlain: Bool

    package init(text: String, isPlain: Bool) {
        self.text = text
        self.isPlain = isPlain
    }

    /// A scalar's type and value in the core schema. `yes`, `no`, `on`, `off` and dates are strings.
    package enum Value: Sendable, Hashable {
        case null
        case bool(Bool)
        /// Decimal digits with an optional leading `-`, no leading zeros; `0x` and `0o` are converted.
        case integer(String)
        /// Exact decimal text as JSON allows it, the exponent worked out: `-`? digits (`.` digits)?
        case decimal(String)
        /// Infinity, not-a-number, or more digits than anything here can mean.
        case unrepresentable
        case string
    }

    /// The most digits a number may have, its exponent worked out.
    package static let maximumDigits = 100

    /// The value in the core schema.
    package var value: Value {
        guard isPlain else { return .string }
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        case ".nan", ".NaN", ".NAN": return .unrepresentable
        default: break
        }
        guard let first = text.utf8.first,
            isDigit(first) || first == UInt8(ascii: ".") || first == UInt8(ascii: "-") || first == UInt8(ascii: "+")
        else { return .string }
        if text.hasPrefix("0x") { return Self.integer(text.utf8.dropFirst(2), radix: 16) }
        if text.hasPrefix("0o") { return Self.integer(text.utf8.dropFirst(2), radix: 8) }
        return Self.number(text)
    }

    private static func integer(_ digits: Substring.UTF8View, radix: Int) -> Value {
        let isNumber = !digits.isEmpty && digits.allSatisfy { radix == 16 ? isHexDigit($0) : (0x30...0x37).contains($0) }
        guard isNumber else { return .string }
        guard let value = UInt128(Substring(digits), radix: radix) else { return .unrepresentable }
        return .integer(String(value))
    }

    private static func number(_ text: String) -> Value {
        var rest = Substring(text).utf8
        var isNegative = false
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            rest = rest.dropFirst()
        }
        switch Substring(rest) {
        case ".inf", ".Inf", ".INF": return .unrepresentable
        default: break
        }
        let whole = rest.prefix(while: isDigit)
        rest = rest[whole.endIndex...]
        var fraction = rest.prefix(0)
        var hasPoint = false
        if rest.first == UInt8(ascii: ".") {
            hasPoint = true
            fraction = rest.dropFirst().prefix(while: isDigit)
            rest = rest[fraction.endIndex...]
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return .string }
        var exponent: Substring?
        if let mark = rest.first, mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            let signed = rest
            if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest = rest.dropFirst() }
            let digits = rest.prefix(while: isDigit)
            guard !digits.isEmpty else { return .string }
            exponent = Substring(signed[..<digits.endIndex])
            rest = rest[digits.endIndex...]
        }
        guard rest.isEmpty else { return .string }
        guard let plain = plainDecimal(whole: whole, fraction: fraction, exponent: exponent, isNegative: isNegative) else {
            return .unrepresentable
        }
        return hasPoint || exponent != nil ? .decimal(plain) : .integer(plain)
    }

    /// The number without exponent and superfluous zeros in front; nil when it would be longer than `maximumDigits`.
    private static func plainDecimal(
        whole: Substring.UTF8View, fraction: Substring.UTF8View, exponent: Substring?, isNegative: Bool
    ) -> String? {
        var digits = Array(whole) + Array(fraction)
        guard digits.count <= maximumDigits else { return nil }
        // Where the point stands, counted in digits from the left.
        var point = whole.count
        if let exponent {
            guard let shift = Int(exponent), (-maximumDigits...maximumDigits).contains(shift) else { return nil }
            point += shift
        }
        let zero = UInt8(ascii: "0")
        if point <= 0 {
            digits.insert(contentsOf: repeatElement(zero, count: 1 - point), at: 0)
            point = 1
        } else if point > digits.count {
            digits.append(contentsOf: repeatElement(zero, count: point - digits.count))
        }
        guard digits.count <= maximumDigits else { return nil }
        let leading = min(digits.prefix { $0 == zero }.count, point - 1)
        let sign = isNegative && digits.contains { $0 != zero } ? "-" : ""
        let integer = String(decoding: digits[leading..<point], as: UTF8.self)
        guard point < digits.count else { return sign + integer }
        return sign + integer + "." + String(decoding: digits[point...], as: UTF8.self)
    }
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

private func isHexDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
}
