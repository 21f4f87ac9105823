import GatewayCore

/// What a batch writes beside its calls: kept answers, research, people and companies.
///
/// Applications may own the tables of all but the first, with columns, types and rules of their own: what does not fit there is set aside
/// with the reason, and blocks nothing.
struct LedgerAdditions {
    private enum Addition {
        case kept([KeptAnswer])
        case research(KeptAnswer, ResearchRecord)
        case entity(EntityRecord)
    }

    private let connection: PostgresConnection
    private let now: Timestamp
    private let additions: [Addition]

    init(_ batch: LedgerBatch, on connection: PostgresConnection, now: Timestamp) {
        self.connection = connection
        self.now = now
        var additions: [Addition] = batch.kept.isEmpty ? [] : [.kept(batch.kept)]
        additions += batch.kept.compactMap { kept in kept.research.map { .research(kept, $0) } }
        // In one order, in which every gateway takes the rows' locks; records of one entity in that of their coming.
        let order: (EntityRecord) -> [String] = { [$0.kind.table, $0.workspace, $0.entityID] }
        additions += batch.stored.enumerated().sorted { left, right in
            let (a, b) = (order(left.element), order(right.element))
            return a == b ? left.offset < right.offset : a.lexicographicallyPrecedes(b)
        }.map { .entity($0.element) }
        self.additions = additions
    }

    /// All of them as statements of one transaction, and how many are set aside by them.
    func statements() throws(PostgresFailure) -> (statements: [PostgresStatement], setAside: Int) {
        var statements: [PostgresStatement] = []
        var setAside = 0
        for addition in additions {
            do {
                statements.append(try statement(addition))
            } catch let error as EntityTable.Unstorable {
                statements.append(contentsOf: rejection(of: addition, because: error.reason))
                setAside += 1
            } catch let error as PostgresFailure {
                throw error
            } catch {
                throw PostgresFailure(message: "\(error)")
            }
        }
        return (statements, setAside)
    }

    /// How many of their statements have answered that they stored nothing.
    static func setAside(_ answers: ArraySlice<PostgresRows>) throws(PostgresFailure) -> Int {
        var count = 0
        for answer in answers where answer.count > 0 {
            if try answer.requiredInt64(0, 0) == 0 { count += 1 }
        }
        return count
    }

    /// Whether an error of the transaction may be that of one of them.
    func mayFail(by error: PostgresFailure) -> Bool {
        !additions.isEmpty && error.concernsTableOnly
    }

    /// Writes them one by one, within a transaction, and sets aside what cannot be written. Returns how many those are.
    func writeEach() throws(PostgresFailure) -> Int {
        var setAside = 0
        // An application may have changed its tables since this connection looked.
        connection.entityTables = [:]
        for addition in additions {
            do {
                let answers = try connection.run([
                    PostgresStatement("SAVEPOINT addition"), try statement(addition), PostgresStatement("RELEASE SAVEPOINT addition"),
                ])
                setAside += try Self.setAside(answers[1...1])
            } catch let error as EntityTable.Unstorable {
                setAside += 1
                try connection.run(rejection(of: addition, because: error.reason))
            } catch let error as PostgresFailure {
                guard isForAddition(addition, error) else { throw error }
                setAside += 1
                try connection.run(
                    [PostgresStatement("ROLLBACK TO SAVEPOINT addition"), PostgresStatement("RELEASE SAVEPOINT addition")]
                        + rejection(of: addition, because: error.message))
            } catch {
                throw PostgresFailure(message: "\(error)")
            }
        }
        return setAside
    }

    /// The gateway's own table is as it should be, or 'gateway migrate' must be run.
    private func isForAddition(_ addition: Addition, _ error: PostgresFailure) -> Bool {
        if case .kept = addition { error.concernsRowOnly } else { error.concernsTableOnly }
    }

    private func statement(_ addition: Addition) throws -> PostgresStatement {
        switch addition {
        case .kept(let kept): return KeptAnswers.insertion(of: kept)
        case .research(let kept, let research): return KeptAnswers.research(kept, research, now: now)
        case .entity(let record):
            let table = try connection.entityTables[record.kind] ?? EntityTable(record.kind, in: connection)
            connection.entityTables[record.kind] = table
            return try table.upsert(record, now: now)
        }
    }

    /// Nothing is owed for an answer that cannot be kept: it is only asked for again.
    private func rejection(of addition: Addition, because reason: String) -> [PostgresStatement] {
        switch addition {
        case .kept:
            return []
        case .research(let kept, let research):
            return [
                .rejection(
                    workspace: kept.workspace, id: "\(kept.id) research_data", reason: reason, record: research.setAsideText(kept), at: now)
            ]
        case .entity(let record):
            return [.rejection(workspace: record.workspace, id: record.rejectedID, reason: reason, record: record.setAsideText, at: now)]
        }
    }
}
