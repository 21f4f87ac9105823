import CurlUpstream
import GatewayCore
import NIOUpstream
import Testing

/// A transport as the tests see it.
protocol TestedUpstream: Upstream {
    func snapshot() -> UpstreamSnapshot
    func shutdown()
}

extension CurlUpstream: TestedUpstream {}
extension NIOUpstream: TestedUpstream {}

/// The transports that must do what these tests say.
enum Transport: String, CaseIterable {
    case curl, nio

    /// The one that is being tested.
    @TaskLocal static var current = Transport.curl
}

/// A new transport of the kind that is being tested.
func makeUpstream(window: Int = 256 * 1024, retryBackOff: Int = 100) throws -> any TestedUpstream {
    switch Transport.current {
    case .curl:
        var settings = CurlSettings()
        (settings.window, settings.retryBackOff) = (window, retryBackOff)
        return try CurlUpstream(settings: settings)
    case .nio:
        var settings = NIOUpstreamSettings()
        (settings.window, settings.retryBackOff) = (window, retryBackOff)
        return NIOUpstream(settings: settings)
    }
}

/// Runs each test of a suite over every transport.
struct EveryTransport: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void) async throws
    {
        for transport in Transport.allCases {
            let naming = IssueHandlingTrait.compactMapIssues { issue in
                var issue = issue
                issue.comments.append("over \(transport)")
                return issue
            }
            try await Transport.$current.withValue(transport) {
                try await naming.provideScope(for: test, testCase: testCase, performing: function)
            }
        }
    }
}

extension Trait where Self == EveryTransport {
    static var everyTransport: Self { Self() }
}
