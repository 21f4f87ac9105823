import GatewayCore
import LedgerConformance
import SQLiteLedger
import Synchronization
import Testing

@Suite struct SQLiteConformanceTests {
    private let folder: ScratchFolder
    private let make: LedgerConformance.Factory

    init() throws {
        let folder = try ScratchFolder()
        self.folder = folder
        // Each is a new one.
        let count = Mutex(0)
        make = {
            let number = count.withLock { count in
                count += 1
                return count
            }
            return try SQLiteLedger(path: "\(folder.path)/\(number).db", clock: { RecordMaker.firstDay })
        }
    }

    @Test func fieldsRoundTrip() async throws {
        try await LedgerConformance.fieldsRoundTrip(make)
    }

    @Test func nulIsReplaced() async throws {
        try await LedgerConformance.nulIsReplaced(make)
    }

    @Test func moneyExtremes() async throws {
        try await LedgerConformance.moneyExtremes(make)
    }

    @Test func applyIsIdempotent() async throws {
        try await LedgerConformance.applyIsIdempotent(make)
    }

    @Test func sumsAllWorkspacesTogether() async throws {
        try await LedgerConformance.togetherIsTheSumOfAll(make)
    }

    @Test func sumsQualityOverTheNewestRows() async throws {
        try await LedgerConformance.qualityIsOfTheNewestRows(make)
    }

    @Test func sumsAnswersByWhatTheyAreWorth() async throws {
        try await LedgerConformance.worthsAreOfTheNewestRows(make)
    }

    @Test(arguments: [UInt64(1), 2, 3, 4])
    func sumsEqualRows(seed: UInt64) async throws {
        try await LedgerConformance.sumsEqualRows(make, seed: seed)
    }

    @Test func keys() async throws {
        try await LedgerConformance.keys(make)
    }

    @Test func alertsAreRaisedOnce() async throws {
        try await LedgerConformance.alertsAreRaisedOnce(make)
    }

    @Test func alertsAreListed() async throws {
        try await LedgerConformance.alertsAreListed(make)
    }

    @Test func deliveriesAreClaimed() async throws {
        try await LedgerConformance.deliveriesAreClaimed(make)
    }

    @Test func readingsComeWithTheirRows() async throws {
        try await LedgerConformance.readingsComeWithTheirRows(make)
    }

    @Test func readingsAreFoundAndForgotten() async throws {
        try await LedgerConformance.readingsAreFoundAndForgotten(make)
    }

    @Test func comparisonsAreKeptAndListed() async throws {
        try await LedgerConformance.comparisonsAreKeptAndListed(make)
    }

    @Test func budgets() async throws {
        try await LedgerConformance.budgets(make)
    }

    @Test func audit() async throws {
        try await LedgerConformance.audit(make)
    }

    @Test(arguments: [UInt64(1), 2])
    func calls(seed: UInt64) async throws {
        try await LedgerConformance.calls(make, seed: seed)
    }

    @Test func onceKeys() async throws {
        try await LedgerConformance.onceKeys(make)
    }

    @Test func unstorableIsSetAside() async throws {
        try await LedgerConformance.unstorableIsSetAside(make)
    }

    @Test func answersRoundTrip() async throws {
        try await LedgerConformance.answersRoundTrip(make)
    }

    @Test func newestAnswerCounts() async throws {
        try await LedgerConformance.newestAnswerCounts(make)
    }

    @Test func sweepKeepsTheBound() async throws {
        try await LedgerConformance.sweepKeepsTheBound(make)
    }
}
