import GatewayCore
import HTTP1

extension FuzzTarget {
    /// Response heads, line by line.
    static let responseHead = FuzzTarget("response-head", maximumLength: 1024, shortRun: 4000) { bytes in
        var reader = ResponseHeadReader(method: "GET", maximumBytes: 512, maximumFields: 8)
        var used = 0
        for line in lines(of: bytes) {
            used += line.count
            switch line.withUnsafeBufferPointer({ reader.read($0) }) {
            case .more:
                try promise(used <= 512 && !reader.isComplete, "more is wanted after \(used) bytes of 512")
            case .malformed(let reason):
                try promise(!reason.isEmpty, "a refusal without words")
                return false
            case .head(let head):
                try check(head)
                try promise(reader.isComplete, "a head from a reader that is not complete")
                // Trailers.
                guard case .more = Array("x\r\n".utf8).withUnsafeBufferPointer({ reader.read($0) }) else {
                    throw BrokenPromise(description: "a line behind the head counts")
                }
                return true
            }
        }
        return false
    }

    private static func check(_ head: UpstreamHead) throws {
        try promise((200...999).contains(head.status), "a status of \(head.status)")
        try promise(head.isBodiless == (head.status == 204 || head.status == 304), "a body where there is none, or the reverse")
        try promise(head.headers.count <= 8, "\(head.headers.count) fields where 8 are allowed")
        for field in head.headers {
            try promise(isToken(field.name), "a field's name is no token")
            try promise(!field.value.contains { $0 == 0x0D || $0 == 0x0A || $0 == 0 }, "a line break in a field's value")
            try promise(
                !(field.value.first.map(isSpace) ?? false) && !(field.value.last.map(isSpace) ?? false), "white space around a value")
        }
        var reader = ResponseHeadReader(method: "GET", maximumBytes: 4096, maximumFields: 8)
        let text =
            ["HTTP/1.1 \(head.status)\r\n"].map { Array($0.utf8) }
            + head.headers.map { $0.name + Array(": ".utf8) + $0.value + [0x0D, 0x0A] }
        for line in text { _ = line.withUnsafeBufferPointer { reader.read($0) } }
        guard case .head(let again) = Array("\r\n".utf8).withUnsafeBufferPointer({ reader.read($0) }) else {
            throw BrokenPromise(description: "a head that is written out is refused")
        }
        try promise(
            again.headers.map { [$0.name, $0.value] } == head.headers.map { [$0.name, $0.value] }, "a head that is written out is another")
    }

    /// Each with its line feed; the last perhaps without.
    private static func lines(of bytes: [UInt8]) -> [[UInt8]] {
        bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated().map { $0 == 0 ? Array($1) : Array($1) }
    }
}
