@testable import TokenCounting

extension FuzzTarget {
    /// Byte-pair encoding: any bytes have tokens, which are the text again, and in none of its pieces could two more be joined.
    static let tokens = FuzzTarget("tokens", maximumLength: 4096, shortRun: 800) { bytes in
        let text = Array(String(decoding: bytes, as: UTF8.self).utf8)
        for encoding in [BytePairEncoding.o200k, .cl100k] {
            var work = Work()
            let tokens = encoding.encode(bytes.span, &work)
            try promise(encoding.count(bytes.span) == tokens.count, "as many are counted as there are")
            try promise(work.scanned <= 4 * text.count && work.merged <= 100 * text.count, "\(work) for \(text.count) bytes")
            var parts = tokens.map { encoding.bytes(of: $0) ?? [] }[...]
            try promise(Array(parts.joined()) == text, "the tokens are the text")
            for piece in pieces(of: text, encoding) {
                var length = 0
                var last: [UInt8] = []
                while length < piece.count, let part = parts.popFirst() {
                    try promise(last.isEmpty || token(last + part, encoding) == Table.none, "\(last) and \(part) are one token")
                    last = part
                    length += part.count
                }
                try promise(length == piece.count, "no token is of two pieces")
            }
        }
        return text == bytes
    }

    private static func token(_ bytes: [UInt8], _ encoding: BytePairEncoding) -> UInt32 {
        bytes.withUnsafeBufferPointer { bytes in
            bytes.baseAddress.map { encoding.vocabulary.table.token($0, bytes.count) } ?? Table.none
        }
    }

    private static func pieces(of text: [UInt8], _ encoding: BytePairEncoding) -> [Range<Int>] {
        text.withUnsafeBufferPointer { text in
            guard let start = text.baseAddress else { return [] }
            var pieces = Pieces(encoding.pattern, text: start, count: text.count, classes: BytePairEncoding.classes.table)
            return Array(sequence(state: ()) { _ in pieces.next() })
        }
    }
}
