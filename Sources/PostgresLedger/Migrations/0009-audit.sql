-- Who changed which budget, key or configuration from what to what: written with the change, and never changed itself. "before" and "after"
-- are JSON. The order of the ids is that of the instants.
CREATE TABLE IF NOT EXISTS "audit_log" (
    "id" varchar(30) PRIMARY KEY,
    "createdAt" timestamp with time zone NOT NULL,
    "kind" text NOT NULL,
    "subject" text NOT NULL,
    "before" text,
    "after" text,
    "origin" text NOT NULL,
    "gatewayId" text
);

CREATE OR REPLACE FUNCTION "gateway_only_grows"() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '"%" only grows', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$;

DROP TRIGGER IF EXISTS "audit_log_only_grows" ON "audit_log";
CREATE TRIGGER "audit_log_only_grows" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_log"
    FOR EACH STATEMENT EXECUTE FUNCTION "gateway_only_grows"();

-- One workspace's calls, the newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "api_cost_tracking_workspaceId_createdAt_idx" ON "api_cost_tracking" ("workspaceId", "createdAt");
