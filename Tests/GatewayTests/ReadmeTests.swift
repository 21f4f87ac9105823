import Foundation
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

    @Test func theAdapterOfTheGuidePassesItsCheck() throws {
        let adapter = try #require(Self.blocks("yaml").first { $0.hasPrefix("adapter: 1") })
        let gateway = try GatewayUnderTest(plugins: ["acmedata.yaml": adapter], shippedPlugins: false)
        let result = try gateway.command("check", "plugins/acmedata.yaml")
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output == "ok: 1 adapters, 2 examples\n")
    }
}
