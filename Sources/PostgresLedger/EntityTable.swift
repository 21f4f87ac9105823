import GatewayCore
internal import JSONPath

/// `people` or `companies` as the database has it: an application that owns the table decides about its columns, their types and its keys.
struct EntityTable {
    let name: String
    private let columns: Set<String>
    /// The columns of the unique key that tells an entity; nil where the table has none that could.
    private let key: [String]?

    /// Reads what the database says of the table.
    init(_ kind: EntityRecord.Kind, in connection: PostgresConnection) throws(PostgresFailure) {
        name = kind.table
        let rows = try connection.run(
            """
            SELECT attname FROM pg_attribute
            WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
            """, PostgresParameter("\"\(name)\""))
        var columns: Set<String> = []
        for row in 0..<rows.count { columns.insert(try rows.required(row, 0)) }
        self.columns = columns
        let keys = try connection.run(
            """
            SELECT count(*) FROM pg_index CROSS JOIN LATERAL (
                SELECT array_agg(attname::text ORDER BY attname::text) AS names, count(*) AS number FROM pg_attribute
                WHERE attrelid = indrelid AND attnum = ANY (indkey)
            ) AS of WHERE indrelid = to_regclass($1) AND indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL
                AND indnkeyatts = number AND indnatts = indnkeyatts AND names = $2::text[]
            """, PostgresParameter("\"\(name)\""), PostgresParameter(#"{"id","workspaceId"}"#))
        let alone = try connection.run(
            """
            SELECT count(*) FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
            WHERE indrelid = to_regclass($1) AND indisunique AND indisvalid AND indpred IS NULL AND indnatts = 1 AND attname = 'id'
            """, PostgresParameter("\"\(name)\""))
        if try keys.requiredInt64(0, 0) > 0 {
            key = ["workspaceId", "id"]
        } else if try alone.requiredInt64(0, 0) > 0 {
            key = ["id"]
        } else {
            key = nil
        }
    }

    /// Why a record cannot be stored here.
    struct Unstorable: Error {
        var reason: String
    }

    /// Stores a record in one statement, which answers with a row if it did: fields that are present replace (`null` empties), others stay.
    ///
    /// A row that is there is updated without being inserted first, so that columns which an application requires and the record lacks do
    /// not matter; one that another gateway inserts at the same moment is updated by the conflict. Either way the row's lock makes writers
    /// take turns, and each sees what the one before has left.
    ///
    /// Where the id is another workspace's, nothing is stored and the record is set aside.
    func upsert(_ record: EntityRecord, now instant: Timestamp) throws(Unstorable) -> PostgresStatement {
        guard let key else { throw Unstorable(reason: "\(name) has no unique key on \"id\", or on \"workspaceId\" and \"id\"") }
        let unknown = [record.rawColumn].compactMap { $0 }.filter { !columns.contains($0) }
        guard unknown.isEmpty else { throw Unstorable(reason: "\(name) has no column \(unknown.joined(separator: ", "))") }
        guard let document = try? JSONDocument(parsing: record.fields), document.root.kind == .object else {
            throw Unstorable(reason: "its fields are no JSON object")
        }
        var members: [(name: String, value: JSONValue)] = []
        func set(_ name: String, _ value: JSONValue) {
            guard columns.contains(name) else { return }
            members.removeAll { $0.name == name }
            members.append((name, value))
        }
        for (name, node) in document.root.members where !Self.own.contains(name) {
            if let value = try? JSONValue(node) { set(name, value) }
        }
        let now = JSONValue.string(PostgresInstant.text(record.storedAt))
        if members.contains(where: { $0.name == "aiIntelligence" }) { set("aiLastUpdated", now) }
        set("updatedAt", now)
        if let raw = record.raw {
            guard let root = try? JSONDocument(parsing: raw).root, let value = try? JSONValue(root) else {
                throw Unstorable(reason: "its answer is no JSON, or nested deeper than \(JSONValue.maximumDepth) levels")
            }
            if let column = record.rawColumn {
                set(column, value)
            } else {
                set("enrichedData", .object([.init(record.provider, value)]))
            }
        }
        let names = members.map(\.name)
        let inserted = ["workspaceId", "id"] + (columns.contains("createdAt") ? ["createdAt"] : []) + names
        let row = JSONValue.object(
            [.init("workspaceId", .string(record.workspace)), .init("id", .string(record.entityID)), .init("createdAt", now)]
                + members.map { .init($0.name, $0.value) })
        let table = "\"\(name)\""
        let quoted = inserted.map { "\"\($0)\"" }.joined(separator: ", ")
        return PostgresStatement(
            """
            WITH new AS MATERIALIZED (SELECT * FROM jsonb_populate_record(NULL::\(table), $1::jsonb)),
            updated AS (
                UPDATE \(table) AS old SET \(assignments(names, from: "new")) FROM new
                WHERE old."workspaceId" = new."workspaceId" AND old."id" = new."id" RETURNING 1),
            inserted AS (
                INSERT INTO \(table) AS old (\(quoted)) SELECT \(quoted) FROM new WHERE NOT EXISTS (SELECT FROM updated)
                ON CONFLICT (\(key.map { "\"\($0)\"" }.joined(separator: ", "))) DO UPDATE SET \(assignments(names, from: "excluded"))
                WHERE old."workspaceId" = excluded."workspaceId" RETURNING 1),
            stored AS (SELECT 1 FROM updated UNION ALL SELECT 1 FROM inserted),
            rejected AS (
                INSERT INTO "rejected_records" ("workspaceId", "id", "reason", "record", "rejectedAt")
                SELECT $2, $3, 'the id is that of another workspace', $4, $5 WHERE NOT EXISTS (SELECT FROM stored) ON CONFLICT DO NOTHING)
            SELECT count(*) FROM stored
            """,
            PostgresParameter(CostColumns.withoutEscapedNUL(String(decoding: row.serialized, as: UTF8.self))),
            PostgresParameter(record.workspace), PostgresParameter(record.rejectedID), PostgresParameter(record.setAsideText),
            PostgresParameter(instant))
    }

    /// Set by the gateway itself, whatever a record says.
    private static let own: Set<String> = ["id", "workspaceId", "createdAt", "updatedAt", "enrichedData", "aiLastUpdated"]

    private func assignments(_ names: [String], from new: String) -> String {
        names.map { name in
            let (column, value) = ("old.\"\(name)\"", "\(new).\"\(name)\"")
            switch name {
            case "dataSources":
                // In the order in which they came.
                return """
                    "dataSources" = (
                        SELECT array_agg(source ORDER BY place) FROM (
                            SELECT source, min(place) AS place FROM unnest(coalesce(\(column), '{}') || \(value)) WITH ORDINALITY AS all_of (source, place)
                            GROUP BY source) AS each)
                    """
            case "enrichedData":
                return "\"enrichedData\" = coalesce(nullif(\(column), 'null') || \(value), \(value))"
            default:
                return "\"\(name)\" = \(value)"
            }
        }.joined(separator: ", ")
    }
}

extension EntityRecord {
    /// Under which id it stands in `rejected_records`, beside its call's own record.
    var rejectedID: String { "\(id) \(kind.table)" }
}
