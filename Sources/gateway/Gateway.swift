import ArgumentParser

@main
struct Gateway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "A gateway to paid data and AI providers: metered to the nano-dollar, held to a budget, recorded for good.",
        discussion: """
            Callers use it in the place of a provider: http://HOST:PORT/PROVIDER/the/provider's/own/path. Each provider is one YAML
            file, its adapter. Exit codes: 0 done, 1 it ran and the answer is no, 64 wrong usage.

            Examples:
              gateway serve --sandbox
              curl -H 'X-Workspace-Id: demo' 'http://127.0.0.1:8080/PROVIDER/…'
              gateway spend --by provider,day
            """,
        version: "0.9.0",
        subcommands: [
            Serve.self, Check.self, Price.self, Normalize.self, NewAdapter.self, Query.self, Spend.self, Key.self, Migrate.self, Lease.self,
            Reload.self, Replay.self, WaterfallCommand.self,
        ])
}

/// Ends a command with exit code 1 and its reasons on standard error.
func fail(_ lines: String...) -> ExitCode {
    fail(lines)
}

func fail(_ lines: [String]) -> ExitCode {
    // The reason comes last.
    LogOutput.standardError.drain()
    for line in lines { printError(line) }
    return ExitCode(1)
}
