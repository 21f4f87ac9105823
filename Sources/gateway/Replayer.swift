import GatewayCore
import Journal

/// Takes records from elsewhere into a running gateway: through its one writer, and into the budgets that it knows.
struct Replayer: Sendable {
    let accounts: Accounts
    let once: OnceCharges
    let writer: LedgerWriter
    let books: Books

    /// How long the writer may take to come to it: it does what it has begun first.
    private static let patience = Duration.seconds(20)

    /// Records what replayable lines hold, all of them or none.
    func replay(lines: [UInt8]) async throws(ReplayError) -> ReplayOutcome {
        let found = try decode(lines)
        let records = found.records
        // Asked before the writer is: a call that is over by then has been noted there, and counts as this gateway knows it.
        let inFlight = accounts.callsInFlight(among: Set(records.map(\.id)))
        let taken = records.filter { !inFlight.contains($0.id) }
        var outcome = ReplayOutcome()
        do {
            let written = try await write(taken, found)
            (outcome.new, outcome.setAside) = (written.new, written.setAside)
        } catch {
            // It may have been recorded all the same.
            Task { await refresh(taken) }
            throw error
        }
        outcome.records = records.count
        outcome.inFlight = inFlight.count
        outcome.priceVersions = found.priceVersions.count
        if outcome.new > 0 { await refresh(taken) }
        return outcome
    }

    private func decode(_ lines: [UInt8]) throws(ReplayError) -> LedgerBatch {
        var batch = LedgerBatch(journal: nil, position: nil, records: [])
        for (index, line) in lines.split(separator: UInt8(ascii: "\n")).enumerated() {
            let entry: JournalEntry?
            do throws(JournalError) {
                entry = try JournalLine.decode(line)
            } catch {
                throw ReplayError(.malformed, "Line \(index + 1): \(error).")
            }
            guard let entry, batch.add(entry) else { throw ReplayError(.malformed, "Line \(index + 1) has nothing to replay.") }
        }
        return batch
    }

    private func write(_ records: [CostRecord], _ found: LedgerBatch) async throws(ReplayError) -> LedgerOutcome {
        if let error = writer.status.lastError { throw ReplayError(.unavailable, "The ledger takes no records: \(error)") }
        do {
            return try await withThrowingTaskGroup(of: LedgerOutcome.self) { tasks in
                tasks.addTask {
                    try await self.writer.replay(records, priceVersions: found.priceVersions, kept: found.kept, stored: found.stored)
                }
                tasks.addTask {
                    try await Task.sleep(for: Self.patience)
                    throw ReplayError(.unavailable, "The ledger or the journal has been behind for too long; see /readyz.")
                }
                defer { tasks.cancelAll() }
                return try await tasks.next() ?? LedgerOutcome()
            }
        } catch let error as ReplayError {
            throw error
        } catch {
            throw ReplayError(.unavailable, "The ledger took no records: \(error)")
        }
    }

    /// From the ledger and what is not in it yet: exact, whatever was there before.
    private func refresh(_ records: [CostRecord]) async {
        once.load(
            records.compactMap { record in
                record.onceKey.map {
                    OnceKey(workspace: record.workspace, provider: record.provider, operation: record.operation ?? "", value: $0)
                }
            })
        await books.refresh(Set(records.map(\.workspace)))
    }
}
