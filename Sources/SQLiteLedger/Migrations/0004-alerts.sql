-- Alerts that were raised, each once. "scopeId" is the provider or the user, '' for a workspace as a whole. "body" is what webhooks get.
CREATE TABLE "budget_alerts" (
    "workspaceId" TEXT NOT NULL,
    "scope" TEXT NOT NULL,
    "scopeId" TEXT NOT NULL,
    "windowStart" TEXT NOT NULL,
    "windowEnd" TEXT NOT NULL,
    "level" TEXT NOT NULL,
    "limitNanos" INTEGER NOT NULL,
    "id" TEXT NOT NULL,
    "createdAt" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    PRIMARY KEY ("workspaceId", "scope", "scopeId", "windowStart", "windowEnd", "level", "limitNanos")
) WITHOUT ROWID;

CREATE INDEX "budget_alerts_id_idx" ON "budget_alerts" ("id");
CREATE INDEX "budget_alerts_workspaceId_id_idx" ON "budget_alerts" ("workspaceId", "id");

-- What is to be delivered of them. "webhook" is the beginning of its address's SHA-256. "nextAttemptAt" is NULL when it is delivered, or
-- given up; a try that is under way is due again when its claim is over.
CREATE TABLE "alert_deliveries" (
    "workspaceId" TEXT NOT NULL,
    "alertId" TEXT NOT NULL,
    "webhook" TEXT NOT NULL,
    "createdAt" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "nextAttemptAt" TEXT,
    "acknowledgedAt" TEXT,
    "lastError" TEXT,
    PRIMARY KEY ("workspaceId", "alertId", "webhook")
) WITHOUT ROWID;

CREATE INDEX "alert_deliveries_nextAttemptAt_idx" ON "alert_deliveries" ("nextAttemptAt", "webhook");
