/// Which pattern divides the text.
enum Pattern: Sendable {
    case cl100k, o200k
}

/// A text's pieces, one after the other, as the encoding's regular expression finds them. The expression stands above the function that is it.
///
/// The text is checked UTF-8, so a scalar's first byte says how many follow, and none is read beyond the text.
struct Pieces {
    let text: UnsafePointer<UInt8>
    let count: Int
    let classes: ScalarClasses.Table
    /// Bytes looked at, but for the first few of a piece.
    var scanned = 0
    private let pattern: Pattern
    private var position = 0

    init(_ pattern: Pattern, text: UnsafePointer<UInt8>, count: Int, classes: ScalarClasses.Table) {
        self.pattern = pattern
        self.text = text
        self.count = count
        self.classes = classes
    }

    /// The next piece; nil at the end. Every byte of the text is in one.
    @inline(__always)
    mutating func next() -> Range<Int>? {
        guard position < count else { return nil }
        let start = position
        position = pattern == .o200k ? endOfO200k(start) : endOfCL100k(start)
        return start..<position
    }

    /// A scalar's class and how many bytes it has.
    @inline(__always)
    func scalar(_ at: Int) -> (class: ScalarClass, length: Int) {
        let lead = text[at]
        if lead < 0x80 { return (classes[ascii: lead], 1) }
        if lead < 0xE0 { return (classes[UInt32(lead & 0x1F) << 6 | follower(at + 1)], 2) }
        if lead < 0xF0 { return (classes[UInt32(lead & 0x0F) << 12 | follower(at + 1) << 6 | follower(at + 2)], 3) }
        return (classes[UInt32(lead & 0x07) << 18 | follower(at + 1) << 12 | follower(at + 2) << 6 | follower(at + 3)], 4)
    }

    @inline(__always)
    private func follower(_ at: Int) -> UInt32 {
        UInt32(text[at] & 0x3F)
    }

    /// Behind the scalars of these classes.
    @inline(__always)
    mutating func run(of wanted: ScalarClass, from start: Int) -> Int {
        var at = start
        while at < count {
            let (found, length) = scalar(at)
            if wanted.isDisjoint(with: found) { break }
            at += length
        }
        scanned += at - start + 1
        return at
    }

    /// Behind one to three numbers: `\p{N}{1,3}`.
    @inline(__always)
    func numbers(from start: Int, firstLength: Int) -> Int {
        var at = start + firstLength
        for _ in 0..<2 where at < count {
            let (found, length) = scalar(at)
            if found != .number { break }
            at += length
        }
        return at
    }

    /// Behind ` ?[^\s\p{L}\p{N}]+`; nil where that does not match.
    @inline(__always)
    mutating func symbols(from start: Int, first: ScalarClass, firstLength: Int) -> Int? {
        let other: ScalarClass = [.symbol, .mark]
        if !other.isDisjoint(with: first) { return run(of: other, from: start + firstLength) }
        guard text[start] == UInt8(ascii: " "), start + 1 < count else { return nil }
        let (second, length) = scalar(start + 1)
        return other.isDisjoint(with: second) ? nil : run(of: other, from: start + 1 + length)
    }

    /// Behind `(?i:'s|'t|'re|'ve|'m|'ll|'d)`; nil where that does not match. By case folding, `ſ` is an `s`.
    @inline(__always)
    func contraction(_ start: Int) -> Int? {
        guard start + 1 < count, text[start] == UInt8(ascii: "'") else { return nil }
        let first = text[start + 1]
        guard first < 0x80 else {
            return first == 0xC5 && text[start + 2] == 0xBF ? start + 3 : nil
        }
        switch first | 0x20 {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"):
            return start + 2 < count && text[start + 2] | 0x20 == UInt8(ascii: "e") ? start + 3 : nil
        case UInt8(ascii: "l"): return start + 2 < count && text[start + 2] | 0x20 == UInt8(ascii: "l") ? start + 3 : nil
        default: return nil
        }
    }

    /// A run of whitespace.
    struct Whitespace {
        var end: Int
        /// Where its last scalar starts.
        var last: Int
        /// Behind its last carriage return or line feed.
        var lines: Int?
    }

    mutating func whitespace(from start: Int) -> Whitespace {
        var found = Whitespace(end: start, last: start)
        while found.end < count {
            let (this, length) = scalar(found.end)
            if ScalarClass.whitespace.isDisjoint(with: this) { break }
            found.last = found.end
            found.end += length
            if this == .newline { found.lines = found.end }
        }
        scanned += found.end - start + 1
        return found
    }
}

extension Pieces.Whitespace {
    /// Behind `\s+(?!\S)`, or else `\s`: a space before a word is left to it.
    func withoutLast(of text: Int, from start: Int) -> Int {
        end == text || last == start ? end : last
    }
}
