internal import Foundation
import GRDB
import GatewayCore

/// `cached_answers` and `research_data`.
enum KeptAnswers {
    /// Keeps an answer unless a newer one of its key is there, and its research.
    static func write(_ kept: KeptAnswer, now: String, in database: Database) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO "cached_answers"
                ("key", "workspaceId", "apiProvider", "operation", "id", "status", "headers", "body", "cost", "size", "keptAt", "expiresAt")
                VALUES (?, ?, ?, ?, ?, ?, coalesce(?, x''), coalesce(?, x''), ?, ?, ?, ?)
                ON CONFLICT ("key") DO UPDATE SET
                    "id" = excluded."id", "status" = excluded."status", "headers" = excluded."headers", "body" = excluded."body",
                    "cost" = excluded."cost", "size" = excluded."size", "keptAt" = excluded."keptAt", "expiresAt" = excluded."expiresAt"
                WHERE excluded."keptAt" >= "keptAt"
                """
        ).execute(arguments: [
            kept.key.description, kept.workspace, kept.provider, kept.operation, kept.id.description, kept.answer.status,
            Data(kept.answer.headerLines), Data(kept.answer.body), kept.cost.description, kept.size, kept.keptAt.fixedBoundary,
            kept.expiresAt.fixedBoundary,
        ])
        guard let research = kept.research else { return }
        try database.cachedStatement(
            sql: """
                INSERT INTO "research_data"
                ("id", "workspaceId", "entityType", "entityId", "researchType", "content", "sources", "confidence", "model", "tokensUsed",
                "processingTime", "cost", "createdAt", "updatedAt", "expiresAt") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT ("id") DO NOTHING
                """
        ).execute(arguments: [
            kept.id.description, kept.workspace, research.entityType, research.entityID, research.type, research.content, research.sources,
            research.confidence.flatMap(Double.init), research.model, research.tokens, research.duration, kept.cost.description,
            kept.keptAt.fixedBoundary, now, kept.expiresAt.fixedBoundary,
        ])
    }

    static func answer(_ key: CacheKey, workspace: String, at now: Timestamp, in database: Database) throws -> KeptAnswer? {
        let row = try Row.fetchOne(
            try database.cachedStatement(
                sql: """
                    SELECT "apiProvider", "operation", "id", "status", "headers", "body", "cost", "keptAt", "expiresAt" FROM "cached_answers"
                    WHERE "key" = ? AND "workspaceId" = ? AND "expiresAt" > ?
                    """), arguments: [key.description, workspace, now.fixedBoundary])
        guard let row, let id = CallID(try row.required(2, as: String.self)),
            let answer = WholeAnswer(
                status: try row.required(3), headerLines: Array(try row.required(4, as: Data.self)),
                body: Array(try row.required(5, as: Data.self)))
        else { return nil }
        return KeptAnswer(
            key: key, id: id, workspace: workspace, provider: try row.required(0), operation: try row.required(1), answer: answer,
            cost: try Money(column: row.required(6)), keptAt: try Timestamp(fixedText: row.required(7)),
            expiresAt: try Timestamp(fixedText: row.required(8)))
    }

    /// The most rows that one transaction deletes.
    private static let batch = 200

    /// See ``Ledger/sweepAnswers(at:limit:)``.
    static func sweep(at now: Timestamp, limit: Int, in database: Database) throws -> Bool {
        try database.execute(
            sql: #"DELETE FROM "cached_answers" WHERE "key" IN (SELECT "key" FROM "cached_answers" WHERE "expiresAt" <= ? LIMIT ?)"#,
            arguments: [now.fixedBoundary, batch])
        if database.changesCount >= batch { return true }
        let total = try Int.fetchOne(database, sql: #"SELECT coalesce(sum("size"), 0) FROM "cached_answers""#) ?? 0
        guard total > limit else { return false }
        var (excess, keys) = (total - limit, [String]())
        let rows = try Row.fetchCursor(
            database, sql: #"SELECT "key", "size" FROM "cached_answers" ORDER BY "keptAt" LIMIT ?"#, arguments: [batch])
        while excess > 0, let row = try rows.next() {
            keys.append(try row.required(0))
            excess -= try row.required(1, as: Int.self)
        }
        for key in keys {
            try database.execute(sql: #"DELETE FROM "cached_answers" WHERE "key" = ?"#, arguments: [key])
        }
        return excess > 0
    }
}
