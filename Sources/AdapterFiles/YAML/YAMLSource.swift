/// A file's bytes, checked to be text that YAML allows, and its lines for messages about them.
struct YAMLSource {
    /// UTF-8 without a byte order mark.
    let bytes: [UInt8]

    /// - Throws: the place and the reason when the bytes are too many, not UTF-8, or contain control characters.
    init(_ file: [UInt8]) throws(YAMLFailure) {
        guard file.count <= YAMLNode.maximumBytes else {
            throw YAMLFailure(mark: .start, message: "the file has \(file.count) bytes; at most \(YAMLNode.maximumBytes) are read")
        }
        if file.starts(with: [0xFF, 0xFE]) || file.starts(with: [0xFE, 0xFF]) {
            throw YAMLFailure(mark: .start, message: "the file is encoded as UTF-16; save it as UTF-8")
        }
        bytes = file.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(file.dropFirst(3)) : file
        if let offset = Self.firstInvalidUTF8(in: bytes) {
            throw YAMLFailure(
                mark: mark(ofByte: offset), message: "this is not UTF-8 (byte 0x\(Self.hexadecimal(bytes[offset], digits: 2)))")
        }
        if let offset = bytes.firstIndex(where: { $0 < 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D || $0 == 0x7F }) {
            let code = Self.hexadecimal(bytes[offset], digits: 4)
            throw YAMLFailure(mark: mark(ofByte: offset), message: "the control character U+\(code) is not allowed in YAML")
        }
        // YAML 1.2 has them for text, and libyaml for line breaks: a line's number would be another than an editor's.
        if let offset = Self.firstAmbiguousBreak(in: bytes) {
            throw YAMLFailure(
                mark: mark(ofByte: offset),
                message: "U+0085, U+2028 and U+2029 could be read as line breaks; write '\\N', '\\L' or '\\P' in double quotes")
        }
        // libyaml compares every %TAG directive with every other: a file full of them would keep it busy for hours.
        if let offset = Self.firstTagDirective(in: bytes) {
            throw YAMLFailure(
                mark: mark(ofByte: offset), message: "a line that starts with '%TAG' declares tags, and tags are not supported")
        }
    }

    private static func firstTagDirective(in bytes: [UInt8]) -> Int? {
        bytes.indices.first { index in
            guard bytes[index] == UInt8(ascii: "%"), bytes[index...].starts(with: "%TAG".utf8) else { return false }
            return index == 0 || bytes[index - 1] == 0x0A || bytes[index - 1] == 0x0D
        }
    }

    private static func firstAmbiguousBreak(in bytes: [UInt8]) -> Int? {
        bytes.indices.first { index in
            switch bytes[index] {
            case 0xC2: bytes[index...].starts(with: "\u{85}".utf8)
            case 0xE2: bytes[index...].starts(with: "\u{2028}".utf8) || bytes[index...].starts(with: "\u{2029}".utf8)
            default: false
            }
        }
    }

    private static func firstInvalidUTF8(in bytes: [UInt8]) -> Int? {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
            return nil
        } catch {
            return error.byteOffsets.lowerBound
        }
    }

    private static func hexadecimal(_ byte: UInt8, digits: Int) -> String {
        let text = String(byte, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    /// The line and column of the character that contains the byte at `offset`.
    func mark(ofByte offset: Int) -> SourceMark {
        var mark = SourceMark.start
        var previous: UInt8 = 0
        for byte in bytes.prefix(max(0, offset)) {
            if byte == 0x0A || byte == 0x0D {
                if !(byte == 0x0A && previous == 0x0D) { mark.line += 1 }
                mark.column = 1
            } else if byte & 0xC0 != 0x80 {
                mark.column += 1
            }
            previous = byte
        }
        return mark
    }

    /// The characters of a line without its line break; empty when there is no such line.
    func line(_ number: Int) -> [Unicode.Scalar] {
        var current = 1
        var line: [Unicode.Scalar] = []
        var previous: Unicode.Scalar = " "
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            defer { previous = scalar }
            if scalar == "\n", previous == "\r" { continue }
            let isBreak = scalar == "\n" || scalar == "\r"
            if current == number {
                if isBreak { return line }
                line.append(scalar)
            } else if isBreak {
                current += 1
            }
        }
        return line
    }
}
