-- What calls, and questions for the balance, tell of a provider's own count. Amounts are millionths. "id" is the call's, or the question's own.
CREATE TABLE IF NOT EXISTS "provider_readings" (
    "apiProvider" text NOT NULL,
    "pool" text NOT NULL,
    "endedAt" timestamp with time zone NOT NULL,
    "id" text NOT NULL,
    "startedAt" timestamp with time zone NOT NULL,
    "low" bigint NOT NULL,
    "high" bigint NOT NULL,
    "remaining" bigint,
    PRIMARY KEY ("apiProvider", "pool", "endedAt", "id")
);

-- Each hour's comparison of the two counts. "hour" is its start, UTC; the balances that were compared had been told at "fromAt" and "toAt".
CREATE TABLE IF NOT EXISTS "reconciliations" (
    "hour" timestamp with time zone NOT NULL,
    "apiProvider" text NOT NULL,
    "pool" text NOT NULL,
    "fromAt" timestamp with time zone NOT NULL,
    "toAt" timestamp with time zone NOT NULL,
    "countedLow" bigint NOT NULL,
    "countedHigh" bigint NOT NULL,
    "reported" bigint NOT NULL,
    "drift" bigint NOT NULL,
    "bound" bigint NOT NULL,
    "topUps" bigint NOT NULL,
    "toppedUp" bigint NOT NULL,
    "beyond" boolean NOT NULL,
    "createdAt" timestamp with time zone NOT NULL,
    PRIMARY KEY ("hour", "apiProvider", "pool")
);

CREATE INDEX CONCURRENTLY IF NOT EXISTS "reconciliations_apiProvider_pool_hour_idx" ON "reconciliations" ("apiProvider", "pool", "hour");
