import Foundation
import Testing
import TokenCounting

/// Equal to PyPI's tiktoken, token by token: against what it said when the fixtures were made and, where the package is, against itself.
@Suite struct TiktokenTests {
    /// What a text has by tiktoken, as `reference.py expect` writes it.
    struct Expected: Equatable {
        let o200k: Int
        let cl100k: Int
        /// Of all tokens of both.
        let checksum: UInt32
    }

    static let fixtureCount = 12_000

    @Test("the corpus has tiktoken's tokens")
    func fixture() throws {
        let expected = try Data(contentsOf: Corpus.folder.appending(path: "expected.counts"))
        try check(expected, seed: 1, count: Self.fixtureCount)
    }

    @Test("every character that has neighbours unlike itself has tiktoken's tokens in every surrounding")
    func scalars() throws {
        let sums = [UInt8](try Data(contentsOf: Corpus.folder.appending(path: "scalars.sums")))
        var position = 0
        let left = [0x3400...0x9FFF, 0xAC00...0xF8FF, 0x17000...0x18BFF] as [ClosedRange<UInt32>]
        for page in stride(from: UInt32(0), to: 0x20000, by: 256) where !left.contains(where: { $0.contains(page) }) {
            var text = ""
            for c in (page..<page + 256).compactMap(Unicode.Scalar.init).map(Character.init) {
                text += "\(c)a \(c)A\(c)'S1\(c)\(c)中\n"
            }
            let expected = Self.number(sums[position..<position + 4])
            #expect(Self.expected(Array(text.utf8)).checksum == expected, "U+\(String(page, radix: 16)) and what follows")
            position += 4
        }
        #expect(position == sums.count)
    }

    static let repository = Corpus.folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let python = repository.appending(path: ".build/venv/bin/python")
    static let hasTiktoken = FileManager.default.isExecutableFile(atPath: python.path) && (try? reference(code: "import tiktoken")) != nil

    @Test(
        "tiktoken itself says what the fixtures say",
        .enabled(if: hasTiktoken, "the README's test command installs tiktoken in .build/venv"))
    func fixturesAreTiktokens() throws {
        let counts = try Self.reference("expect", "1", "\(Self.fixtureCount)")
        #expect(counts == (try Data(contentsOf: Corpus.folder.appending(path: "expected.counts"))))
        #expect(try Self.reference("scalars") == Data(contentsOf: Corpus.folder.appending(path: "scalars.sums")))
        let classes = Self.repository.appending(path: "Sources/CVocabularies/unicode.classes")
        #expect(try Self.reference("classes") == Data(contentsOf: classes))
    }

    @Test("texts that no fixture has", .enabled(if: hasTiktoken, "the README's test command installs tiktoken in .build/venv"))
    func live() throws {
        let seed = UInt64.random(in: 2..<1 << 31)
        try check(try Self.reference("expect", "\(seed)", "1000"), seed: seed, count: 1000)
    }

    private func check(_ expected: Data, seed: UInt64, count: Int) throws {
        let expected = [UInt8](expected)
        try #require(expected.count == 8 * count)
        var wrong: [String] = []
        for (number, text) in Corpus.texts(seed: seed, count: count).enumerated() {
            let entry = expected[8 * number..<8 * number + 8]
            let counts = Self.number(entry.prefix(4))
            let known = Expected(o200k: Int(counts & 0xFFFF), cl100k: Int(counts >> 16), checksum: Self.number(entry.suffix(4)))
            let found = Self.expected(text)
            // Counted without the tokens: what the gateway does.
            if number % 4 == 0,
                BytePairEncoding.o200k.count(text.span) != found.o200k || BytePairEncoding.cl100k.count(text.span) != found.cl100k
            {
                wrong.append("\(number): not as many counted as there are")
            }
            if found != known { wrong.append("\(number): \(found), not \(known): \(Data(text).base64EncodedString())") }
            if wrong.count == 10 { break }
        }
        #expect(wrong.isEmpty, "seed \(seed): \(wrong.joined(separator: "\n"))")
    }

    private static func expected(_ text: [UInt8]) -> Expected {
        let o200k = BytePairEncoding.o200k.encode(text.span)
        let cl100k = BytePairEncoding.cl100k.encode(text.span)
        var checksum: UInt32 = 2_166_136_261
        for token in o200k { checksum = (checksum ^ token) &* 16_777_619 }
        for token in cl100k { checksum = (checksum ^ token) &* 16_777_619 }
        return Expected(o200k: o200k.count, cl100k: cl100k.count, checksum: checksum)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    private static func reference(_ arguments: String...) throws -> Data {
        try run([Corpus.folder.appending(path: "reference.py").path] + arguments)
    }

    private static func reference(code: String) throws -> Data {
        try run(["-c", code])
    }

    private static func run(_ arguments: [String]) throws -> Data {
        let errors = FileManager.default.temporaryDirectory.appending(path: "reference-\(UUID().uuidString).log")
        _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: errors) }
        let process = Process()
        let output = Pipe()
        process.executableURL = python
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed(description: try String(contentsOf: errors, encoding: .utf8)) }
        return data
    }
}
