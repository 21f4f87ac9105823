/// Which requests an operation serves: methods and a path pattern.
///
/// `{x}` captures within one segment and a literal may follow it (`/{id}.json`, `/{model}:generate`); `/**` at the end takes the rest.
package struct RoutePattern: Sendable, Hashable {
    /// A piece of a segment.
    package enum Piece: Sendable, Hashable {
        case literal(String)
        case capture(String)
    }

    package let methods: [String]
    /// As the adapter wrote it.
    package let path: String
    package let segments: [[Piece]]
    /// Whether the path ends in `/**`.
    package let takesRest: Bool

    /// Why a pattern is none.
    package struct PatternError: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// Parses a pattern. `methods` are upper-case tokens.
    package init(methods: [String], path: String) throws(PatternError) {
        guard path.utf8.first == UInt8(ascii: "/") else { throw PatternError(description: "a path begins with '/'") }
        self.methods = methods
        self.path = path
        var parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        takesRest = parts.last == "**"
        if takesRest { parts.removeLast() }
        var names: Set<String> = []
        var segments: [[Piece]] = []
        for part in parts {
            segments.append(try Self.pieces(of: part, names: &names))
        }
        self.segments = segments
    }

    private static func pieces(of segment: String, names: inout Set<String>) throws(PatternError) -> [Piece] {
        var pieces: [Piece] = []
        var rest = Substring(segment)
        while let open = rest.firstIndex(of: "{") {
            try appendLiteral(rest[..<open], to: &pieces)
            guard let close = rest[open...].firstIndex(of: "}") else { throw PatternError(description: "'{' without '}' in '\(segment)'") }
            let name = String(rest[rest.index(after: open)..<close])
            guard let first = name.utf8.first, name.utf8.allSatisfy(Self.isNameByte), !(0x30...0x39).contains(first) else {
                throw PatternError(description: "'{\(name)}' is no capture: a name has letters, digits and '_'")
            }
            guard names.insert(name).inserted else { throw PatternError(description: "'{\(name)}' is captured twice") }
            if case .capture = pieces.last { throw PatternError(description: "two captures need a literal between them in '\(segment)'") }
            pieces.append(.capture(name))
            rest = rest[rest.index(after: close)...]
        }
        try appendLiteral(rest, to: &pieces)
        return pieces
    }

    private static func appendLiteral(_ text: Substring, to pieces: inout [Piece]) throws(PatternError) {
        guard !text.isEmpty else { return }
        if text.contains("}") { throw PatternError(description: "'}' without '{' in '\(text)'") }
        if text.contains("*") { throw PatternError(description: "'*' stands only in '/**' at the end") }
        if text.contains("?") || text.contains("#") {
            throw PatternError(description: "a path pattern has no query or fragment: '\(text)'")
        }
        if text == "." || text == ".." { throw PatternError(description: "a path with '.' or '..' as a segment serves nothing") }
        // Requests are compared with what needs no encoding written plainly.
        pieces.append(.literal(PercentCoding.normalized(path: String(text))))
    }

    /// A request's path as patterns know it: characters that need no percent-encoding are written plainly, so that no spelling of a dear
    /// operation slips through to a cheap `/**`. Nil for a path with `.` or `..` as a segment: what a provider takes it for is not known.
    package static func canonical(path: String) -> String? {
        guard path.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: ".") }) else { return path }
        let normalized = PercentCoding.normalized(path: path)
        for segment in normalized.utf8.split(separator: UInt8(ascii: "/")) where segment.count <= 2 {
            if segment.allSatisfy({ $0 == UInt8(ascii: ".") }) { return nil }
        }
        return normalized
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
    }

    /// The names that it captures, in order.
    package var captureNames: [String] {
        segments.flatMap { $0 }.compactMap { if case .capture(let name) = $0 { name } else { nil } }
    }

    /// What a request's path captures, or nil when the pattern does not serve it. Captures keep their percent-encoding and are never empty.
    /// The path is one that ``canonical(path:)`` has returned.
    package func captures(method: String, path: String) -> [String: String]? {
        guard methods.contains(method) else { return nil }
        var captures: [String: String] = [:]
        var rest = path.utf8[...]
        guard rest.first == UInt8(ascii: "/") else { return nil }
        rest = rest.dropFirst()
        for (index, pieces) in segments.enumerated() {
            let end = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
            guard Self.match(pieces, rest[..<end], &captures) else { return nil }
            let isLast = index == segments.count - 1
            if end == rest.endIndex {
                // `/a/**` serves `/a` too: the rest may be nothing.
                return isLast ? captures : nil
            }
            if isLast, !takesRest { return nil }
            rest = rest[rest.index(after: end)...]
        }
        return takesRest ? captures : nil
    }

    /// Whether a segment is served, and what it captures. A capture takes as much as it can, the first one first.
    ///
    /// From the right: each literal between captures goes to the last place that leaves the captures behind it a character each. That is the
    /// greedy choice, and it is never taken back, so a long hostile segment costs no more than a search for each literal.
    private static func match(_ pieces: [Piece], _ text: Substring.UTF8View, _ captures: inout [String: String]) -> Bool {
        var pieces = pieces[...]
        var text = text
        if case .literal(let literal) = pieces.first {
            guard text.starts(with: literal.utf8) else { return false }
            text = text.dropFirst(literal.utf8.count)
            pieces = pieces.dropFirst()
            if pieces.isEmpty { return text.isEmpty }
        }
        if case .literal(let literal) = pieces.last {
            guard ends(text, with: literal.utf8) else { return false }
            text = text.dropLast(literal.utf8.count)
            pieces = pieces.dropLast()
        }
        while let piece = pieces.popLast() {
            guard case .capture(let name) = piece, !text.isEmpty else { return false }
            guard case .literal(let literal) = pieces.popLast() else {
                captures[name] = String(Substring(text))
                return true
            }
            guard let place = last(literal.utf8, in: text) else { return false }
            captures[name] = String(Substring(text[place.upperBound...]))
            text = text[..<place.lowerBound]
        }
        return text.isEmpty
    }

    private static func ends(_ text: Substring.UTF8View, with literal: String.UTF8View) -> Bool {
        text.count >= literal.count && text.suffix(literal.count).elementsEqual(literal)
    }

    /// The last place of a literal that has a character before and behind it.
    private static func last(_ literal: String.UTF8View, in text: Substring.UTF8View) -> Range<Substring.UTF8View.Index>? {
        let count = literal.count
        guard text.count >= count + 2 else { return nil }
        var upper = text.index(before: text.endIndex)
        var lower = text.index(upper, offsetBy: -count)
        while lower > text.startIndex {
            if text[lower..<upper].elementsEqual(literal) { return lower..<upper }
            lower = text.index(before: lower)
            upper = text.index(before: upper)
        }
        return nil
    }
}
