import Foundation
import PostgresUnderTest
import Testing

/// The soak in short: killed at random instants under load, with everything below it failing, with its files changing, with large bodies
/// and many connections and streams, and with others on one database. `Tests/Soak/run` has the long forms.
@Suite struct SoakTests {
    @Test(arguments: [
        ["kill", "--times", "8"], ["faults", "--quick", "--together", "9", "--callers", "3"], ["edits", "--count", "26", "--callers", "6"],
        ["leases", "--rounds", "2", "--calls", "150", "--cut", "1.5", "--callers", "60"], ["memory", "--calls", "2000", "--idle", "500"],
        ["cuts", "--stride", "149"], ["streams", "--streams", "300", "--seconds", "2", "--latest", "0", "--memory", "80"],
        ["soak", "--minutes", "0.3", "--callers", "6"],
    ])
    func promisesHold(arguments: [String]) throws {
        try run(arguments)
    }

    @Test(.enabled(if: PostgresServer.isInstalled, "Debian's postgresql is not installed"))
    func aMigrationLosesNothing() throws {
        try run(["migrate", "--people", "5000", "--kills", "4"])
    }

    private func run(_ arguments: [String]) throws {
        let tool = GatewayUnderTest.repository.appendingPathComponent("Tests/Soak/run")
        let result = try CommandResult.run(
            URL(fileURLWithPath: "/usr/bin/env"),
            ["python3", tool.path] + arguments + ["--gateway", try GatewayUnderTest.executable.path],
            in: FileManager.default.temporaryDirectory)
        #expect(result.status == 0, "\(result.output)\n\(result.error)")
    }
}
