import GatewayCore
import Synchronization

/// An answer's body in memory, counted among what all calls keep for the same purpose for as long as it exists.
final class KeptBytes {
    /// What a body is kept for. Each purpose has room of its own, so that copies nobody pays for take none from what costs are read from.
    enum Purpose {
        /// Its cost is read from it, or it is held, as it is or as records.
        case metering
        /// Its records are counted, and it flows.
        case counting

        fileprivate func room(_ limits: Limits) -> Int {
            switch self {
            case .metering: limits.bufferedTotal
            case .counting: limits.bufferedTotal / 8
            }
        }
    }

    private(set) var bytes: [UInt8] = []
    private let purpose: Purpose
    private let metrics: Metrics

    init(for purpose: Purpose, _ metrics: Metrics) {
        self.purpose = purpose
        self.metrics = metrics
    }

    deinit {
        count(-bytes.count)
    }

    /// Adds a piece; false, and nothing is added, where all calls together would keep more than there is room for.
    func append(_ piece: [UInt8], limits: Limits) -> Bool {
        guard count(piece.count) <= purpose.room(limits) else {
            count(-piece.count)
            return false
        }
        if bytes.isEmpty {
            // Most answers come in one piece, which is taken over as it is.
            bytes = piece
        } else {
            bytes.append(contentsOf: piece)
        }
        return true
    }

    /// Returns what all calls keep with it.
    @discardableResult
    private func count(_ change: Int) -> Int {
        switch purpose {
        case .metering: metrics.bufferedBytes.wrappingAdd(change, ordering: .relaxed).newValue
        case .counting: metrics.countedBytes.wrappingAdd(change, ordering: .relaxed).newValue
        }
    }
}
