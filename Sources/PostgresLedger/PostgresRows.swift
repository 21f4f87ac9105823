internal import CPostgres
import GatewayCore

/// What a statement answered.
final class PostgresRows {
    private let result: OpaquePointer

    /// Takes a result of libpq's over.
    init(_ result: OpaquePointer) {
        self.result = result
    }

    deinit {
        PQclear(result)
    }

    var count: Int { Int(PQntuples(result)) }

    /// A value's text; nil for NULL.
    func text(_ row: Int, _ column: Int) -> String? {
        let (row, column) = (Int32(row), Int32(column))
        guard PQgetisnull(result, row, column) == 0, let bytes = PQgetvalue(result, row, column) else { return nil }
        return String(
            decoding: UnsafeRawBufferPointer(start: bytes, count: Int(PQgetlength(result, row, column))), as: UTF8.self)
    }

    /// A value that is there.
    func required(_ row: Int, _ column: Int) throws(PostgresFailure) -> String {
        guard let text = text(row, column) else { throw malformed }
        return text
    }

    func int64(_ row: Int, _ column: Int) throws(PostgresFailure) -> Int64? {
        guard let text = text(row, column) else { return nil }
        guard let value = Int64(text) else { throw malformed }
        return value
    }

    func requiredInt64(_ row: Int, _ column: Int) throws(PostgresFailure) -> Int64 {
        guard let value = try int64(row, column) else { throw malformed }
        return value
    }

    func bool(_ row: Int, _ column: Int) -> Bool { text(row, column) == "t" }

    /// Tables that somebody has edited may hold anything.
    private var malformed: PostgresFailure {
        PostgresFailure(message: "a column of the ledger's holds what no ledger writes")
    }
}
