import Foundation
import Testing

/// The providers' own Python SDKs, with their base URL and key changed and nothing else.
@Suite struct SDKTests {
    static let python = GatewayUnderTest.repository.appendingPathComponent(".build/venv/bin/python")

    @Test(
        .enabled(if: FileManager.default.isExecutableFile(atPath: python.path), "the README's test command makes .build/venv"),
        arguments: ["openai_sdk", "anthropic_sdk", "peopledatalabs_sdk"])
    func worksThroughTheGateway(script: String) throws {
        // The SDKs have no header for a workspace of their own: callers that name none belong to this one.
        let gateway = try GatewayUnderTest(configuration: "auth: { mode: header, default_workspace: sdk }")
        try gateway.start()
        try run(script, "http://127.0.0.1:\(gateway.port)")
    }

    /// Synchronous and asynchronous, plain and with their helpers, however the provider writes and cuts its events.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: python.path), "the README's test command makes .build/venv"))
    func streamsAreToSDKsWhatTheyAreWithoutTheGateway() throws {
        try run("streams", try GatewayUnderTest.executable.path)
    }

    private func run(_ script: String, _ argument: String) throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("SDKs/\(script).py")
        let result = try CommandResult.run(
            Self.python, [file.path, argument], in: FileManager.default.temporaryDirectory, environment: ["PATH": "/usr/bin:/bin"])
        #expect(result.status == 0, "\(result.output)\n\(result.error)")
        #expect(result.output.hasSuffix("ok\n"))
    }
}
