import GatewayCore
import JSONPath
import NIOCore

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
