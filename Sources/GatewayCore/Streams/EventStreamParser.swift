/// Finds the events in a stream of server-sent events (WHATWG HTML, section 9.2.6), in pieces of any size.
///
/// Lines end with CR, LF or CRLF; a byte order mark in front is skipped; comments and fields other than `data` mean nothing here. It looks
/// at each byte once and keeps no more than `limit` bytes of an event: one that has more is passed over.
package struct EventStreamParser: Sendable {
    /// A block is what stands between two empty lines: an event, or comments alone.
    package struct Block {
        /// Where, in the piece at hand, the empty line that ends it ends.
        package let end: Int
        package let content: Content
    }

    package enum Content: Sendable, Hashable {
        /// An event's `data` lines, joined by LF.
        case data([UInt8])
        /// An event that was too large.
        case passedOver
        /// No event: comments, or fields without `data`.
        case none
    }

    private let limit: Int
    /// The beginning of a line that goes on in the next piece.
    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var isFirstLine = true
    private var endedWithCR = false
    /// The block at hand is too large: its end is looked for and nothing is kept.
    package private(set) var isPassedOver = false
    /// Whether the line at hand has bytes that were not kept.
    private var hasDroppedBytes = false

    /// - Parameter limit: Bytes of one event at the most.
    package init(limit: Int) {
        self.limit = limit
    }

    /// What is kept of an event that is not complete. Bytes.
    package var keptBytes: Int { line.count + data.count }

    /// Gives the event at hand up: its end is found, and its data is nil.
    package mutating func passOver() {
        isPassedOver = true
        hasDroppedBytes = hasDroppedBytes || !line.isEmpty
        line = []
        data = []
    }

    /// Takes the next piece. Returns the blocks that it completes, in order, and how many bytes at its start still belong to the line
    /// before: 1 for the LF of a CRLF that two pieces share, else 0.
    package mutating func parse(_ piece: [UInt8]) -> (leading: Int, blocks: [Block]) {
        piece.withUnsafeBufferPointer { bytes in
            var blocks: [Block] = []
            var start = 0
            if endedWithCR, let first = bytes.first {
                if first == UInt8(ascii: "\n") { start = 1 }
                endedWithCR = false
            }
            let leading = start
            var index = start
            while index < bytes.count {
                let byte = bytes[index]
                guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else {
                    index += 1
                    continue
                }
                let content = UnsafeBufferPointer(rebasing: bytes[start..<index])
                index += 1
                if byte == UInt8(ascii: "\r") {
                    if index < bytes.count {
                        if bytes[index] == UInt8(ascii: "\n") { index += 1 }
                    } else {
                        endedWithCR = true
                    }
                }
                start = index
                if endLine(content) { blocks.append(Block(end: index, content: takeContent())) }
            }
            keep(UnsafeBufferPointer(rebasing: bytes[start...]))
            return (leading, blocks)
        }
    }

    /// The stream has ended: an event that lacks its empty line, which a client would drop.
    package mutating func finish() -> Content {
        _ = endLine(UnsafeBufferPointer(start: nil, count: 0))
        return takeContent()
    }

    private mutating func keep(_ bytes: UnsafeBufferPointer<UInt8>) {
        if isPassedOver {
            hasDroppedBytes = hasDroppedBytes || !bytes.isEmpty
        } else {
            line.append(contentsOf: bytes)
            if keptBytes > limit { passOver() }
        }
    }

    /// Takes a line without its end. Returns whether it was empty, so that the block is complete.
    private mutating func endLine(_ rest: UnsafeBufferPointer<UInt8>) -> Bool {
        defer {
            isFirstLine = false
            hasDroppedBytes = false
        }
        if line.isEmpty { return endLine(content: rest) }
        line.append(contentsOf: rest)
        let whole = line
        line.removeAll(keepingCapacity: whole.count <= 4096)
        return whole.withUnsafeBufferPointer { endLine(content: $0) }
    }

    private mutating func endLine(content bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var content = bytes[...]
        if isFirstLine, content.starts(with: [0xEF, 0xBB, 0xBF]) { content = content.dropFirst(3) }
        if content.isEmpty { return !hasDroppedBytes }
        guard !isPassedOver, content.starts(with: "data".utf8) else { return false }
        content = content.dropFirst(4)
        if let next = content.first {
            guard next == UInt8(ascii: ":") else { return false }
            content = content.dropFirst()
            if content.first == UInt8(ascii: " ") { content = content.dropFirst() }
        }
        if data.count + content.count > limit {
            passOver()
            return false
        }
        if hasData { data.append(UInt8(ascii: "\n")) }
        data.append(contentsOf: content)
        hasData = true
        return false
    }

    private mutating func takeContent() -> Content {
        defer {
            data = []
            hasData = false
            isPassedOver = false
        }
        if isPassedOver { return .passedOver }
        return hasData ? .data(data) : .none
    }
}
