import Testing

@testable import JSONPath

/// Random damage to good texts, from a seed, so that each run is the same.
@Suite("Damaged texts")
struct FuzzTests {
    private static let documents = [
        #"{"id":"chatcmpl-1","usage":{"prompt_tokens":82,"details":{"cached":0}},"choices":[{"index":0,"text":"Hi\n\u00e9 \ud834\udd1e"}],"ok":true}"#,
        #"[null,true,false,-0.5e-10,1E+400,"日本語テキスト","",[],{},[[[1]]],{"a":{"a":{"a":1}},"a":2}]"#,
        "{\n    \"name\" : \"Ada Example\",\n    \"tags\": [ \"x\", \"y\" ],\n    \"score\": 0.97\n}\n",
        "\u{FEFF}[\"\\\\\\\"\\/\\b\",1234567890123456789]",
    ]

    private static let queries = [
        "$.usage.details['cached']", "$..[?@.a == 1 || !@.b && (count(@.*) > 2)]",
        "$[?match(@.a, '[a-z]{2,3}|\\\\p{Lu}+')].x[1:-1:2, 'q', \"\\u00e9\"]",
        "$[?length(value($..x)) >= 1.5e3][*]..*", "$[?search(@, '^(a|b)*$') && @.k <= 'z'][-1]",
    ]

    @Test("the parser agrees with a plain reading of the grammar", arguments: 0..<4)
    func documents(_ index: Int) throws {
        var generator = SplitMix64(seed: UInt64(index))
        let source = Array(Self.documents[index].utf8)
        var accepted = 0
        for _ in 0..<4_000 {
            let text = damage(source, &generator)
            let isJSON = ReferenceGrammar.accepts(text)
            guard let document = try? JSONDocument(parsing: text) else {
                #expect(!isJSON, "refused: \(text)")
                continue
            }
            accepted += 1
            #expect(isJSON, "accepted: \(text)")
            try visit(document)
        }
        #expect(accepted > 0 && accepted < 4_000)
    }

    @Test("queries are read or refused, and those read can be evaluated", arguments: 0..<5)
    func queries(_ index: Int) throws {
        var generator = SplitMix64(seed: UInt64(100 + index))
        let source = Array(Self.queries[index].utf8)
        let documents = try Self.documents.map { try JSONDocument(parsing: $0) }
        var accepted = 0
        for _ in 0..<4_000 {
            let text = String(decoding: damage(source, &generator), as: UTF8.self)
            do {
                let path = try JSONPath(text)
                accepted += 1
                for document in documents {
                    let nodes = try path.nodes(in: document.root)
                    #expect(!path.isSingular || nodes.count <= 1, "\(text)")
                    #expect(try path.first(in: document.root)?.normalizedPath == nodes.first?.normalizedPath, "\(text)")
                }
            } catch let error as JSONPathError {
                #expect((0...text.unicodeScalars.count).contains(error.offset), "\(text)")
            }
        }
        #expect(accepted > 0 && accepted < 4_000)
    }

    /// Reads everything there is to read.
    private func visit(_ document: JSONDocument) throws {
        #expect(document.root.isEqual(to: document.root))
        for node in try JSONPath("$..*").nodes(in: document.root) {
            let copy = try JSONDocument(parsing: Array(node.raw)).root
            #expect(copy.isEqual(to: node) && copy.count == node.count && copy.string == node.string && copy.number == node.number)
            #expect(try JSONPath(node.normalizedPath).first(in: document.root)?.normalizedPath == node.normalizedPath)
        }
        let value = try JSONValue(document.root)
        #expect(try JSONDocument(parsing: value.serialized).root.isEqual(to: document.root))
        #expect(try JSONDocument(parsing: value.canonical).root.isEqual(to: document.root))
    }

    /// One to three changes: a byte replaced, removed, inserted or repeated, a run copied elsewhere, or the end cut off.
    private func damage(_ source: [UInt8], _ generator: inout SplitMix64) -> [UInt8] {
        let likely = Array("{}[]:,\"\\'u0e-+.1 \n$@?*()!=<>&|tn".utf8) + [0x00, 0x1F, 0x80, 0xC3, 0xED, 0xF4, 0xFF]
        var text = source
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !text.isEmpty {
            let position = Int.random(in: 0..<text.count, using: &generator)
            let byte = likely[Int.random(in: 0..<likely.count, using: &generator)]
            switch Int.random(in: 0..<8, using: &generator) {
            case 0...1: text[position] = byte
            case 2: text[position] = UInt8.random(in: 0...255, using: &generator)
            case 3: text.remove(at: position)
            case 4: text.insert(byte, at: position)
            case 5: text.insert(text[position], at: position)
            case 6:
                let end = min(text.count, position + Int.random(in: 1...12, using: &generator))
                text.insert(contentsOf: Array(text[position..<end]), at: Int.random(in: 0...text.count, using: &generator))
            default: text.removeLast(min(text.count, Int.random(in: 1...3, using: &generator)))
            }
        }
        return text
    }
}

/// A generator whose numbers follow from its seed.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
