import GatewayCore
import Journal
import Logging
import Synchronization

/// Carries what the accounts ask about leases to the database that gateways share, and the answers back.
///
/// Three things go on beside each other: exchanges about open leases, one at a time; openings, between two of the ledger writer's batches; and a
/// look, twice a second, for what other gateways want.
final class Leasing: Sendable {
    private let writer: LedgerWriter
    private let logger: Logger
    private let exchanging = Nudge()
    private let opening = Nudge()
    private let hasBegun = Mutex(false)

    private static let tick = Duration.milliseconds(500)
    /// How long an opening may wait for the journal to be drained, before who waits for it is told.
    private static let patience = Duration.seconds(2)
    /// The most that is asked in one transaction.
    private static let largestExchange = 500

    init(writer: LedgerWriter, logger: Logger) {
        self.writer = writer
        self.logger = logger
    }

    /// Asks before the next tick.
    func hurry() {
        exchanging.signal()
        opening.signal()
    }

    /// Runs until the task is cancelled.
    func run(_ accounts: Accounts, _ budgets: StoredBudgetWatch) async {
        await withTaskGroup { tasks in
            tasks.addTask { await self.exchange(accounts) }
            tasks.addTask { await self.open(accounts, budgets) }
            tasks.addTask {
                var looks = 0
                while !Task.isCancelled {
                    // Cancelled when the gateway stops.
                    try? await Task.sleep(for: Self.tick)
                    await self.look(accounts)
                    looks += 1
                    if looks % 7200 == 0 { await self.removeEndedAccounts() }
                }
            }
        }
    }

    private func exchange(_ accounts: Accounts) async {
        var next = ContinuousClock.now + Self.tick
        while !Task.isCancelled {
            await exchanging.wait(timeout: max(.zero, next - .now))
            let isTick = ContinuousClock.now >= next
            if isTick { next = .now + Self.tick }
            await exchange(accounts.leaseRequests(isTick: isTick, at: machineClock()), accounts)
        }
    }

    private func exchange(_ requests: [LeaseRequest], _ accounts: Accounts) async {
        for part in requests.parts(of: Self.largestExchange) {
            do throws(LedgerError) {
                guard let store = writer.ledger?.leases else { throw LedgerError(.unavailable, "the ledger has not been opened yet") }
                accounts.answered(part, try await store.exchange(part))
            } catch {
                logger.debug("budgets cannot be leased", metadata: ["error": "\(error)"])
                accounts.answered(part, nil)
            }
        }
    }

    private func open(_ accounts: Accounts, _ budgets: StoredBudgetWatch) async {
        while !Task.isCancelled {
            await opening.wait(timeout: Self.tick)
            guard accounts.hasLeasesToOpen || !hasBegun.withLock({ $0 }) else { continue }
            // While the ledger fails, the writer does nothing but try again: who waits should know.
            let isOpened = writer.isLedgerFailing ? false : await openWithinPatience(accounts, budgets)
            if !isOpened { tellWaiters(accounts) }
        }
    }

    private func openWithinPatience(_ accounts: Accounts, _ budgets: StoredBudgetWatch) async -> Bool {
        await withTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                do {
                    try await self.writer.whenCaughtUp { ledger, _ in await self.open(accounts, budgets, in: ledger) }
                    return true
                } catch {
                    return false
                }
            }
            tasks.addTask {
                // Cancelled when the writer has come to it.
                try? await Task.sleep(for: Self.patience)
                return false
            }
            defer { tasks.cancelAll() }
            return await tasks.next() ?? false
        }
    }

    /// Leases could not be opened.
    private func tellWaiters(_ accounts: Accounts) {
        accounts.opened(accounts.openings(at: machineClock()) { [] }, nil) { [] }
    }

    /// While the ledger takes no records.
    private func open(_ accounts: Accounts, _ budgets: StoredBudgetWatch, in ledger: any Ledger) async {
        do throws(LedgerError) {
            // What an earlier process has left goes back: the journal is drained, so that nobody spends from it any more.
            if let store = ledger.leases, !hasBegun.withLock({ $0 }) {
                _ = try await store.forget(gateway: writer.gateway)
                // Nothing is leased before the limits are known.
                guard await budgets.look() else { return tellWaiters(accounts) }
            }
            hasBegun.withLock { $0 = true }
        } catch {
            logger.debug("an earlier process's leases cannot be given back yet", metadata: ["error": "\(error)"])
            return tellWaiters(accounts)
        }
        let requests = accounts.openings(at: machineClock()) { self.writer.recentRecords }
        for part in requests.parts(of: Self.largestExchange) {
            do throws(LedgerError) {
                guard let store = ledger.leases else { return }
                let replies = try await store.exchange(part)
                accounts.opened(part, replies) { self.writer.recentRecords }
            } catch {
                logger.debug("leases cannot be opened", metadata: ["error": "\(error)"])
                accounts.opened(part, nil) { [] }
            }
        }
    }

    /// Takes what other gateways want.
    private func look(_ accounts: Accounts) async {
        guard let store = writer.ledger?.leases else { return }
        do throws(LedgerError) {
            let wanted = Set(try await store.wanted())
            accounts.wanted(wanted)
            if !wanted.isEmpty { exchanging.signal() }
        } catch {
            logger.debug("what other gateways want cannot be read", metadata: ["error": "\(error)"])
        }
    }

    private func removeEndedAccounts() async {
        do throws(LedgerError) {
            try await writer.ledger?.leases?.removeEndedAccounts()
        } catch {
            logger.debug("ended accounts cannot be removed yet", metadata: ["error": "\(error)"])
        }
    }

    /// Gives back what is not used, when calls have ended and the ledger has been fed for the last time.
    func giveBack(_ accounts: Accounts) async {
        await withTaskGroup { tasks in
            tasks.addTask { await self.exchange(accounts.leasesToReturn(at: machineClock()), accounts) }
            tasks.addTask {
                // Cancelled when everything has gone back. A database that does not answer is not waited for: the next start does the same.
                try? await Task.sleep(for: Self.patience)
            }
            await tasks.next()
            tasks.cancelAll()
        }
    }
}

extension Array {
    fileprivate func parts(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
