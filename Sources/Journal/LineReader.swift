/// A text's lines, whatever its size and whatever is in it, a piece of it in memory at a time.
struct LineReader {
    /// The number of the line that was read last; the first is 1.
    private(set) var number = 0
    private let file: Descriptor
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    /// Whether what follows belongs to the line that was read last.
    private var goesOn = false

    /// Longer than the longest replayable line: what is longer comes in parts.
    private static let longestPart = Frame.largestPayload / 3 * 4 + (1 << 20)
    private static let piece = 1 << 18

    init(_ file: Descriptor) {
        self.file = file
    }

    /// The next line without its end; nil behind the last.
    mutating func next() throws(SystemError) -> ArraySlice<UInt8>? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                return take(end, goesOn: false)
            }
            if isAtEnd || buffer.count - start > Self.longestPart {
                return start < buffer.count ? take(buffer.count, goesOn: true) : nil
            }
            buffer.removeSubrange(..<start)
            start = 0
            searched = buffer.count
            let more = try file.readNext(Self.piece)
            isAtEnd = more.isEmpty
            buffer += more
        }
    }

    private mutating func take(_ end: Int, goesOn: Bool) -> ArraySlice<UInt8> {
        if !self.goesOn { number += 1 }
        self.goesOn = goesOn
        defer { start = min(end + (goesOn ? 0 : 1), buffer.count) }
        return buffer[start..<end]
    }
}
