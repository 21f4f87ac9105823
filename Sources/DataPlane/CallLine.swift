package import GatewayCore

/// Where the lines of calls go. Both are called on event loops, for every call: they return at once, whatever the log's reader does.
package protocol CallLog: Sendable {
    /// How lines are to be written; nil while nobody wants them.
    var callFormat: LogFormat? { get }
    /// Takes a whole line.
    func append(_ line: LogLine)
}

/// What the log tells of one call, or of the refusal of one: who, what, what it cost and how long it took. Never a path, a query, a header's value
/// or a body: any of them may hold a secret or a person's data. `request_id` leads to the ledger's row.
struct CallLine {
    var id: CallID?
    var workspace: String?
    var provider: String?
    var operation: String?
    var method: String
    /// The provider's, or that of the problem in the place of its answer; nil where there was neither.
    var status: Int?
    /// Why the answer is the gateway's own, or was cut.
    var problem: Problem?
    var record: CostRecord?
    var cache = CacheOutcome.none
    var isUnverified = false
    var spans: CallSpans
    var trace: CallTrace

    func text(at instant: Timestamp, as format: LogFormat) -> LogLine {
        var line = LogLine("call", level: "info", at: instant, as: format)
        if let id { line.add("request_id", id.description) }
        if let workspace { line.add("workspace", workspace) }
        if let provider { line.add("provider", provider) }
        if let operation { line.add("operation", operation) }
        line.add("method", method)
        if let status { line.add("status", status) }
        if let problem {
            line.add("code", problem.code.rawValue)
            if let reason = problem.reason { line.add("reason", reason.rawValue) }
        }
        line.add("cost", record?.cost ?? .zero)
        if let record { line.add("basis", record.basis.rawValue) }
        line.add("cache", cache.rawValue)
        if isUnverified { line.add("unverified", true) }
        if let own = spans.own { line.add("gateway_ms", milliseconds: own) }
        if let firstByte = spans.firstByte { line.add("first_byte_ms", milliseconds: firstByte) }
        if let upstream = spans.upstream { line.add("upstream_ms", milliseconds: upstream) }
        line.add("total_ms", milliseconds: spans.total)
        line.add("trace_id", trace.context.traceID)
        line.add("span_id", trace.context.spanID)
        if let parent = trace.parent { line.add("parent_id", TraceContext.text(ofSpan: parent)) }
        line.end()
        return line
    }
}
