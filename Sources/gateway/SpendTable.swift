import JSONPath

/// A spending report in rows and columns.
struct SpendTable {
    private let columns: [String]
    private let rows: [[String]]
    /// The sums of the amounts, by column.
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
        totals = ["cost": report["total"].map(Self.text) ?? "", "saved": report["saved"].map(Self.text) ?? ""]
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
    var text: String {
        guard !rows.isEmpty else { return "nothing was spent\n" }
        var cells = rows + [columns.enumerated().map { $0.offset == 0 ? "total" : totals[$0.element] ?? "" }]
        for (column, name) in columns.enumerated() where totals[name] != nil {
            let aligned = Self.alignedOnPoint(cells.map { $0[column] })
            for index in cells.indices { cells[index][column] = aligned[index] }
        }
        return TextTable.render(columns, cells, numeric: Self.numeric)
    }

    private static func alignedOnPoint(_ amounts: [String]) -> [String] {
        let fractions = amounts.map { amount in amount.firstIndex(of: ".").map { amount.distance(from: $0, to: amount.endIndex) } ?? 0 }
        let widest = fractions.max() ?? 0
        return zip(amounts, fractions).map { $0 + String(repeating: " ", count: widest - $1) }
    }
}
