import GRDB
package import GatewayCore

extension SQLiteLedger {
    package func raise(_ alerts: [BudgetAlert], to webhooks: [WebhookID]) async throws(LedgerError) -> Set<CallID> {
        try await write { database in
            var new: Set<CallID> = []
            for alert in alerts {
                let (subject, createdAt) = (alert.subject, alert.createdAt.fixedBoundary)
                let levels = alert.level.andWorse.map { "'\($0.rawValue)'" }.joined(separator: ", ")
                try database.execute(
                    sql: """
                        INSERT INTO "budget_alerts" ("workspaceId", "scope", "scopeId", "windowStart", "windowEnd", "level", "limitNanos",
                            "id", "createdAt", "body") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
                        WHERE NOT EXISTS (
                            SELECT 1 FROM "budget_alerts" WHERE "workspaceId" = ?1 AND "scope" = ?2 AND "scopeId" = ?3 AND "windowStart" = ?4
                                AND "windowEnd" = ?5 AND "level" IN (\(levels)) AND "limitNanos" >= ?7)
                        """,
                    arguments: [
                        subject.workspace, subject.scope, subject.name, subject.start.fixedBoundary, subject.end.fixedBoundary,
                        alert.level.rawValue, alert.limit.nanos, alert.id.description, createdAt, alert.body,
                    ])
                guard database.changesCount > 0 else { continue }
                new.insert(alert.id)
                for webhook in webhooks {
                    try database.execute(
                        sql: """
                            INSERT INTO "alert_deliveries" ("workspaceId", "alertId", "webhook", "createdAt", "nextAttemptAt")
                            VALUES (?1, ?2, ?3, ?4, ?4)
                            """, arguments: [subject.workspace, alert.id.description, webhook.description, createdAt])
                }
            }
            return new
        }
    }

