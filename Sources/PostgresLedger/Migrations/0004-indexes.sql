-- Made while readers and writers go on. One that an interrupted run has left invalid is dropped and made again; an index on a column that
-- an application's table lacks, or keeps in a type that cannot be indexed so, is left out. The names are those that Prisma gives.

CREATE INDEX CONCURRENTLY IF NOT EXISTS "api_cost_tracking_workspaceId_idx" ON "api_cost_tracking" ("workspaceId");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "api_cost_tracking_apiProvider_idx" ON "api_cost_tracking" ("apiProvider");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "api_cost_tracking_createdAt_idx" ON "api_cost_tracking" ("createdAt");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "api_cost_tracking_workspaceId_apiProvider_idx" ON "api_cost_tracking" ("workspaceId", "apiProvider");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "api_cost_tracking_entityType_entityId_idx" ON "api_cost_tracking" ("entityType", "entityId");

CREATE INDEX CONCURRENTLY IF NOT EXISTS "cost_rollups_day_idx" ON "cost_rollups" ("day");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "once_charges_createdAt_idx" ON "once_charges" ("createdAt");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "once_charges_id_idx" ON "once_charges" ("id");

CREATE INDEX CONCURRENTLY IF NOT EXISTS "research_data_workspaceId_idx" ON "research_data" ("workspaceId");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "research_data_entityType_entityId_idx" ON "research_data" ("entityType", "entityId");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "research_data_researchType_idx" ON "research_data" ("researchType");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "research_data_createdAt_idx" ON "research_data" ("createdAt");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "research_data_expiresAt_idx" ON "research_data" ("expiresAt");

CREATE INDEX CONCURRENTLY IF NOT EXISTS "people_coresignalData_idx" ON "people" USING gin ("coresignalData");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "people_enrichedData_idx" ON "people" USING gin ("enrichedData");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "people_aiIntelligence_idx" ON "people" USING gin ("aiIntelligence");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "people_dataSources_idx" ON "people" USING gin ("dataSources");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "people_customFields_idx" ON "people" USING gin ("customFields");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "people_workspaceId_emailQualityGrade_idx" ON "people" ("workspaceId", "emailQualityGrade");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "people_workspaceId_dataQualityScore_idx" ON "people" ("workspaceId", "dataQualityScore");

CREATE INDEX CONCURRENTLY IF NOT EXISTS "companies_companyIntelligence_idx" ON "companies" USING gin ("companyIntelligence");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "companies_aiIntelligence_idx" ON "companies" USING gin ("aiIntelligence");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "companies_employeeCountChange_idx" ON "companies" USING gin ("employeeCountChange");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "companies_dataSources_idx" ON "companies" USING gin ("dataSources");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "companies_customFields_idx" ON "companies" USING gin ("customFields");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "companies_workspaceId_dataQualityScore_idx" ON "companies" ("workspaceId", "dataQualityScore");
