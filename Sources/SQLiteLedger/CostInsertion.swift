import GRDB
import GRDBSQLite
import GatewayCore

/// The statement that runs for every call, for one batch. Values go to SQLite's own functions, their texts from one buffer: an array of
/// boxed values a row would cost a third of the whole insertion.
final class CostInsertion {
    private static let sql = """
        INSERT INTO "api_cost_tracking" (\(CostRows.list)) VALUES (\(CostRows.columns.map { _ in "?" }.joined(separator: ", ")))
        ON CONFLICT ("id") DO NOTHING
        """

    private let database: Database
    private let statement: Statement
    private var text: [UInt8] = []
    /// Where in `text` each column's value stands.
    private var spans: [(column: Int32, range: Range<Int>)] = []
    private var column: Int32 = 0

    init(_ database: Database) throws {
        self.database = database
        statement = try database.cachedStatement(sql: Self.sql)
    }

    /// Inserts a record unless its call has a row. Returns whether it is new.
    func insert(_ record: CostRecord) throws -> Bool {
        guard let createdAt = record.createdAt.fixedText, record.day.fixedText != nil else {
            throw MalformedRow(description: "its instants lie outside the years 1 to 9999")
        }
        text.removeAll(keepingCapacity: true)
        spans.removeAll(keepingCapacity: true)
        column = 0
        bind(record.id.description)
        bind(record.workspace)
        bind(record.user)
        bind(record.provider)
        bind(record.endpoint)
        bind(record.operation)
        bind(record.cost)
        bind(record.tokens)
        bind(record.entityType)
        bind(record.entityID)
        bind(record.requestData)
        bind(record.success ? 1 : 0)
        bind(record.errorMessage)
        bind(createdAt)
        bind(record.basis.rawValue)
        bind(record.priceVersion)
        bind(record.estimate)
        bind(record.reportedCost)
        bind(record.status.map(Int64.init))
        bind(record.cache.rawValue)
        bind(record.duration.map(Int64.init))
        bind(record.saved)
        bind(record.found.map(Int64.init))
        return try run()
    }

    private func bind(_ value: String?) {
        column += 1
        guard let value else { return bindNull() }
        let start = text.count
        text.append(contentsOf: value.utf8)
        spans.append((column, start..<text.count))
    }

    private func bind(_ value: Money?) {
        column += 1
        guard let value else { return bindNull() }
        let start = text.count
        value.append(to: &text)
        spans.append((column, start..<text.count))
    }

    private func bind(_ value: Int64?) {
        column += 1
        guard let value else { return bindNull() }
        sqlite3_bind_int64(statement.sqliteStatement, column, value)
    }

    private func bindNull() {
        sqlite3_bind_null(statement.sqliteStatement, column)
    }

    private func run() throws -> Bool {
        let raw = statement.sqliteStatement
        // The id is among the texts, so that there is an address even for an empty one, which without would be null.
        let code = text.withUnsafeBytes { bytes in
            for (column, range) in spans {
                let start = bytes.baseAddress?.advanced(by: range.lowerBound).assumingMemoryBound(to: CChar.self)
                // No destructor: the bytes stay where they are until the bindings are cleared.
                let bound = sqlite3_bind_text(raw, column, start, Int32(range.count), nil)
                guard bound == SQLITE_OK else { return bound }
            }
            return sqlite3_step(raw)
        }
        // Read before the reset, which repeats an error as its own.
        let message = code == SQLITE_DONE ? nil : database.sqliteConnection.map { String(cString: sqlite3_errmsg($0)) }
        sqlite3_reset(raw)
        sqlite3_clear_bindings(raw)
        guard code == SQLITE_DONE else { throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: Self.sql) }
        return database.changesCount > 0
    }
}
