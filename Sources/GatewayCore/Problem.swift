/// One of the gateway's own answers to a call that it does not pass on: RFC 9457.
package struct Problem: Error, Sendable {
    /// The gateway's codes; a provider's own errors pass through and never carry one.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        case budgetExhausted = "budget_exhausted"
        case maxCostExceeded = "max_cost_exceeded"
        case unpriced
        case overloaded
        case unauthenticated
        case keysUnavailable = "keys_unavailable"
        case notAllowed = "not_allowed"
        case rateLimited = "rate_limited"
        case workspaceRequired = "workspace_required"
        case unknownProvider = "unknown_provider"
        case unknownOperation = "unknown_operation"
        case providerUnavailable = "provider_unavailable"
        case badRequest = "bad_request"
        case bodyTooLarge = "body_too_large"
        case upstreamUnreachable = "upstream_unreachable"
        case upstreamTimeout = "upstream_timeout"
        case trackerUnavailable = "tracker_unavailable"
        case notFound = "not_found"
        case methodNotAllowed = "method_not_allowed"
        case internalError = "internal_error"

        /// The HTTP status, and the title that says the same in words.
        package var status: (Int, String) {
            switch self {
            case .budgetExhausted: (429, "Budget exhausted")
            case .maxCostExceeded: (402, "Estimate above the caller's limit")
            case .unpriced: (422, "No price for this call")
            case .overloaded: (503, "Too many calls at once")
            case .unauthenticated: (401, "Not authenticated")
            case .keysUnavailable: (503, "Keys unavailable")
            case .notAllowed: (403, "Not allowed")
            case .rateLimited: (429, "Too many calls")
            case .workspaceRequired: (400, "Workspace required")
            case .unknownProvider: (404, "Unknown provider")
            case .unknownOperation: (404, "Unknown operation")
            case .providerUnavailable: (503, "Provider unavailable")
            case .badRequest: (400, "Bad request")
            case .bodyTooLarge: (413, "Body too large")
            case .upstreamUnreachable: (502, "Provider unreachable")
            case .upstreamTimeout: (504, "Provider timed out")
            case .trackerUnavailable: (503, "Tracker unavailable")
            case .notFound: (404, "Not found")
            case .methodNotAllowed: (405, "Method not allowed")
            case .internalError: (500, "Internal error")
            }
        }
    }

    /// An extension member of the JSON object.
    package enum Member: Sendable, Hashable {
        case string(String)
        case strings([String])
        case money(Money)
    }

    package var code: Code
    /// The code's own, unless the parser knows a better one.
    package var status: Int
    /// What the caller may read: what happened, and what to do about it.
    package var detail: String
    package var provider: String?
    package var workspace: String?
    package var members: [(name: String, value: Member)] = []
    /// Seconds.
    package var retryAfter: Int?
    /// `X-Should-Retry`, where the gateway knows better than a status tells.
    package var shouldRetry: Bool?

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.status = code.status.0
        self.detail = detail
    }

    /// `about:blank`, but for an exhausted quota.
    package var type: String {
        code == .budgetExhausted ? "https://iana.org/assignments/http-problem-types#quota-exceeded" : "about:blank"
    }
}
