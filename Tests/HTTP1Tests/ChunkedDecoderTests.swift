import HTTP1
import Testing

@Suite struct ChunkedDecoderTests {
    /// Decodes with the input cut into pieces of a size.
    private func decode(_ text: String, piece: Int) throws -> (body: String, isComplete: Bool, rest: Int) {
        var decoder = ChunkedDecoder()
        var body = ""
        let bytes = Array(text.utf8)
        var offset = 0
        while offset < bytes.count, !decoder.isComplete {
            try bytes[offset..<min(offset + piece, bytes.count)].withUnsafeBytes { input in
                var cursor = 0
                while let data = try decoder.next(input, &cursor) { body += String(decoding: input[data], as: UTF8.self) }
                offset += cursor
            }
        }
        return (body, decoder.isComplete, bytes.count - offset)
    }

    @Test(arguments: 1...40) func readsChunksInPiecesOfAnySize(piece: Int) throws {
        let text = "5\r\nhello\r\n1;name=\"v\"\r\n \r\nA\r\nworld12345\r\n0\r\nTrailer: x\r\n\r\nGET /"
        let decoded = try decode(text, piece: piece)
        #expect(decoded.body == "hello world12345")
        #expect(decoded.isComplete)
        #expect(decoded.rest == 5)
    }

    @Test(arguments: [
        "\r\n", "g\r\n", "5 \r\nhello\r\n", " 5\r\nhello\r\n", "+5\r\nhello\r\n", "0x5\r\nhello\r\n", "5\nhello\r\n", "5\r\nhelloX\r\n",
        "5\r\nhello\n", "10000000000000000\r\n", "5;a\u{0}\r\nhello\r\n", "5\r\nhello\r\n0\r\nbad header\u{1}: x\r\n\r\n",
        "0\r\n : x\r\n\r\n", "0\r\nGET /a HTTP/1.1\r\n\r\n", "0\r\nx : y\r\n\r\n", "0\r\nx\r\n\r\n", "5;\r\r\nhello\r\n",
    ])
    func refusesWhatIsNoChunk(text: String) {
        #expect(throws: ChunkError.self) { try decode(text, piece: 3) }
    }

    @Test func boundsWhatItDrops() {
        let text = "1;" + String(repeating: "x", count: 20_000) + "\r\n"
        #expect(throws: ChunkError.self) { try decode(text, piece: 1000) }
    }

    @Test(arguments: 1...5) func leavesWhatThereIsNoRoomFor(room: Int) throws {
        var decoder = ChunkedDecoder()
        var sizes: [Int] = []
        try Array("5\r\nhello\r\n0\r\n\r\n".utf8).withUnsafeBytes { input in
            var cursor = 0
            while let data = try decoder.next(input, &cursor, atMost: room) { sizes.append(data.count) }
            #expect(cursor == input.count)
        }
        #expect(sizes.reduce(0, +) == 5 && sizes.allSatisfy { $0 <= room } && decoder.isComplete)
    }
}
