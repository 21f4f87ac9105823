-- Answers that are served again until they expire. "headers" has a line for each field; "body" is byte for byte what came.
CREATE TABLE "cached_answers" (
    "key" TEXT NOT NULL PRIMARY KEY,
    "workspaceId" TEXT NOT NULL,
    "apiProvider" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "status" INTEGER NOT NULL,
    "headers" BLOB NOT NULL,
    "body" BLOB NOT NULL,
    "cost" TEXT NOT NULL,
    "size" INTEGER NOT NULL,
    "keptAt" TEXT NOT NULL,
    "expiresAt" TEXT NOT NULL
);

-- With the sizes, so that their sum needs no look at the bodies.
CREATE INDEX "cached_answers_expiresAt_idx" ON "cached_answers" ("expiresAt");
CREATE INDEX "cached_answers_keptAt_size_idx" ON "cached_answers" ("keptAt", "size");

CREATE TABLE "research_data" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "workspaceId" TEXT NOT NULL,
    "entityType" TEXT NOT NULL,
    "entityId" TEXT NOT NULL,
    "researchType" TEXT NOT NULL,
    "content" TEXT,
    "sources" TEXT,
    "extractedData" TEXT,
    "confidence" REAL DEFAULT 0,
    "model" TEXT,
    "tokensUsed" INTEGER,
    "processingTime" INTEGER,
    "cost" TEXT,
    "createdAt" TEXT NOT NULL,
    "updatedAt" TEXT NOT NULL,
    "expiresAt" TEXT
);

CREATE INDEX "research_data_workspaceId_idx" ON "research_data" ("workspaceId");
CREATE INDEX "research_data_entityType_entityId_idx" ON "research_data" ("entityType", "entityId");
CREATE INDEX "research_data_researchType_idx" ON "research_data" ("researchType");
CREATE INDEX "research_data_createdAt_idx" ON "research_data" ("createdAt");
CREATE INDEX "research_data_expiresAt_idx" ON "research_data" ("expiresAt");

-- What calls would have cost that were answered with what others had paid for.
ALTER TABLE "api_cost_tracking" ADD COLUMN "saved" TEXT;
ALTER TABLE "cost_rollups" ADD COLUMN "savedNanos" INTEGER NOT NULL DEFAULT 0;
