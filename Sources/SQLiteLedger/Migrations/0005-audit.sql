-- Limits of workspaces that config.yaml does not name, in its words as JSON. "version" grows with each change of any.
CREATE TABLE "workspace_budgets" (
    "workspaceId" TEXT NOT NULL PRIMARY KEY,
    "budget" TEXT NOT NULL,
    "version" INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX "workspace_budgets_version_idx" ON "workspace_budgets" ("version");

-- Who changed which budget, key or configuration from what to what: written with the change, and never changed itself. "before" and "after"
-- are JSON. The order of the ids is that of the instants.
CREATE TABLE "audit_log" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "createdAt" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "before" TEXT,
    "after" TEXT,
    "origin" TEXT NOT NULL,
    "gatewayId" TEXT
) WITHOUT ROWID;

CREATE TRIGGER "audit_log_no_update" BEFORE UPDATE ON "audit_log"
BEGIN
    SELECT RAISE(ABORT, 'audit_log only grows');
END;

CREATE TRIGGER "audit_log_no_delete" BEFORE DELETE ON "audit_log"
BEGIN
    SELECT RAISE(ABORT, 'audit_log only grows');
END;

-- REPLACE deletes without that trigger, unless recursive triggers are on.
CREATE TRIGGER "audit_log_no_replace" BEFORE INSERT ON "audit_log" WHEN EXISTS (SELECT 1 FROM "audit_log" WHERE "id" = NEW."id")
BEGIN
    SELECT RAISE(ABORT, 'audit_log only grows');
END;

-- One workspace's calls, the newest first.
CREATE INDEX "api_cost_tracking_workspaceId_createdAt_idx" ON "api_cost_tracking" ("workspaceId", "createdAt");
