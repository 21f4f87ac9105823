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
            if open > rest.startIndex { pieces.append(.literal(String(rest[..<open]))) }
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
        if rest.contains("}") { throw PatternError(description: "'}' without '{' in '\(segment)'") }
        if rest.contains("*") { throw PatternError(description: "'*' stands only in '/**' at the end") }
        if !rest.isEmpty { pieces.append(.literal(String(rest))) }
        return pieces
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
    }

    /// The names that it captures, in order.
    package var captureNames: [String] {
        segments.flatMap { $0 }.compactMap { if case .capture(let name) = $0 { name } else { nil } }
    }

    /// What a request's path captures, or nil when the pattern does not serve it. Captures keep their percent-encoding and are never empty.
    package func captures(method: String, path: String) -> [String: String]? {
        guard methods.contains(method) else { return nil }
        var captures: [String: String] = [:]
        var rest = path.utf8[...]
        guard rest.first == UInt8(ascii: "/") else { return nil }
        rest = rest.dropFirst()
        for (index, pieces) in segments.enumerated() {
            let end = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
            guard Self.match(pieces[...], rest[..<end], &captures) else { return nil }
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

    private static func match(_ pieces: ArraySlice<Piece>, _ text: Substring.UTF8View, _ captures: inout [String: String]) -> Bool {
        guard let piece = pieces.first else { return text.isEmpty }
        switch piece {
        case .literal(let literal):
            guard text.starts(with: literal.utf8) else { return false }
            return match(pieces.dropFirst(), text.dropFirst(literal.utf8.count), &captures)
        case .capture(let name):
            guard !text.isEmpty else { return false }
            guard pieces.count > 1 else {
                captures[name] = String(Substring(text))
                return true
            }
            // A literal follows: the last place where it fits, so that a capture takes as much as it can.
            var end = text.endIndex
            while end > text.startIndex {
                if match(pieces.dropFirst(), text[end...], &captures) {
                    captures[name] = String(Substring(text[..<end]))
                    return true
                }
                end = text.index(before: end)
            }
            return false
        }
    }
}
