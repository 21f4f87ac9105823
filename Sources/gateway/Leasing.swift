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
    func run(_ accounts: Accounts) async {
        await withTaskGroup { tasks in
            tasks.addTask { await self.exchange(accounts) }
            tasks.addTask { await self.open(accounts) }
            tasks.addTask { await self.look(accounts) }
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

    private func open(_ accounts: Accounts) async {
        while !Task.isCancelled {
            await opening.wait(timeout: Self.tick)
            guard accounts.hasLeasesToOpen || !hasBegun.withLock({ $0 }) else { continue }
            // While the ledger fails, the writer does nothing but try again: who waits should know.
            let isOpened = writer.isLedgerFailing ? false : await openWithinPatience(accounts)
            if !isOpened { accounts.opened(accounts.openings(at: machineClock()) { [] }, nil) { [] } }
        }
    }

    private func openWithinPatience(_ accounts: Accounts) async -> Bool {
        await withTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                do {
                    try await self.writer.whenCaughtUp { ledger, _ in await self.open(accounts, in: ledger) }
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

    /// While the ledger takes no records.
    private func open(_ accounts: Accounts, in ledger: any Ledger) async {
        do throws(LedgerError) {
            // What an earlier process has left goes back: the journal is drained, so that nobody spends from it any more.
            if let store = ledger.leases, !hasBegun.withLock({ $0 }) { _ = try await store.forget(gateway: writer.gateway) }
            hasBegun.withLock { $0 = true }
        } catch {
            logger.debug("an earlier process's leases cannot be given back yet", metadata: ["error": "\(error)"])
            return
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

    private func look(_ accounts: Accounts) async {
        var looks = 0
        while !Task.isCancelled {
            // Cancelled when the gateway stops.
            try? await Task.sleep(for: Self.tick)
            guard let store = writer.ledger?.leases else { continue }
            do throws(LedgerError) {
                let wanted = Set(try await store.wanted())
                accounts.wanted(wanted)
                if !wanted.isEmpty { exchanging.signal() }
                looks += 1
                if looks % 7200 == 0 { try await store.removeEndedAccounts() }
            } catch {
                logger.debug("other gateways' wishes cannot be read", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Gives back what is not used, when calls have ended and the ledger has been fed for the last time.
    func giveBack(_ accounts: Accounts) async {
        await exchange(accounts.leasesToReturn(at: machineClock()), accounts)
    }
}

extension Array {
    fileprivate func parts(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
