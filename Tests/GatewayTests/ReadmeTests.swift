import Foundation
import PostgresUnderTest
import Testing

/// The README's own commands, run as they stand there.
@Suite struct ReadmeTests {
    private static let readme: String = {
        (try? String(contentsOf: GatewayUnderTest.repository.appendingPathComponent("README.md"), encoding: .utf8)) ?? ""
    }()

    private static func blocks(_ language: String) -> [String] {
        readme.components(separatedBy: "```\(language)\n").dropFirst().compactMap { $0.components(separatedBy: "\n```").first }
    }

    @Test func theCurlLineShowsACostAndThenARefusal() throws {
        let line = try #require(Self.blocks("sh").first { $0.hasPrefix("curl ") })
        let shipped = try String(contentsOf: GatewayUnderTest.repository.appendingPathComponent("config.yaml"), encoding: .utf8)
        let gateway = try GatewayUnderTest()
        try gateway.write(
            shipped.replacing("127.0.0.1:8080", with: "127.0.0.1:0").replacing("listen: 127.0.0.1:8081", with: "listen: 127.0.0.1:0"),
            to: "config.yaml")
        try gateway.start()
        let command = line.replacing("127.0.0.1:8080", with: "127.0.0.1:\(gateway.port)")
        func curl() throws -> String {
            let result = try CommandResult.run(URL(fileURLWithPath: "/bin/sh"), ["-c", command], in: gateway.folder)
            #expect(result.status == 0, "\(result.error)")
            return result.output
        }
        let first = try curl()
        #expect(first.hasPrefix("HTTP/1.1 200"))
        #expect(first.contains("X-Gateway-Cost: 0.28\r\n"))
        #expect(first.contains("X-Gateway-Remaining-Daily: 0.22\r\n"))
        let second = try curl()
        #expect(second.hasPrefix("HTTP/1.1 429"))
        #expect(second.contains("\"code\":\"budget_exhausted\""))
    }

    @Test(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
    func theCFOOfNikeIsFoundStoredAndAskedAboutOnceForFree() throws {
        let script = try #require(Self.blocks("sh").first { $0.hasPrefix("ask() {") })
        let database = try PostgresServer.shared.database()
        let gateway = try GatewayUnderTest(configuration: "ledger: { url: \"\(database.url)\" }")
        #expect(try gateway.command("migrate").status == 0)
        try gateway.start()
        let result = try CommandResult.run(
            URL(fileURLWithPath: "/bin/sh"), ["-c", script.replacing("127.0.0.1:8080", with: "127.0.0.1:\(gateway.port)")],
            in: gateway.folder)
        #expect(result.status == 0, "\(result.error)")
        for part in [
            #""fullName":"max example","jobTitle":"chief financial officer""#, #""email":"max.example@nike.example""#,
            #""emailQualityGrade":"A+""#, "X-Gateway-Cost: 0.005027\r\n", "X-Gateway-Cache: miss\r\n",
        ] { #expect(result.output.components(separatedBy: part).count == 2, "\(part) in \(result.output)") }
        let last = try #require(result.output.components(separatedBy: "HTTP/1.1 200 OK\r\n").last)
        #expect(last.contains("X-Gateway-Cache: hit\r\n") && last.contains("X-Gateway-Cost: 0.00\r\n"))
        #expect(last.contains("Max Example is the chief financial officer of Nike"))
        try eventually("the row of the person") {
            try database.sql(#"SELECT id, "fullName", "jobTitle", email, "emailQualityGrade", "dataSources" FROM people"#)
                == [["nike-cfo", "Max Example", "Chief Financial Officer", "max.example@nike.example", "A+", "{lusha}"]]
        }
        try eventually("the row of the answer") {
            try database.sql(#"SELECT "entityId", content, cost FROM research_data"#)
                == [["nike-cfo", "Max Example is the chief financial officer of Nike[1].", "0.005027000"]]
        }
        let spend = try gateway.command("spend", "--workspace", "acme", "--by", "provider", "--format", "csv")
        #expect(
            spend.output.contains("\r\nacme,perplexity,2,27,0.005027,0.005027,0.005,1,0.005027,")
                && Self.namesTheTwo(spend.output), "\(spend.output)")
    }

    @Test(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
    func theCFOOfNikeIsFoundByOneCallAndStoredAsOneRecord() throws {
        let command = try #require(
            Self.readme.components(separatedBy: "<!-- waterfall -->\n```sh\n").last?.components(separatedBy: "\n```").first)
        let shipped = try String(contentsOf: GatewayUnderTest.repository.appendingPathComponent("config.yaml"), encoding: .utf8)
        let order = try #require(shipped.split(separator: "\n").first { $0.hasPrefix("enrich: {") })
        let database = try PostgresServer.shared.database()
        let gateway = try GatewayUnderTest(configuration: "ledger: { url: \"\(database.url)\" }\n\(order)")
        #expect(try gateway.command("migrate").status == 0)
        try gateway.start()
        let result = try CommandResult.run(
            URL(fileURLWithPath: "/bin/sh"), ["-c", command.replacing("127.0.0.1:8080", with: "127.0.0.1:\(gateway.port)")],
            in: gateway.folder)
        #expect(result.status == 0, "\(result.error)")
        for part in [
            "HTTP/1.1 200 OK\r\n", "X-Gateway-Cost: 1.15325\r\n", #""satisfied":true"#, #""fullName":"max example""#,
            #""email":"max.example@nike.example","emailQualityGrade":"A+""#, #""dataSources":["pdl","lusha"]"#, #""missing":[]"#,
            #"{"provider":"pdl","operation":"search_people","outcome":"found","cost":"0.28""#,
            #"{"provider":"lusha","operation":"search_and_enrich_contacts","outcome":"found","cost":"0.87325""#,
        ] { #expect(result.output.contains(part), "\(part) in \(result.output)") }
        // Lusha alone is stored first, and then what both know.
        try eventually("the merged row") {
            try database.sql(#"SELECT id, "fullName", "jobTitle", email, "emailQualityGrade", "dataSources" FROM people"#)
                == [["nike-cfo", "max example", "chief financial officer", "max.example@nike.example", "A+", "{lusha,pdl}"]]
        }
        let spend = try gateway.command("spend", "--workspace", "acme", "--by", "provider", "--format", "csv")
        #expect(Self.namesTheTwo(spend.output), "\(spend.output)")
    }

    /// One call of each, which found somebody.
    private static func namesTheTwo(_ spend: String) -> Bool {
        spend.contains(
            "\r\nacme,lusha,1,0,0.87325,0.00,,0,0.00,1,1,1.0000,1,0.87325,0.87325\r\nacme,pdl,1,0,0.28,0.00,,0,0.00,1,1,1.0000,1,0.28,0.28\r\n"
        )
    }

    @Test func theAdapterOfTheGuidePassesItsCheck() throws {
        let adapter = try #require(Self.blocks("yaml").first { $0.hasPrefix("adapter: 1") })
        let gateway = try GatewayUnderTest(plugins: ["acmedata.yaml": adapter], shippedPlugins: false)
        let result = try gateway.command("check", "plugins/acmedata.yaml")
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output == "ok: 1 adapters, 2 examples\n")
    }
}
