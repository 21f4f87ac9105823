import Foundation
import Testing

/// The page at the admin plane's `/`, in Debian's chromium.
@Suite(.timeLimit(.minutes(2))) struct DashboardTests {
    private static let isInstalled = FileManager.default.isExecutableFile(atPath: "/usr/bin/chromium")
    private static let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Browser")

    private func look(_ scenario: String, at gateway: GatewayUnderTest) throws {
        let ledger = gateway.folder.appendingPathComponent("gateway.db").path
        let result = try CommandResult.run(
            URL(fileURLWithPath: "/usr/bin/env"),
            [
                "python3", Self.scripts.appendingPathComponent("dashboard.py").path, scenario, "\(gateway.port)", "\(gateway.adminPort)",
                ledger,
            ],
            in: gateway.folder, environment: ["PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"])
        #expect(result.status == 0 && result.output.hasSuffix("ok\n"), "\(result.output)\n\(result.error)")
    }

    @Test(.enabled(if: isInstalled, "Debian's chromium is not installed")) func showsTheLedgersFiguresAndCallsAsTheyHappen() throws {
        let gateway = try GatewayUnderTest(configuration: "budgets: { workspaces: { demo: { daily: 0.50, monthly: 10 } } }")
        try gateway.start()
        #expect(gateway.stop() == 0)
        // What ten thousand workspaces have spent today, each of them a little more than the one before.
        let seeding = try CommandResult.run(
            URL(fileURLWithPath: "/usr/bin/env"),
            [
                "python3", "-c",
                """
                import sqlite3, sys, time
                database = sqlite3.connect(sys.argv[1])
                today = time.strftime("%Y-%m-%dT00:00:00.000000Z", time.gmtime())
                database.executemany('INSERT INTO "cost_rollups" ("workspaceId", "day", "apiProvider", "operation", "userId", "calls", "costNanos", "tokens") VALUES (?, ?, ?, ?, ?, 1, ?, 0)',
                    [(f"w{n:05d}", today, ["pdl", "lusha", "openai"][n % 3], "x", "", 40_000_000_001 + n * 999_983) for n in range(10_000)])
                database.commit()
                """, gateway.folder.appendingPathComponent("gateway.db").path,
            ], in: gateway.folder)
        #expect(seeding.status == 0, "\(seeding.error)")
        try gateway.seedReconciliation()
        try gateway.start()
        try look("sees", at: gateway)
        #expect(gateway.stop() == 0)
    }

    @Test(.enabled(if: isInstalled, "Debian's chromium is not installed")) func aBudgetIsEditedWithTheKeyboardAlone() throws {
        let gateway = try GatewayUnderTest(configuration: "budgets: { workspaces: { named: { daily: 3 } } }")
        try gateway.start()
        try look("edits", at: gateway)
    }

    @Test(.enabled(if: isInstalled, "Debian's chromium is not installed")) func asksForTheAdminToken() throws {
        let gateway = try GatewayUnderTest()
        let configuration = try gateway.read("config.yaml").replacing(
            "admin: { listen: 127.0.0.1:0 }", with: "admin: { listen: 127.0.0.1:0, token: only für tests }")
        try gateway.write(configuration, to: "config.yaml")
        try gateway.start()
        try look("asks_for_token", at: gateway)
        #expect(gateway.log.allSatisfy { !$0.contains("only für tests") })
    }

    /// The page may do nothing but run its own script and ask its own server, and a browser keeps what has not changed.
    @Test func thePageIsServedWithABoundOnWhatItMayDo() throws {
        let gateway = try GatewayUnderTest()
        try gateway.start()
        let page = try gateway.admin("GET", "/")
        #expect(page.status == 200 && page["Content-Type"] == "text/html; charset=utf-8")
        let policy = try #require(page["Content-Security-Policy"])
        #expect(policy.contains("default-src 'none'") && policy.contains("require-trusted-types-for 'script'"))
        #expect(!policy.contains("unsafe") && !policy.contains("*") && !policy.contains("http"))
        let parts = page.body.matches(of: /(?:src|href)="([^"#]+)"/).map { String($0.1) }
        #expect(Set(parts) == ["dashboard/icon.svg", "dashboard/dashboard.css", "dashboard/dashboard.js"])
        var scripts = ["dashboard/dashboard.js"]
        for path in parts where !scripts.contains(path) { #expect(try gateway.admin("GET", "/\(path)").status == 200) }
        // Each script that another one names.
        var index = 0
        while index < scripts.count {
            let script = try gateway.admin("GET", "/\(scripts[index])")
            #expect(script.status == 200 && script["Content-Type"] == "text/javascript; charset=utf-8", "\(scripts[index])")
            #expect(script["X-Content-Type-Options"] == "nosniff" && script["Content-Security-Policy"] == policy)
            #expect(!script.body.contains("innerHTML") && !script.body.replacing("http://www.w3.org/2000/svg", with: "").contains("http"))
            for name in script.body.matches(of: /from "\.\/([a-z]+\.js)"/).map({ "dashboard/\($0.1)" }) where !scripts.contains(name) {
                scripts.append(name)
            }
            let tag = try #require(script["ETag"])
            let again = try HTTPClient(port: gateway.adminPort).send("GET", "/\(scripts[index])", ["If-None-Match": tag])
            #expect(again.status == 304 && again.body.isEmpty)
            index += 1
        }
        #expect(scripts.count == 10)
    }
}
