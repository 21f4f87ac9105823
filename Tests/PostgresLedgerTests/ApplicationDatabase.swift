import PostgresUnderTest

/// The database of an application that was there before the gateway, as the schema note has it.
enum ApplicationDatabase {
    /// Before the note's changes: `json` columns, legacy columns with values, nothing of the gateway's.
    static func old(people: Int) -> String {
        """
        CREATE TABLE "workspaces" ("id" text PRIMARY KEY, "newsEnabled" boolean, "newsIndustries" text[], "newsSources" text[]);
        CREATE TABLE "users" ("id" text PRIMARY KEY, "speedrunRankingMode" text);
        CREATE TABLE "people" (
            "id" text PRIMARY KEY, "workspaceId" text NOT NULL REFERENCES "workspaces", "fullName" text NOT NULL, "email" text,
            "decisionPowerScore" double precision, "yearsExperience" integer, "coresignalData" json, "enrichedData" json, "degrees" json,
            "previousRoles" json, "careerTimeline" json DEFAULT '[]', "roleHistory" json, "rolePromoted" json, "customFields" json,
            "createdAt" timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP
        );
        CREATE INDEX "people_workspaceId_idx" ON "people" ("workspaceId");
        CREATE TABLE "companies" (
            "id" text PRIMARY KEY, "workspaceId" text NOT NULL, "name" text, "companyIntelligence" json, "companyUpdates" json,
            "dataQualityScore" double precision
        );
        INSERT INTO "workspaces" SELECT 'w' || n, n <= 5, CASE WHEN n <= 5 THEN ARRAY['ai', 'law'] END, NULL FROM generate_series(1, 20) AS n;
        INSERT INTO "users" SELECT 'u' || n, CASE WHEN n <= 9 THEN 'global' END FROM generate_series(1, 50) AS n;
        INSERT INTO "people" SELECT
            'p' || n, 'w' || 1 + n % 20, 'Ada ' || n, NULL, n % 101 / 7.0, CASE WHEN n = 77 THEN 12 END,
            ('{"b": 1.50, "a" : [ 1e3, 12345678901234567890.123 ], "a": {"é": "\\\\u00e9\\\\ud83d\\\\ude00 \\\\\\\\u0000"}, "n":' || n || '}')::json,
            CASE WHEN n % 3 = 0 THEN '{"lusha": {"emails": ["x@example.com"]}}'::json END, '["BSc"]', '[]', '[{"y": 2020}]', 'null', NULL, '{"k":1}',
            timestamp '2024-01-01' + n * interval '7 minutes'
        FROM generate_series(1, \(people)) AS n;
        INSERT INTO "companies" SELECT 'c' || n, 'w1', 'C ' || n, '{"size": [1, 2]}', '"text"', n FROM generate_series(1, 500) AS n;
        """
    }

    /// A checksum over every old value of every row, with `json` as `jsonb`.
    static let checksum = """
        SELECT md5(string_agg(md5(row::text), '' ORDER BY row::text)) FROM (
            SELECT ROW("id", "newsEnabled", "newsIndustries", "newsSources") FROM "workspaces"
            UNION ALL SELECT ROW("id", "speedrunRankingMode") FROM "users"
            UNION ALL SELECT ROW(
                "id", "workspaceId", "fullName", "email", "decisionPowerScore", "yearsExperience", "coresignalData"::jsonb, "enrichedData"::jsonb,
                "degrees"::jsonb, "previousRoles"::jsonb, "careerTimeline"::jsonb, "roleHistory"::jsonb, "rolePromoted"::jsonb,
                "customFields"::text, "createdAt") FROM "people"
            UNION ALL SELECT ROW(
                "id", "workspaceId", "name", "companyIntelligence"::jsonb, "companyUpdates"::jsonb, "dataQualityScore") FROM "companies"
        ) AS old (row)
        """

    /// The cost table as the note itself made it, with what was recorded since.
    static let costs = """
        CREATE TABLE "api_cost_tracking" (
            "id" varchar(30) PRIMARY KEY, "workspaceId" varchar(30) NOT NULL REFERENCES "workspaces", "userId" varchar(30),
            "apiProvider" varchar(50) NOT NULL, "endpoint" varchar(100), "operation" varchar(50), "cost" numeric(10,4) NOT NULL,
            "tokensUsed" integer, "entityType" varchar(20), "entityId" varchar(30), "requestData" jsonb, "success" boolean NOT NULL DEFAULT true,
            "errorMessage" text, "createdAt" timestamp(3) without time zone NOT NULL DEFAULT CURRENT_TIMESTAMP
        );
        CREATE INDEX "api_cost_tracking_workspaceId_idx" ON "api_cost_tracking" ("workspaceId");
        INSERT INTO "api_cost_tracking" ("id", "workspaceId", "apiProvider", "operation", "cost", "tokensUsed", "createdAt")
            SELECT 'old' || n, 'w' || 1 + n % 2, 'pdl', 'enrich', 0.2801, n, timestamp '2026-10-30 23:00' + n * interval '1 hour'
            FROM generate_series(1, 50) AS n;
        """

    /// Every column and index of a database, to compare two.
    static let schema = """
        SELECT relname || '.' || attname, format_type(atttypid, atttypmod), attnotnull::text, pg_get_expr(adbin, adrelid)
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
        UNION ALL SELECT pg_get_indexdef(indexrelid), indisvalid::text, indisready::text, NULL
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace ORDER BY 1
        """
}
