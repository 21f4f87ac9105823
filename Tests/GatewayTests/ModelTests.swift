import Foundation
import Testing

/// The protocol of budgets across gateways, as a model that is checked in every order of its steps.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/spin"), "Debian's spin is not installed"))
struct ModelTests {
    @Test(.timeLimit(.minutes(10))) func theProtocolHoldsAndMistakesInItAreFound() throws {
        let models = GatewayUnderTest.repository.appendingPathComponent("Tests/Models")
        let result = try CommandResult.run(models.appendingPathComponent("run"), [], in: models)
        #expect(result.status == 0, "\(result.output)\(result.error)")
        #expect(result.output.split(separator: "\n").count { $0.hasPrefix("ok: ") } == 6)
        #expect(result.output.split(separator: "\n").count { $0.hasPrefix("found: ") } == 5)
    }
}
