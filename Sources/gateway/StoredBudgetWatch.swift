import GatewayCore
import Journal
import Logging
import Synchronization

/// Keeps the budgets that the ledger's database adds to config.yaml's in force: what any gateway sets there counts here within a second.
final class StoredBudgetWatch: Sendable {
    private let books: Books
    private let writer: LedgerWriter
    private let current: CurrentGeneration
    private let marks: ChangeMarks
    private let logger: Logger
    /// The last look that was begun.
    private let last = Mutex<Task<Bool, Never>?>(nil)

    private static let interval = Duration.milliseconds(500)

    init(books: Books, writer: LedgerWriter, current: CurrentGeneration, marks: ChangeMarks, logger: Logger) {
        self.books = books
        self.writer = writer
        self.current = current
        self.marks = marks
        self.logger = logger
    }

    /// Looks into the database twice a second, until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            // Cancelled when the gateway stops, which the loop sees.
            try? await Task.sleep(for: Self.interval)
            await look()
        }
    }

    /// Looks into the database once. Returns whether it could be read.
    ///
    /// One look after the other, so that none puts in force what a later one has found to be outdated.
    @discardableResult
    func look() async -> Bool {
        let look = last.withLock { last in
            let look = Task { [previous = last] in
                _ = await previous?.value
                return await self.lookOnce()
            }
            last = look
            return look
        }
        return await look.value
    }

    private func lookOnce() async -> Bool {
        do throws(LedgerError) {
            if try await current.takeBudgets(from: writer.openedLedger, logger) != nil { books.adoptCurrent() }
            return true
        } catch {
            logger.debug("budgets cannot be read from the ledger", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// Sets a budget for all gateways on the ledger, and takes it at once in this one. Returns false when it is set and cannot be read yet.
    func set(_ text: String, of workspace: String, from origin: String) async throws(LedgerError) -> Bool {
        try await writer.openedLedger.setBudget(text, of: workspace, marks.next(from: origin))
        return await look()
    }
}

extension CurrentGeneration {
    /// Puts the budgets of a database in force. Returns the configuration that follows; nil when they are in force already.
    func takeBudgets(from store: any BudgetStore, _ logger: Logger) async throws(LedgerError) -> Configuration? {
        guard let stored = try await store.budgets(after: storedVersion) else { return nil }
        return adopt(stored) { workspace, error in
            logger.error(
                "a budget in the database cannot be read; the default counts",
                metadata: ["workspace": "\(workspace)", "error": "\(error)"])
        }
    }
}
