import Foundation
import Loopback
import Testing

/// A day of somebody who operates a gateway, from the first key to the restart, in which all that says what was spent says the same.
@Suite(.timeLimit(.minutes(3))) struct DayTests {
    private static let promtool = executable("promtool")

    @Test(
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/chromium"), "Debian's chromium is not installed"),
        .enabled(if: promtool != nil, "Debian's prometheus, which has promtool, is not installed"))
    func everyFigureAgreesAndNoSecretIsTold() throws {
        let walk = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Day/walk.py")
        let result = try CommandResult.run(
            URL(fileURLWithPath: "/usr/bin/env"),
            ["python3", walk.path, try GatewayUnderTest.executable.path, try #require(Self.promtool)],
            in: FileManager.default.temporaryDirectory, environment: ["PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"])
        #expect(result.status == 0 && result.output.hasSuffix("ok\n"), "\(result.output)\n\(result.error)")
    }
}
