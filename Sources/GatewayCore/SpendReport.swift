package import JSONPath

/// Why a question about spending cannot be understood; the text is for whoever asked.
package struct SpendQueryError: Error, Sendable, CustomStringConvertible {
    package let description: String
}

extension SpendQuery {
    /// Reads the parameters as `gateway spend` and `/v1/spend` take them: `by` a comma list, `from` and `to` dates or instants
    /// (`to`, a date, is included). Without dates, the current month so far, by UTC's calendar.
    package init(workspace: String?, by: String?, from: String?, to: String?, now: Timestamp) throws(SpendQueryError) {
        var dimensions: [Dimension] = []
        for word in by?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
            guard let dimension = Dimension(rawValue: String(word)) else {
                let known = Dimension.allCases.map(\.rawValue).joined(separator: ", ")
                throw SpendQueryError(description: "'\(word)' is nothing to sum by; there are \(known).")
            }
            if !dimensions.contains(dimension) { dimensions.append(dimension) }
        }
        func instant(_ text: String, _ name: String) throws(SpendQueryError) -> Timestamp {
            guard let instant = Timestamp(text) else {
                throw SpendQueryError(description: "'\(name)' must be a date (2026-11-01) or an RFC 3339 instant, not '\(text)'.")
            }
            return instant
        }
        var today = CivilDate(daysSince1970: Int(now.seconds / 86_400))
        today.day = 1
        let start = try from.map { text throws(SpendQueryError) in try instant(text, "from") } ?? Timestamp(today)
        var end = now.adding(seconds: 1)
        if let to {
            end = try instant(to, "to")
            if to.utf8.count == 10 { end = end.adding(seconds: 86_400) }
        }
        guard start < end else { throw SpendQueryError(description: "'from' must be before 'to'.") }
        self.init(workspace: workspace, by: dimensions, from: start, until: end)
    }
}

/// A spending summary as JSON: what the admin plane answers and `gateway spend --format json` prints.
package enum SpendReport {
    package static func json(_ rows: [SpendRow], query: SpendQuery) -> JSONValue {
        let total = rows.reduce(Money.zero) { $0 + $1.cost }
        let saved = rows.reduce(Money.zero) { $0 + $1.saved }
        return .object([
            .init("from", .string(query.from.rfc3339)),
            .init("to", .string(query.until.rfc3339)),
            .init("by", .array(query.by.map { .string($0.rawValue) })),
            .init("currency", .string("USD")),
            .init("total", .string(total.description)),
            .init("saved", .string(saved.description)),
            .init("rows", .array(rows.map { row($0, by: query.by, isTogether: query.isTogether) })),
        ])
    }

    private static func figures(_ sums: CallSums) -> [JSONValue.Member] {
        func count(_ name: String, _ count: Int64) -> JSONValue.Member { .init(name, .number(JSONNumber(count))) }
        func amount(_ name: String, _ amount: Money?) -> JSONValue.Member { .init(name, amount.map { .string($0.description) } ?? .null) }
        return [
            count("calls", sums.calls), count("tokens", sums.tokens), amount("cost", sums.cost), amount("saved", sums.saved),
            amount("reported", sums.reportedCalls > 0 ? sums.reported : nil), count("reported_calls", sums.reportedCalls),
            amount("cost_where_reported", sums.costWhereReported), count("lookups", sums.lookups), count("hits", sums.hits),
            .init("hit_rate", sums.hitRate.map(JSONValue.string) ?? .null), count("records", sums.records),
            amount("lookup_cost", sums.lookupCost), amount("cost_per_record", sums.costPerRecord),
        ]
    }

    private static func row(_ row: SpendRow, by dimensions: [SpendQuery.Dimension], isTogether: Bool) -> JSONValue {
        func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
        var members: [JSONValue.Member] = isTogether ? [] : [.init("workspace", .string(row.workspace))]
        for dimension in dimensions {
            switch dimension {
            case .provider: members.append(.init("provider", text(row.provider)))
            case .operation: members.append(.init("operation", text(row.operation)))
            case .day: members.append(.init("day", text(row.day?.rfc3339)))
            case .user: members.append(.init("user", text(row.user)))
            case .entity:
                members.append(.init("entity_type", text(row.entityType)))
                members.append(.init("entity_id", text(row.entityID)))
            }
        }
        return .object(members + figures(row.sums))
    }
}
