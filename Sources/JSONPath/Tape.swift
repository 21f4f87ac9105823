/// A parsed document's index: one word a scalar or member name, two a container, in the order of the text.
///
/// A word is `kind` (4 bits), `length` (28 bits) and `offset` (28 bits). For strings and names the offset and length are those of the content between
/// the quotes; for numbers and literals those of the text; a container has the offset of its opening bracket and, as its length, its number of children.
/// A container's second word is the offset after its closing bracket (low half) and the index of the word after its last descendant (high half), which
/// is what makes skipping a subtree one step. In an object each value stands behind its name.
///
/// Valid only inside `JSONStorage.withTape`.
struct Tape {
    static let maximumOffset = 1 << 28 - 1

    enum Kind: UInt8 {
        case null, `false`, `true`, number, string, escapedString, name, escapedName, array, object
    }

    let bytes: UnsafePointer<UInt8>
    let words: UnsafePointer<UInt64>

    @inline(__always)
    static func word(_ kind: Kind, offset: Int, length: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: offset) | UInt64(truncatingIfNeeded: length) << 28 | UInt64(kind.rawValue) << 56
    }

    @inline(__always)
    func rawKind(_ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: words[index] >> 56)
    }

    @inline(__always)
    func kind(_ index: Int) -> Kind {
        // Only the parser writes words, always with a kind.
        Kind(rawValue: rawKind(index)) ?? .null
    }

    @inline(__always)
    func isContainer(_ index: Int) -> Bool {
        rawKind(index) >= Kind.array.rawValue
    }

    @inline(__always)
    func isObject(_ index: Int) -> Bool {
        rawKind(index) == Kind.object.rawValue
    }

    @inline(__always)
    func isArray(_ index: Int) -> Bool {
        rawKind(index) == Kind.array.rawValue
    }

    @inline(__always)
    func isString(_ index: Int) -> Bool {
        let kind = rawKind(index)
        return kind == Kind.string.rawValue || kind == Kind.escapedString.rawValue
    }

    @inline(__always)
    func isName(_ index: Int) -> Bool {
        let kind = rawKind(index)
        return kind == Kind.name.rawValue || kind == Kind.escapedName.rawValue
    }

    /// Whether a string or name holds escapes.
    @inline(__always)
    func isEscaped(_ index: Int) -> Bool {
        let kind = rawKind(index)
        return kind == Kind.escapedString.rawValue || kind == Kind.escapedName.rawValue
    }

    @inline(__always)
    func offset(_ index: Int) -> Int {
        Int(truncatingIfNeeded: words[index] & 0xFFF_FFFF)
    }

    /// The length of a scalar's text, or a container's number of children, repeated names included.
    @inline(__always)
    func length(_ index: Int) -> Int {
        Int(truncatingIfNeeded: words[index] >> 28 & 0xFFF_FFFF)
    }

    /// The index behind a value and all that it contains.
    @inline(__always)
    func next(_ index: Int) -> Int {
        isContainer(index) ? Int(truncatingIfNeeded: words[index + 1] >> 32) : index + 1
    }

    /// The text of a scalar; for strings and names without the quotes.
    @inline(__always)
    func text(_ index: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: bytes + offset(index), count: length(index))
    }

    /// The whole JSON text of a value, as a range of byte offsets.
    func extent(_ index: Int) -> Range<Int> {
        let start = offset(index)
        if isContainer(index) {
            return start..<Int(truncatingIfNeeded: words[index + 1] & 0xFFFF_FFFF)
        }
        let end = start + length(index)
        return isString(index) || isName(index) ? start - 1..<end + 1 : start..<end
    }
}
