import AdapterFiles
import AdminPlane
import ArgumentParser
import DataPlane
import Foundation
import GatewayCore
import Journal
import Logging
import Sandbox
import UnixSignals

/// One running gateway: all parts put together, started in order, and stopped in the opposite one.
final class GatewayProcess: Sendable {
    let current: CurrentGeneration
    let accounts: Accounts
    let journal: Journal
    let writer: LedgerWriter
    let once = OnceCharges()
    let keys: KeyWatch
    private let alerts: AlertWatch
    private let alertPost: AlertPost
    private let reconciliation: ReconciliationWatch
    let metrics = Metrics()
    let feed = CallFeed()
    let books: Books
    private let budgets: StoredBudgetWatch
    private let audit: ConfigurationAudit
    let logger: Logger
    private let reloader: Reloader
    private let upstream: any Upstream
    private let stopUpstream: @Sendable () -> Void
    private let upstreamSnapshot: @Sendable () -> UpstreamSnapshot
    private let isSandbox: Bool
    private let eventLoops: Int
    private let prices: PriceVersionLog
    private let ledger: LedgerAddress
    /// Where several gateways share the ledger.
    private let leasing: Leasing?

    /// How long calls in flight may take to finish at a shutdown, and the ledger to take what is left.
    private static let grace = Duration.seconds(30)
    private static let lastDrain = Duration.seconds(10)
    /// How long who asks for sums waits for the ledger to have the last calls.
    private static let patience = Duration.milliseconds(500)

    /// Opens the journal and the ledger. Throws an exit code, its sentence printed, when this process cannot serve.
    init(
        loader: GenerationLoader, loaded: LoadedFiles, generation: Generation, isSandbox: Bool, eventLoops: Int, logger: Logger
    ) async throws {
        let configuration = generation.configuration
        self.logger = logger
        self.isSandbox = isSandbox
        self.eventLoops = eventLoops
        do {
            ledger = try LedgerAddress(configuration.ledger.engine)
        } catch {
            throw fail("gateway: \(error)")
        }
        do {
            journal = try Journal(
                folder: configuration.ledger.journal,
                options: .init(
                    synchronous: configuration.ledger.synchronous == .full ? .full : .normal,
                    limit: configuration.ledger.journalLimit.map(UInt64.init)), clock: machineClock,
                replayLine: printError)
        } catch {
            throw fail("gateway: ledger.journal: \(error)")
        }
        for damage in journal.damage {
            if damage.kind == .tornEnd {
                // As a kill in the middle of a write leaves it.
                logger.warning("the journal's last entry is not whole", metadata: ["at": "\(damage)"])
            } else {
                logger.error("the journal is damaged", metadata: ["at": "\(damage)"])
            }
        }
        writer = LedgerWriter(journal: journal, clock: machineClock, open: ledger.opener(gateway: journal.id))
        do {
            let interrupted = try journal.recover()
            if !interrupted.isEmpty {
                logger.warning(
                    "calls were interrupted by the last end of the gateway and are charged their estimate",
                    metadata: ["calls": "\(interrupted.count)"])
            }
            try await writer.open()
        } catch {
            journal.close()
            throw fail("gateway: \(error)")
        }
        if let error = writer.status.lastError {
            logger.error("the ledger cannot be opened; calls go on and are journaled until it can", metadata: ["error": "\(error)"])
        }

        let current = CurrentGeneration(generation)
        let leasing = ledger.isShared ? Leasing(writer: writer, logger: logger) : nil
        let accounts = Accounts(
            budgets: configuration.budgets, alerts: configuration.alerts, askForLeases: leasing?.hurry)
        let books = Books(accounts: accounts, once: once, writer: writer, current: current, logger: logger)
        let prices = PriceVersionLog(log: writer)
        let marks = ChangeMarks(gateway: journal.id)
        let audit = ConfigurationAudit(writer: writer, marks: marks, logger: logger)
        keys = KeyWatch(writer: writer, marks: marks, logger: logger)
        budgets = StoredBudgetWatch(books: books, writer: writer, current: current, marks: marks, logger: logger)
        self.audit = audit
        let alertPost = AlertPost(writer: writer, current: current, metrics: metrics.alerts, logger: logger)
        self.alertPost = alertPost
        alerts = AlertWatch(
            accounts: accounts, writer: writer, current: current, metrics: metrics, logger: logger, raised: { alertPost.hurry() })
        self.current = current
        self.accounts = accounts
        self.books = books
        self.leasing = leasing
        self.prices = prices
        if isSandbox {
            upstream = SandboxUpstream(generations: current)
            stopUpstream = {}
            upstreamSnapshot = { UpstreamSnapshot() }
        } else {
            let transports = try Transports(threads: eventLoops)
            upstream = transports
            stopUpstream = { transports.shutdown() }
            upstreamSnapshot = { transports.snapshot() }
        }
        reconciliation = ReconciliationWatch(
            writer: writer, current: current, upstream: upstream, metrics: metrics, clock: machineClock, logger: logger,
            raised: { alertPost.hurry() })
        reloader = Reloader(
            loader: loader, started: loaded, current: current, clock: machineClock,
            report: { outcome in
                // Budgets may have been set in the database since the generation was adopted.
                if case .replaced = outcome { books.adoptCurrent() }
                Self.report(outcome, logger: logger)
            },
            warn: { logger.warning("\($0)") },
            adopt: { adoption in
                LogOutput.standardError.adopt(adoption.generation.configuration.log)
                audit.note(adoption, after: current.generation, budgets: current.fileBudgets)
                prices.note(adoption.generation)
                books.adopt(current.merged(adoption.generation))
            })
    }

