internal import CVocabularies

/// An exact byte-pair encoding: a pattern divides the text into pieces, and in each piece the neighbours that make the lowest-numbered token are
/// joined until none make one. Special tokens (`<|endoftext|>`) are ordinary text.
package final class BytePairEncoding: Sendable {
    /// A token's number, which is also its place in the order of merges.
    package typealias Token = UInt32

    /// `cl100k_base`, 100,256 tokens.
    package static let cl100k = BytePairEncoding(.cl100k, Vocabulary(embedded_cl100k_base()))
    /// `o200k_base`, 199,998 tokens.
    package static let o200k = BytePairEncoding(.o200k, Vocabulary(embedded_o200k_base()))

    static let classes = ScalarClasses(embedded_unicode_classes())

    let pattern: Pattern
    let vocabulary: Vocabulary

    private init(_ pattern: Pattern, _ vocabulary: Vocabulary) {
        self.pattern = pattern
        self.vocabulary = vocabulary
    }

    /// How many tokens a text in UTF-8 has.
    ///
    /// Bytes that are not UTF-8 count as the U+FFFD that each maximal part of a sequence is replaced by when a provider decodes them: its
    /// tokenizer is given text, never bytes. Text out of a JSON document is always UTF-8, and is read where it stands.
    package func count(_ text: Span<UInt8>) -> Int {
        var work = Work()
        return run(text, tokens: nil, &work)
    }

    /// The tokens of a text in UTF-8.
    package func encode(_ text: Span<UInt8>) -> [Token] {
        var work = Work()
        return encode(text, &work)
    }

    /// The tokens, and what it took to find them.
    func encode(_ text: Span<UInt8>, _ work: inout Work) -> [Token] {
        // Every token has a byte at least, and a repaired text at most three for each that it had.
        [Token](unsafeUninitializedCapacity: 3 * text.count) { buffer, count in
            count = run(text, tokens: buffer.baseAddress, &work)
        }
    }

    /// The bytes that a token stands for; nil when there is no such token.
    package func bytes(of token: Token) -> [UInt8]? {
        vocabulary.bytes(of: token)
    }

    private func run(_ text: Span<UInt8>, tokens: UnsafeMutablePointer<Token>?, _ work: inout Work) -> Int {
        guard !text.isEmpty else { return 0 }
        do {
            _ = try UTF8Span(validating: text)
        } catch {
            let repaired = text.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
            return run(checked: repaired.utf8.span, tokens: tokens, &work)
        }
        return run(checked: text, tokens: tokens, &work)
    }

    private func run(checked text: Span<UInt8>, tokens: UnsafeMutablePointer<Token>?, _ work: inout Work) -> Int {
        text.withUnsafeBufferPointer { text in
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Merger.room) { room in
                guard let base = text.baseAddress, let room = room.baseAddress else { return 0 }
                let table = vocabulary.table
                var pieces = Pieces(pattern, text: base, count: text.count, classes: Self.classes.table)
                var merger = Merger(table, room)
                var found = 0
                while let piece = pieces.next() {
                    let start = base + piece.lowerBound
                    let token = table.token(start, piece.count)
                    if token == Table.none {
                        found += merger.merge(start, piece.count, tokens: tokens.map { $0 + found })
                    } else {
                        tokens?[found] = token
                        found += 1
                    }
                }
                work.scanned += pieces.scanned
                work.merged += merger.steps
                return found
            }
        }
    }
}

/// What an encoding did, counted: its tests hold this to the text's length.
struct Work {
    /// Bytes looked at by the pattern.
    var scanned = 0
    /// Look-ups, parts compared, and moves in the heap, for pieces that are no token.
    var merged = 0
}
