import GRDB

extension Row {
    /// A column that must have a value. Throws where the library's subscript would stop the process: a file that somebody has edited, or
    /// that is damaged, may hold anything.
    func required<Value: DatabaseValueConvertible>(_ index: Int, as type: Value.Type = Value.self) throws -> Value {
        guard let value = Value.fromDatabaseValue(self[index]) else {
            throw MalformedRow(description: "a column of a ledger's row holds what no ledger writes")
        }
        return value
    }

    /// A column that may be NULL.
    func optional<Value: DatabaseValueConvertible>(_ index: Int, as type: Value.Type = Value.self) throws -> Value? {
        let stored: DatabaseValue = self[index]
        return stored.isNull ? nil : try required(index, as: type)
    }
}
