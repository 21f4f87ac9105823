-- Alerts that were raised, each once for all gateways. "scopeId" is the provider or the user, '' for a workspace as a whole. "body" is what
-- webhooks get.
CREATE TABLE IF NOT EXISTS "budget_alerts" (
    "workspaceId" varchar(128) NOT NULL,
    "scope" text NOT NULL,
    "scopeId" text NOT NULL,
    "windowStart" timestamp with time zone NOT NULL,
    "windowEnd" timestamp with time zone NOT NULL,
    "level" text NOT NULL,
    "limitNanos" bigint NOT NULL,
    "id" text NOT NULL,
    "createdAt" timestamp with time zone NOT NULL,
    "body" text NOT NULL,
    PRIMARY KEY ("workspaceId", "scope", "scopeId", "windowStart", "windowEnd", "level", "limitNanos")
);

-- What is to be delivered of them. "webhook" is the beginning of its address's SHA-256. "nextAttemptAt" is NULL when it is delivered, or
-- given up; a try that is under way is due again when its claim is over.
CREATE TABLE IF NOT EXISTS "alert_deliveries" (
    "workspaceId" varchar(128) NOT NULL,
    "alertId" text NOT NULL,
    "webhook" text NOT NULL,
    "createdAt" timestamp with time zone NOT NULL,
    "attempts" bigint NOT NULL DEFAULT 0,
    "nextAttemptAt" timestamp with time zone,
    "acknowledgedAt" timestamp with time zone,
    "lastError" text,
    PRIMARY KEY ("workspaceId", "alertId", "webhook")
);

CREATE INDEX CONCURRENTLY IF NOT EXISTS "budget_alerts_id_idx" ON "budget_alerts" ("id");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "budget_alerts_workspaceId_id_idx" ON "budget_alerts" ("workspaceId", "id");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "alert_deliveries_nextAttemptAt_idx" ON "alert_deliveries" ("nextAttemptAt", "webhook");
