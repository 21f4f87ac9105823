import Testing

@testable import AdapterFiles

@Suite("Hostile YAML")
struct YAMLHostileInputTests {
    private static let adapter = """
        adapter: 1
        provider: acmedata   # a comment
        upstream: &u
          url: "https://api.acmedata.example/${PATH:-v1}"
          auth: { header: X-Api-Key, value: '${KEY}' }
          timeout: 30s
        copy:
          <<: *u
          timeout: 1m
        prices:
          - { credit: 0.10, model: "big*", é: 日本 }
          - [1, 2.5e3, ~, true, .inf]
        text: |
          first
            second
        folded: >-
          one
          two
        """

    /// Reads every node with every accessor: nothing may trap, whatever the document became.
    private static func exercise(_ bytes: [UInt8]) -> (isRead: Bool, problems: Int) {
        let diagnostics = Diagnostics()
        let document = DocumentReader(file: "f.yaml", environment: Environment(["KEY": "k"], missing: .collected), diagnostics: diagnostics)
        guard let root = document.root(of: bytes) else { return (false, diagnostics.sorted.count) }
        var pending = [root]
        while let value = pending.popLast() {
            _ = value.string()
            _ = value.text()
            _ = value.bool()
            _ = value.integer(in: 1...5)
            _ = value.decimal()
            _ = value.duration()
            _ = value.byteSize()
            switch value.node.content {
            case .sequence: pending += value.list { $0 } ?? []
            case .mapping:
                _ = value.mapping { $0.required("provider")?.string() }
                pending += value.entries { $1 } ?? []
            case .scalar, .unreadable: break
            }
        }
        return (true, diagnostics.sorted.count)
    }

    @Test("the adapter itself is readable")
    func baseline() {
        #expect(parse(Self.adapter).problems == [])
    }

    @Test("cut off after any byte, a file is read or refused with a reason")
    func truncation() {
        let bytes = Array(Self.adapter.utf8)
        for length in 0...bytes.count {
            let (isRead, problems) = Self.exercise(Array(bytes.prefix(length)))
            #expect(isRead || problems > 0, "cut at \(length)")
        }
    }

    @Test("with any bytes changed, a file is read or refused with a reason", arguments: [1, 2, 3, 4] as [UInt64])
    func mutation(seed: UInt64) {
        var random = SplitMix(state: seed)
        let original = Array(Self.adapter.utf8)
        let signs = Array("{}[]:,-&*!|>'\"%@`#?$\\ \n\r\t~<=0".utf8) + [0, 0xFF, 0xC3, 0xE2, 0x80]
        for round in 0..<1500 {
            var bytes = original
            for _ in 0...random.below(4) {
                let index = random.below(bytes.count)
                switch random.below(4) {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes[index] = signs[random.below(signs.count)]
                case 2: bytes.insert(signs[random.below(signs.count)], at: index)
                default: bytes.remove(at: index)
                }
            }
            let (isRead, problems) = Self.exercise(bytes)
            #expect(isRead || problems > 0, "seed \(seed), round \(round)")
        }
    }

    @Test("a problem stays one line, whatever the file holds")
    func oneLine() {
        let texts = ["\"a\\nb\": 1\n\"a\\nb\": 2", "\"\\e[2J\\u202E\": 1", "a: \"\(String(repeating: "x", count: 5000))\""]
        for text in texts {
            let problems = read(text) { root in root.mapping { $0.optional("a")?.integer() } }.problems
            #expect(!problems.isEmpty)
            for problem in problems {
                #expect(problem.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\u{202E}" })
                #expect(problem.count < 250)
            }
        }
    }
}

/// A small deterministic generator, so that a failing mutation can be repeated from its seed.
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }
}
