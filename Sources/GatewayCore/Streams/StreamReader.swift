package import JSONPath

/// An event stream on its way: its events are metered, and what came of the gateway's own wish alone is taken out.
///
/// Bytes go on as they come. Only where events may have to be taken out is one kept back until it is complete.
package struct StreamReader: Sendable {
    private var parser: EventStreamParser
    /// Nil where no cost stands in the events.
    package private(set) var meter: StreamMeter?
    private let omit: JSONLogical?
    private let limit: Int
    /// The beginning of an event that may have to be taken out.
    private var withheld: [UInt8] = []
    /// Whether the rest of the event at hand goes on as it comes: it is too large to be kept back.
    private var isLetThrough = false
    /// What the piece before ended with: the LF that may follow a block's last CR goes the same way as the block.
    private var lastEnd = End.withinBlock

    private enum End {
        case withinBlock, blockPassed, blockOmitted
    }

    /// - Parameters:
    ///   - omit: Which events the caller does not get.
    ///   - limit: Bytes of an event that are kept at the most; a larger one is neither read nor taken out.
    package init(meter: StreamMeter?, omit: JSONLogical?, limit: Int) {
        self.meter = meter
        self.omit = omit
        self.limit = limit
        parser = EventStreamParser(limit: limit)
    }

    /// Whether the caller may get less than the provider sends.
    package var takesOut: Bool { omit != nil }

    /// What is kept of an event that is not complete. Bytes.
    package var keptBytes: Int { parser.keptBytes + withheld.count }

    /// Keeps nothing more of the event at hand.
    package mutating func passOver() {
        parser.passOver()
    }

    /// Takes a piece of the stream. Returns what of it, and of what was kept back, goes on to the caller now.
    package mutating func take(_ piece: [UInt8]) -> [UInt8] {
        let (leading, blocks) = parser.parse(piece)
        guard takesOut else {
            for block in blocks { _ = read(block.content) }
            return piece
        }
        guard !piece.isEmpty else { return [] }
        var passed: [UInt8] = []
        var start = 0
        if leading > 0, lastEnd != .withinBlock {
            if lastEnd == .blockPassed { passed += piece[..<leading] }
            start = leading
        }
        lastEnd = .withinBlock
        for block in blocks {
            let isOmitted = read(block.content) && !isLetThrough
            if !isOmitted {
                passed += withheld
                passed += piece[start..<block.end]
            }
            withheld = []
            isLetThrough = false
            start = block.end
            if start == piece.count { lastEnd = isOmitted ? .blockOmitted : .blockPassed }
        }
        withheld += piece[start...]
        if parser.isPassedOver || withheld.count > limit { isLetThrough = true }
        if isLetThrough {
            passed += withheld
            withheld = []
        }
        return passed
    }

    /// The stream has ended. Returns what was kept back and goes on to the caller after all.
    package mutating func finish() -> [UInt8] {
        let isOmitted = read(parser.finish()) && !isLetThrough
        defer { withheld = [] }
        return isOmitted ? [] : withheld
    }

    /// Meters an event. Returns whether it is one that the caller does not get.
    private mutating func read(_ content: EventStreamParser.Content) -> Bool {
        guard meter != nil || takesOut else { return false }
        if content == .passedOver { meter?.missEvent() }
        guard case .data(let data) = content else { return false }
        let event: JSONNode
        do {
            event = try JSONDocument(parsing: data).root
        } catch {
            // Providers end their streams with words that are no JSON: they say nothing of the cost.
            return false
        }
        meter?.read(event)
        // What takes too many steps to find out is passed on.
        return (try? omit?.holds(at: event)) == true
    }
}
