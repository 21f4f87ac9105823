package import GatewayCore

extension PostgresLedger {
    package func raise(_ alerts: [BudgetAlert], to webhooks: [WebhookID]) async throws(LedgerError) -> Set<CallID> {
        var addresses = PostgresArray()
        for webhook in webhooks { addresses.append(webhook.description) }
        let statements = [AccountLock.ofAlerts] + alerts.map { Self.raising($0, PostgresParameter(addresses)) }
        return try await write { connection in
            var new: Set<CallID> = []
            for rows in try connection.run(statements).dropFirst() where rows.count > 0 { new.insert(try Self.id(rows, 0, 0)) }
            return new
        }
    }

    /// A worse alert that another gateway has just raised is seen, because whoever raises some holds the lock until they are there.
    private static func raising(_ alert: BudgetAlert, _ webhooks: PostgresParameter) -> PostgresStatement {
        let subject = alert.subject
        let levels = alert.level.andWorse.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        return PostgresStatement(
            """
            WITH "given" (\(AccountColumns.list), "level", "limitNanos", "id", "createdAt", "body") AS (
                SELECT $1::text, $2::text, $3::text, $4::timestamptz, $5::timestamptz, $6::text, $7::bigint, $8::text, $9::timestamptz, $10::text
            ), "raised" AS (
                INSERT INTO "budget_alerts" (\(AccountColumns.list), "level", "limitNanos", "id", "createdAt", "body")
                SELECT * FROM "given" WHERE NOT EXISTS (
                    SELECT FROM "budget_alerts" AS old WHERE \(AccountColumns.equal("old", "\"given\""))
                        AND old."level" IN (\(levels)) AND old."limitNanos" >= "given"."limitNanos")
                ON CONFLICT DO NOTHING RETURNING "workspaceId", "id", "createdAt"
            ), "posted" AS (
                INSERT INTO "alert_deliveries" ("workspaceId", "alertId", "webhook", "createdAt", "nextAttemptAt")
                SELECT "workspaceId", "id", "webhook", "createdAt", "createdAt" FROM "raised", unnest($11::text[]) AS address ("webhook")
            )
            SELECT "id" FROM "raised"
            """, PostgresParameter(subject.workspace), PostgresParameter(subject.scope), PostgresParameter(subject.name),
            PostgresParameter(subject.start), PostgresParameter(subject.end), PostgresParameter(alert.level.rawValue),
            PostgresParameter(alert.limit.nanos), PostgresParameter(alert.id.description), PostgresParameter(alert.createdAt),
            PostgresParameter(alert.body), webhooks)
    }

    package func claimDeliveries(
        _ room: [WebhookID: Int], at now: Timestamp, until end: Timestamp
    ) async throws(LedgerError) -> [AlertDelivery] {
        let busy = room.filter { $0.value > 0 }
        guard !busy.isEmpty else { return [] }
        return try await lookups.use { connection in
            let webhooks = Array(busy)
            let answers = try connection.run(
                webhooks.map { webhook, count in
                    // What another gateway is claiming at this moment is passed over.
                    PostgresStatement(
                        """
                        WITH "due" AS MATERIALIZED (
                            SELECT delivery."workspaceId", "alertId", "body" FROM "alert_deliveries" AS delivery
                            JOIN "budget_alerts" AS alert ON alert."workspaceId" = delivery."workspaceId" AND alert."id" = "alertId"
                            WHERE "webhook" = $1 AND "nextAttemptAt" <= $2 ORDER BY "nextAttemptAt", "alertId" LIMIT $3::bigint
                            FOR UPDATE OF delivery SKIP LOCKED
                        )
                        UPDATE "alert_deliveries" AS claimed SET "attempts" = "attempts" + 1, "nextAttemptAt" = $4 FROM "due"
                        WHERE claimed."workspaceId" = "due"."workspaceId" AND claimed."alertId" = "due"."alertId" AND "webhook" = $1
                        RETURNING claimed."workspaceId", claimed."alertId", "attempts", "body"
                        """, PostgresParameter(webhook.description), PostgresParameter(now), PostgresParameter(Int64(count)),
                        PostgresParameter(end))
                })
            var claimed: [AlertDelivery] = []
            for (rows, webhook) in zip(answers, webhooks) {
                for row in 0..<rows.count {
                    claimed.append(
                        AlertDelivery(
                            key: DeliveryKey(
                                workspace: try rows.required(row, 0), alert: try Self.id(rows, row, 1), webhook: webhook.key),
                            body: try rows.required(row, 3), attempts: Int(try rows.requiredInt64(row, 2))))
                }
            }
            return claimed
        }
    }

