import GatewayCore
import Journal
import Logging
import Synchronization

/// Fills the accounts with what the ledger and the journal know was spent: at the start, when a ledger that was away comes back, and when a
/// reload moves a workspace's windows.
final class Books: Sendable {
    private let accounts: Accounts
    private let once: OnceCharges
    private let writer: LedgerWriter
    private let current: CurrentGeneration
    private let logger: Logger
    private let loaded = Mutex(false)
    private let adopting = Mutex(())

    /// How long a start waits for the ledger, so that the first calls are held to their budgets.
    private static let patience = Duration.seconds(5)

    init(accounts: Accounts, once: OnceCharges, writer: LedgerWriter, current: CurrentGeneration, logger: Logger) {
        self.accounts = accounts
        self.once = once
        self.writer = writer
        self.current = current
        self.logger = logger
    }

    var areLoaded: Bool { loaded.withLock { $0 } }

    /// Loads everything; returns when that is done or the ledger keeps a start waiting for too long. Loading goes on behind it then.
    func loadAtStart() async {
        // No task group: it would wait for the loading, which goes on for as long as the ledger is away.
        let (waiting, end) = AsyncStream.makeStream(of: Never.self)
        Task {
            await loadAll()
            end.finish()
        }
        Task {
            try? await Task.sleep(for: Self.patience)
            end.finish()
        }
        for await _ in waiting {}
        if !areLoaded { logger.warning("spending is not known yet: calls go through unverified until the ledger answers") }
    }

    /// Takes the budgets that are in force, after they have changed. One change after the other, so that the last one heard is what is in force.
    func adoptCurrent() {
        adopting.withLock { _ in adopt(current.generation.configuration) }
    }

    /// Takes new budgets, and loads again what they make uncertain.
    func adopt(_ configuration: Configuration) {
        switch accounts.adopt(budgets: configuration.budgets, alerts: configuration.alerts) {
        case .nothing: break
        case .all: Task { await loadAll() }
        case .workspaces(let workspaces): Task { for workspace in workspaces { await load(workspace) } }
        }
    }

    /// Reads some workspaces' spending again, after records have come from elsewhere.
    func refresh(_ workspaces: Set<String>) async {
        for workspace in workspaces.sorted() { await load(workspace) }
    }

    private func loadAll() async {
        let misaligned = await untilItWorks { [self] ledger -> [String] in
            let now = machineClock()
            // The limits first: no spending is known to be within them before. All is loaded below, whatever they change.
            if let configuration = try await current.takeBudgets(from: ledger, logger) {
                _ = accounts.adopt(budgets: configuration.budgets, alerts: configuration.alerts)
            }
            let sums = try await ledger.dailySums(since: Accounts.sumsSince(now))
            once.load(try await ledger.onceKeys(since: now.adding(seconds: -OnceCharges.memory)))
            return accounts.load(sums: sums, at: now) { self.writer.recentRecords }
        }
        guard let misaligned else { return }
        for workspace in misaligned { await load(workspace) }
        loaded.withLock { $0 = true }
    }

    /// One workspace, from its single rows: the only way when its days begin elsewhere than they did.
    private func load(_ workspace: String) async {
        while true {
            let isLoaded = await untilItWorks { [self] ledger -> Bool in
                let windows = accounts.windowsToLoad(workspace: workspace, at: machineClock())
                let daily = try await ledger.sums(workspace: workspace, since: windows.daily.start, until: windows.daily.end)
                let monthly = try await ledger.sums(workspace: workspace, since: windows.monthly.start, until: windows.monthly.end)
                return accounts.load(workspace: workspace, windows: windows, daily: daily, monthly: monthly) { self.writer.recentRecords }
            }
            // Its zone changed once more meanwhile: once more.
            guard isLoaded == false else { return }
        }
    }

    /// Runs a query between two batches; again, while the ledger fails. nil when the gateway is stopping.
    private func untilItWorks<Value: Sendable>(_ query: @escaping @Sendable (any Ledger) async throws -> Value) async -> Value? {
        while !Task.isCancelled {
            do {
                return try await writer.whenCaughtUp { ledger, _ in try await query(ledger) }
            } catch is CancellationError {
                return nil
            } catch {
                logger.debug("spending cannot be read from the ledger yet", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .milliseconds(500))
            }
        }
        return nil
    }
}
