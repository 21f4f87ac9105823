-- One row a forwarded call. Decimals are texts, instants are RFC 3339 in UTC with microseconds at a fixed width, so that they sort.
CREATE TABLE "api_cost_tracking" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "workspaceId" TEXT NOT NULL,
    "userId" TEXT,
    "apiProvider" TEXT NOT NULL,
    "endpoint" TEXT,
    "operation" TEXT,
    "cost" TEXT NOT NULL,
    "tokensUsed" INTEGER,
    "entityType" TEXT,
    "entityId" TEXT,
    "requestData" TEXT,
    "success" INTEGER NOT NULL DEFAULT 1,
    "errorMessage" TEXT,
    "createdAt" TEXT NOT NULL,
    "basis" TEXT,
    "priceVersion" TEXT,
    "estimate" TEXT,
    "reportedCost" TEXT,
    "status" INTEGER,
    "cache" TEXT,
    "durationMs" INTEGER
);

CREATE INDEX "api_cost_tracking_workspaceId_idx" ON "api_cost_tracking" ("workspaceId");
CREATE INDEX "api_cost_tracking_apiProvider_idx" ON "api_cost_tracking" ("apiProvider");
CREATE INDEX "api_cost_tracking_createdAt_idx" ON "api_cost_tracking" ("createdAt");
CREATE INDEX "api_cost_tracking_workspaceId_apiProvider_idx" ON "api_cost_tracking" ("workspaceId", "apiProvider");
CREATE INDEX "api_cost_tracking_entityType_entityId_idx" ON "api_cost_tracking" ("entityType", "entityId");

-- Sums of the rows above, in whole nano-dollars. "day" is the start of the workspace's day at the reservation. '' stands for no
-- operation and no user.
CREATE TABLE "cost_rollups" (
    "workspaceId" TEXT NOT NULL,
    "day" TEXT NOT NULL,
    "apiProvider" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "calls" INTEGER NOT NULL,
    "costNanos" INTEGER NOT NULL,
    "tokens" INTEGER NOT NULL,
    PRIMARY KEY ("workspaceId", "day", "apiProvider", "operation", "userId")
) WITHOUT ROWID;

CREATE INDEX "cost_rollups_day_idx" ON "cost_rollups" ("day");

-- What an operation with "once" has charged.
CREATE TABLE "once_charges" (
    "workspaceId" TEXT NOT NULL,
    "apiProvider" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "createdAt" TEXT NOT NULL,
    PRIMARY KEY ("workspaceId", "apiProvider", "operation", "value")
) WITHOUT ROWID;

CREATE INDEX "once_charges_createdAt_idx" ON "once_charges" ("createdAt");
CREATE INDEX "once_charges_id_idx" ON "once_charges" ("id");

-- A price entry as it stood, once for each version that rows name.
CREATE TABLE "price_versions" (
    "apiProvider" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "canonical" TEXT NOT NULL,
    "firstSeen" TEXT NOT NULL,
    PRIMARY KEY ("apiProvider", "version")
) WITHOUT ROWID;

-- How far each journal has been applied; written in the transaction of the rows that it stands for.
CREATE TABLE "journal_positions" (
    "journal" TEXT NOT NULL PRIMARY KEY,
    "segment" INTEGER NOT NULL,
    "offset" INTEGER NOT NULL
) WITHOUT ROWID;

-- Records that cannot be rows, with the reason. They wait here for a person.
CREATE TABLE "rejected_records" (
    "workspaceId" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "record" TEXT NOT NULL,
    "rejectedAt" TEXT NOT NULL,
    PRIMARY KEY ("workspaceId", "id")
) WITHOUT ROWID;
