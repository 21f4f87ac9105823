-- How many records a call brought; NULL for calls that have no answer to that.
ALTER TABLE "api_cost_tracking" ADD COLUMN "found" INTEGER;

-- Sums of it, and of what providers themselves say that calls have cost. Days before this migration have none: their rows say nothing of records,
-- and what providers said then stays in the rows and is not summed up afterwards.
ALTER TABLE "cost_rollups" ADD COLUMN "reportedNanos" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "cost_rollups" ADD COLUMN "reportedCalls" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "cost_rollups" ADD COLUMN "costWhereReportedNanos" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "cost_rollups" ADD COLUMN "lookups" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "cost_rollups" ADD COLUMN "hits" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "cost_rollups" ADD COLUMN "records" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "cost_rollups" ADD COLUMN "lookupNanos" INTEGER NOT NULL DEFAULT 0;
