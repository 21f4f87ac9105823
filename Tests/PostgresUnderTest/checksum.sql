-- What application.sql has put there: for each table its rows and a sum over all old values of every row, "json" as "jsonb". Rows that the
-- application has made since ('app…') are not among them.

SELECT 'workspaces', count(*), sum(hashtextextended(ROW("id", "name", "newsEnabled", "newsIndustries", "newsSources", "createdAt")::text, 0))
    FROM "workspaces" WHERE "id" <> 'app'
UNION ALL SELECT 'users', count(*), sum(hashtextextended(ROW("id", "workspaceId", "email", "speedrunRankingMode", "createdAt")::text, 0))
    FROM "users"
UNION ALL SELECT 'companies', count(*), sum(hashtextextended(ROW(
        "id", "workspaceId", "name", "website", "companyIntelligence"::jsonb, "companyUpdates"::jsonb, "customFields", "createdAt")::text, 0))
    FROM "companies"
UNION ALL SELECT 'people', count(*), sum(hashtextextended(ROW(
        "id", "workspaceId", "companyId", "fullName", "email", "jobTitle", "decisionPowerScore", "yearsExperience", "coresignalData"::jsonb,
        "enrichedData"::jsonb, "degrees"::jsonb, "previousRoles"::jsonb, "careerTimeline"::jsonb, "roleHistory"::jsonb,
        "rolePromoted"::jsonb, "customFields", "createdAt")::text, 0))
    FROM "people" WHERE "id" NOT LIKE 'app%'
UNION ALL SELECT 'notes', count(*), sum(hashtextextended(ROW("id", "personId", "text")::text, 0)) FROM "notes" WHERE "id" NOT LIKE 'app%'
UNION ALL SELECT 'api_cost_tracking', count(*), sum(hashtextextended(ROW(
        "id", "workspaceId", "userId", "apiProvider", "endpoint", "operation", "cost"::numeric(20,9), "tokensUsed", "entityType", "entityId",
        "requestData", "success", "errorMessage", "createdAt")::text, 0))
    FROM "api_cost_tracking" WHERE "id" NOT LIKE 'app%'
UNION ALL SELECT 'legacy values', count("decisionPowerScore"), count("yearsExperience") FROM "people" WHERE "id" NOT LIKE 'app%'
UNION ALL SELECT 'ranking modes and news settings', count("speedrunRankingMode"), (SELECT count("newsEnabled") FROM "workspaces") FROM "users";
