import GatewayCore
import NIOUpstream

extension FuzzTarget {
    /// What a provider says on a connection, whole and in pieces.
    static let response = FuzzTarget("response", maximumLength: 2048, shortRun: 4000) { bytes in
        let whole = read(bytes, cuts: [], room: .max)
        let random = cuts(of: bytes)
        for (name, cuts) in [("byte by byte", Array(0..<bytes.count)), ("cut at \(random)", random)] {
            for room in [1, 7, Int.max] {
                try promise(read(bytes, cuts: cuts, room: room) == whole, "\(name), with room for \(room), it is another response")
            }
        }
        guard case .complete(let status, let fields, let body, let rest) = whole else { return false }
        try promise((200...999).contains(status), "a status of \(status)")
        try promise(body.count + rest <= bytes.count, "more came out than went in")
        let isBodiless = status == 204 || status == 304
        try promise(!isBodiless || body.isEmpty, "a body where there is none")
        let text = "HTTP/1.1 \(status)\r\n" + fields + (isBodiless ? "\r\n" : "Content-Length: \(body.count)\r\n\r\n")
        let again = read(Array(text.utf8) + body, cuts: [], room: .max)
        try promise(again == .complete(status: status, fields: fields, body: body, rest: 0), "written out it is another response")
        return true
    }

    private enum Response: Equatable {
        case complete(status: Int, fields: String, body: [UInt8], rest: Int)
        case partial(hasHead: Bool, body: [UInt8])
        case refused(String)
    }

    /// As a connection does, with a receiver that takes up all of its room and then makes it again. Fields that say where the body ends are
    /// left out.
    private static func read(_ bytes: [UInt8], cuts: [Int], room: Int) -> Response {
        var parser = ResponseParser(method: "GET", maximumHeadBytes: 1024)
        var (status, fields, body): (Int?, String, [UInt8]) = (nil, "", [])
        var start = 0
        for end in cuts + [bytes.count] {
            var isMoreWanted = false
            while !isMoreWanted {
                let result: Response? = bytes[start..<end].withUnsafeBytes { input in
                    var cursor = 0
                    defer { start += cursor }
                    switch parser.next(input, &cursor, room: room) {
                    case .more: isMoreWanted = true
                    case .full: return .refused("there is always room")
                    case .head(let head):
                        status = head.status
                        for field in head.headers where !field.isNamed("Content-Length") && !field.isNamed("Transfer-Encoding") {
                            fields += "\(field.nameText): \(field.valueText)\r\n"
                        }
                    case .body(let range): body += input[range]
                    case .complete: return .complete(status: status ?? 0, fields: fields, body: body, rest: bytes.count - start - cursor)
                    case .malformed(let reason): return .refused(reason)
                    }
                    return nil
                }
                if let result { return result }
            }
        }
        return .partial(hasHead: status != nil, body: body)
    }
}
