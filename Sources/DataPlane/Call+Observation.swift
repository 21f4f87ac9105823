import GatewayCore

/// What the metrics, the log and those who watch learn of a call. Each call is in each once: when it is settled, or when it is refused.
extension Call {
    /// The call is settled and the end of its response may go.
    func observe() {
        guard let record = settled?.record else { return }
        services.feed.publish(.settled(record))
        let spans = timing.spans(waitedForOther: record.cache == .coalesced)
        services.metrics.times.observe(record, spans)
        // Where the provider has failed, and the caller has no head yet, the answer is a problem.
        let status = isHeadSent ? record.status : problem?.status ?? record.status
        log(
            CallLine(
                id: record.id, workspace: record.workspace, provider: record.provider, operation: record.operation, method: head.method,
                status: status, problem: problem, record: record, cache: record.cache,
                isUnverified: pledge?.isUnverified ?? sharing?.isUnverified ?? false, spans: spans, trace: trace))
    }

    /// The gateway answers with a problem of its own. A call that was settled before has been observed then.
    func observe(_ problem: Problem, id: CallID?, user: String?, operation: String?) {
        guard settled == nil else { return }
        services.metrics.refusals.count(problem, operation: operation)
        services.feed.publish(
            .refused(
                CallRefusal(
                    at: services.clock(), id: id, workspace: problem.workspace, user: user, provider: problem.provider,
                    operation: operation,
                    code: problem.code, status: problem.status)))
        log(
            CallLine(
                id: id, workspace: problem.workspace, provider: problem.provider, operation: operation, method: head.method,
                status: problem.status, problem: problem, cache: sharing?.outcome ?? .none,
                spans: timing.spans(waitedForOther: sharing?.outcome == .coalesced), trace: trace))
    }

    private func log(_ line: @autoclosure () -> CallLine) {
        guard let calls = services.calls, let format = calls.callFormat else { return }
        calls.append(line().text(at: services.clock(), as: format))
    }
}
