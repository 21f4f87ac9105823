/// What a statement of a migration does, so that only what a database lacks is run on it.
///
/// The files are written in a form that is easy to read for this type too: a statement ends with a semicolon at the end of a line, and an
/// ALTER TABLE has one column a line.
enum SchemaStatement: Equatable {
    struct Column: Equatable {
        var name: String
        var type: String
        /// Its line in the statement, without the comma.
        var clause: String
    }

    case table(String, [Column], sql: String)
    case additions(to: String, [Column])
    case widenings(of: String, [Column])
    case index(String, on: String, columns: [String], isGIN: Bool, sql: String)
    /// Rows, a function or a trigger: it must do nothing, or the same, where it has been done.
    case repeatable(sql: String)

    /// Reads a file. Throws a text for a statement that is none of these.
    static func read(_ file: String) throws(UnknownStatement) -> [SchemaStatement] {
        let text = file.split(separator: "\n").filter { !$0.hasPrefix("--") }.joined(separator: "\n")
        var statements: [SchemaStatement] = []
        for part in (text + "\n").split(separator: ";\n") {
            let sql = String(part).trimmingWhitespace
            guard !sql.isEmpty else { continue }
            guard let statement = SchemaStatement(sql) else { throw UnknownStatement(sql: sql) }
            statements.append(statement)
        }
        return statements
    }

    private init?(_ sql: String) {
        let lines = sql.split(separator: "\n").map { String($0).trimmingWhitespace }
        if let name = sql.prefixMatch(of: /CREATE TABLE IF NOT EXISTS "(\w+)" \(\n/)?.1 {
            let columns = lines.compactMap { line in
                line.prefixMatch(of: /"(\w+)" (.+?)(?= NOT NULL| PRIMARY KEY| DEFAULT|,?$)/).map {
                    Column(name: String($0.1), type: String($0.2), clause: line)
                }
            }
            self = .table(String(name), columns, sql: sql)
        } else if let match = sql.prefixMatch(of: /CREATE INDEX CONCURRENTLY IF NOT EXISTS "(\w+)" ON "(\w+)"( USING gin)? \((.+)\)$/) {
            let columns = match.4.split(separator: ", ").map { $0.trimmingPrefix("\"").prefix { $0 != "\"" } }
            self = .index(String(match.1), on: String(match.2), columns: columns.map(String.init), isGIN: match.3 != nil, sql: sql)
        } else if let table = sql.prefixMatch(of: /ALTER TABLE "(\w+)"\n/)?.1 {
            let clauses = lines.dropFirst().map { $0.hasSuffix(",") ? String($0.dropLast()) : $0 }
            let added = clauses.compactMap { clause in
                clause.prefixMatch(of: /ADD COLUMN IF NOT EXISTS "(\w+)" (.+?)(?= DEFAULT|$)/).map {
                    Column(name: String($0.1), type: String($0.2), clause: clause)
                }
            }
            let widened = clauses.compactMap { clause in
                clause.prefixMatch(of: /ALTER COLUMN "(\w+)" TYPE (.+?)(?= USING|$)/).map {
                    Column(name: String($0.1), type: String($0.2), clause: clause)
                }
            }
            if added.count == clauses.count {
                self = .additions(to: String(table), added)
            } else if widened.count == clauses.count {
                self = .widenings(of: String(table), widened)
            } else {
                return nil
            }
        } else if sql.prefixMatch(of: /(INSERT INTO|CREATE OR REPLACE FUNCTION|DROP TRIGGER IF EXISTS|CREATE TRIGGER)\b/) != nil {
            self = .repeatable(sql: sql)
        } else {
            return nil
        }
    }
}

/// A migration's statement that cannot be planned.
struct UnknownStatement: Error {
    var sql: String
}

extension String {
    fileprivate var trimmingWhitespace: String {
        let start = drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
