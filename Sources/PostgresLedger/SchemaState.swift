/// The tables of a database that the migrations are about, as they are or, in a plan, as they will be.
struct SchemaState {
    /// Each table's columns and their types, as the server writes them.
    var tables: [String: [String: String]] = [:]
    /// Each index, and whether it is valid: one whose making was interrupted is not.
    var indexes: [String: Bool] = [:]

    init() {}

    /// Reads what is there.
    init(_ names: some Sequence<String>, in connection: PostgresConnection) throws {
        var list = PostgresArray()
        for name in names { list.append("\"\(name)\"") }
        let columns = try connection.run(
            """
            SELECT relname, attname, format_type(atttypid, atttypmod) FROM unnest($1::text[]) AS name
            JOIN pg_class ON pg_class.oid = to_regclass(name)
            LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
            """, PostgresParameter(list))
        for row in 0..<columns.count {
            let table = try columns.required(row, 0)
            tables[table, default: [:]][try columns.required(row, 1)] = try columns.required(row, 2)
        }
        let found = try connection.run(
            """
            SELECT index.relname, indisvalid FROM unnest($1::text[]) AS name
            JOIN pg_index ON indrelid = to_regclass(name) JOIN pg_class AS index ON index.oid = indexrelid
            """, PostgresParameter(list))
        for row in 0..<found.count { indexes[try found.required(row, 0)] = found.bool(row, 1) }
    }
}

/// Types that can become others without any value changing.
enum Widening {
    /// Whether a column of one type gains by becoming another and loses nothing.
    static func isNeeded(from old: String, to new: String) -> Bool {
        if new == "jsonb" { return old == "json" }
        if let wanted = length(new, /varchar\((\d+)\)/) { return length(old, /character varying\((\d+)\)/).map { $0 < wanted } ?? false }
        if let wanted = length(new, /timestamp\((\d)\) without time zone/) {
            return length(old, /timestamp\((\d)\) without time zone/).map { $0 < wanted } ?? false
        }
        guard let (digits, scale) = numeric(old), let wanted = numeric(new) else { return false }
        return (digits, scale) != wanted && scale <= wanted.scale && digits - scale <= wanted.digits - wanted.scale
    }

    /// Whether every row is written anew, while nobody reads or writes the table.
    static func rewrites(from old: String, to new: String) -> Bool {
        new == "jsonb" || numeric(old)?.scale != numeric(new)?.scale
    }

    private static func length(_ type: String, _ pattern: Regex<(Substring, Substring)>) -> Int? {
        type.wholeMatch(of: pattern).flatMap { Int($0.1) }
    }

    private static func numeric(_ type: String) -> (digits: Int, scale: Int)? {
        guard let match = type.wholeMatch(of: /numeric\((\d+),(\d+)\)/), let digits = Int(match.1), let scale = Int(match.2) else {
            return nil
        }
        return (digits, scale)
    }
}
