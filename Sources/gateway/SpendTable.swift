import GatewayCore
import JSONPath

/// A spending report in rows and columns.
struct SpendTable {
    /// Those of the report, which CSV has all of.
    private let columns: [String]
    private let rows: [[String]]
    private let total: String
    private let saved: String

    init(_ report: JSONValue) {
        var found: [[String]] = []
        var names: [String] = []
        if case .array(let rows)? = report["rows"] {
            for case .object(let members) in rows {
                if names.isEmpty { names = members.map(\.name) }
                found.append(members.map { Self.text($0.value) })
            }
        }
        columns = names.isEmpty ? ["workspace", "calls", "tokens", "cost", "saved"] : names
        rows = found
        total = report["total"].map(Self.text) ?? ""
        saved = report["saved"].map(Self.text) ?? ""
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .number(let number): number.text
        default: ""
        }
    }

    /// RFC 4180.
    var csv: String {
        ([columns] + rows).map { row in
            row.map { field in
                guard field.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return field }
                return "\"\(field.replacing("\"", with: "\"\""))\""
            }.joined(separator: ",") + "\r\n"
        }.joined()
    }

    /// Aligned columns, numbers to the right, amounts on their points, with the total below. What providers report and what they find stands
    /// there where there is any.
    func text(_ palette: Palette) -> String {
        guard !rows.isEmpty else { return "nothing was spent\n" }
        var titles: [String] = []
        var cells = [[String]](repeating: [], count: rows.count + 1)
        func add(_ title: String, _ values: [String], total: String) {
            titles.append(title)
            for (index, value) in (values + [total]).enumerated() { cells[index].append(value) }
        }
        for name in columns.prefix(while: { $0 != "calls" }) { add(name, values(name), total: titles.isEmpty ? "total" : "") }
        let first = titles.count
        for name in ["calls", "tokens"] { add(name, values(name), total: sum(name)) }
        add("cost", values("cost"), total: total)
        let reported = values("reported")
        if reported.contains(where: { !$0.isEmpty }) { add("reported", reported, total: sum(ofAmounts: "reported").description) }
        add("saved", values("saved"), total: saved)
        let found = found
        if found.lookups > 0 {
            add("hit rate", values("hit_rate").map(TextTable.percent), total: TextTable.percent(found.hitRate ?? ""))
            add("cost per record", values("cost_per_record"), total: found.costPerRecord?.description ?? "")
        }
        let amounts = titles.indices.filter { ["cost", "reported", "saved", "cost per record"].contains(titles[$0]) }
        var lines = TextTable.render(titles, TextTable.alignedOnPoint(cells, amounts), numeric: Set(titles[first...]))
            .split(separator: "\n").map(String.init)
        for index in [0, lines.count - 1] { lines[index] = palette.paint(lines[index], .bold) }
        return lines.joined(separator: "\n") + "\n"
    }

    private func values(_ name: String) -> [String] {
        guard let column = columns.firstIndex(of: name) else { return rows.map { _ in "" } }
        return rows.map { $0[column] }
    }

    /// In 128 bits: no sum of what a ledger counts reaches their end.
    private func sum(_ name: String) -> String {
        String(values(name).reduce(Int128(0)) { $0 + (Int128($1) ?? 0) })
    }

    private func sum(ofAmounts name: String) -> Money { values(name).compactMap { Money($0) }.reduce(.zero, +) }

    /// What was found in all rows together.
    private var found: CallSums {
        var found = CallSums()
        found.lookups = Int64(sum("lookups")) ?? .max
        found.hits = Int64(sum("hits")) ?? .max
        found.records = Int64(sum("records")) ?? .max
        found.lookupCost = sum(ofAmounts: "lookup_cost")
        return found
    }

    /// The workspaces that it tells of, in its order.
    var workspaces: [String] {
        guard let column = columns.firstIndex(of: "workspace") else { return [] }
        return rows.map { $0[column] }.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }
}
