-- How many records a call brought; NULL for calls that have no answer to that.
ALTER TABLE "api_cost_tracking"
    ADD COLUMN IF NOT EXISTS "found" integer;

-- Sums of it, and of what providers themselves say that calls have cost. Days before this migration have none: their rows say nothing of records,
-- and what providers said then stays in the rows and is not summed up afterwards.
ALTER TABLE "cost_rollups"
    ADD COLUMN IF NOT EXISTS "reportedNanos" bigint DEFAULT 0,
    ADD COLUMN IF NOT EXISTS "reportedCalls" bigint DEFAULT 0,
    ADD COLUMN IF NOT EXISTS "costWhereReportedNanos" bigint DEFAULT 0,
    ADD COLUMN IF NOT EXISTS "lookups" bigint DEFAULT 0,
    ADD COLUMN IF NOT EXISTS "hits" bigint DEFAULT 0,
    ADD COLUMN IF NOT EXISTS "records" bigint DEFAULT 0,
    ADD COLUMN IF NOT EXISTS "lookupNanos" bigint DEFAULT 0;
