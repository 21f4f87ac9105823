import GatewayCore

/// `cached_answers` and `research_data`.
enum KeptAnswers {
    /// Keeps answers, unless newer ones of their keys are there.
    ///
    /// In the order of their keys, in which every gateway takes the rows' locks; of those with one key the newest.
    static func insertion(of kept: [KeptAnswer]) -> PostgresStatement {
        var newest: [CacheKey: KeptAnswer] = [:]
        for answer in kept where newest[answer.key].map({ $0.keptAt <= answer.keptAt }) ?? true { newest[answer.key] = answer }
        var arrays = [PostgresArray](repeating: PostgresArray(), count: 12)
        for answer in newest.values.sorted(by: { $0.key.digest.lexicographicallyPrecedes($1.key.digest) }) {
            arrays[0].append(answer.key.description)
            arrays[1].append(answer.workspace)
            arrays[2].append(answer.provider)
            arrays[3].append(answer.operation)
            arrays[4].append(answer.id.description)
            arrays[5].append(Int64(answer.answer.status))
            arrays[6].append(bytea(answer.answer.headerLines))
            arrays[7].append(bytea(answer.answer.body))
            arrays[8].append(answer.cost)
            arrays[9].append(Int64(answer.size))
            arrays[10].append(PostgresInstant.text(answer.keptAt))
            arrays[11].append(PostgresInstant.text(answer.expiresAt))
        }
        return PostgresStatement(insertionSQL, parameters: arrays.map { PostgresParameter($0) })
    }

    private static let columns = [
        ("key", "text"), ("workspaceId", "text"), ("apiProvider", "text"), ("operation", "text"), ("id", "text"), ("status", "integer"),
        ("headers", "bytea"), ("body", "bytea"), ("cost", "numeric"), ("size", "bigint"), ("keptAt", "timestamptz"),
        ("expiresAt", "timestamptz"),
    ]

    private static let insertionSQL: String = {
        let names = columns.map { "\"\($0.0)\"" }
        let arrays = columns.enumerated().map { "$\($0.offset + 1)::\($0.element.1)[]" }.joined(separator: ", ")
        return """
            INSERT INTO "cached_answers" AS old (\(names.joined(separator: ", "))) SELECT * FROM unnest(\(arrays))
            ON CONFLICT ("key") DO UPDATE SET \(names.dropFirst().map { "\($0) = excluded.\($0)" }.joined(separator: ", "))
            WHERE old."keptAt" <= excluded."keptAt"
            """
    }()

    private static func bytea(_ bytes: [UInt8]) -> String { "\\x" + Hexadecimal.text(bytes) }

    /// An answer's research as a row, once. Values are sent without types: an application's table takes them as its own columns do.
    static func research(_ kept: KeptAnswer, _ research: ResearchRecord, now: Timestamp) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO "research_data"
            ("id", "workspaceId", "entityType", "entityId", "researchType", "content", "sources", "confidence", "model", "tokensUsed",
            "processingTime", "cost", "createdAt", "updatedAt", "expiresAt")
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT ("id") DO NOTHING
            """,
            PostgresParameter(kept.id.description), PostgresParameter(kept.workspace), PostgresParameter(research.entityType),
            PostgresParameter(research.entityID), PostgresParameter(research.type), PostgresParameter(research.content),
            PostgresParameter(research.sources.map(CostColumns.withoutEscapedNUL)), PostgresParameter(research.confidence ?? "0"),
            PostgresParameter(research.model), PostgresParameter(research.tokens.map { String($0) }),
            PostgresParameter(research.duration.map { String($0) }), PostgresParameter(kept.cost.description),
            PostgresParameter(kept.keptAt),
            PostgresParameter(now), PostgresParameter(kept.expiresAt))
    }

    static func answer(
        _ key: CacheKey, workspace: String, at now: Timestamp, _ connection: PostgresConnection
    ) throws(PostgresFailure) -> KeptAnswer? {
        let rows = try connection.run(
            """
            SELECT "apiProvider", "operation", "id", "status", encode("headers", 'hex'), encode("body", 'hex'), \(SQL.nanos("\"cost\"")),
                \(SQL.microseconds("\"keptAt\"")), \(SQL.microseconds("\"expiresAt\""))
            FROM "cached_answers" WHERE "key" = $1 AND "workspaceId" = $2 AND "expiresAt" > $3
            """, PostgresParameter(key.description), PostgresParameter(workspace), PostgresParameter(now))
        guard rows.count > 0, let id = CallID(try rows.required(0, 2)), let headers = Hexadecimal.bytes(try rows.required(0, 4)),
            let body = Hexadecimal.bytes(try rows.required(0, 5)),
            let answer = WholeAnswer(status: Int(try rows.requiredInt64(0, 3)), headerLines: headers, body: body)
        else { return nil }
        return KeptAnswer(
            key: key, id: id, workspace: workspace, provider: try rows.required(0, 0), operation: try rows.required(0, 1), answer: answer,
            cost: Money(nanos: try rows.requiredInt64(0, 6)), keptAt: Timestamp(microseconds: try rows.requiredInt64(0, 7)),
            expiresAt: Timestamp(microseconds: try rows.requiredInt64(0, 8)))
    }

    /// The most rows that one transaction deletes.
    private static let batch = 200

    /// See ``Ledger/sweepAnswers(at:limit:)``. Gateways that sweep at once pass over each other's rows.
    static func sweep(at now: Timestamp, limit: Int, _ connection: PostgresConnection) throws(PostgresFailure) -> Bool {
        let expired = try connection.run(
            """
            WITH gone AS (
                DELETE FROM "cached_answers" WHERE "key" IN (
                    SELECT "key" FROM "cached_answers" WHERE "expiresAt" <= $1 LIMIT \(batch) FOR UPDATE SKIP LOCKED)
                RETURNING 1)
            SELECT count(*) FROM gone
            """, PostgresParameter(now))
        if try expired.requiredInt64(0, 0) >= batch { return true }
        // The oldest whose sizes, summed from the newest on, lie beyond the limit.
        let excess = try connection.run(
            """
            WITH total AS (SELECT coalesce(sum("size"), 0) AS bytes FROM "cached_answers"),
            oldest AS (
                SELECT "key", sum("size") OVER (ORDER BY "keptAt", "key") - "size" AS before
                FROM (SELECT "key", "size", "keptAt" FROM "cached_answers" ORDER BY "keptAt", "key" LIMIT \(batch)) AS first
            ),
            gone AS (
                DELETE FROM "cached_answers" WHERE "key" IN (
                    SELECT "key" FROM "cached_answers" JOIN oldest USING ("key"), total
                    WHERE before < total.bytes - $1 FOR UPDATE OF "cached_answers" SKIP LOCKED)
                RETURNING 1)
            SELECT count(*) FROM gone
            """, PostgresParameter(Int64(limit)))
        return try excess.requiredInt64(0, 0) >= batch
    }
}

/// Instants in arrays.
enum PostgresInstant {
    /// The ends of time for instants that have no text.
    static func text(_ instant: Timestamp) -> String {
        Timestamp.calendar.contains(instant) ? instant.rfc3339 : instant.microseconds < 0 ? "-infinity" : "infinity"
    }
}
