-- What calls, and questions for the balance, tell of a provider's own count. Amounts are millionths. "id" is the call's, or the question's own.
CREATE TABLE "provider_readings" (
    "apiProvider" TEXT NOT NULL,
    "pool" TEXT NOT NULL,
    "endedAt" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "startedAt" TEXT NOT NULL,
    "low" INTEGER NOT NULL,
    "high" INTEGER NOT NULL,
    "remaining" INTEGER,
    PRIMARY KEY ("apiProvider", "pool", "endedAt", "id")
) WITHOUT ROWID;

-- Each hour's comparison of the two counts. "hour" is its start, UTC; the balances that were compared had been told at "fromAt" and "toAt".
CREATE TABLE "reconciliations" (
    "hour" TEXT NOT NULL,
    "apiProvider" TEXT NOT NULL,
    "pool" TEXT NOT NULL,
    "fromAt" TEXT NOT NULL,
    "toAt" TEXT NOT NULL,
    "countedLow" INTEGER NOT NULL,
    "countedHigh" INTEGER NOT NULL,
    "reported" INTEGER NOT NULL,
    "drift" INTEGER NOT NULL,
    "bound" INTEGER NOT NULL,
    "topUps" INTEGER NOT NULL,
    "toppedUp" INTEGER NOT NULL,
    "beyond" INTEGER NOT NULL,
    "createdAt" TEXT NOT NULL,
    PRIMARY KEY ("hour", "apiProvider", "pool")
) WITHOUT ROWID;

CREATE INDEX "reconciliations_apiProvider_pool_hour_idx" ON "reconciliations" ("apiProvider", "pool", "hour");
