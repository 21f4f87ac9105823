import Foundation
import TestSupport

/// The corpus of Reference/corpus.py, text by text: see there.
enum Corpus {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference")

    fileprivate static let material: [ArraySlice<UInt8>] = {
        guard let bytes = try? [UInt8](Data(contentsOf: folder.appending(path: "material.txt"))) else { return [] }
        var sections: [ArraySlice<UInt8>] = []
        var start = 0
        var position = 0
        while position + 1 < bytes.count {
            if bytes[position] == 0x0A, bytes[position + 1] == 0x0A {
                sections.append(bytes[start..<position])
                start = position + 2
                position += 2
            } else {
                position += 1
            }
        }
        return sections + [bytes[start...]]
    }()

    fileprivate static let separators = [
        " ", "\n", "\r\n", "  ", "\t", "\n\n", "'", "\u{2019}", "", "", "/", "\u{A0}", "\u{3000}", " \n ", "\u{200D}", "\u{301}", "1", "\r",
        "    ",
        "\u{E33}",
    ].map { Array($0.utf8) }
    fileprivate static let units = [
        "a", "A", " ", "\n", "\r\n", "\t", "1", "0", "-", "=", "/", "'", "\u{E9}", "\u{4E2D}", "\u{301}", "\u{E33}", "\u{1F600}",
        "\u{1F44D}\u{1F3FD}",
        "\u{1F469}\u{200D}", "\u{A0}", "\u{3000}", "ab", "Ab", "aB", " a", "a ", " \n", "x\u{301}", "the", "\u{1C5}", "\u{660}", "\u{FFFD}",
        "\u{DF}",
        "\u{416}", "ha", "ACGT",
    ].map { Array($0.utf8) }
    fileprivate static let suffixes = ["s", "t", "re", "ve", "m", "ll", "d", "\u{17F}", "r", "l", "x", ""].map { Array($0.utf8) }
    fileprivate static let apostrophes = ["'", "'", "\u{2019}"].map { Array($0.utf8) }
    fileprivate static let ranges: [ClosedRange<UInt32>] = [
        0x00...0x7F, 0x20...0x7E, 0x41...0x5A, 0x61...0x7A, 0x80...0x24F, 0x250...0x36F, 0x370...0x58F, 0x590...0x8FF, 0x900...0xDFF,
        0xE00...0x139F, 0x13A0...0x1CFF, 0x1D00...0x206F, 0x2070...0x2BFF, 0x2C00...0x33FF, 0x4E00...0x9FFF, 0xA000...0xABFF,
        0xAC00...0xD7A3,
        0xE000...0xFFFF, 0x10000...0x11FFF, 0x1D000...0x1D7FF, 0x1F000...0x1FAFF, 0x20000...0x2FFFF, 0xE0000...0xE01EF, 0x0...0xD7FF,
        0xE000...0x10FFFF,
    ]

    static func texts(seed: UInt64, count: Int) -> some Sequence<[UInt8]> {
        (0..<count).lazy.map { number in
            var chance = Chance(random: SplitMix64(seed: seed << 32 + UInt64(number)))
            return chance.text(kind: number % 100 == 99 ? 8 : number % 8)
        }
    }
}

private struct Chance {
    var random: SplitMix64

    mutating func below(_ bound: Int) -> Int {
        Int(((random.next() >> 32) &* UInt64(bound)) >> 32)
    }

    mutating func one<Element>(_ choices: [Element]) -> Element {
        choices[below(choices.count)]
    }

    mutating func slice(_ longest: Int, whole: Bool = true) -> ArraySlice<UInt8> {
        let section = one(Corpus.material)
        var start = section.startIndex + below(section.count)
        var end = min(section.endIndex, start + 1 + below(longest))
        while whole, start > section.startIndex, section[start] & 0xC0 == 0x80 { start -= 1 }
        while whole, end < section.endIndex, section[end] & 0xC0 == 0x80 { end += 1 }
        return section[start..<end]
    }

    private mutating func scalars() -> [UInt8] {
        var text = String.UnicodeScalarView()
        var range = one(Corpus.ranges)
        for _ in 0..<1 + below(24) {
            if below(4) == 0 { range = one(Corpus.ranges) }
            if let scalar = Unicode.Scalar(range.lowerBound + UInt32(below(range.count))) { text.append(scalar) }
        }
        return Array(String(text).utf8)
    }

    mutating func text(kind: Int) -> [UInt8] {
        var text: [UInt8] = []
        switch kind {
        case 0: text += slice(600)
        case 1:
            for _ in 0..<1 + below(8) {
                text += slice(60)
                text += one(Corpus.separators)
            }
        case 2: text = scalars()
        case 3:
            for _ in 0..<1 + below(4) {
                let unit = one(Corpus.units)
                for _ in 0..<1 + below(one([3, 12, 300])) { text += unit }
            }
        case 4:
            for _ in 0..<1 + below(12) {
                let suffix = one(Corpus.suffixes).map { $0 < 0x80 && below(2) == 1 ? $0 ^ 0x20 : $0 }
                text += slice(8)
                text += one(Corpus.apostrophes)
                text += suffix
                text += one(Corpus.separators)
            }
        case 5: text = slice(300).map { (0x41...0x5A).contains($0 & 0xDF) && below(3) == 0 ? $0 ^ 0x20 : $0 }
        case 6:
            text += slice(200, whole: false)
            for _ in 0..<below(6) {
                let place = below(text.count)
                text[place] = UInt8(below(256))
            }
        case 7:
            for _ in 0..<1 + below(5) {
                text += slice(12)
                text += scalars().prefix(24)
                text += one(Corpus.units)
            }
        default:
            for _ in 0..<1 + below(16) { text += slice(400).filter { $0 > 0x20 } }
        }
        return text
    }
}
