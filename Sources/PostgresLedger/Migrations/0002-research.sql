-- Answers of AI providers that are kept until they expire.

CREATE TABLE IF NOT EXISTS "research_data" (
    "id" varchar(30) PRIMARY KEY,
    "workspaceId" varchar(128) NOT NULL,
    "entityType" varchar(128) NOT NULL,
    "entityId" varchar(128) NOT NULL,
    "researchType" varchar(50) NOT NULL,
    "content" text,
    "sources" jsonb,
    "extractedData" jsonb,
    "confidence" double precision DEFAULT 0,
    "model" varchar(100),
    "tokensUsed" bigint,
    "processingTime" integer,
    "cost" numeric(20,9),
    "createdAt" timestamp with time zone NOT NULL DEFAULT now(),
    "updatedAt" timestamp with time zone NOT NULL DEFAULT now(),
    "expiresAt" timestamp with time zone
);

ALTER TABLE "research_data"
    ALTER COLUMN "workspaceId" TYPE varchar(128),
    ALTER COLUMN "entityType" TYPE varchar(128),
    ALTER COLUMN "entityId" TYPE varchar(128);

ALTER TABLE "research_data"
    ALTER COLUMN "cost" TYPE numeric(20,9),
    ALTER COLUMN "sources" TYPE jsonb USING "sources"::jsonb,
    ALTER COLUMN "extractedData" TYPE jsonb USING "extractedData"::jsonb;
