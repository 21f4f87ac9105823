import GatewayCore
import Testing

@Suite struct HealthTests {
    private func health(backlogSince: Timestamp?, ledger: Health.Part = .init()) -> Health {
        Health(journal: .init(), ledger: ledger, budgetsLoaded: true, backlog: 1, backlogBytes: 1, backlogSince: backlogSince)
    }

    @Test func aLedgerIsBehindWhenARecordWaitsForLongAndNothingSaysWhy() {
        #expect(!health(backlogSince: nil).isBehind(at: monday))
        #expect(!health(backlogSince: monday).isBehind(at: monday.adding(seconds: 5)))
        #expect(health(backlogSince: monday).isBehind(at: monday.adding(seconds: 6)))
        // One that fails says so itself.
        let failing = Health.Part(failingSince: monday, lastError: "locked")
        #expect(!health(backlogSince: monday, ledger: failing).isBehind(at: monday.adding(seconds: 6)))
    }
}
