package import GatewayCore
import Synchronization

/// Something to be done between two batches.
struct LedgerJob: Sendable {
    enum Condition: Sendable {
        /// The ledger and the recent records make up all that is settled.
        case exact
        /// The ledger has everything before a place.
        case reached(JournalPosition)
    }

    var number: UInt64
    var condition: Condition
    var run: @Sendable (any Ledger, [CallID: CostRecord]) async -> Void
    var fail: @Sendable (any Error) -> Void
}

extension LedgerWriter {
    /// Runs `perform` between two batches, at an instant at which the ledger's sums and the records given beside it make up everything that
    /// has been settled: no record is in both, and none in neither. No batch is written before it returns.
    ///
    /// Waits while the ledger is away or has not been caught up with. Throws what `perform` throws, `CancellationError`, or
    /// a ``LedgerError`` when the writer ends.
    package func whenCaughtUp<Value: Sendable>(
        _ perform: @escaping @Sendable (any Ledger, [CallID: CostRecord]) async throws -> Value
    ) async throws -> Value {
        try await submit(.exact, perform)
    }

    /// Writes records that come from no journal of this process, such as a log's replayable lines; those that the ledger has change nothing.
    ///
    /// What this process has settled itself is written as it knows it: a copy of its journal may have the call's hold alone.
    @discardableResult
    package func replay(
        _ records: [CostRecord], priceVersions: [PriceVersionRecord] = [], kept: [KeptAnswer] = [], stored: [EntityRecord] = []
    ) async throws -> LedgerOutcome {
        try await submit(.exact) { [self] ledger, recent in
            let records = records.map { recent[$0.id] ?? $0 }
            let outcome = try await ledger.apply(
                LedgerBatch(
                    journal: nil, position: nil, records: records, priceVersions: priceVersions, kept: kept, stored: stored))
            state.withLock { state in
                state.recent.remove(records)
                state.status.recordsSetAside += outcome.setAside + outcome.additionsSetAside
            }
            return outcome
        }
    }

    /// Makes durable what has been appended and waits until the ledger has all of it.
    /// - Returns: False when that took longer than `timeout` or the journal cannot be written.
    package func drain(within timeout: Duration) async -> Bool {
        let isFlushed = await withCheckedContinuation { continuation in
            journal.flush { result in continuation.resume(returning: (try? result.get()) != nil) }
        }
        let end = journal.durableEnd
        let isReached = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await self.submit(.reached(end)) { _, _ in }
                    return true
                } catch {
                    return false
                }
            }
            group.addTask {
                // Cancelled when the ledger is there first.
                try? await Task.sleep(for: timeout)
                return false
            }
            let first = await group.next() ?? false
            group.cancelAll()
            return first
        }
        return isFlushed && isReached
    }

    private func submit<Value: Sendable>(
        _ condition: LedgerJob.Condition, _ perform: @escaping @Sendable (any Ledger, [CallID: CostRecord]) async throws -> Value
    ) async throws -> Value {
        let number = state.withLock { state in
            state.jobCount += 1
            return state.jobCount
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
                let job = LedgerJob(
                    number: number, condition: condition,
                    run: { ledger, recent in
                        do {
                            continuation.resume(returning: try await perform(ledger, recent))
                        } catch {
                            continuation.resume(throwing: error)
                        }
                    },
                    fail: { continuation.resume(throwing: $0) })
                let isAccepted = state.withLock { state in
                    guard !state.ended else { return false }
                    state.jobs.append(job)
                    return true
                }
                guard isAccepted else {
                    job.fail(LedgerError(.unavailable, "the gateway is stopping"))
                    return
                }
                // Cancelled before it was listed: the handler has found nothing to take back.
                if Task.isCancelled { takeJob(number)?.fail(CancellationError()) }
                work.signal()
                hurry.signal()
            }
        } onCancel: {
            takeJob(number)?.fail(CancellationError())
        }
    }

    /// Who takes a job out of the list ends it, so each ends once.
    private func takeJob(_ number: UInt64) -> LedgerJob? {
        state.withLock { state in
            state.jobs.firstIndex { $0.number == number }.map { state.jobs.remove(at: $0) }
        }
    }
}
