extension RoutePattern {
    /// Whether every request that `other` serves with one of its methods is served by `self`, as far as their forms show.
    ///
    /// Two captures in a segment are compared by form alone, so a pattern with them may serve more than this says.
    package func serves(allOf other: RoutePattern, method: String) -> Bool {
        guard methods.contains(method), other.methods.contains(method) else { return false }
        if takesRest {
            guard other.segments.count >= segments.count else { return false }
        } else {
            guard !other.takesRest, other.segments.count == segments.count else { return false }
        }
        return zip(segments, other.segments).allSatisfy { Self.covers($0, $1) }
    }

    /// Whether each segment that `other` serves is one that `pieces` serve.
    private static func covers(_ pieces: [Piece], _ other: [Piece]) -> Bool {
        let captures = pieces.count { if case .capture = $0 { true } else { false } }
        if captures == 0 { return pieces == other }
        // Names of captures do not matter.
        if pieces.map(\.literal) == other.map(\.literal) { return true }
        guard captures == 1 else { return false }
        let prefix = (pieces.first?.literal ?? "").utf8
        let suffix = (pieces.count > 1 ? pieces.last?.literal ?? "" : "").utf8
        let otherFirst = (other.first?.literal ?? "").utf8
        if other.count == 1, other[0].literal != nil {
            return otherFirst.count > prefix.count + suffix.count && otherFirst.starts(with: prefix)
                && otherFirst.suffix(suffix.count).elementsEqual(suffix)
        }
        // `other` has a capture, which is a character at least, between what it begins and what it ends with.
        guard !other.isEmpty else { return false }
        let otherLast = (other.last?.literal ?? "").utf8
        return otherFirst.starts(with: prefix) && otherLast.suffix(suffix.count).elementsEqual(suffix)
    }
}

extension RoutePattern.Piece {
    /// The text of a literal; nil for a capture.
    fileprivate var literal: String? {
        if case .literal(let text) = self { text } else { nil }
    }
}
