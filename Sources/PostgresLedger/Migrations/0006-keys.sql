-- Callers' keys: what is known of each but the key itself, of which there is the SHA-256. Lists are JSON, rates decimals.

CREATE TABLE IF NOT EXISTS "caller_keys" (
    "id" text NOT NULL PRIMARY KEY,
    "workspaceId" varchar(128) NOT NULL,
    "name" text,
    "digest" text NOT NULL UNIQUE,
    "createdAt" timestamp with time zone NOT NULL,
    "expiresAt" timestamp with time zone,
    "revokedAt" timestamp with time zone,
    "lastUsedAt" timestamp with time zone,
    "providers" text,
    "operations" text,
    "requestsPerSecond" text,
    "change" bigint NOT NULL
);

-- How many changes there have been of what gateways keep in memory. Whoever changes something takes the next number first, which makes
-- others wait for the end of that transaction: the order of the numbers is that of the commits.
CREATE TABLE IF NOT EXISTS "change_counters" (
    "name" text NOT NULL PRIMARY KEY,
    "last" bigint NOT NULL
);

CREATE INDEX CONCURRENTLY IF NOT EXISTS "caller_keys_change_idx" ON "caller_keys" ("change");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "caller_keys_workspaceId_idx" ON "caller_keys" ("workspaceId");
