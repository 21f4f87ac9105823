-- Callers' keys: what is known of each but the key itself, of which there is the SHA-256. Lists are JSON, rates decimals.
CREATE TABLE "caller_keys" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "workspaceId" TEXT NOT NULL,
    "name" TEXT,
    "digest" TEXT NOT NULL UNIQUE,
    "createdAt" TEXT NOT NULL,
    "expiresAt" TEXT,
    "revokedAt" TEXT,
    "lastUsedAt" TEXT,
    "providers" TEXT,
    "operations" TEXT,
    "requestsPerSecond" TEXT,
    "change" INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX "caller_keys_change_idx" ON "caller_keys" ("change");
CREATE INDEX "caller_keys_workspaceId_idx" ON "caller_keys" ("workspaceId");

-- How many changes there have been of what gateways keep in memory. Whoever changes something takes the next number first, which makes
-- others wait for the end of that transaction: the order of the numbers is that of the commits.
CREATE TABLE "change_counters" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "last" INTEGER NOT NULL
) WITHOUT ROWID;
