import Foundation
import Testing

private let schemathesis = GatewayUnderTest.repository.appendingPathComponent(".build/venv/bin/schemathesis")

/// `/openapi.json` is what both planes do: schemathesis asks whatever the document lets it, and a good deal that it does not.
@Suite(
    .enabled(if: FileManager.default.isExecutableFile(atPath: schemathesis.path), "the README's test command makes .build/venv"),
    .timeLimit(.minutes(3)))
struct ContractTests {
    private static let person = "/pdl/v5/person/enrich?email=ada@example.com"

    /// Asks for violations among some operations, and expects each of them to be asked: so many at the least.
    private func run(_ gateway: GatewayUnderTest, atLeast operations: Int, _ arguments: String...) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Contract")
        let document = "http://127.0.0.1:\(gateway.adminPort)/openapi.json"
        let result = try CommandResult.run(
            schemathesis,
            ["--config-file", folder.appendingPathComponent("schemathesis.toml").path, "run", document, "--checks", "all"] + arguments,
            in: gateway.folder,
            environment: [
                "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
                "SCHEMATHESIS_HOOKS": folder.appendingPathComponent("serializers.py").path,
            ])
        #expect(result.status == 0, "\(result.output)\n\(result.error)")
        let counts = try #require(result.output.firstMatch(of: /Selected: (\d+)\/\d+\s+Tested: (\d+)\s/), "\(result.output)")
        #expect(counts.1 == counts.2 && Int(counts.2) ?? 0 >= operations, "\(result.output)")
    }

    @Test func theAdminPlaneIsAsItIsDescribed() throws {
        let gateway = try GatewayUnderTest(configuration: "enrich: { person: [pdl, lusha] }")
        try gateway.write(
            try gateway.read("config.yaml").replacing("{ listen: 127.0.0.1:0 }", with: "{ listen: 127.0.0.1:0, token: the-token }"),
            to: "config.yaml")
        try gateway.start()
        #expect(gateway.stop() == 0)
        try gateway.seedReconciliation()
        try gateway.start()
        for _ in 0..<3 { #expect(try gateway.get(Self.person).status == 200) }
        try run(gateway, atLeast: 20, "--include-tag", "admin", "--header", "Authorization: Bearer the-token")
        let readiness = try HTTPClient(port: gateway.adminPort).send("GET", "/readyz", ["Authorization": "Bearer the-token"])
        #expect(readiness.body.contains(#""status":"ready""#))
        #expect(gateway.stop() == 0)
    }

    @Test func whatCallersReadOfTheGatewayIsAsItIsDescribed() throws {
        let gateway = try GatewayUnderTest(configuration: "auth: { mode: keys }")
        try gateway.start()
        let key = try gateway.command("key", "create", "--workspace", "acme").output.trimmingCharacters(in: .newlines)
        #expect(try gateway.get(Self.person, ["X-Gateway-Key": key]).status == 200)
        try run(
            gateway, atLeast: 3, "--url", "http://127.0.0.1:\(gateway.port)", "--include-path-regex", "^/_gateway/", "--header",
            "X-Gateway-Key: \(key)", "--phases", "examples,coverage,fuzzing")
        #expect(gateway.stop() == 0)
    }
}
