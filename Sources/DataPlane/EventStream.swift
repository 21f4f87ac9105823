import GatewayCore
import JSONPath
import Synchronization

/// An answer that is an event stream, as it passes: read for its cost, and without what only the gateway has asked for.
final class EventStream {
    private var reader: StreamReader
    private let decoder: Gunzip?
    /// Why the events cannot be read; nil while they can.
    private var problem: String?
    private let limits: Limits
    private let metrics: Metrics
    /// Of what all calls keep, this stream's part.
    private var counted = 0

    /// - Parameter omit: Which events the caller has not asked for.
    init(_ head: UpstreamHead, meter: StreamMeter?, omit: JSONLogical?, limits: Limits, metrics: Metrics) {
        self.limits = limits
        self.metrics = metrics
        var omit = omit
        switch (head.headers.first("content-encoding") ?? "identity").lowercased() {
        case "identity", "":
            decoder = nil
        case "gzip", "x-gzip":
            decoder = Gunzip()
            if decoder == nil { problem = "there is no memory to undo the stream's gzip coding" }
            // What is coded can be read in a copy, and is not written anew.
            omit = nil
        default:
            decoder = nil
            problem = "the stream has a content coding that was not asked for"
            omit = nil
        }
        reader = StreamReader(meter: meter, omit: omit, limit: limits.bufferedResponse)
    }

    deinit {
        metrics.bufferedBytes.wrappingSubtract(counted, ordering: .relaxed)
    }

    /// Whether its cost stands in its events.
    var isMetered: Bool { reader.meter != nil }
    /// Whether an event has said that the provider failed.
    var hasFailed: Bool { reader.meter?.hasFailed == true }
    /// Whether the caller may get less than the provider sends.
    var takesOut: Bool { reader.takesOut }

    /// Takes a piece. Returns what goes on to the caller now.
    func take(_ piece: [UInt8]) -> [UInt8] {
        guard problem == nil else { return piece }
        defer { countKept() }
        guard let decoder else { return reader.take(piece) }
        if let decoded = decoder.decode(piece, limit: limits.bufferedResponse) {
            _ = reader.take(decoded)
        } else {
            problem = "the stream's gzip coding could not be undone"
        }
        return piece
    }

    /// The stream is over. Returns what goes on to the caller after all.
    func finish() -> [UInt8] {
        defer { countKept() }
        return problem == nil ? reader.finish() : []
    }

    /// What the stream cost, whole or as far as it has come.
    func charge(isWhole: Bool, estimate: Estimate) -> Charge {
        // An event may be complete but for its empty line.
        _ = finish()
        if let problem { return .estimated(estimate, because: problem) }
        return reader.meter?.charge(isWhole: isWhole, estimate: estimate) ?? .estimated(estimate, because: nil)
    }

    /// An event that is not complete counts among what all calls keep, and is passed over where that is too much.
    private func countKept() {
        let change = reader.keptBytes - counted
        guard change != 0 else { return }
        counted += change
        let sum = metrics.bufferedBytes.wrappingAdd(change, ordering: .relaxed).newValue
        if change > 0, sum > limits.bufferedTotal {
            reader.passOver()
            countKept()
        }
    }
}
