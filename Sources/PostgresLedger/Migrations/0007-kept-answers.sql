-- Answers that are served again until they expire. "headers" has a line for each field; "body" is byte for byte what came.

CREATE TABLE IF NOT EXISTS "cached_answers" (
    "key" text NOT NULL PRIMARY KEY,
    "workspaceId" varchar(128) NOT NULL,
    "apiProvider" text NOT NULL,
    "operation" text NOT NULL,
    "id" text NOT NULL,
    "status" integer NOT NULL,
    "headers" bytea NOT NULL,
    "body" bytea NOT NULL,
    "cost" numeric(20,9) NOT NULL,
    "size" bigint NOT NULL,
    "keptAt" timestamp with time zone NOT NULL,
    "expiresAt" timestamp with time zone NOT NULL
);

CREATE INDEX CONCURRENTLY IF NOT EXISTS "cached_answers_expiresAt_idx" ON "cached_answers" ("expiresAt");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "cached_answers_keptAt_size_idx" ON "cached_answers" ("keptAt", "size");

-- What calls would have cost that were answered with what others had paid for.
ALTER TABLE "api_cost_tracking"
    ADD COLUMN IF NOT EXISTS "saved" numeric(20,9);

ALTER TABLE "cost_rollups"
    ADD COLUMN IF NOT EXISTS "savedNanos" bigint DEFAULT 0;

-- Where answers about companies go that have no column of their own.
ALTER TABLE "companies"
    ADD COLUMN IF NOT EXISTS "enrichedData" jsonb;
