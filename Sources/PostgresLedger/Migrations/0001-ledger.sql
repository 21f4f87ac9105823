-- What every gateway writes. Rows, sums and once keys have a workspace of one type, so that they can be kept together where the database is
-- distributed by it (Scaling.md). An application may have made "api_cost_tracking" itself: then it keeps its rows, gains the columns that are
-- missing, and its amounts and ids become wide enough. Each statement is run alone and only as far as it is needed; see SchemaPlan.

CREATE TABLE IF NOT EXISTS "api_cost_tracking" (
    "id" varchar(30) PRIMARY KEY,
    "workspaceId" varchar(128) NOT NULL,
    "userId" varchar(128),
    "apiProvider" varchar(128) NOT NULL,
    "endpoint" varchar(100),
    "operation" varchar(128),
    "cost" numeric(20,9) NOT NULL,
    "tokensUsed" bigint,
    "entityType" varchar(128),
    "entityId" varchar(128),
    "requestData" jsonb,
    "success" boolean NOT NULL DEFAULT true,
    "errorMessage" text,
    "createdAt" timestamp with time zone NOT NULL DEFAULT now()
);

ALTER TABLE "api_cost_tracking"
    ADD COLUMN IF NOT EXISTS "userId" varchar(128),
    ADD COLUMN IF NOT EXISTS "endpoint" varchar(100),
    ADD COLUMN IF NOT EXISTS "operation" varchar(128),
    ADD COLUMN IF NOT EXISTS "tokensUsed" bigint,
    ADD COLUMN IF NOT EXISTS "entityType" varchar(128),
    ADD COLUMN IF NOT EXISTS "entityId" varchar(128),
    ADD COLUMN IF NOT EXISTS "requestData" jsonb,
    ADD COLUMN IF NOT EXISTS "success" boolean DEFAULT true,
    ADD COLUMN IF NOT EXISTS "errorMessage" text,
    ADD COLUMN IF NOT EXISTS "basis" text,
    ADD COLUMN IF NOT EXISTS "priceVersion" text,
    ADD COLUMN IF NOT EXISTS "estimate" numeric(20,9),
    ADD COLUMN IF NOT EXISTS "reportedCost" numeric(20,9),
    ADD COLUMN IF NOT EXISTS "status" integer,
    ADD COLUMN IF NOT EXISTS "cache" text,
    ADD COLUMN IF NOT EXISTS "durationMs" bigint;

-- Longer texts and finer instants change no value and rewrite nothing.
ALTER TABLE "api_cost_tracking"
    ALTER COLUMN "workspaceId" TYPE varchar(128),
    ALTER COLUMN "userId" TYPE varchar(128),
    ALTER COLUMN "apiProvider" TYPE varchar(128),
    ALTER COLUMN "operation" TYPE varchar(128),
    ALTER COLUMN "entityType" TYPE varchar(128),
    ALTER COLUMN "entityId" TYPE varchar(128),
    ALTER COLUMN "createdAt" TYPE timestamp(6) without time zone;

ALTER TABLE "api_cost_tracking"
    ALTER COLUMN "cost" TYPE numeric(20,9),
    ALTER COLUMN "requestData" TYPE jsonb USING "requestData"::jsonb;

-- Sums of the rows above, in whole nano-dollars. "day" is the start of the workspace's day at the reservation. '' stands for no
-- operation and no user.
CREATE TABLE IF NOT EXISTS "cost_rollups" (
    "workspaceId" varchar(128) NOT NULL,
    "day" timestamp with time zone NOT NULL,
    "apiProvider" text NOT NULL,
    "operation" text NOT NULL,
    "userId" text NOT NULL,
    "calls" bigint NOT NULL,
    "costNanos" bigint NOT NULL,
    "tokens" bigint NOT NULL,
    PRIMARY KEY ("workspaceId", "day", "apiProvider", "operation", "userId")
);

-- What the application recorded before there was a gateway counts as well. Its days are UTC's; budgets whose days begin elsewhere are
-- rebuilt from the rows.
INSERT INTO "cost_rollups" ("workspaceId", "day", "apiProvider", "operation", "userId", "calls", "costNanos", "tokens")
    SELECT
        "workspaceId", date_trunc('day', "createdAt"), "apiProvider", coalesce("operation", ''), coalesce("userId", ''),
        count(*), round(sum("cost") * 1000000000), coalesce(sum("tokensUsed"), 0)
    FROM "api_cost_tracking"
    WHERE NOT EXISTS (SELECT FROM "cost_rollups")
    GROUP BY 1, 2, 3, 4, 5;

-- What an operation with "once" has charged.
CREATE TABLE IF NOT EXISTS "once_charges" (
    "workspaceId" varchar(128) NOT NULL,
    "apiProvider" text NOT NULL,
    "operation" text NOT NULL,
    "value" text NOT NULL,
    "id" text NOT NULL,
    "createdAt" timestamp with time zone NOT NULL,
    PRIMARY KEY ("workspaceId", "apiProvider", "operation", "value")
);

-- A price entry as it stood, once for each version that rows name.
CREATE TABLE IF NOT EXISTS "price_versions" (
    "apiProvider" text NOT NULL,
    "version" text NOT NULL,
    "canonical" text NOT NULL,
    "firstSeen" timestamp with time zone NOT NULL,
    PRIMARY KEY ("apiProvider", "version")
);

-- How far each journal has been applied; written in the transaction of the rows that it stands for.
CREATE TABLE IF NOT EXISTS "journal_positions" (
    "journal" text NOT NULL PRIMARY KEY,
    "segment" bigint NOT NULL,
    "offset" bigint NOT NULL
);

-- Records that cannot be rows, with the reason. They wait here for a person.
CREATE TABLE IF NOT EXISTS "rejected_records" (
    "workspaceId" text NOT NULL,
    "id" text NOT NULL,
    "reason" text NOT NULL,
    "record" text NOT NULL,
    "rejectedAt" timestamp with time zone NOT NULL,
    PRIMARY KEY ("workspaceId", "id")
);
