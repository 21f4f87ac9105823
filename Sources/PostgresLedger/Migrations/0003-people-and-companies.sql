-- Where normalized records are stored. An application that owns these tables keeps its columns and rows and gains what is missing.

CREATE TABLE IF NOT EXISTS "people" (
    "id" varchar(128) NOT NULL,
    "workspaceId" varchar(128) NOT NULL,
    "fullName" text,
    "firstName" text,
    "lastName" text,
    "headline" text,
    "jobTitle" text,
    "department" text,
    "seniority" text,
    "companyName" text,
    "companyDomain" text,
    "linkedinUrl" text,
    "email" text,
    "emails" text[],
    "phone" text,
    "phones" text[],
    "city" text,
    "state" text,
    "country" text,
    "skills" text[],
    "customFields" jsonb,
    "createdAt" timestamp with time zone NOT NULL DEFAULT now(),
    "updatedAt" timestamp with time zone NOT NULL DEFAULT now(),
    PRIMARY KEY ("workspaceId", "id")
);

ALTER TABLE "people"
    ADD COLUMN IF NOT EXISTS "coresignalData" jsonb,
    ADD COLUMN IF NOT EXISTS "enrichedData" jsonb,
    ADD COLUMN IF NOT EXISTS "degrees" jsonb,
    ADD COLUMN IF NOT EXISTS "previousRoles" jsonb,
    ADD COLUMN IF NOT EXISTS "careerTimeline" jsonb,
    ADD COLUMN IF NOT EXISTS "roleHistory" jsonb,
    ADD COLUMN IF NOT EXISTS "rolePromoted" jsonb,
    ADD COLUMN IF NOT EXISTS "aiIntelligence" jsonb,
    ADD COLUMN IF NOT EXISTS "aiConfidence" double precision DEFAULT 0,
    ADD COLUMN IF NOT EXISTS "aiLastUpdated" timestamp with time zone,
    ADD COLUMN IF NOT EXISTS "dataQualityScore" double precision DEFAULT 0,
    ADD COLUMN IF NOT EXISTS "dataQualityBreakdown" jsonb,
    ADD COLUMN IF NOT EXISTS "dataSources" text[] DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS "dataLastVerified" timestamp with time zone,
    ADD COLUMN IF NOT EXISTS "emailQualityGrade" varchar(10),
    ADD COLUMN IF NOT EXISTS "phoneQualityScore" double precision DEFAULT 0,
    ADD COLUMN IF NOT EXISTS "linkedinConnections" integer,
    ADD COLUMN IF NOT EXISTS "linkedinFollowers" integer,
    ADD COLUMN IF NOT EXISTS "totalExperienceMonths" integer,
    ADD COLUMN IF NOT EXISTS "salaryProjections" jsonb;

ALTER TABLE "people"
    ALTER COLUMN "coresignalData" TYPE jsonb USING "coresignalData"::jsonb,
    ALTER COLUMN "enrichedData" TYPE jsonb USING "enrichedData"::jsonb,
    ALTER COLUMN "degrees" TYPE jsonb USING "degrees"::jsonb,
    ALTER COLUMN "previousRoles" TYPE jsonb USING "previousRoles"::jsonb,
    ALTER COLUMN "careerTimeline" TYPE jsonb USING "careerTimeline"::jsonb,
    ALTER COLUMN "roleHistory" TYPE jsonb USING "roleHistory"::jsonb,
    ALTER COLUMN "rolePromoted" TYPE jsonb USING "rolePromoted"::jsonb;

CREATE TABLE IF NOT EXISTS "companies" (
    "id" varchar(128) NOT NULL,
    "workspaceId" varchar(128) NOT NULL,
    "name" text,
    "domain" text,
    "website" text,
    "linkedinUrl" text,
    "industry" text,
    "description" text,
    "foundedYear" integer,
    "employeeCount" integer,
    "city" text,
    "state" text,
    "country" text,
    "technologies" text[],
    "customFields" jsonb,
    "createdAt" timestamp with time zone NOT NULL DEFAULT now(),
    "updatedAt" timestamp with time zone NOT NULL DEFAULT now(),
    PRIMARY KEY ("workspaceId", "id")
);

ALTER TABLE "companies"
    ADD COLUMN IF NOT EXISTS "companyIntelligence" jsonb,
    ADD COLUMN IF NOT EXISTS "companyUpdates" jsonb,
    ADD COLUMN IF NOT EXISTS "employeeCountChange" jsonb,
    ADD COLUMN IF NOT EXISTS "executiveDepartures" jsonb,
    ADD COLUMN IF NOT EXISTS "executiveArrivals" jsonb,
    ADD COLUMN IF NOT EXISTS "jobPostingsChange" jsonb,
    ADD COLUMN IF NOT EXISTS "fundingRounds" jsonb,
    ADD COLUMN IF NOT EXISTS "acquisitionHistory" jsonb,
    ADD COLUMN IF NOT EXISTS "revenueRange" jsonb,
    ADD COLUMN IF NOT EXISTS "employeeReviewsScore" jsonb,
    ADD COLUMN IF NOT EXISTS "productReviewsScore" jsonb,
    ADD COLUMN IF NOT EXISTS "aiIntelligence" jsonb,
    ADD COLUMN IF NOT EXISTS "aiConfidence" double precision DEFAULT 0,
    ADD COLUMN IF NOT EXISTS "aiLastUpdated" timestamp with time zone,
    ADD COLUMN IF NOT EXISTS "dataQualityScore" double precision DEFAULT 0,
    ADD COLUMN IF NOT EXISTS "dataQualityBreakdown" jsonb,
    ADD COLUMN IF NOT EXISTS "dataSources" text[] DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS "dataLastVerified" timestamp with time zone;

ALTER TABLE "companies"
    ALTER COLUMN "companyIntelligence" TYPE jsonb USING "companyIntelligence"::jsonb,
    ALTER COLUMN "companyUpdates" TYPE jsonb USING "companyUpdates"::jsonb;
