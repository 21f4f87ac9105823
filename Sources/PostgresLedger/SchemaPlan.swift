/// What is to be run on a database to bring it to the current schema.
struct SchemaPlan {
    struct Step: Equatable {
        enum Kind: Equatable {
            /// Takes a lock on a table that is there for an instant, or makes or fills a new one.
            case brief(table: String?)
            /// Writes all of a table anew under a lock.
            case rewriting(table: String)
            /// Takes its time, and no lock that readers or writers meet.
            case concurrent
            /// Is left out, with the reason in the place of the SQL.
            case leftOut
        }

        var sql: String
        var kind: Kind
    }

    struct File {
        var migration: SchemaMigration
        var steps: [Step]
    }

    private(set) var files: [File] = []
    /// Columns that become `jsonb`, by table: their rows must be looked at before anything is touched.
    private(set) var conversions: [(table: String, columns: [String])] = []

    /// - Parameter state: What is there; the plan goes on from what its own steps will have made.
    init(_ migrations: some Sequence<SchemaMigration>, on state: SchemaState) throws(UnknownStatement) {
        var state = state
        for migration in migrations {
            var steps: [Step] = []
            for statement in try SchemaStatement.read(migration.sql) { steps += plan(statement, &state) }
            files.append(File(migration: migration, steps: steps))
        }
    }

    /// The tables that migrations are about.
    static func tables(of migrations: some Sequence<SchemaMigration>) throws(UnknownStatement) -> Set<String> {
        var names: Set<String> = []
        for migration in migrations {
            for case .table(let name, _, _) in try SchemaStatement.read(migration.sql) { names.insert(name) }
        }
        return names
    }

    private mutating func plan(_ statement: SchemaStatement, _ state: inout SchemaState) -> [Step] {
        switch statement {
        case .table(let name, let columns, let sql):
            guard state.tables[name] == nil else { return [] }
            state.tables[name] = Dictionary(columns.map { ($0.name, $0.type) }) { first, _ in first }
            return [Step(sql: sql, kind: .brief(table: nil))]

        case .additions(let table, let columns):
            let missing = columns.filter { state.tables[table]?[$0.name] == nil }
            guard !missing.isEmpty else { return [] }
            for column in missing { state.tables[table]?[column.name] = column.type }
            return [Step(sql: Self.alter(table, missing), kind: .brief(table: table))]

        case .widenings(let table, let columns):
            var needed: [SchemaStatement.Column] = []
            var rewrites = false
            var converted: [String] = []
            for column in columns {
                guard let old = state.tables[table]?[column.name], Widening.isNeeded(from: old, to: column.type) else { continue }
                needed.append(column)
                rewrites = rewrites || Widening.rewrites(from: old, to: column.type)
                if column.type == "jsonb" { converted.append(column.name) }
                state.tables[table]?[column.name] = column.type
            }
            guard !needed.isEmpty else { return [] }
            if !converted.isEmpty { conversions.append((table, converted)) }
            let alter = Self.alter(table, needed)
            guard rewrites else { return [Step(sql: alter, kind: .brief(table: table))] }
            // A column of another type has no statistics, and no automatic ANALYZE comes: no row has changed.
            return [Step(sql: alter, kind: .rewriting(table: table)), Step(sql: "ANALYZE \"\(table)\"", kind: .concurrent)]

        case .index(let name, let table, let columns, let isGIN, let sql):
            let types = columns.map { state.tables[table]?[$0] }
            let isPossible = types.allSatisfy { type in
                guard let type else { return false }
                return !isGIN || type == "jsonb" || type.hasSuffix("[]")
            }
            guard isPossible else {
                return [Step(sql: "\"\(name)\": \"\(table)\" has no such column, or not in a type that can be indexed so", kind: .leftOut)]
            }
            let drop = state.indexes[name] == false ? [Step(sql: "DROP INDEX CONCURRENTLY IF EXISTS \"\(name)\"", kind: .concurrent)] : []
            guard state.indexes[name] != true else { return [] }
            state.indexes[name] = true
            return drop + [Step(sql: sql, kind: .concurrent)]

        case .repeatable(let sql):
            return [Step(sql: sql, kind: .brief(table: nil))]
        }
    }

    /// One statement for all of a table's columns, so that its rows are written anew at most once.
    private static func alter(_ table: String, _ columns: [SchemaStatement.Column]) -> String {
        "ALTER TABLE \"\(table)\"\n    " + columns.map(\.clause).joined(separator: ",\n    ")
    }
}
