import Foundation
import Testing

/// Bytes in a readable notation: `⏎` is CR LF, `␊` LF, `␍` CR, `⇥` a tab, `␀` NUL, `‹7f›` any byte, `‹x×100›` a text a hundred times.
enum WireNotation {
    static func bytes(_ text: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Substring(text)
        while let character = rest.popFirst() {
            switch character {
            case "⏎": bytes += [13, 10]
            case "␊": bytes.append(10)
            case "␍": bytes.append(13)
            case "⇥": bytes.append(9)
            case "␀": bytes.append(0)
            case "‹":
                let close = try #require(rest.firstIndex(of: "›"), "'‹' without '›' in \(text)")
                bytes += try special(rest[..<close])
                rest = rest[rest.index(after: close)...]
            default: bytes += Array(String(character).utf8)
            }
        }
        return bytes
    }

    private static func special(_ text: Substring) throws -> [UInt8] {
        guard let sign = text.lastIndex(of: "×") else { return [try #require(UInt8(text, radix: 16), "no byte: \(text)")] }
        let count = try #require(Int(text[text.index(after: sign)...]), "no count: \(text)")
        return Array(repeating: try bytes(String(text[..<sign])), count: count).flatMap { $0 }
    }

    static func text(_ bytes: [UInt8]) -> String {
        var text = ""
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let run = bytes[index...].prefix { $0 == byte }.count
            let sign: String
            var length = 1
            switch byte {
            case 13 where index + 1 < bytes.count && bytes[index + 1] == 10: (sign, length) = ("⏎", 2)
            case 13: sign = "␍"
            case 10: sign = "␊"
            case 9: sign = "⇥"
            case 0: sign = "␀"
            case 0x20..<0x7F: sign = String(UnicodeScalar(byte))
            default: sign = "‹" + String(byte, radix: 16) + "›"
            }
            if length == 1, run > 20 {
                text += "‹\(sign)×\(run)›"
                index += run
            } else {
                text += sign
                index += length
            }
        }
        return text
    }
}

/// A test's cases as a Markdown file has them: every row of every table in it, cells without their backticks.
struct WireTable {
    var rows: [[String]] = []

    init(_ name: String) throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(name)
        let lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
        for (number, line) in lines.enumerated() where line.hasPrefix("| ") {
            // A table's heading and the rule below it are none of its rows.
            if line.hasPrefix("| ---") || number + 1 < lines.count && lines[number + 1].hasPrefix("| ---") { continue }
            let cells = line.replacing("\\|", with: "\u{1}").split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
            rows.append(
                cells.map { cell in
                    let text = cell.trimmingCharacters(in: .whitespaces).replacing("\u{1}", with: "|")
                    return text.hasPrefix("`") && text.hasSuffix("`") && text.count > 1 ? String(text.dropFirst().dropLast()) : text
                })
        }
    }
}
