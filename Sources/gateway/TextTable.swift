import AdapterFiles

/// Rows and columns for a terminal.
enum TextTable {
    /// Aligned columns; those of the `numeric` names to the right. What would steer a terminal is shown as its number.
    static func render(_ columns: [String], _ rows: [[String]], numeric: Set<String> = []) -> String {
        let rows = rows.map { $0.map { shortened($0, to: .max) } }
        let widths = columns.indices.map { column in ([columns] + rows).map { $0[column].count }.max() ?? 0 }
        return ([columns] + rows).map { row in
            let padded = columns.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - row[column].count)
                return numeric.contains(columns[column]) ? padding + row[column] : row[column] + padding
            }
            return padded.joined(separator: "  ") + "\n"
        }.joined()
    }

    /// `0.6250` as `62.50 %`.
    static func percent(_ share: String) -> String {
        guard let digits = Int(share.filter { $0 != "." }) else { return "" }
        return "\(digits / 100).\(String(digits % 100 + 100).dropFirst()) %"
    }

    /// The rows with the amounts of some columns padded so that their points stand below each other.
    static func alignedOnPoint(_ rows: [[String]], _ columns: [Int]) -> [[String]] {
        var rows = rows
        for column in columns {
            let fractions = rows.map { row in
                row[column].firstIndex(of: ".").map { row[column].distance(from: $0, to: row[column].endIndex) } ?? 0
            }
            let widest = fractions.max() ?? 0
            for index in rows.indices { rows[index][column] += String(repeating: " ", count: widest - fractions[index]) }
        }
        return rows
    }
}
