import GatewayCore
import TestSupport
import Testing

/// Server-sent events in any chunking, against a reading of the whole text line by line.
@Suite struct EventStreamParserTests {
    /// The `data` of all events, as the specification's algorithm has it; nil for a block without.
    static func reference(_ text: [UInt8]) -> [[UInt8]?] {
        var bytes = text[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        var lines: [[UInt8]] = [[]]
        var previous: UInt8 = 0
        for byte in bytes {
            defer { previous = byte }
            if byte == 10, previous == 13 { continue }
            if byte == 10 || byte == 13 { lines.append([]) } else { lines[lines.count - 1].append(byte) }
        }
        var blocks: [[UInt8]?] = []
        var data: [[UInt8]] = []
        // The last line has no end.
        for line in lines.dropLast() {
            if line.isEmpty {
                blocks.append(data.isEmpty ? nil : Array(data.joined(separator: [10])))
                data = []
                continue
            }
            let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts[0].elementsEqual("data".utf8) else { continue }
            let value = parts.count > 1 ? parts[1] : []
            data.append(Array(value.first == 32 ? value.dropFirst() : value))
        }
        return blocks
    }

    private func parse(_ text: [UInt8], cuts: [Int]) -> (data: [[UInt8]?], ends: [Int]) {
        var parser = EventStreamParser(limit: 1000)
        var data: [[UInt8]?] = []
        var ends: [Int] = []
        var start = 0
        for cut in cuts + [text.count] {
            let (leading, blocks) = parser.parse(Array(text[start..<cut]))
            if leading > 0 {
                #expect(leading == 1 && text[start] == 10 && text[start - 1] == 13)
                // It belongs to a block only where that ended right before it.
                if ends.last == start { ends[ends.count - 1] += 1 }
            }
            for block in blocks {
                data.append(block.data)
                ends.append(start + block.end)
            }
            start = cut
        }
        return (data, ends)
    }

    static let texts = [
        "data: one\n\ndata: two\ndata: lines\n\n", "data: one\r\n\r\ndata:two\r\ndata\r\n\r\n", "data: a\r\rdata: b\r\r",
        "\u{FEFF}data: first\n\n", ": comment\n\nid: 1\nevent: x\ndata: {\"a\": 1}\nretry: 10\n\n", "data\n\ndata:\n\ndata: \n\n",
        "\n\n\ndata: x\n\n\n\n", "data: no end", "data: one end\n", "Data: x\ndatum: y\n data: z\n\n", "data:  two spaces\n\n",
        "\u{FEFF}\n\u{FEFF}data: late mark\n\n", "data: a\n\rdata: b\n\n",
    ]

    @Test(arguments: texts) func everyChunkingGivesTheSameEvents(text: String) {
        let bytes = Array(text.utf8)
        let whole = parse(bytes, cuts: [])
        #expect(whole.data == Self.reference(bytes))
        #expect(parse(bytes, cuts: Array(1..<bytes.count)) == whole)
        for first in 0...bytes.count {
            for second in first...bytes.count { #expect(parse(bytes, cuts: [first, second]) == whole, "\(first), \(second)") }
        }
    }

    @Test func randomStreamsAreReadAsTheSpecificationSays() {
        var random = SplitMix64(seed: 6)
        let parts = ["data", "data:", "data: ", ":", "x", "id: 1", "\n", "\r", "\r\n", "\n\n", "\r\n\r\n", "{}", "\u{FEFF}", " "]
        for _ in 0..<4000 {
            var text = ""
            for _ in 0..<Int.random(in: 0..<14, using: &random) { text += parts.randomElement(using: &random) ?? "" }
            let bytes = Array(text.utf8)
            let whole = parse(bytes, cuts: [])
            #expect(whole.data == Self.reference(bytes), "\(text.debugDescription)")
            let cuts = (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
            #expect(parse(bytes, cuts: cuts) == whole, "\(text.debugDescription) at \(cuts)")
        }
    }

    @Test(arguments: [1, 7, 1000]) func anEventThatIsTooLargeIsPassedOver(size: Int) {
        var parser = EventStreamParser(limit: 64)
        let long = String(repeating: "x", count: 100)
        var found: [[UInt8]?] = []
        for text in ["data: \(long)\n\ndata: a\n\n", "data: b\ndata: \(long)\ndata: b\n\ndata: c\n\n", ":\(long)\n\ndata: d\n\n"] {
            let bytes = Array(text.utf8)
            for start in stride(from: 0, to: bytes.count, by: size) {
                found += parser.parse(Array(bytes[start..<min(bytes.count, start + size)])).blocks.map(\.data)
                #expect(parser.keptBytes <= 64)
            }
        }
        #expect(found.map { $0.map { String(decoding: $0, as: UTF8.self) } } == [nil, "a", nil, "c", nil, "d"])
        let whole = Array("data: \(long)\n\n:\(long)\n\nid: 1\n\n".utf8)
        #expect(parser.parse(whole).blocks.map(\.content) == [.passedOver, .none, .none])
    }

    @Test func whatLacksItsEmptyLineIsStillFound() {
        var parser = EventStreamParser(limit: 64)
        _ = parser.parse(Array("data: a\n\ndata: {\"tokens\":".utf8))
        _ = parser.parse(Array(" 4}".utf8))
        #expect(parser.finish() == .data(Array(#"{"tokens": 4}"#.utf8)))
        #expect(parser.finish() == .none)
    }
}

extension EventStreamParser.Block {
    fileprivate var data: [UInt8]? { if case .data(let data) = content { data } else { nil } }
}
