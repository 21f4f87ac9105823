-- Budgets that gateways share: what each window of each limit has spent and leased, in whole nano-dollars. "scopeId" is the provider or
-- the user, '' for a workspace as a whole. "allocated" is "spent" and what is leased beyond it.
CREATE TABLE IF NOT EXISTS "budget_accounts" (
    "workspaceId" varchar(128) NOT NULL,
    "scope" text NOT NULL,
    "scopeId" text NOT NULL,
    "windowStart" timestamp with time zone NOT NULL,
    "windowEnd" timestamp with time zone NOT NULL,
    "spent" bigint NOT NULL,
    "allocated" bigint NOT NULL,
    "wantedAt" timestamp with time zone,
    "wantedBy" text,
    PRIMARY KEY ("workspaceId", "scope", "scopeId", "windowStart", "windowEnd")
);

-- What each gateway may spend from an account, and has spent of that as far as the ledger has it. A gateway is known by its journal's id.
CREATE TABLE IF NOT EXISTS "budget_leases" (
    "workspaceId" varchar(128) NOT NULL,
    "scope" text NOT NULL,
    "scopeId" text NOT NULL,
    "windowStart" timestamp with time zone NOT NULL,
    "windowEnd" timestamp with time zone NOT NULL,
    "gatewayId" text NOT NULL,
    "granted" bigint NOT NULL,
    "used" bigint NOT NULL,
    PRIMARY KEY ("workspaceId", "scope", "scopeId", "windowStart", "windowEnd", "gatewayId")
);

-- Limits of workspaces that config.yaml does not name, in its words as JSON. "version" grows with each change of any.
CREATE TABLE IF NOT EXISTS "workspace_budgets" (
    "workspaceId" varchar(128) NOT NULL PRIMARY KEY,
    "budget" text NOT NULL,
    "version" bigint NOT NULL
);

CREATE INDEX CONCURRENTLY IF NOT EXISTS "workspace_budgets_version_idx" ON "workspace_budgets" ("version");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "budget_accounts_windowEnd_idx" ON "budget_accounts" ("windowEnd");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "budget_accounts_wantedAt_idx" ON "budget_accounts" ("wantedAt");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "budget_leases_gatewayId_idx" ON "budget_leases" ("gatewayId");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "budget_leases_windowEnd_idx" ON "budget_leases" ("windowEnd");
