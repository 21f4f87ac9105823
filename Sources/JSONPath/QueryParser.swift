/// Reads queries and logical expressions, by the grammar of RFC 9535. Recursion is bounded by `JSONPath.maximumNesting`.
struct QueryParser {
    private let scalars: [Unicode.Scalar]
    var position = 0
    private var nesting = 0

    init(_ text: String) {
        scalars = Array(text.unicodeScalars)
    }

    /// Reads the whole text as a query.
    mutating func query() throws(JSONPathError) -> Query {
        guard take("$") else { throw expected("'$' at the start of the query") }
        let query = try segments(isAbsolute: true)
        guard peek == nil else { throw expected("'.', '..', '[' or the end of the query") }
        return query
    }

    /// Reads the whole text as a logical expression.
    mutating func expression() throws(JSONPathError) -> Logical {
        skipSpace()
        let expression = try logical()
        skipSpace()
        guard peek == nil else { throw expected("'&&', '||' or the end of the expression") }
        return expression
    }

    /// Reads what follows the `$` or `@` of a query.
    mutating func segments(isAbsolute: Bool) throws(JSONPathError) -> Query {
        var steps: [Step] = []
        var segments: [Segment] = []
        while let segment = try segment() {
            if segments.isEmpty, !segment.isDescendant, segment.selectors.count == 1, case .step(let step) = segment.selectors[0] {
                steps.append(step)
            } else {
                segments.append(segment)
            }
        }
        return Query(isAbsolute: isAbsolute, steps: steps, segments: segments)
    }

    private mutating func segment() throws(JSONPathError) -> Segment? {
        let start = position
        skipSpace()
        if take("..") {
            return Segment(isDescendant: true, selectors: peek == "[" ? try bracketed() : [try shorthand()])
        }
        if take(".") {
            return Segment(isDescendant: false, selectors: [try shorthand()])
        }
        if peek == "[" {
            return Segment(isDescendant: false, selectors: try bracketed())
        }
        // White space belongs to a query only in front of a segment.
        position = start
        return nil
    }

    private mutating func shorthand() throws(JSONPathError) -> Selector {
        if take("*") { return .wildcard }
        let start = position
        while let scalar = peek, isNameScalar(scalar, isFirst: position == start) { position += 1 }
        guard position > start else { throw expected("a member name or '*'") }
        return .step(.name(utf8(scalars[start..<position])))
    }

    private func isNameScalar(_ scalar: Unicode.Scalar, isFirst: Bool) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "_", "\u{80}"...: true
        case "0"..."9": !isFirst
        default: false
        }
    }

    private mutating func bracketed() throws(JSONPathError) -> [Selector] {
        position += 1
        var selectors: [Selector] = []
        repeat {
            skipSpace()
            selectors.append(try selector())
            skipSpace()
        } while take(",")
        guard take("]") else { throw expected("',' or ']'") }
        return selectors
    }

    private mutating func selector() throws(JSONPathError) -> Selector {
        switch peek {
        case "'", "\"":
            return .step(.name(try stringLiteral()))
        case "*":
            position += 1
            return .wildcard
        case "?":
            position += 1
            skipSpace()
            return .filter(try nested { (parser) throws(JSONPathError) in try parser.logical() })
        case ":", "-", .some("0"..."9"):
            return try indexOrSlice()
        default:
            throw expected("a selector: a quoted name, '*', an index, a slice or a filter")
        }
    }

    private mutating func indexOrSlice() throws(JSONPathError) -> Selector {
        let start = try optionalInteger()
        let end = position
        skipSpace()
        guard take(":") else {
            position = end
            guard let start else { throw expected("an index or ':'") }
            return .step(.index(start))
        }
        skipSpace()
        let stop = try optionalInteger()
        let beforeStep = position
        skipSpace()
        guard take(":") else {
            position = beforeStep
            return .slice(Slice(start: start, end: stop, step: 1))
        }
        skipSpace()
        return .slice(Slice(start: start, end: stop, step: try optionalInteger() ?? 1))
    }

    /// Reads an integer of I-JSON's range, without leading zeros, if there is one.
    private mutating func optionalInteger() throws(JSONPathError) -> Int? {
        let start = position
        let isNegative = take("-")
        let digits = takeDigits()
        guard !digits.isEmpty else {
            if isNegative { throw expected("a digit") }
            return nil
        }
        guard digits.count == 1 ? digits != "0" || !isNegative : digits.first != "0" else {
            throw JSONPathError(offset: start, message: "an integer has no leading zero and is not -0")
        }
        guard digits.count <= 16, let magnitude = Int(digits), magnitude < 1 << 53 else {
            throw JSONPathError(offset: start, message: "an integer is between -(2^53)+1 and 2^53-1")
        }
        return isNegative ? -magnitude : magnitude
    }
}

