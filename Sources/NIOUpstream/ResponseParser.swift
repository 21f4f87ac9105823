package import GatewayCore
import Glibc
import HTTP1

/// Takes one response apart, wherever its bytes are cut: RFC 9112, with lines that may end in a bare LF as its only leniency.
package struct ResponseParser: Sendable {
    package enum Step {
        /// More bytes are needed.
        case more
        /// The head; those of 1xx are left out.
        case head(UpstreamHead)
        /// These bytes are the body's.
        case body(Range<Int>)
        /// There are bytes of the body, and no room for them.
        case full
        case complete
        case malformed(String)
    }

    private enum Stage {
        case head
        /// What is left of a body of known length.
        case length(Int64)
        case chunked(ChunkedDecoder)
        case untilClose
    }

    private var reader: ResponseHeadReader
    private let maximumHeadBytes: Int
    private var stage = Stage.head
    /// How far the line that is not complete was searched.
    private var scanned = 0

    package init(method: String, maximumHeadBytes: Int) {
        reader = ResponseHeadReader(method: method, maximumBytes: maximumHeadBytes)
        self.maximumHeadBytes = maximumHeadBytes
    }

    /// Whether the connection may serve another request after this response.
    package var keepsAlive: Bool { reader.keepsAlive }

    /// Whether the end of the connection is the response's.
    package var endsWithConnection: Bool {
        if case .untilClose = stage { true } else { false }
    }

    /// The next that `bytes` hold. `cursor` is where to begin, and moves behind what has been read; the bytes from there on come again.
    package mutating func next(_ bytes: UnsafeRawBufferPointer, _ cursor: inout Int, room: Int) -> Step {
        while true {
            switch stage {
            case .head:
                switch nextLine(bytes, &cursor) {
                case nil: return .more
                case .more?: continue
                case .malformed(let reason)?: return .malformed(reason)
                case .head(let head)?: return begin(head)
                }
            case .length(let left):
                guard left > 0 else { return .complete }
                let step = take(bytes, &cursor, atMost: Int(min(left, Int64(room))))
                if case .body(let range) = step { stage = .length(left - Int64(range.count)) }
                return step
            case .untilClose:
                return take(bytes, &cursor, atMost: room)
            case .chunked(var decoder):
                if decoder.isComplete { return .complete }
                guard cursor < bytes.count else { return .more }
                guard room > 0 else { return .full }
                do {
                    let piece = try decoder.next(bytes, &cursor, atMost: room)
                    stage = .chunked(decoder)
                    if let piece { return .body(piece) }
                } catch {
                    return .malformed(error.description)
                }
            }
        }
    }

    private mutating func begin(_ head: UpstreamHead) -> Step {
        guard reader.isVersion1 else { return .malformed("a version that nobody asked for") }
        switch reader.framing {
        case .none: stage = .length(0)
        case .length(let length): stage = .length(length)
        case .chunked: stage = .chunked(ChunkedDecoder())
        case .untilClose: stage = .untilClose
        }
        return .head(head)
    }

    private func take(_ bytes: UnsafeRawBufferPointer, _ cursor: inout Int, atMost limit: Int) -> Step {
        guard cursor < bytes.count else { return .more }
        guard limit > 0 else { return .full }
        let start = cursor
        cursor = min(bytes.count, start + min(limit, bytes.count - start))
        return .body(start..<cursor)
    }

    /// Nil where no line is complete. What was searched is not searched again.
    private mutating func nextLine(_ bytes: UnsafeRawBufferPointer, _ cursor: inout Int) -> ResponseHeadReader.Step? {
        let searched = cursor + scanned
        guard searched < bytes.count, let base = bytes.baseAddress,
            let match = memchr(base + searched, Int32(LF), bytes.count - searched)
        else {
            scanned = bytes.count - cursor
            return scanned > maximumHeadBytes ? .malformed("the response's head is larger than \(maximumHeadBytes) bytes") : nil
        }
        let end = UnsafeRawPointer(match) - base + 1
        let line = UnsafeRawBufferPointer(rebasing: bytes[cursor..<end])
        (cursor, scanned) = (end, 0)
        return line.withMemoryRebound(to: UInt8.self) { reader.read($0) }
    }
}
