import GatewayCore

/// A journal that is durable at once, or when the test says so, or not at all.
final class ScriptedLog: DurableLog {
    typealias Completion = @Sendable (Result<Void, DurabilityError>) -> Void

    enum Mode {
        case durable, failing
        /// Entries wait for ``ScriptedLog/complete(_:)``.
        case manual
    }

    private struct State {
        var mode = Mode.durable
        var entries: [JournalEntry] = []
        var waiting: [Completion] = []
    }

    private let state = Watched(State())

    func append(_ appends: [LogAppend]) {
        for append in appends { decide(append.entry, append.completion) }
    }

    private func decide(_ entry: JournalEntry, _ completion: @escaping Completion) {
        let mode = state.change { state in
            state.entries.append(entry)
            if case .manual = state.mode { state.waiting.append(completion) }
            return state.mode
        }
        switch mode {
        case .durable: completion(.success(()))
        case .failing: completion(.failure(DurabilityError("no space left on device")))
        case .manual: break
        }
    }

    var entries: [JournalEntry] { state.current.entries }
    var settled: [CostRecord] { entries.compactMap { if case .settled(let record) = $0 { record } else { nil } } }
    var held: [CostRecord] { entries.compactMap { if case .held(let record) = $0 { record } else { nil } } }
    var released: [CallID] { entries.compactMap { if case .released(let id) = $0 { id } else { nil } } }

    func set(_ mode: Mode) { state.change { $0.mode = mode } }

    /// Waits for the next entry that is not durable yet, and decides it.
    func complete(_ result: Result<Void, DurabilityError> = .success(())) throws {
        let completion = try state.wait(for: "an entry that waits") { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
        completion(result)
    }

    func waitForEntries(_ count: Int) throws -> [JournalEntry] {
        try state.wait(for: "\(count) entries") { $0.entries.count >= count ? $0.entries : nil }
    }

    func waitForSettled(_ count: Int = 1) throws -> [CostRecord] {
        _ = try state.wait(for: "\(count) settled") { state -> Bool? in
            let settled = state.entries.count { if case .settled = $0 { true } else { false } }
            return settled >= count ? true : nil
        }
        return settled
    }
}

/// Remembers what it was told, and the order of it.
final class ScriptedHistory: CallHistory {
    struct State {
        var noted: [CostRecord] = []
        var isFailing = false
        var isUnreadable = false
        /// Looks at the world while a record is noted.
        var onNote: (@Sendable (CostRecord) -> Void)?
    }

    let state = Watched(State())

    func noteSettled(_ record: CostRecord) {
        let look = state.change { state in
            state.noted.append(record)
            return state.onNote
        }
        look?(record)
    }

    func record(id: CallID, workspace: String) async throws(LedgerError) -> CostRecord? {
        let state = state.current
        if state.isUnreadable { throw LedgerError(.unavailable, "away") }
        return state.noted.last { $0.id == id && $0.workspace == workspace }
    }

    var isLedgerFailing: Bool { state.current.isFailing }
}