// MARK: - Characters

extension QueryParser {
    var peek: Unicode.Scalar? {
        position < scalars.count ? scalars[position] : nil
    }

    /// Consumes a text if it comes next.
    mutating func take(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard position + count <= scalars.count else { return false }
        for index in 0..<count where scalars[position + index].value != UInt32(text.utf8Start[index]) { return false }
        position += count
        return true
    }

    mutating func takeDigits() -> String {
        let start = position
        while let scalar = peek, ("0"..."9").contains(scalar) { position += 1 }
        return text(from: start)
    }

    func text(from start: Int) -> String {
        String(String.UnicodeScalarView(scalars[start..<position]))
    }

    mutating func skipSpace() {
        while let scalar = peek, scalar == " " || scalar == "\n" || scalar == "\t" || scalar == "\r" { position += 1 }
    }

    func expected(_ what: String) -> JSONPathError {
        guard let scalar = peek else { return JSONPathError(offset: position, message: "expected \(what), found the end") }
        let found = scalar.value < 0x20 || scalar.value == 0x7F ? "U+\(String(scalar.value, radix: 16, uppercase: true))" : "'\(scalar)'"
        return JSONPathError(offset: position, message: "expected \(what), found \(found)")
    }

    /// Reads something one level deeper.
    mutating func nested<Result>(_ read: (inout QueryParser) throws(JSONPathError) -> Result) throws(JSONPathError) -> Result {
        guard nesting < JSONPath.maximumNesting else {
            throw JSONPathError(offset: position, message: "nested deeper than \(JSONPath.maximumNesting) levels")
        }
        nesting += 1
        defer { nesting -= 1 }
        return try read(&self)
    }

    /// Reads a quoted string; returns its UTF-8.
    mutating func stringLiteral() throws(JSONPathError) -> [UInt8] {
        guard let quote = peek, quote == "'" || quote == "\"" else { throw expected("a quoted string") }
        let start = position
        position += 1
        var characters = String.UnicodeScalarView()
        while let scalar = peek {
            switch scalar {
            case quote:
                position += 1
                return Array(String(characters).utf8)
            case "\\":
                characters.append(try escape(quote))
            case "\0"..."\u{1F}":
                throw expected("an escape for a control character")
            default:
                characters.append(scalar)
                position += 1
            }
        }
        throw JSONPathError(offset: start, message: "the string that starts here is not closed")
    }

    private mutating func escape(_ quote: Unicode.Scalar) throws(JSONPathError) -> Unicode.Scalar {
        let start = position
        position += 1
        let scalar: Unicode.Scalar
        switch peek {
        case "b": scalar = "\u{8}"
        case "f": scalar = "\u{C}"
        case "n": scalar = "\n"
        case "r": scalar = "\r"
        case "t": scalar = "\t"
        case "/": scalar = "/"
        case "\\": scalar = "\\"
        case quote: scalar = quote
        case "u":
            position += 1
            return try unicodeEscape(start)
        default: throw expected("an escape: one of b f n r t / \\ \(quote) or u and four hexadecimal digits")
        }
        position += 1
        return scalar
    }

    private mutating func unicodeEscape(_ start: Int) throws(JSONPathError) -> Unicode.Scalar {
        let loneSurrogate = JSONPathError(offset: start, message: "a surrogate without its other half")
        let unit = try hexUnit()
        guard unit & 0xFC00 == 0xD800 else {
            guard let scalar = Unicode.Scalar(unit) else { throw loneSurrogate }
            return scalar
        }
        guard take("\\u") else { throw loneSurrogate }
        let low = try hexUnit()
        guard low & 0xFC00 == 0xDC00, let scalar = Unicode.Scalar(0x10000 + (unit & 0x3FF) << 10 + (low & 0x3FF)) else {
            throw loneSurrogate
        }
        return scalar
    }

    private mutating func hexUnit() throws(JSONPathError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let scalar = peek, scalar.isASCII, let digit = hexDigit(UInt8(truncatingIfNeeded: scalar.value)) else {
                throw expected("a hexadecimal digit")
            }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }

    private func utf8(_ scalars: ArraySlice<Unicode.Scalar>) -> [UInt8] {
        Array(String(String.UnicodeScalarView(scalars)).utf8)
    }
}