    private static func report(_ outcome: ReloadOutcome, logger: Logger) {
        switch outcome {
        case .replaced(let generation, let notes):
            logger.notice("reloaded", metadata: ["generation": "\(generation)"])
            for note in notes { logger.warning("\(note)") }
        case .unchanged:
            break
        case .refused(let generation, let problems):
            logger.error("reload refused; generation \(generation) stays in force")
            for problem in problems { logger.error("\(problem)") }
        }
    }

    /// Serves until a signal says to stop.
    func run() async throws {
        prices.note(current.generation)
        let writing = Task { await writer.run() }
        await books.loadAtStart()
        let leasing = Task { if let leasing = self.leasing { await leasing.run(accounts, budgets) } }
        let configuration = current.generation.configuration
        let usesKeys = configuration.authentication == .keys
        if usesKeys { await keys.refresh() }
        let services = Services(
            generations: current, accounts: accounts, log: writer, history: writer, upstream: upstream, once: once,
            keys: keys.ring, answers: SharedAnswers(store: writer, metrics: metrics), storesEntities: ledger.storesEntities,
            metrics: metrics, feed: feed, clock: machineClock, logger: logger, calls: LogOutput.standardError)
        let dataPlane: DataPlane
        let openFiles = OpenFiles.raiseLimit()
        let connections = OpenFiles.connections(within: openFiles)
        if connections < configuration.limits.connections {
            logger.warning(
                "this process may open too few files for limits.connections; raise its hard limit (ulimit -Hn, LimitNOFILE)",
                metadata: ["files": "\(openFiles)", "connections": "\(connections)"])
        }
        do {
            dataPlane = try await DataPlane.start(
                listen: configuration.listen, eventLoops: eventLoops, maximumConnections: connections, services: services)
        } catch {
            await stop(writing, leasing)
            throw fail("gateway: cannot listen on \(configuration.listen): \(error)")
        }
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let outcome: Result<Void, any Error> = await withTaskGroup(of: Result<Void, any Error>?.self) { tasks in
            tasks.addTask { await self.serveAdmin(configuration.admin, dataPlane: dataPlane.address) }
            tasks.addTask {
                for await signal in signals {
                    guard signal == .sighup else { return .success(()) }
                    _ = await self.reloader.reload()
                }
                return nil
            }
            tasks.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: .seconds(60))
                    self.accounts.purge(at: machineClock())
                    await self.writer.sweepAnswers(at: machineClock(), limit: self.current.generation.configuration.cache.disk)
                }
                return nil
            }
            tasks.addTask {
                if usesKeys { await self.keys.run() }
                return nil
            }
            tasks.addTask {
                await self.budgets.run()
                return nil
            }
            tasks.addTask {
                await self.audit.run()
                return nil
            }
            tasks.addTask {
                await self.alerts.run()
                return nil
            }
            tasks.addTask {
                await self.alertPost.run()
                return nil
            }
            tasks.addTask {
                await self.reconciliation.run()
                return nil
            }
            tasks.addTask {
                var faults = FaultLog(logger: self.logger)
                while !Task.isCancelled {
                    let (health, now) = (self.health, machineClock())
                    faults.note(health, at: now)
                    self.metrics.failOpen.note(health, policy: self.current.generation.configuration.onTrackerError, at: now)
                    try? await Task.sleep(for: .seconds(1))
                }
                return nil
            }
            reloader.watch()
            var result: Result<Void, any Error> = .success(())
            for await case let outcome? in tasks {
                result = outcome
                break
            }
            logger.notice("stopping: calls in flight may finish")
            await dataPlane.stop(grace: Self.grace)
            tasks.cancelAll()
            return result
        }
        reloader.stop()
        await stop(writing, leasing)
        logger.notice("stopped")
        do {
            try outcome.get()
        } catch let code as ExitCode {
            throw code
        } catch {
            throw fail("gateway: \(error)")
        }
    }

    private func serveAdmin(_ admin: Admin, dataPlane: SocketAddress) async -> Result<Void, any Error>? {
        let replayer = Replayer(accounts: accounts, once: once, writer: writer, books: books)
        let plane = AdminPlane(
            listen: admin.listen,
            services: AdminPlane.Services(
                generations: current, metrics: metrics, accounts: accounts, health: { self.health },
                reload: { await self.reloader.reload(from: $0) }, spend: { query async throws(LedgerError) in try await self.spend(query) },
                keys: keys, replay: { lines async throws(ReplayError) in try await replayer.replay(lines: lines) },
                setBudget: { text, workspace, origin async throws(LedgerError) in
                    try await self.budgets.set(text, of: workspace, from: origin)
                },
                ledger: { () throws(LedgerError) in try self.writer.openedLedger }, feed: feed, upstream: upstreamSnapshot,
                droppedLogLines: { LogOutput.standardError.droppedLines }, clock: machineClock, logger: logger))
        do {
            try await plane.run { address in self.announce(dataPlane: dataPlane, admin: address) }
            return nil
        } catch is CancellationError {
            return nil
        } catch {
            return .failure(fail("gateway: cannot listen on \(admin.listen) (admin.listen): \(error)"))
        }
    }

    /// The one line that says that it serves.
    private func announce(dataPlane: SocketAddress, admin: SocketAddress) {
        let generation = current.generation
        let on = generation.adapters.values.filter { $0.isEnabled && $0.missingVariables.isEmpty }.map(\.provider).sorted()
        let line =
            "gateway: serving on http://\(dataPlane)\(isSandbox ? " (sandbox)" : ""), admin on http://\(admin), "
            + "adapters \(on.isEmpty ? "none" : on.joined(separator: " ")), generation \(generation.number), ledger \(ledger)"
        printNow(line)
    }

    private func spend(_ query: SpendQuery) async throws(LedgerError) -> [SpendRow] {
        // Whoever has just had an answer finds it in the sums.
        if writer.status.backlogBytes > 0 { _ = await writer.drain(within: Self.patience) }
        return try await writer.openedLedger.spend(query)
    }

    private var health: Health {
        let status = writer.status
        let journal = self.journal.health
        return Health(
            journal: Health.Part(failingSince: journal.failingSince, lastError: journal.lastError.map { "\($0)" }),
            ledger: Health.Part(failingSince: status.failingSince, lastError: status.lastError?.description),
            budgetsLoaded: books.areLoaded, backlog: status.recentRecords, backlogBytes: Int(clamping: status.backlogBytes),
            backlogSince: status.backlogSince, journalBytes: Int(clamping: journal.size),
            journalLimit: journal.limit.map { Int(clamping: $0) }, retained: journal.retainedEntries, dropped: journal.droppedEntries,
            setAside: status.recordsSetAside, commits: status.commits)
    }

    private func stop(_ writing: Task<Void, Never>, _ leasing: Task<Void, Never>) async {
        stopUpstream()
        leasing.cancel()
        await leasing.value
        if await !writer.drain(within: Self.lastDrain) {
            logger.warning("the ledger did not take all records; the journal keeps them for the next start")
        }
        await audit.write()
        await self.leasing?.giveBack(accounts)
        writing.cancel()
        await writing.value
        journal.close()
    }
}
