internal import GatewayCore

/// A price entry and where its rows stand.
struct PricedEntry: Sendable {
    var entry: PriceEntry
    var rows: [PricedRow]
    var mark: SourceMark
}

/// A row of rates, and what its file says about it beyond the prices.
struct PricedRow: Sendable {
    var row: PriceRow
    /// Whether somebody has said that a great change of its prices is meant.
    var isConfirmed: Bool
    var mark: SourceMark
    /// Where each unit's price stands.
    var unitMarks: [String: SourceMark]
}

/// Reads `prices`, and the `rates` of a deployment's own.
struct PriceDecoder {
    /// The key that lets a price change by more than `max_price_change`.
    static let confirmation = "confirmed"

    /// The columns that are conditions; every other column is a unit.
    let dimensions: [String]
    var isOverride = false

    /// The entries, newest first as ``PriceTable`` keeps them.
    func entries(_ value: ValueReader?, _ marks: inout ElementMarks) -> [PricedEntry] {
        let written = value?.list { $0.mapping(entry) } ?? []
        let entries = written.enumerated()
            .sorted { left, right in
                (right.element.entry.effective, left.offset) < (left.element.entry.effective, right.offset)
            }
            .map(\.element)
        for (index, entry) in entries.enumerated() {
            marks[.entry(index)] = entry.mark
            for (place, row) in entry.rows.enumerated() { marks[.row(entry: index, row: place)] = row.mark }
        }
        return entries
    }

    private func entry(_ map: MappingReader) -> PricedEntry? {
        let effective = map.required("effective").flatMap(Self.instant)
        let source = map.required("source").flatMap(Self.source)
        let checked = map.required("checked").flatMap(Self.date)
        let isConfirmed = map.optional(Self.confirmation)?.bool() ?? false
        let rows = map.required("rates").map { self.rows($0, isConfirmed: isConfirmed) }
        guard let effective, let source, let checked, let rows else { return nil }
        return PricedEntry(
            entry: PriceEntry(effective: effective, source: source, checked: checked, pricing: rows.map(\.row)), rows: rows, mark: map.mark)
    }

    /// A list of rows.
    func rows(_ value: ValueReader, isConfirmed: Bool = false) -> [PricedRow] {
        value.list { item in item.mapping { row($0, isConfirmed: isConfirmed) } } ?? []
    }

    private func row(_ map: MappingReader, isConfirmed: Bool) -> PricedRow? {
        let isConfirmed = map.optional(Self.confirmation)?.bool() ?? isConfirmed
        var result = PricedRow(row: PriceRow(rates: [:], isOverride: isOverride), isConfirmed: isConfirmed, mark: map.mark, unitMarks: [:])
        var isWhole = true
        for (key, value) in map.remainder() {
            if dimensions.contains(key.text) {
                guard let condition = condition(value) else {
                    isWhole = false
                    continue
                }
                result.row.conditions[key.text] = condition
            } else {
                guard let rate = rate(key, value) else {
                    isWhole = false
                    continue
                }
                result.row.rates[key.text] = rate
                result.unitMarks[key.text] = value.node.mark
            }
        }
        return isWhole ? result : nil
    }

    private func condition(_ value: ValueReader) -> PriceRow.Condition? {
        guard let text = value.text() else { return nil }
        guard !text.isEmpty else {
            value.fail("a condition is a value, or the start of one with '*' behind it")
            return nil
        }
        return text.hasSuffix("*") ? .prefix(String(text.dropLast())) : .exactly(text)
    }

    private func rate(_ key: KeyReader, _ value: ValueReader) -> Rate? {
        guard Names.isIdentifier(key.text) else {
            key.fail("\(quoted(key.text)) is no unit's name: letters, digits and '_', no digit first")
            return nil
        }
        let text: String?
        switch value.scalar?.value {
        case .string?: text = value.string()
        case .integer?, .decimal?: text = value.decimal()
        default: text = value.scalar?.text
        }
        if let rate = text.flatMap(Rate.init) { return rate }
        guard value.scalar != nil, text != nil || value.scalar?.value != .string else {
            // A string whose own problem is reported already, or something that is no scalar.
            if value.scalar == nil { value.expected("a price such as 0.10 or 0.25 / 1M") }
            return nil
        }
        var advice: String?
        if let meant = nearest(to: key.text, among: dimensions) {
            advice = "'\(key.text)' is not among the dimensions; did you mean '\(meant)'?"
        }
        value.expected("a price such as 0.10 or 0.25 / 1M", advice: advice)
        return nil
    }

    private static func source(_ value: ValueReader) -> String? {
        guard let text = value.string() else { return nil }
        guard text.utf8.contains(where: { $0 != 0x20 }) else {
            value.fail("it says where the prices are published")
            return nil
        }
        if text.hasPrefix("http:") || text.hasPrefix("https:"), let problem = WebAddress.problem(text, as: .page) {
            value.fail("\(quoted(value.written)) is no URL: \(problem)")
            return nil
        }
        return text
    }

    /// A date (midnight UTC) or an RFC 3339 instant.
    static func instant(_ value: ValueReader) -> Timestamp? {
        guard let text = value.text() else { return nil }
        if let instant = Timestamp(text) { return instant }
        value.fail("expected a date such as 2026-01-31 or an instant such as 2026-01-31T08:00:00Z, found \(quoted(value.written))")
        return nil
    }

    private static func date(_ value: ValueReader) -> Timestamp? {
        guard let text = value.text() else { return nil }
        if text.utf8.count == 10, let instant = Timestamp(text) { return instant }
        value.fail("expected a date such as 2026-01-31, found \(quoted(value.written))")
        return nil
    }
}
