extension Adapter {
    func priceProblems() -> [AdapterProblem] {
        var problems: [AdapterProblem] = []
        if prices.entries.isEmpty { problems.append(AdapterProblem(.prices, "it has no prices")) }
        for (index, entry) in prices.entries.enumerated() {
            if index > 0, prices.entries[index - 1].effective == entry.effective {
                problems.append(AdapterProblem(.entry(index), "two price entries are effective from the same instant"))
            }
            if entry.rows.isEmpty { problems.append(AdapterProblem(.entry(index), "it has no rates")) }
            for (place, row) in entry.rows.enumerated() {
                let element = AdapterProblem.Element.row(entry: index, row: place)
                if row.rates.isEmpty { problems.append(AdapterProblem(element, "the row names no unit")) }
                for (unit, rate) in row.rates.sorted(by: { $0.key < $1.key }) where rate.value.isNegative {
                    problems.append(AdapterProblem(element, "the rate of '\(unit)' is negative"))
                }
                for name in row.conditions.keys.sorted() where !dimensions.contains(name) {
                    problems.append(AdapterProblem(element, "'\(name)' is not among the adapter's dimensions" + Self.choice(dimensions)))
                }
            }
            problems += ties(entry, index)
        }
        return problems
    }

    /// Whether every entry has a row for a unit, and one that can hold in the operation.
    func rowProblems(_ unit: String, _ operation: Operation, _ element: AdapterProblem.Element) -> [AdapterProblem] {
        prices.entries.compactMap { entry in
            let rows = entry.rows.filter { $0.rates[unit] != nil }
            guard !rows.isEmpty else {
                return AdapterProblem(element, "'\(unit)' has no price row in the entry of \(entry.effective.rfc3339.prefix(10))")
            }
            let canHold = rows.contains { $0.conditions.keys.allSatisfy { operation.dimensions[$0] != nil } }
            guard !canHold else { return nil }
            let message = "every price row of '\(unit)' has a condition on a dimension that the operation does not have"
            return AdapterProblem(element, message + " (\(Set(rows.flatMap(\.conditions.keys)).sorted().joined(separator: ", ")))")
        }
    }

    /// Pairs of rows between which nothing decides.
    ///
    /// Two rows tie for a unit when both name it, they are equally specific, some value of every dimension meets both, and no third row that is more
    /// specific holds wherever both do. Rows on different dimensions can both hold only in an operation that has all of them; equal rows always tie.
    private func ties(_ entry: PriceEntry, _ index: Int) -> [AdapterProblem] {
        var problems: [AdapterProblem] = []
        for unit in Set(entry.rows.flatMap(\.rates.keys)).sorted() {
            let rows = entry.rows.enumerated().filter { $0.element.rates[unit] != nil }
                .map { (place: $0.offset, row: $0.element, specificity: Specificity($0.element)) }
            // Equally specific rows alone are compared, so a table of many rows on one dimension is quick.
            for group in Dictionary(grouping: rows, by: \.specificity).values where group.count > 1 {
                for (later, second) in group.enumerated() {
                    guard let first = group[..<later].first(where: { isTie($0.row, second.row, unit, rows.map(\.row)) }) else { continue }
                    let message = "this row and row \(first.place + 1) tie for '\(unit)': nothing says which is the more specific"
                    problems.append(AdapterProblem(.row(entry: index, row: second.place), message))
                }
            }
        }
        return problems.sorted { "\($0.element)" < "\($1.element)" }
    }

    private func isTie(_ first: PriceRow, _ second: PriceRow, _ unit: String, _ rows: [PriceRow]) -> Bool {
        if first.conditions == second.conditions { return true }
        guard let both = Self.intersection(first.conditions, second.conditions) else { return false }
        let canOccur = operations.contains { operation in
            (operation.charge + operation.estimate).contains { $0.unit == unit } && both.keys.allSatisfy { operation.dimensions[$0] != nil }
        }
        guard canOccur else { return false }
        let specificity = Specificity(first)
        return !rows.contains { specificity < Specificity($0) && Self.isImplied($0.conditions, by: both) }
    }

    /// The conditions under which both hold; nil when no value meets both.
    private static func intersection(
        _ first: [String: PriceRow.Condition], _ second: [String: PriceRow.Condition]
    ) -> [String: PriceRow.Condition]? {
        var both = first
        for (name, condition) in second {
            guard let other = both[name] else {
                both[name] = condition
                continue
            }
            if condition.isImplied(by: other) { continue }
            guard other.isImplied(by: condition) else { return nil }
            both[name] = condition
        }
        return both
    }

    private static func isImplied(_ conditions: [String: PriceRow.Condition], by given: [String: PriceRow.Condition]) -> Bool {
        conditions.allSatisfy { name, condition in given[name].map(condition.isImplied) ?? false }
    }
}

extension PriceRow.Condition {
    /// Whether every value that meets `other` meets this.
    fileprivate func isImplied(by other: PriceRow.Condition) -> Bool {
        switch (self, other) {
        case (_, .exactly(let value)): holds(for: value)
        case (.prefix(let prefix), .prefix(let longer)): longer.utf8.starts(with: prefix.utf8)
        case (.exactly, .prefix): false
        }
    }
}
