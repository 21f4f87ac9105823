internal import TokenCounting

/// The tokens of a text that comes in pieces, in little memory: what is complete is counted, and a short rest is kept.
struct TextTally: Sendable {
    /// From here on, what has come is counted as far as it goes.
    private static let enough = 4 << 10
    /// A text without a single space between two words is divided here at the latest, which may count a token too many.
    private static let most = 16 << 10

    private let tokenizer: Tokenizer
    private var counted = 0
    private var bytes = 0
    private var rest: [UInt8] = []
    /// How much of it has been searched for a place to divide it.
    private var searched = 0

    init(_ tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
    }

    var isEmpty: Bool { counted == 0 && bytes == 0 && rest.isEmpty }

    mutating func append(_ text: Span<UInt8>) {
        if tokenizer == .bytes {
            bytes += text.count
            return
        }
        text.withUnsafeBufferPointer { rest.append(contentsOf: $0) }
        guard rest.count >= Self.enough else { return }
        if let boundary {
            divide(at: boundary)
        } else if rest.count >= Self.most {
            divide(at: rest.count)
        } else {
            searched = rest.count - 2
        }
    }

    /// All tokens so far.
    var total: Int {
        if tokenizer == .bytes { return (bytes + 3) / 4 }
        return counted + tokenizer.count(rest.span)
    }

    private mutating func divide(at end: Int) {
        let complete = rest[..<end]
        counted += tokenizer.count(complete.span)
        // A new array, so that one long text does not stay in memory.
        rest = Array(rest[end...])
        searched = 0
    }

    /// The last single space between two ASCII words: no token of either encoding reaches over what is before it.
    private var boundary: Int? {
        var index = rest.count - 2
        while index > searched {
            if rest[index] == 0x20, (0x21...0x7E).contains(rest[index - 1]), isLetter(rest[index + 1]) { return index }
            index -= 1
        }
        return nil
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte & 0xDF)
    }
}