    package func claimDeliveries(
        _ room: [WebhookID: Int], at now: Timestamp, until end: Timestamp
    ) async throws(LedgerError) -> [AlertDelivery] {
        // Whoever owns the file is alone: a look that takes no lock is enough as long as there is nothing.
        let busy = try await read { database in
            try room.filter { webhook, count in
                guard count > 0 else { return false }
                let sql = #"SELECT EXISTS (SELECT 1 FROM "alert_deliveries" WHERE "nextAttemptAt" <= ? AND "webhook" = ?)"#
                return try Bool.fetchOne(database, sql: sql, arguments: [now.fixedBoundary, webhook.description]) ?? false
            }
        }
        guard !busy.isEmpty else { return [] }
        return try await write { database in
            var claimed: [AlertDelivery] = []
            for (webhook, count) in busy {
                let rows = try Row.fetchAll(
                    database,
                    sql: """
                        SELECT delivery."workspaceId", "alertId", "attempts", "body" FROM "alert_deliveries" AS delivery
                        JOIN "budget_alerts" AS alert ON alert."workspaceId" = delivery."workspaceId" AND alert."id" = "alertId"
                        WHERE "nextAttemptAt" <= ? AND "webhook" = ? ORDER BY "nextAttemptAt", "alertId" LIMIT ?
                        """, arguments: [now.fixedBoundary, webhook.description, count])
                for row in rows {
                    let key = try Self.key(row, webhook)
                    claimed.append(AlertDelivery(key: key, body: try row.required(3), attempts: try row.required(2) + 1))
                    try Self.update(
                        key, #""attempts" = "attempts" + 1, "nextAttemptAt" = ?"#, [end.fixedBoundary], in: database)
                }
            }
            return claimed
        }
    }

    package func noteDeliveries(_ ends: [DeliveryEnd]) async throws(LedgerError) {
        try await write { database in
            for end in ends {
                switch end.outcome {
                case .acknowledged(let instant):
                    try Self.update(
                        end.key, #""acknowledgedAt" = ?, "nextAttemptAt" = NULL, "lastError" = NULL"#, [instant.fixedBoundary], in: database
                    )
                case .failed(let reason, let retryAt):
                    // An acknowledgement of an earlier try, which has been noted since, is the better news.
                    try Self.update(
                        end.key, #""lastError" = ?, "nextAttemptAt" = CASE WHEN "acknowledgedAt" IS NULL THEN ? END"#,
                        [reason, retryAt.fixedBoundary], in: database)
                }
            }
        }
    }

    package func giveUpDeliveries(
        raisedBefore instant: Timestamp
    ) async throws(LedgerError) -> (givenUp: [DeliveryKey], waiting: Int) {
        let late = #"FROM "alert_deliveries" WHERE "nextAttemptAt" IS NOT NULL AND "createdAt" < ?"#
        let (old, waiting) = try await read { database in
            let old = try Row.fetchAll(
                database, sql: #"SELECT "workspaceId", "alertId", "webhook" \#(late)"#, arguments: [instant.fixedBoundary])
            return (
                try old.map { try Self.key($0, WebhookID($0.required(2))) },
                try Int.fetchOne(database, sql: #"SELECT count(*) FROM "alert_deliveries" WHERE "nextAttemptAt" IS NOT NULL"#) ?? 0
            )
        }
        if !old.isEmpty {
            try await write { database in
                for key in old { try Self.update(key, #""nextAttemptAt" = NULL"#, [], in: database) }
            }
        }
        return (old, waiting - old.count)
    }

    package func alerts(_ query: AlertQuery) async throws(LedgerError) -> [RaisedAlert] {
        try await read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT "id", "createdAt", "body", "workspaceId" FROM "budget_alerts"
                    WHERE (?1 IS NULL OR "workspaceId" = ?1) AND (?2 IS NULL OR "level" = ?2) AND (?3 IS NULL OR "createdAt" >= ?3)
                        AND (?4 IS NULL OR "id" < ?4) ORDER BY "id" DESC LIMIT ?5
                    """,
                arguments: [
                    query.workspace, query.level?.rawValue, query.from?.fixedBoundary, query.before?.description, query.limit,
                ])
            return try rows.map { row in
                let id = try row.required(0, as: String.self)
                let deliveries = try Row.fetchAll(
                    database,
                    sql: """
                        SELECT "webhook", "attempts", "acknowledgedAt", "nextAttemptAt", "lastError" FROM "alert_deliveries"
                        WHERE "workspaceId" = ? AND "alertId" = ? ORDER BY "webhook"
                        """, arguments: [try row.required(3, as: String.self), id])
                return RaisedAlert(
                    id: try Self.id(id), createdAt: try Timestamp(fixedText: row.required(1)), body: try row.required(2),
                    deliveries: try deliveries.map { delivery in
                        func instant(_ column: Int) throws -> Timestamp? {
                            try delivery.optional(column, as: String.self).map { try Timestamp(fixedText: $0) }
                        }
                        return RaisedAlert.Delivery(
                            webhook: WebhookID(try delivery.required(0)), attempts: try delivery.required(1),
                            acknowledgedAt: try instant(2),
                            nextAttemptAt: try instant(3), lastError: try delivery.optional(4))
                    })
            }
        }
    }

    private static func key(_ row: Row, _ webhook: WebhookID) throws -> DeliveryKey {
        DeliveryKey(workspace: try row.required(0), alert: try id(row.required(1)), webhook: webhook)
    }

    private static func id(_ text: String) throws -> CallID {
        guard let id = CallID(text) else { throw MalformedRow(description: "\(text) is no alert's id") }
        return id
    }

    private static func update(_ key: DeliveryKey, _ change: String, _ values: StatementArguments, in database: Database) throws {
        try database.execute(
            sql: #"UPDATE "alert_deliveries" SET \#(change) WHERE "workspaceId" = ? AND "alertId" = ? AND "webhook" = ?"#,
            arguments: values + [key.workspace, key.alert.description, key.webhook.description])
    }
}
