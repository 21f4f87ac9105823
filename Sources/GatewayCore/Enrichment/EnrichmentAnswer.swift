package import JSONPath

extension Waterfall {
    /// The answer as JSON.
    package var serialized: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4096)
        bytes += #"{"entity":"\#(question.entity.rawValue)","found":\#(merged != nil),"satisfied":\#(isSatisfied),"records":["#.utf8
        merged?.record.append(to: &bytes)
        bytes += #"],"fieldSources":"#.utf8
        let sources = merged?.sources ?? []
        JSONText.append(.object(sources.map { .init($0.field.rawValue, .string($0.provider)) }), to: &bytes)
        bytes += #","missing":"#.utf8
        JSONText.append(.array(missing.map { .string($0.rawValue) }), to: &bytes)
        bytes += #","steps":"#.utf8
        JSONText.append(.array(steps.map(\.json)), to: &bytes)
        bytes += #","cost":"\#(cost)"}"#.utf8
        return bytes
    }
}

extension EnrichmentStep {
    /// As the answer has it; what does not apply is left out.
    package var json: JSONValue {
        var members = [JSONValue.Member("provider", .string(provider))]
        if let operation { members.append(.init("operation", .string(operation))) }
        members.append(.init("outcome", .string(outcome.rawValue)))
        if let reason { members.append(.init("reason", .string(reason))) }
        if let budget { members.append(.init("budget", .string(budget))) }
        members.append(.init("cost", .string(cost.description)))
        if let latency { members.append(.init("latencyMs", .number(JSONNumber(Int64(latency))))) }
        if cache != .none { members.append(.init("cache", .string(cache.rawValue))) }
        if isUnverified { members.append(.init("unverified", .bool(true))) }
        if let id { members.append(.init("id", .string(id.description))) }
        return .object(members)
    }
}
