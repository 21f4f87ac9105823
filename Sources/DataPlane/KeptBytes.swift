import GatewayCore
import Synchronization

/// An answer's body in memory for metering, counted among what all calls keep for as long as it exists.
final class KeptBytes {
    private(set) var bytes: [UInt8] = []
    private let metrics: Metrics

    init(_ metrics: Metrics) {
        self.metrics = metrics
    }

    deinit {
        metrics.bufferedBytes.wrappingSubtract(bytes.count, ordering: .relaxed)
    }

    /// Adds a piece; false, and nothing is added, where all calls together would keep more than `total`.
    func append(_ piece: [UInt8], total: Int) -> Bool {
        let sum = metrics.bufferedBytes.wrappingAdd(piece.count, ordering: .relaxed).newValue
        guard sum <= total else {
            metrics.bufferedBytes.wrappingSubtract(piece.count, ordering: .relaxed)
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
}
