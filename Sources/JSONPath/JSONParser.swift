/// One pass over the bytes of a JSON text that checks all of RFC 8259 and writes the tape.
///
/// There is no stack: while a container is open, the second of its words holds the index of the container around it, so a million open brackets
/// cost sixteen bytes each and nothing else. Offsets inside the buffer are checked by `peek` and by the eight-bytes-at-a-time loops themselves.
struct JSONParser: ~Copyable {
    let bytes: UnsafePointer<UInt8>
    let count: Int
    private var words: UnsafeMutablePointer<UInt64>
    private var wordCount = 0
    private var capacity: Int

    /// `bytes` must stay valid, with `count` bytes, as long as the parser.
    init(bytes: UnsafePointer<UInt8>, count: Int) {
        self.bytes = bytes
        self.count = count
        // Real bodies have a value or a name every eight to twenty bytes.
        capacity = count / 8 + 16
        words = .allocate(capacity: capacity)
    }

    deinit {
        words.deallocate()
    }

    /// Hands over the tape; the caller frees it.
    consuming func finish() -> UnsafeMutablePointer<UInt64> {
        let words = words
        discard self
        return words
    }

    /// Reads the whole text.
    mutating func parse() throws(JSONError) {
        var position = 0
        if count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { position = 3 }
        var open = -1
        var children = 0
        position = skipSpace(position)

        values: while true {
            // A value starts here, white space skipped.
            reserve()
            switch peek(position) {
            case UInt8(ascii: "\""):
                let (end, escaped) = try scanString(position + 1)
                append(escaped ? .escapedString : .string, offset: position + 1, length: end - position - 1)
                position = end + 1
            case UInt8(ascii: "{"):
                open = begin(.object, at: position, inside: open, children: children)
                children = 0
                position = skipSpace(position + 1)
                if peek(position) == UInt8(ascii: "}") {
                    position += 1
                    (open, children) = end(open, children: 0, at: position)
                } else {
                    position = try name(position)
                    continue values
                }
            case UInt8(ascii: "["):
                open = begin(.array, at: position, inside: open, children: children)
                children = 0
                position = skipSpace(position + 1)
                if peek(position) == UInt8(ascii: "]") {
                    position += 1
                    (open, children) = end(open, children: 0, at: position)
                } else {
                    continue values
                }
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                let end = try scanNumber(position)
                append(.number, offset: position, length: end - position)
                position = end
            case UInt8(ascii: "t"):
                position = try literal(.true, "true", position)
            case UInt8(ascii: "f"):
                position = try literal(.false, "false", position)
            case UInt8(ascii: "n"):
                position = try literal(.null, "null", position)
            default:
                throw error(.expectedValue, at: position)
            }

            // A value ended here.
            while true {
                position = skipSpace(position)
                guard open >= 0 else { break values }
                children += 1
                let byte = peek(position)
                if Tape(bytes: bytes, words: words).isObject(open) {
                    if byte == UInt8(ascii: ",") {
                        position = try name(skipSpace(position + 1))
                        continue values
                    }
                    guard byte == UInt8(ascii: "}") else { throw error(.expectedCommaOrBrace, at: position) }
                } else {
                    if byte == UInt8(ascii: ",") {
                        position = skipSpace(position + 1)
                        continue values
                    }
                    guard byte == UInt8(ascii: "]") else { throw error(.expectedCommaOrBracket, at: position) }
                }
                position += 1
                (open, children) = end(open, children: children, at: position)
            }
        }
        if position < count { throw error(.trailingBytes, at: position) }
    }
}

// MARK: - The tape

extension JSONParser {
    /// Makes room for the longest thing that is written between two calls: a container, a name and a container.
    @inline(__always)
    private mutating func reserve() {
        if wordCount + 4 > capacity { grow() }
    }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity * 2)
        larger.update(from: words, count: wordCount)
        words.deallocate()
        words = larger
        capacity *= 2
    }

    @inline(__always)
    private mutating func append(_ kind: Tape.Kind, offset: Int, length: Int) {
        words[wordCount] = Tape.word(kind, offset: offset, length: length)
        wordCount += 1
    }

    /// Opens a container and lays the count of the one around it aside in that one's own word.
    @inline(__always)
    private mutating func begin(_ kind: Tape.Kind, at offset: Int, inside open: Int, children: Int) -> Int {
        if open >= 0 { words[open] |= UInt64(truncatingIfNeeded: children) << 28 }
        let index = wordCount
        words[index] = Tape.word(kind, offset: offset, length: 0)
        words[index + 1] = UInt64(bitPattern: Int64(open))
        wordCount += 2
        return index
    }

    /// Closes a container; returns the one around it and how many children that had before.
    @inline(__always)
    private mutating func end(_ index: Int, children: Int, at offset: Int) -> (open: Int, children: Int) {
        let open = Int(Int64(bitPattern: words[index + 1]))
        words[index] = words[index] & ~(0xFFF_FFFF << 28) | UInt64(truncatingIfNeeded: children) << 28
        words[index + 1] = UInt64(truncatingIfNeeded: offset) | UInt64(truncatingIfNeeded: wordCount) << 32
        guard open >= 0 else { return (-1, 0) }
        let before = Tape(bytes: bytes, words: words).length(open)
        words[open] &= ~(0xFFF_FFFF << 28)
        return (open, before)
    }

    /// Reads a member name and its colon; returns where the value starts.
    @inline(__always)
    private mutating func name(_ start: Int) throws(JSONError) -> Int {
        guard peek(start) == UInt8(ascii: "\"") else { throw error(.expectedName, at: start) }
        let (end, escaped) = try scanString(start + 1)
        append(escaped ? .escapedName : .name, offset: start + 1, length: end - start - 1)
        var position = end + 1
        if peek(position) != UInt8(ascii: ":") {
            position = skipSpace(position)
            guard peek(position) == UInt8(ascii: ":") else { throw error(.expectedColon, at: position) }
        }
        return skipSpace(position + 1)
    }

    @inline(__always)
    private mutating func literal(_ kind: Tape.Kind, _ text: StaticString, _ start: Int) throws(JSONError) -> Int {
        for index in 1..<text.utf8CodeUnitCount where peek(start + index) != text.utf8Start[index] {
            throw error(.expectedValue, at: start + index)
        }
        append(kind, offset: start, length: text.utf8CodeUnitCount)
        return start + text.utf8CodeUnitCount
    }
}
