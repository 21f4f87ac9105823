import Testing

@testable import TokenCounting

/// What holds for every text.
@Suite struct EncodingTests {
    @Test("the tokens' bytes, one after the other, are the text", arguments: [BytePairEncoding.o200k, .cl100k])
    func bytes(_ encoding: BytePairEncoding) {
        for text in Corpus.texts(seed: 77, count: 3000) {
            let back = encoding.encode(text.span).flatMap { encoding.bytes(of: $0) ?? [] }
            #expect(back == Array(String(decoding: text, as: UTF8.self).utf8))
        }
    }

    @Test("known texts have the tokens that tiktoken's documentation gives them")
    func known() {
        #expect(BytePairEncoding.o200k.encode("hello world".utf8.span) == [24912, 2375])
        #expect(BytePairEncoding.cl100k.encode("tiktoken is great!".utf8.span) == [83, 1609, 5963, 374, 2294, 0])
        #expect(BytePairEncoding.o200k.encode("".utf8.span).isEmpty)
        // Ordinary text, not one special token.
        #expect(BytePairEncoding.cl100k.count("<|endoftext|>".utf8.span) == 7)
    }

    @Test(
        "bytes that are no UTF-8 count as what stands in their place",
        arguments: [
            [0xFF], [0x61, 0xC3], [0xC3, 0x28], [0xE2, 0x82], [0xE2, 0x82, 0x41], [0xED, 0xA0, 0x80], [0xF0, 0x9F, 0x98],
            [0xF5, 0x80, 0x80, 0x80],
            [0xC0, 0x80], [0x20, 0x80, 0x80, 0x20],
        ] as [[UInt8]])
    func broken(_ bytes: [UInt8]) {
        let repaired = String(decoding: bytes, as: UTF8.self)
        for encoding in [BytePairEncoding.o200k, .cl100k] {
            #expect(encoding.encode(bytes.span) == encoding.encode(repaired.utf8.span))
            #expect(encoding.count(bytes.span) == encoding.count(repaired.utf8.span))
        }
    }

    @Test("bytes/4 rounds up", arguments: [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("é€𝄞", 3)])
    func quarter(_ text: String, _ tokens: Int) {
        #expect(Tokenizer.bytes.count(text.utf8.span) == tokens)
    }

    /// Counted, not timed: as many steps a byte for a long text as for a short one, and not many.
    @Test(
        "what a text costs follows its length",
        arguments: [
            "a", "A", " ", "7", "\n", "\t", "\r\n", "'", "-", "/", "\u{E9}", "\u{4E2D}", "\u{301}", "\u{1F600}", "\u{A0}", "ab", "aA", "Aa",
            " a", "a ", "\u{4E2D}A",
            "\u{301}A", "'s", " \n", "a\u{301}", "\u{1F469}\u{200D}", "qwertyuiop", "<|endoftext|>",
        ])
    func cost(_ unit: String) {
        for encoding in [BytePairEncoding.o200k, .cl100k] {
            var works: [Work] = []
            for size in [2000, 16000] {
                let text = Array(repeatElement(Array(unit.utf8), count: size / unit.utf8.count).joined())
                var work = Work()
                _ = encoding.encode(text.span, &work)
                #expect(work.scanned <= 4 * text.count, "\(work)")
                #expect(work.merged <= 60 * text.count, "\(work)")
                works.append(work)
            }
            #expect(works[1].scanned <= 9 * works[0].scanned + 100)
            #expect(works[1].merged <= 9 * works[0].merged + 100)
        }
    }
}
