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

    @Test(
        arguments: [
            (49_999, 100_000, nil), (50_000, 100_000, 50), (74_999, 100_000, 50), (75_000, 100_000, 75), (90_000, 100_000, 90),
            (100_000, 100_000, 90), (Int.max, Int.max, 90), (Int.max, nil, nil),
        ] as [(Int, Int?, Int?)])
    func aBoundedJournalFillsByLevels(bytes: Int, limit: Int?, level: Int?) {
        var health = health(backlogSince: monday)
        (health.journalBytes, health.journalLimit) = (bytes, limit)
        #expect(health.fillingLevel == level)
    }

    @Test func whenAJournalIsFullFollowsFromHowItHasGrown() {
        var health = health(backlogSince: monday)
        (health.journalBytes, health.journalLimit, health.backlogBytes) = (700, 1000, 600)
        #expect(health.secondsUntilFull(at: monday.adding(seconds: 60)) == 30)
        health.journalBytes = 1000
        #expect(health.secondsUntilFull(at: monday.adding(seconds: 60)) == nil)
        (health.journalBytes, health.journalLimit, health.backlogBytes) = (1, .max, 1)
        #expect(health.secondsUntilFull(at: monday.adding(seconds: 60)) == .max)
        health.backlogSince = nil
        #expect(health.secondsUntilFull(at: monday) == nil)
    }
}
