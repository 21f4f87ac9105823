/// RFC 8259's grammar, rule by rule, with nothing clever in it: what the fast parser is held against.
struct ReferenceGrammar {
    private var scalars: [Unicode.Scalar] = []
    private var position = 0
    private var isUTF8: Bool

    static func accepts(_ bytes: [UInt8]) -> Bool {
        var grammar = ReferenceGrammar(bytes)
        return grammar.isText()
    }

    private init(_ bytes: [UInt8]) {
        let text = String(validating: bytes, as: UTF8.self)
        isUTF8 = text != nil
        scalars = Array((text ?? "").unicodeScalars)
        if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
    }

    private mutating func isText() -> Bool {
        guard isUTF8 else { return false }
        return space() && value() && space() && position == scalars.count
    }

    private func peek(_ ahead: Int = 0) -> Unicode.Scalar? {
        position + ahead < scalars.count ? scalars[position + ahead] : nil
    }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    private mutating func space() -> Bool {
        while take(" ") || take("\n") || take("\r") || take("\t") {}
        return true
    }

    private mutating func value() -> Bool {
        if take("null") || take("true") || take("false") { return true }
        switch peek() {
        case "\"": return string()
        case "[": return list("[", "]") { $0.value() }
        case "{": return list("{", "}") { $0.string() && $0.space() && $0.take(":") && $0.space() && $0.value() }
        default: return number()
        }
    }

    private mutating func list(_ open: String, _ close: String, _ item: (inout ReferenceGrammar) -> Bool) -> Bool {
        guard take(open), space() else { return false }
        if take(close) { return true }
        repeat {
            guard space(), item(&self), space() else { return false }
        } while take(",")
        return take(close)
    }

    private mutating func digits() -> Bool {
        let start = position
        while let scalar = peek(), ("0"..."9").contains(scalar) { position += 1 }
        return position > start
    }

    private mutating func number() -> Bool {
        _ = take("-")
        if !take("0") { guard digits() else { return false } }
        if take(".") { guard digits() else { return false } }
        if take("e") || take("E") {
            if !take("-") { _ = take("+") }
            guard digits() else { return false }
        }
        return true
    }

    private mutating func string() -> Bool {
        guard take("\"") else { return false }
        while let scalar = peek() {
            position += 1
            if scalar == "\"" { return true }
            if scalar.value < 0x20 { return false }
            if scalar == "\\" { guard escape() else { return false } }
        }
        return false
    }

    private mutating func escape() -> Bool {
        guard take("u") else {
            guard let scalar = peek(), "\"\\/bfnrt".unicodeScalars.contains(scalar) else { return false }
            position += 1
            return true
        }
        guard let unit = hex() else { return false }
        if (0xDC00...0xDFFF).contains(unit) { return false }
        guard (0xD800...0xDBFF).contains(unit) else { return true }
        guard take("\\u"), let low = hex() else { return false }
        return (0xDC00...0xDFFF).contains(low)
    }

    private mutating func hex() -> Int? {
        guard position + 4 <= scalars.count else { return nil }
        let text = String(String.UnicodeScalarView(scalars[position..<position + 4]))
        guard text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) else { return nil }
        position += 4
        return Int(text, radix: 16)
    }
}
