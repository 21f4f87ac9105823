import GatewayCore
import JSONPath

extension FuzzTarget {
    /// A provider's event stream, whole and in pieces, with and without events that are taken out.
    static let eventStream = FuzzTarget("event-stream", maximumLength: 2048, shortRun: 3000) { bytes in
        let omit = try? JSONLogical("$.usage && !$.choices[0]")
        for limit in [16, 4096] {
            let whole = pass(bytes, cuts: [], omit: omit, limit: limit)
            for cuts in [Array(0..<bytes.count), cuts(of: bytes)] {
                try promise(pass(bytes, cuts: cuts, omit: nil, limit: limit) == bytes, "without a condition something was taken out")
                let passed = pass(bytes, cuts: cuts, omit: omit, limit: limit)
                // What is too large to be looked at depends on how much of it comes at once.
                try promise(limit < bytes.count || passed == whole, "cut at \(cuts) something else goes on")
                try promise(passed.count <= bytes.count, "more goes on than came")
            }
        }
        var parser = EventStreamParser(limit: 4096)
        return parser.parse(bytes).blocks.contains { if case .data = $0.content { true } else { false } }
    }

    private static func pass(_ bytes: [UInt8], cuts: [Int], omit: JSONLogical?, limit: Int) -> [UInt8] {
        var reader = StreamReader(meter: nil, omit: omit, limit: limit)
        var passed: [UInt8] = []
        var start = 0
        for end in cuts + [bytes.count] {
            passed += reader.take(Array(bytes[start..<end]))
            start = end
        }
        return passed + reader.finish()
    }
}
