package import GatewayCore
import Testing

/// What every ledger must do with answers that are kept.
extension LedgerConformance {
    private static func apply(_ kept: [KeptAnswer], to ledger: any Ledger, offset: UInt64 = 1) async throws -> LedgerOutcome {
        try await ledger.apply(
            LedgerBatch(journal: "j", position: JournalPosition(segment: 1, offset: offset), records: [], kept: kept))
    }

    /// What the ledger gives back, which is all but the research.
    private static func served(_ kept: KeptAnswer) -> KeptAnswer {
        var kept = kept
        kept.research = nil
        return kept
    }

    /// Byte for byte, for its workspace alone, until it expires; applied again, it is the same.
    package static func answersRoundTrip(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: 21)
        var all = (0..<60).map { _ in maker.keptAnswer() }
        all.append(maker.keptAnswer(body: 0))
        all.append(maker.keptAnswer(body: 1 << 20))
        for offset in [1, 2] as [UInt64] {
            let outcome = try await apply(all, to: ledger, offset: offset)
            #expect(outcome == LedgerOutcome())
            for kept in all {
                let last = kept.expiresAt.adding(seconds: -1)
                let found = try await ledger.keptAnswer(kept.key, workspace: kept.workspace, at: last)
                #expect(found == served(kept))
                let elsewhere = try await ledger.keptAnswer(kept.key, workspace: kept.workspace + "x", at: last)
                let expired = try await ledger.keptAnswer(kept.key, workspace: kept.workspace, at: kept.expiresAt)
                #expect(elsewhere == nil && expired == nil)
            }
        }
        let unknown = try await ledger.keptAnswer(maker.keptAnswer().key, workspace: "acme", at: RecordMaker.firstDay)
        #expect(unknown == nil)
        await ledger.close()
    }

    /// Of one key the newest counts, whatever the order in which gateways bring them.
    package static func newestAnswerCounts(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: 22)
        let first = maker.keptAnswer()
        func later(_ seconds: Int64) -> KeptAnswer {
            var next = maker.keptAnswer()
            (next.key, next.workspace, next.provider) = (first.key, first.workspace, first.provider)
            (next.keptAt, next.expiresAt) = (first.keptAt.adding(seconds: seconds), first.keptAt.adding(seconds: seconds + 1_000_000))
            return next
        }
        let (second, third) = (later(10), later(20))
        for (batch, newest) in [([second, third, first], third), ([first], third), ([later(30)], nil)] {
            _ = try await apply(batch, to: ledger)
            let found = try await ledger.keptAnswer(first.key, workspace: first.workspace, at: first.keptAt)
            #expect(found == served(newest ?? batch[0]))
        }
        await ledger.close()
    }

    /// Expired ones go, then the oldest, until what is left fits; never more at once than a small batch.
    package static func sweepKeepsTheBound(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        var maker = RecordMaker(seed: 23)
        let now = RecordMaker.firstDay.adding(seconds: 10 * 86_400)
        let all = (0..<700).map { index in
            var kept = maker.keptAnswer(body: 100)
            kept.keptAt = now.adding(seconds: Int64(index) - 1000)
            // Every other one has expired.
            kept.expiresAt = now.adding(seconds: index.isMultiple(of: 2) ? 0 : 1)
            return kept
        }
        _ = try await apply(all, to: ledger)
        func left() async throws -> [KeptAnswer] {
            var left: [KeptAnswer] = []
            for kept in all {
                if try await ledger.keptAnswer(kept.key, workspace: kept.workspace, at: kept.keptAt) != nil { left.append(kept) }
            }
            return left
        }
        func sweep(_ limit: Int) async throws -> Int {
            var rounds = 1
            while try await ledger.sweepAnswers(at: now, limit: limit) { rounds += 1 }
            return rounds
        }
        #expect(try await sweep(.max) > 1, "all that had expired went in one transaction")
        let living = all.filter { $0.expiresAt > now }
        #expect(try await left() == living)
        let limit = living.suffix(40).reduce(0) { $0 + $1.size }
        #expect(try await sweep(limit + 10) > 1)
        #expect(try await left() == living.suffix(40))
        #expect(try await sweep(0) == 1)
        #expect(try await left().isEmpty)
        await ledger.close()
    }
}
