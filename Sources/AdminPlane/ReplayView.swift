import GatewayCore
import Hummingbird
import NIOCore

/// `POST /v1/replay`: records from a log or from another gateway's journal, as replayable lines.
enum ReplayView {
    /// More than `gateway replay` sends at once.
    private static let largestBody = 32 << 20

    static func answer(_ request: Request, services: AdminPlane.Services) async throws -> AdminAnswer {
        // No type that a page in an operator's browser could send here without asking first.
        guard request.headers[.contentType] == ReplayOutcome.lineType else {
            return AdminAnswer(problem: 415, "Unsupported media type", "The body is replayable lines, of type \(ReplayOutcome.lineType).")
        }
        let lines = try await request.bytes(upTo: largestBody)
        do throws(ReplayError) {
            return AdminAnswer(try await services.replay(lines).json)
        } catch {
            switch error.kind {
            case .malformed: return AdminAnswer(problem: 400, "Bad request", error.description)
            case .unavailable: return AdminAnswer(problem: 503, "Ledger unavailable", error.description)
            }
        }
    }
}
