/// A query as the parser leaves it: the steps in front that select one node at most, then the segments from the first that may select more.
struct Query: Sendable {
    /// Whether it starts at `$` rather than `@`.
    let isAbsolute: Bool
    let steps: [Step]
    let segments: [Segment]

    var isSingular: Bool { segments.isEmpty }
}

/// A selector for one node at most.
enum Step: Sendable {
    /// A member, by the UTF-8 of its name.
    case name([UInt8])
    /// An element, from the front (0) or the back (-1).
    case index(Int)
}

/// Selectors to apply to a node's children, or to those of all its descendants and itself.
struct Segment: Sendable {
    let isDescendant: Bool
    let selectors: [Selector]
}

enum Selector: Sendable {
    case step(Step)
    case wildcard
    case slice(Slice)
    case filter(Logical)
}

/// `start:end:step`, by RFC 9535, section 2.3.4.
struct Slice: Sendable {
    let start: Int?
    let end: Int?
    let step: Int

    /// The positions that the slice selects out of `count`, as the bounds of a stride.
    func bounds(count: Int) -> (from: Int, to: Int) {
        func normalized(_ position: Int) -> Int { position < 0 ? position + count : position }
        if step >= 0 {
            return (min(max(normalized(start ?? 0), 0), count), min(max(normalized(end ?? count), 0), count))
        }
        let upper = min(max(normalized(start ?? count - 1), -1), count - 1)
        let lower = end.map { min(max(normalized($0), -1), count - 1) } ?? -1
        return (upper, lower)
    }
}

/// A logical expression. Nested no deeper than `JSONPath.maximumNesting`.
indirect enum Logical: Sendable {
    case any([Logical])
    case all([Logical])
    case not(Logical)
    case exists(Query)
    case comparison(Operand, Comparison, Operand)
    /// `match` or `search`.
    case pattern(text: Operand, pattern: Pattern, isWhole: Bool)
}

enum Comparison: Sendable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
}

/// What has a value: a literal, a singular query, or a function of the declared type ValueType.
indirect enum Operand: Sendable {
    case null
    case bool(Bool)
    case number(text: [UInt8])
    case string([UInt8])
    case query(Query)
    case length(Operand)
    case count(Query)
    case value(Query)
}

/// A regular expression known from the start (nil when it is not an I-Regexp, which then matches nothing), or taken from the document.
enum Pattern: Sendable {
    case known(IRegexp?)
    case computed(Operand)
}
