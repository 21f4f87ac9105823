package import JSONPath

extension CostRecord {
    /// The row as callers and operators read it: the ledger's column names, amounts as decimal strings, absent values left out.
    package var json: JSONValue { json(id: id.description) }

    fileprivate func json(id: String) -> JSONValue {
        var members: [JSONValue.Member] = []
        func add(_ name: String, _ text: String?) {
            if let text { members.append(.init(name, .string(text))) }
        }
        func add(_ name: String, _ number: Int64?) {
            if let number { members.append(.init(name, .number(JSONNumber(number)))) }
        }
        add("id", id)
        add("workspaceId", workspace)
        add("userId", user)
        add("apiProvider", provider)
        add("endpoint", endpoint)
        add("operation", operation)
        add("cost", cost.description)
        add("basis", basis.rawValue)
        add("priceVersion", priceVersion)
        add("estimate", estimate.description)
        add("reportedCost", reportedCost?.description)
        add("status", status.map(Int64.init))
        add("cache", cache.rawValue)
        add("saved", saved?.description)
        add("found", found.map(Int64.init))
        add("durationMs", duration.map(Int64.init))
        add("tokensUsed", tokens)
        add("entityType", entityType)
        add("entityId", entityID)
        if let requestData, let document = try? JSONDocument(parsing: requestData), let value = try? JSONValue(document.root) {
            members.append(.init("requestData", value))
        }
        members.append(.init("success", .bool(success)))
        add("errorMessage", errorMessage)
        add("createdAt", createdAt.rfc3339)
        return .object(members)
    }

    /// All of the record as JSON text, for one that cannot be a row: a person must be able to make it one.
    package var setAsideText: String {
        guard case .object(var members) = json else { return "" }
        members.append(.init("createdAtMicroseconds", .number(JSONNumber(createdAt.microseconds))))
        members.append(.init("dayMicroseconds", .number(JSONNumber(day.microseconds))))
        if let onceKey { members.append(.init("onceKey", .string(onceKey))) }
        if let requestData, json["requestData"] == nil { members.append(.init("requestDataText", .string(requestData))) }
        return String(decoding: JSONValue.object(members).serialized, as: UTF8.self)
    }
}

extension LedgerRow {
    /// The row as ``CostRecord/json`` shows it.
    package var json: JSONValue { record.json(id: id) }
}
