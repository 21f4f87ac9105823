import JSONPath

/// A spending report in rows and columns.
struct SpendTable {
    private let columns: [String]
    private let rows: [[String]]
    /// The sums, by column.
    private let totals: [String: String]
    private static let numeric: Set<String> = ["calls", "tokens", "cost", "saved"]

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
        totals = [
            "calls": Self.sum(found, names, "calls"), "tokens": Self.sum(found, names, "tokens"),
            "cost": report["total"].map(Self.text) ?? "", "saved": report["saved"].map(Self.text) ?? "",
        ]
    }

    /// In 128 bits: no sum of what a ledger counts reaches their end.
    private static func sum(_ rows: [[String]], _ names: [String], _ name: String) -> String {
        guard let column = names.firstIndex(of: name) else { return "" }
        return String(rows.reduce(Int128(0)) { $0 + (Int128($1[column]) ?? 0) })
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

    /// Aligned columns, numbers to the right, amounts on their points, with the total below.
    func text(_ palette: Palette) -> String {
        guard !rows.isEmpty else { return "nothing was spent\n" }
        let cells = rows + [columns.enumerated().map { $0.offset == 0 ? "total" : totals[$0.element] ?? "" }]
        let amounts = columns.indices.filter { ["cost", "saved"].contains(columns[$0]) }
        var lines = TextTable.render(columns, TextTable.alignedOnPoint(cells, amounts), numeric: Self.numeric)
            .split(separator: "\n").map(String.init)
        for index in [0, lines.count - 1] { lines[index] = palette.paint(lines[index], .bold) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The workspaces that it tells of, in its order.
    var workspaces: [String] {
        guard let column = columns.firstIndex(of: "workspace") else { return [] }
        return rows.map { $0[column] }.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }
}
