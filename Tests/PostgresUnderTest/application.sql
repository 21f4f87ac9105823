-- The database of an application that was there before the gateway, in the state before the schema note's changes: legacy columns with
-- values, "json" columns of about 1 KB a person, indexes and foreign keys of its own, and the cost table that the note itself has made.
-- Variables: people, costs.

CREATE TABLE "workspaces" (
    "id" varchar(30) NOT NULL, "name" text NOT NULL, "newsEnabled" boolean, "newsIndustries" text[], "newsSources" text[],
    "createdAt" timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "users" (
    "id" varchar(30) NOT NULL, "workspaceId" varchar(30) NOT NULL, "email" text, "speedrunRankingMode" text,
    "createdAt" timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "companies" (
    "id" varchar(30) NOT NULL, "workspaceId" varchar(30) NOT NULL, "name" text, "website" text, "companyIntelligence" json,
    "companyUpdates" json, "customFields" jsonb, "createdAt" timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "people" (
    "id" varchar(30) NOT NULL, "workspaceId" varchar(30) NOT NULL, "companyId" varchar(30), "fullName" text NOT NULL, "email" text,
    "jobTitle" text, "decisionPowerScore" double precision, "yearsExperience" integer, "coresignalData" json, "enrichedData" json,
    "degrees" json, "previousRoles" json, "careerTimeline" json DEFAULT '[]', "roleHistory" json, "rolePromoted" json,
    "customFields" jsonb, "createdAt" timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "notes" ("id" varchar(30) NOT NULL, "personId" varchar(30) NOT NULL, "text" text NOT NULL);
CREATE TABLE "api_cost_tracking" (
    "id" varchar(30) NOT NULL, "workspaceId" varchar(30) NOT NULL, "userId" varchar(30), "apiProvider" varchar(50) NOT NULL,
    "endpoint" varchar(100), "operation" varchar(50), "cost" numeric(10,4) NOT NULL, "tokensUsed" integer, "entityType" varchar(20),
    "entityId" varchar(30), "requestData" jsonb, "success" boolean NOT NULL DEFAULT true, "errorMessage" text,
    "createdAt" timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP
);

INSERT INTO "workspaces" SELECT
    'w' || n, 'Workspace ' || n, CASE WHEN n < 5 THEN true END, CASE WHEN n < 5 THEN ARRAY['ai', 'law'] END,
    CASE WHEN n < 5 THEN ARRAY['https://news.example/' || n] END, timestamp '2023-01-01' + n * interval '5 hours'
FROM generate_series(0, 999) AS n;
-- The workspace of the rows that the application writes while it is watched.
INSERT INTO "workspaces" ("id", "name") VALUES ('app', 'The application''s own');
INSERT INTO "users" SELECT
    'u' || n, 'w' || n % 1000, 'u' || n || '@example.com', CASE WHEN n < 9 THEN 'global' END, timestamp '2023-02-01' + n * interval '1 hour'
FROM generate_series(0, 4999) AS n;
INSERT INTO "companies" SELECT
    'c' || n, 'w' || n % 1000, 'Company ' || n, 'https://c' || n || '.example',
    format('{"size": [%s, %s], "industry": "industry-%s", "signals": {"hiring": %s}}', n % 50, n % 5000, n % 80, (n % 3 = 0)::text)::json,
    format('[{"at": "2024-%s-01", "text": "%s"}]', lpad((1 + n % 12)::text, 2, '0'), repeat(md5(n::text), 3))::json,
    '{"tier": "gold"}', timestamp '2023-03-01' + n * interval '1 minute'
FROM generate_series(0, :people / 20) AS n;
INSERT INTO "people" SELECT
    'p' || n, 'w' || n % 1000, 'c' || n % (1 + :people / 20), 'Ada Example ' || n, 'ada' || n || '@example.com', 'title-' || n % 300,
    CASE WHEN n <= 21450 THEN n % 101 / 7.0 END, CASE WHEN n = 77 THEN 12 END,
    format(
        '{"id": %s, "public_id": "ada-%s", "country": "country-%s", "skills": ["skill-%s", "skill-%s", "skill-%s", "skill-%s"], "connections": %s, "experience": [{"company_id": %s, "title": "title-%s", "from": "2015-0%s", "to": "2019-08"}, {"company_id": %s, "title": "title-%s", "from": "2019-09", "to": null}], "education": [{"school": "school-%s", "year": %s}], "summary": "%s %s %s"}',
        n, left(md5(n::text), 12), n % 60, n % 400, (n / 7 + 1) % 400, (n / 31 + 2) % 400, (n / 211 + 3) % 400, n % 500, n % 40000, n % 300,
        1 + n % 9, n % 39119, n * 7 % 300, n % 2000, 1980 + n % 40, md5('a' || n), md5('b' || n), md5('c' || n))::json,
    CASE WHEN n % 3 = 0
        THEN format('{"lusha": {"emails": ["ada%s@example.com"], "phones": [{"number": "+1 555 %s", "score": %s}]}}', n, n, n % 100)::json END,
    format('["BSc", {"name": "MSc", "grade": %s.50}]', n % 5)::json, CASE WHEN n % 2 = 0 THEN '[]' ELSE '[ ]' END::json,
    format(
        '[{"y": %s, "company": "Company %s", "role": "role-%s"}, {"y": %s, "company": "Company %s", "role": "role-%s"}]', 2010 + n % 10, n % 997,
        n % 70, 2015 + n % 10, n % 1009, n % 71)::json,
    CASE WHEN n % 4 = 0 THEN format('{"%s": [1e3, 12345678901234567890.123]}', left(md5('r' || n), 8))::json END,
    -- What jsonb writes in another way than it was written, and means the same.
    CASE n % 50 WHEN 0 THEN '{"b": 1.50, "a" : [ 1e3 ], "a": {"é": "\u00e9\ud83d\ude00 \\u0000"}}' WHEN 1 THEN 'null' END::json,
    CASE WHEN n % 10 = 0 THEN '{"favourite": true}'::jsonb END, timestamp '2024-01-01' + n * interval '31 seconds'
FROM generate_series(1, :people) AS n;
INSERT INTO "notes" SELECT 'n' || n, 'p' || n, 'Call back' FROM generate_series(1, :people / 100) AS n;
INSERT INTO "api_cost_tracking" SELECT
    'old' || n, 'w' || n % 1000, CASE WHEN n % 3 > 0 THEN 'u' || n % 5000 END, (ARRAY['coresignal', 'lusha', 'pdl', 'perplexity'])[1 + n % 4],
    '/v1/enrich', 'enrich_person', (n % 9973) / 10000.0, n % 4000, 'person', 'p' || 1 + n % :people, '{"source": "app"}', n % 40 > 0,
    CASE WHEN n % 40 = 0 THEN 'HTTP 500' END, timestamp '2024-11-01' + n * interval '97 seconds' + n % 1000 * interval '1 millisecond'
FROM generate_series(1, :costs) AS n;

ALTER TABLE "workspaces" ADD PRIMARY KEY ("id");
ALTER TABLE "users" ADD PRIMARY KEY ("id"), ADD FOREIGN KEY ("workspaceId") REFERENCES "workspaces" ON DELETE CASCADE;
ALTER TABLE "companies" ADD PRIMARY KEY ("id"), ADD FOREIGN KEY ("workspaceId") REFERENCES "workspaces" ON DELETE CASCADE;
ALTER TABLE "people"
    ADD PRIMARY KEY ("id"), ADD FOREIGN KEY ("workspaceId") REFERENCES "workspaces" ON DELETE CASCADE,
    ADD FOREIGN KEY ("companyId") REFERENCES "companies" ON DELETE SET NULL;
ALTER TABLE "notes" ADD PRIMARY KEY ("id"), ADD FOREIGN KEY ("personId") REFERENCES "people" ON DELETE CASCADE;
ALTER TABLE "api_cost_tracking"
    ADD PRIMARY KEY ("id"), ADD FOREIGN KEY ("workspaceId") REFERENCES "workspaces" ON DELETE CASCADE,
    ADD FOREIGN KEY ("userId") REFERENCES "users" ON DELETE SET NULL;
CREATE INDEX "people_workspaceId_idx" ON "people" ("workspaceId");
CREATE INDEX "people_companyId_idx" ON "people" ("companyId");
CREATE INDEX "people_public_id_idx" ON "people" (("coresignalData" ->> 'public_id'));
CREATE UNIQUE INDEX "people_email_key" ON "people" ("email");
CREATE INDEX "companies_workspaceId_idx" ON "companies" ("workspaceId");
CREATE INDEX "notes_personId_idx" ON "notes" ("personId");
CREATE INDEX "api_cost_tracking_workspaceId_idx" ON "api_cost_tracking" ("workspaceId");
CREATE INDEX "api_cost_tracking_apiProvider_idx" ON "api_cost_tracking" ("apiProvider");
CREATE INDEX "api_cost_tracking_createdAt_idx" ON "api_cost_tracking" ("createdAt");
CREATE INDEX "api_cost_tracking_workspaceId_apiProvider_idx" ON "api_cost_tracking" ("workspaceId", "apiProvider");
CREATE INDEX "api_cost_tracking_entityType_entityId_idx" ON "api_cost_tracking" ("entityType", "entityId");
