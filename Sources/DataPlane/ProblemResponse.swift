import GatewayCore
import JSONPath
import NIOCore

/// What the gateway itself says, as a whole HTTP response.
enum LocalResponse {
    /// `connection` is the value of the `Connection` field; nil for none.
    static func bytes(_ body: [UInt8], report: CallReport?, connection: String?, isHead: Bool = false) -> ByteBuffer {
        var head = ResponseHead(status: 200, capacity: 1024 + body.count)
        head.add("Content-Type", "application/json")
        head.add("Content-Length", String(body.count))
        head.add("Cache-Control", "no-store")
        report?.write(to: &head)
        if let connection { head.add("Connection", connection) }
        head.end()
        if !isHead { head.append(body) }
        return head.buffer
    }
}

extension Services {
    /// What an answer of the gateway's own tells its caller.
    func report(
        to caller: Caller, cost: Money = .zero, basis: CostBasis = .table, id: CallID? = nil, isUnverified: Bool = false
    ) -> CallReport {
        let now = clock()
        let budget = generations.generation.configuration.budgets.budget(for: caller.workspace)
        return CallReport(
            id: id ?? ids.next(at: now), workspace: caller.workspace, cost: cost, basis: .charged(basis),
            status: accounts.status(workspace: caller.workspace, user: caller.user, provider: nil, budget: budget, at: now),
            isUnverified: isUnverified)
    }
}

/// A problem as a whole HTTP response: RFC 9457.
enum ProblemResponse {
    /// `connection` is the value of the `Connection` field; nil for none.
    static func bytes(_ problem: Problem, report: CallReport?, connection: String?, isHead: Bool) -> ByteBuffer {
        let body = json(problem).serialized
        var head = ResponseHead(status: problem.status, capacity: 1024 + body.count)
        head.add("Content-Type", "application/problem+json")
        head.add("Content-Length", String(body.count))
        if problem.code == .methodNotAllowed { head.add("Allow", "GET, HEAD") }
        if problem.code == .unauthenticated { head.add("WWW-Authenticate", "Bearer") }
        if let seconds = problem.retryAfter { head.add("Retry-After", String(seconds)) }
        if let shouldRetry = problem.shouldRetry { head.add("X-Should-Retry", shouldRetry ? "true" : "false") }
        report?.write(to: &head)
        if let connection { head.add("Connection", connection) }
        head.end()
        if !isHead { head.append(body) }
        return head.buffer
    }

    static func json(_ problem: Problem) -> JSONValue {
        var members = [
            JSONValue.Member("type", .string(problem.type)),
            .init("title", .string(problem.code.status.1)),
            .init("status", .number(JSONNumber(Int64(problem.status)))),
            .init("detail", .string(problem.detail)),
            .init("code", .string(problem.code.rawValue)),
        ]
        if let provider = problem.provider { members.append(.init("provider", .string(provider))) }
        if let workspace = problem.workspace { members.append(.init("workspace", .string(workspace))) }
        for (name, value) in problem.members {
            switch value {
            case .string(let text): members.append(.init(name, .string(text)))
            case .strings(let texts): members.append(.init(name, .array(texts.map(JSONValue.string))))
            case .money(let amount): members.append(.init(name, .string(amount.description)))
            }
        }
        return .object(members)
    }
}
