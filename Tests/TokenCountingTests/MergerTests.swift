import CVocabularies
import TestSupport
import Testing

@testable import TokenCounting

/// Merging, without the patterns: against the rule itself, and windows against the whole.
@Suite struct MergerTests {
    static let encodings = [BytePairEncoding.o200k, .cl100k]

    /// The rule, as it is told: of all neighbours that make a token, the lowest one's, leftmost, are joined, again and again.
    static func plain(_ piece: [UInt8], _ vocabulary: Vocabulary) -> [UInt32] {
        var parts = piece.map { [$0] }
        while true {
            let pairs = zip(parts, parts.dropFirst()).map { token($0 + $1, vocabulary) }
            guard let lowest = pairs.enumerated().min(by: { $0.element < $1.element }), lowest.element != Table.none else { break }
            parts.replaceSubrange(lowest.offset...lowest.offset + 1, with: [parts[lowest.offset] + parts[lowest.offset + 1]])
        }
        return parts.map { token($0, vocabulary) }
    }

    static func token(_ bytes: [UInt8], _ vocabulary: Vocabulary) -> UInt32 {
        bytes.withUnsafeBufferPointer { bytes in bytes.baseAddress.map { vocabulary.table.token($0, bytes.count) } ?? Table.none }
    }

    static func merged(_ piece: [UInt8], _ vocabulary: Vocabulary, firstWindow: Int? = nil) -> (tokens: [UInt32], misfits: Int) {
        var misfits = 0
        let tokens = [UInt32](unsafeUninitializedCapacity: piece.count) { buffer, count in
            piece.withUnsafeBufferPointer { piece in
                guard let start = piece.baseAddress else { return }
                if let firstWindow {
                    var merger = LongMerger(vocabulary.table, firstWindow: firstWindow)
                    count = merger.merge(start, piece.count, tokens: buffer.baseAddress)
                    misfits = merger.misfits
                } else {
                    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Merger.room) { room in
                        guard let room = room.baseAddress else { return }
                        var merger = Merger(vocabulary.table, room)
                        count = merger.merge(start, piece.count, tokens: buffer.baseAddress)
                    }
                }
            }
        }
        return (tokens, misfits)
    }

    static func random(_ alphabet: String, _ count: Int, _ chance: inout SplitMix64) -> [UInt8] {
        let letters = Array(alphabet.utf8)
        return (0..<count).map { _ in letters[Int.random(in: letters.indices, using: &chance)] }
    }

    static let alphabets = [
        "a", " ", "ab", "aA ", "etaoin", "abcdefghijklmnopqrstuvwxyz", "0123456789", "\u{E0}\u{E4}\u{4E2D}\u{1F600}", " \n\t", "=-",
    ]

    @Test("pieces of any length are merged by the rule", arguments: alphabets)
    func rule(_ alphabet: String) {
        var chance = SplitMix64(seed: 1)
        for encoding in Self.encodings {
            for count in [2, 3, 4, 7, 8, 15, 16, 17, 40, 95, 96, 97, 130] {
                let piece = Self.random(alphabet, count, &chance)
                let expected = Self.plain(piece, encoding.vocabulary)
                #expect(Self.merged(piece, encoding.vocabulary).tokens == expected, "\(piece)")
                #expect(Self.merged(piece, encoding.vocabulary, firstWindow: 1024).tokens == expected, "\(piece)")
            }
        }
    }

    @Test("windows make the tokens that the whole makes", arguments: alphabets)
    func windows(_ alphabet: String) {
        var chance = SplitMix64(seed: 1)
        for encoding in Self.encodings {
            for count in [1025, 4000] {
                let piece = Self.random(alphabet, count, &chance)
                let whole = Self.merged(piece, encoding.vocabulary, firstWindow: count).tokens
                #expect(Self.merged(piece, encoding.vocabulary).tokens == whole, "\(piece)")
            }
        }
    }

    /// In an invented vocabulary in which the last byte decides about the first: each byte makes a token with the next, the later ones before the
    /// earlier. The encodings' own windows have never been seen not to fit.
    @Test("windows that do not fit together are merged anew", arguments: [254, 255])
    func misfit(_ count: Int) {
        let singles = (0...255).map { [1, UInt8($0)] }
        let pairs = (0..<255).reversed().map { [2, UInt8($0), UInt8($0 + 1)] }
        let tokens = (singles + pairs).flatMap { $0 }
        let piece = (0..<count).map { UInt8($0) }
        // A vocabulary reads its bytes where they are.
        tokens.withUnsafeBufferPointer { tokens in
            guard let start = tokens.baseAddress else { return }
            let vocabulary = Vocabulary(EmbeddedBytes(bytes: start, count: tokens.count))
            let merged = Self.merged(piece, vocabulary, firstWindow: 64)
            #expect(merged.tokens == Self.plain(piece, vocabulary))
            #expect(merged.misfits == (count == 255 ? 2 : 0))
        }
    }

    @Test("every token is found by its bytes, and other bytes are none")
    func vocabulary() {
        for (encoding, count) in zip(Self.encodings, [199_998, 100_256]) {
            #expect(encoding.vocabulary.count == count)
            #expect(encoding.bytes(of: UInt32(count)) == nil)
            var wrong = 0
            for number in 0..<UInt32(count) {
                guard let bytes = encoding.bytes(of: number) else {
                    wrong += 1
                    continue
                }
                if Self.token(bytes, encoding.vocabulary) != number { wrong += 1 }
                // Looked at by its length too: a token and a zero byte, which no vocabulary has behind these.
                if bytes.count > 4, bytes.count < Table.longestToken, Self.token(bytes + [0], encoding.vocabulary) != Table.none {
                    wrong += 1
                }
            }
            #expect(wrong == 0)
        }
    }
}
