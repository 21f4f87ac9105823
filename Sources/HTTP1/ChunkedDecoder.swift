/// Takes the chunked transfer coding off a body: RFC 9112, section 7.1.
///
/// Chunk extensions and trailer fields are read and dropped; sizes have at most 15 hex digits, every line ends in CRLF.
package struct ChunkedDecoder: Sendable {
    private enum State {
        case size(value: Int, digits: Int)
        case afterSize(value: Int)
        case sizeEnd(value: Int)
        case data(remaining: Int)
        case dataEnd(seenCR: Bool)
        case trailerStart
        case trailerName
        case trailerLine
        case trailerLineEnd
        case lastEnd
        case complete
    }

    private var state: State = .size(value: 0, digits: 0)
    /// Bytes of extensions and trailers, which are bounded: they carry nothing that is used.
    private var overhead = 0
    private static let maximumOverhead = 16 << 10

    package init() {}

    package var isComplete: Bool {
        if case .complete = state { true } else { false }
    }

    /// The next piece of data in `input`, of at most that many bytes; nil when more input is needed or the body is complete. `cursor` is where
    /// to begin, and moves behind what has been read.
    package mutating func next(
        _ input: UnsafeRawBufferPointer, _ cursor: inout Int, atMost limit: Int = .max
    ) throws(ChunkError) -> Range<Int>? {
        while cursor < input.count, !isComplete {
            if case .data(let remaining) = state {
                let start = cursor
                let count = min(remaining, input.count - start, limit)
                cursor += count
                state = count == remaining ? .dataEnd(seenCR: false) : .data(remaining: remaining - count)
                return start..<cursor
            }
            let byte = input[cursor]
            cursor += 1
            try step(byte)
        }
        return nil
    }

    private mutating func step(_ byte: UInt8) throws(ChunkError) {
        switch state {
        case .size(let value, let digits):
            if let digit = hexDigit(byte) {
                guard digits < 15 else { throw ChunkError("a chunk's size is too large") }
                state = .size(value: value << 4 | digit, digits: digits + 1)
            } else {
                guard digits > 0 else { throw ChunkError("a chunk has no size") }
                if byte == CR {
                    state = .sizeEnd(value: value)
                } else if byte == UInt8(ascii: ";") {
                    state = .afterSize(value: value)
                } else {
                    throw ChunkError("a chunk's size is no hexadecimal number")
                }
            }
        case .afterSize(let value):
            try countOverhead()
            if byte == CR {
                state = .sizeEnd(value: value)
            } else if byte < 0x20 && byte != TAB || byte == 0x7F {
                throw ChunkError("a chunk extension has a control character")
            }
        case .sizeEnd(let value):
            guard byte == LF else { throw ChunkError("a chunk's size line has a carriage return without a line feed") }
            state = value == 0 ? .trailerStart : .data(remaining: value)
        case .dataEnd(let seenCR):
            guard byte == (seenCR ? LF : CR) else { throw ChunkError("a chunk is longer than its size") }
            state = seenCR ? .size(value: 0, digits: 0) : .dataEnd(seenCR: true)
        case .trailerStart:
            if byte == CR {
                state = .lastEnd
            } else {
                guard isTokenByte(byte) else { throw ChunkError("a trailer field has no name") }
                try countOverhead()
                state = .trailerName
            }
        case .trailerName:
            try countOverhead()
            if byte == UInt8(ascii: ":") {
                state = .trailerLine
            } else {
                // It may well be the next request, behind a body whose last line was left out.
                guard isTokenByte(byte) else { throw ChunkError("a trailer field has no colon behind its name") }
            }
        case .trailerLine:
            try countOverhead()
            if byte == CR {
                state = .trailerLineEnd
            } else if byte < 0x20 && byte != TAB || byte == 0x7F {
                throw ChunkError("a trailer field has a control character")
            }
        case .trailerLineEnd:
            guard byte == LF else { throw ChunkError("a trailer field has a carriage return without a line feed") }
            state = .trailerStart
        case .lastEnd:
            guard byte == LF else { throw ChunkError("the last chunk has a carriage return without a line feed") }
            state = .complete
        case .data, .complete:
            break
        }
    }

    private mutating func countOverhead() throws(ChunkError) {
        overhead += 1
        guard overhead <= Self.maximumOverhead else { throw ChunkError("chunk extensions or trailers are too long") }
    }

    private func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case 0x30...0x39: Int(byte - 0x30)
        case 0x41...0x46: Int(byte - 0x41 + 10)
        case 0x61...0x66: Int(byte - 0x61 + 10)
        default: nil
        }
    }
}

/// Why bytes are no chunked body.
package struct ChunkError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
