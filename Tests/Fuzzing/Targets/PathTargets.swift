import GatewayCore
import HTTP1

@testable import DataPlane

extension FuzzTarget {
    /// Paths and queries with percent signs: decoded, spelled plainly, and held to the base path.
    static let path = FuzzTarget("path", maximumLength: 512, shortRun: 4000) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        for isQuery in [false, true] {
            let plain = plainlyDecoded(text.utf8, isQuery: isQuery)
            let decoded = PercentCoding.decoded(text[...], isQuery: isQuery)
            try promise(Array(decoded.utf8) == Array(String(decoding: plain, as: UTF8.self).utf8), "'\(text)' is decoded to '\(decoded)'")
            let encoded = PercentCoding.encoded(text)
            try promise(
                Array(PercentCoding.decoded(encoded[...], isQuery: isQuery).utf8) == Array(text.utf8), "'\(encoded)' is not '\(text)'")
            try promise(encoded.utf8.allSatisfy { isTokenByte($0) }, "'\(encoded)' has characters that need encoding")
        }
        let path = "/" + text
        let canonical = RoutePattern.canonical(path: path)
        // A stray '%' may stand before digits that were encoded themselves.
        if let canonical, !plainlyDecoded(text.utf8, isQuery: false).contains(UInt8(ascii: "%")) {
            try promise(RoutePattern.canonical(path: canonical) == canonical, "'\(canonical)' is not the last spelling of '\(path)'")
            try promise(
                plainlyDecoded(canonical.utf8, isQuery: false) == plainlyDecoded(path.utf8, isQuery: false),
                "'\(canonical)' is another path")
        }
        guard !Admission.leavesBase(path) else { return false }
        try promise(!escapes(path), "'\(path)' may leave the base path")
        try promise(canonical != nil, "'\(path)' stays in the base path, and has no plain spelling")
        return true
    }

    /// What patterns serve: the first line and the second are patterns, the third is a path.
    static let route = FuzzTarget("route", maximumLength: 256, shortRun: 4000) { bytes in
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count >= 3, let path = RoutePattern.canonical(path: lines[2]),
            let pattern = try? RoutePattern(methods: ["GET"], path: lines[0]),
            let other = try? RoutePattern(methods: ["GET"], path: lines[1])
        else { return false }
        let captures = pattern.captures(method: "GET", path: path)
        try promise(pattern.captures(method: "POST", path: path) == nil, "a method that is not served")
        try promise(pattern.serves(allOf: pattern, method: "GET"), "a pattern does not serve what it serves")
        if let captures {
            try promise(Set(captures.keys) == Set(pattern.captureNames), "captured are \(captures.keys.sorted())")
            try promise(captures.values.allSatisfy { !$0.isEmpty && !$0.utf8.contains(UInt8(ascii: "/")) }, "captured is \(captures)")
            let filled = pattern.segments.map { pieces in
                "/" + pieces.map { if case .capture(let name) = $0 { captures[name] ?? "" } else { $0.text } }.joined()
            }.joined()
            let isWhole = filled.utf8.elementsEqual(path.utf8)
            let isPrefix = path.utf8.starts(with: filled.utf8) && path.utf8.dropFirst(filled.utf8.count).first == UInt8(ascii: "/")
            try promise(isWhole || pattern.takesRest && isPrefix, "with its captures, the pattern is '\(filled)' and not '\(path)'")
        } else {
            let isHidden = pattern.serves(allOf: other, method: "GET") && other.captures(method: "GET", path: path) != nil
            try promise(!isHidden, "'\(lines[1])' serves '\(path)', and '\(lines[0])', which is to serve all of it, does not")
        }
        return captures != nil
    }
}

extension RoutePattern.Piece {
    fileprivate var text: String {
        switch self {
        case .literal(let text), .capture(let text): text
        }
    }
}

/// RFC 3986's percent-encoding undone, character by character.
func plainlyDecoded(_ text: some Sequence<UInt8>, isQuery: Bool) -> [UInt8] {
    let bytes = Array(text)
    var plain: [UInt8] = []
    var index = 0
    while index < bytes.count {
        let digits = String(decoding: bytes[index...].dropFirst().prefix(2), as: UTF8.self)
        if bytes[index] == UInt8(ascii: "%"), digits.utf8.count == 2, !"+-".utf8.contains(bytes[index + 1]),
            let byte = UInt8(digits, radix: 16)
        {
            plain.append(byte)
            index += 3
        } else {
            plain.append(isQuery && bytes[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : bytes[index])
            index += 1
        }
    }
    return plain
}

/// Whether a server that decodes a path, takes `\` for `/` and drops a segment's parameters would climb above where the path began.
func escapes(_ path: String) -> Bool {
    var depth = 0
    for segment in plainlyDecoded(path.utf8, isQuery: false).split(whereSeparator: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") })
    {
        switch Array(segment.prefix { $0 != UInt8(ascii: ";") }) {
        case [UInt8(ascii: ".")]: break
        case [UInt8(ascii: "."), UInt8(ascii: ".")]: depth -= 1
        default: depth += 1
        }
        if depth < 0 { return true }
    }
    return false
}