    package func noteDeliveries(_ ends: [DeliveryEnd]) async throws(LedgerError) {
        let statements = ends.map { end in
            let change: (sql: String, values: [PostgresParameter]) =
                switch end.outcome {
                case .acknowledged(let instant):
                    (#""acknowledgedAt" = $4, "nextAttemptAt" = NULL, "lastError" = NULL"#, [PostgresParameter(instant)])
                case .failed(let reason, let retryAt):
                    (
                        // An acknowledgement that another gateway has got is the better news.
                        #""lastError" = $4, "nextAttemptAt" = CASE WHEN "acknowledgedAt" IS NULL THEN $5::timestamptz END"#,
                        [PostgresParameter(reason), PostgresParameter(retryAt)]
                    )
                }
            let key = [end.key.workspace, end.key.alert.description, end.key.webhook.description].map { PostgresParameter($0) }
            return PostgresStatement(
                #"UPDATE "alert_deliveries" SET \#(change.sql) WHERE "workspaceId" = $1 AND "alertId" = $2 AND "webhook" = $3"#,
                parameters: key + change.values)
        }
        try await lookups.use { _ = try $0.run(statements) }
    }

    package func giveUpDeliveries(
        raisedBefore instant: Timestamp
    ) async throws(LedgerError) -> (givenUp: [DeliveryKey], waiting: Int) {
        try await lookups.use { connection in
            let old = try connection.run(
                """
                UPDATE "alert_deliveries" SET "nextAttemptAt" = NULL WHERE "nextAttemptAt" IS NOT NULL AND "createdAt" < $1
                RETURNING "workspaceId", "alertId", "webhook"
                """, PostgresParameter(instant))
            let waiting = try connection.run(#"SELECT count(*) FROM "alert_deliveries" WHERE "nextAttemptAt" IS NOT NULL"#)
            let keys = try (0..<old.count).map { row in
                DeliveryKey(
                    workspace: try old.required(row, 0), alert: try Self.id(old, row, 1), webhook: WebhookID(try old.required(row, 2)))
            }
            return (keys, Int(try waiting.requiredInt64(0, 0)))
        }
    }

    package func alerts(_ query: AlertQuery) async throws(LedgerError) -> [RaisedAlert] {
        try await reader.use { connection in
            let rows = try connection.run(
                """
                SELECT alert."id", \(SQL.microseconds("alert.\"createdAt\"")), "body", "webhook", "attempts",
                    \(SQL.microseconds("\"acknowledgedAt\"")), \(SQL.microseconds("\"nextAttemptAt\"")), "lastError"
                FROM (
                    SELECT "workspaceId", "id", "createdAt", "body" FROM "budget_alerts"
                    WHERE ($1::text IS NULL OR "workspaceId" = $1) AND ($2::text IS NULL OR "level" = $2)
                        AND ($3::timestamptz IS NULL OR "createdAt" >= $3) AND ($4::text IS NULL OR "id" < $4)
                    ORDER BY "id" DESC LIMIT $5::bigint
                ) AS alert
                LEFT JOIN "alert_deliveries" AS delivery
                    ON delivery."workspaceId" = alert."workspaceId" AND delivery."alertId" = alert."id"
                ORDER BY alert."id" DESC, "webhook"
                """, PostgresParameter(query.workspace), PostgresParameter(query.level?.rawValue), PostgresParameter(instant: query.from),
                PostgresParameter(query.before?.description), PostgresParameter(Int64(query.limit)))
            var alerts: [RaisedAlert] = []
            for row in 0..<rows.count {
                let id = try Self.id(rows, row, 0)
                if alerts.last?.id != id {
                    alerts.append(
                        RaisedAlert(
                            id: id, createdAt: Timestamp(microseconds: try rows.requiredInt64(row, 1)), body: try rows.required(row, 2)))
                }
                guard let webhook = rows.text(row, 3) else { continue }
                func instant(_ column: Int) throws -> Timestamp? { try rows.int64(row, column).map { Timestamp(microseconds: $0) } }
                alerts[alerts.count - 1].deliveries.append(
                    RaisedAlert.Delivery(
                        webhook: WebhookID(webhook), attempts: Int(try rows.requiredInt64(row, 4)), acknowledgedAt: try instant(5),
                        nextAttemptAt: try instant(6), lastError: rows.text(row, 7)))
            }
            return alerts
        }
    }

    private static func id(_ rows: PostgresRows, _ row: Int, _ column: Int) throws -> CallID {
        guard let id = CallID(try rows.required(row, column)) else {
            throw PostgresFailure(message: "an alert's row holds what no gateway writes")
        }
        return id
    }
}
