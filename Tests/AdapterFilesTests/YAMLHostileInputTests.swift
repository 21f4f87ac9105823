import Testing

@testable import AdapterFiles

@Suite("Hostile YAML")
struct YAMLHostileInputTests {
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
