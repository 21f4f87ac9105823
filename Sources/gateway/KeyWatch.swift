import AdminPlane
import GatewayCore
import Journal
import Logging

/// Keeps the ring of callers' keys as the store has them: what any gateway changes there is in force here within a second.
final class KeyWatch: KeyAdministration {
    let ring = KeyRing()
    private let writer: LedgerWriter
    private let marks: ChangeMarks
    private let logger: Logger
    private let ids = CallIDGenerator()

    private static let interval = Duration.milliseconds(500)
    /// How many looks lie between two notes of when keys were used.
    private static let looksPerNote = 60

    init(writer: LedgerWriter, marks: ChangeMarks, logger: Logger) {
        self.writer = writer
        self.marks = marks
        self.logger = logger
    }

    /// Looks into the store twice a second, until the task is cancelled.
    func run() async {
        var looks = 0
        while !Task.isCancelled {
            // Cancelled when the gateway stops, which the loop sees.
            try? await Task.sleep(for: Self.interval)
            // A look that the end of the process cuts short would be taken for a fault.
            guard !Task.isCancelled else { break }
            await refresh()
            looks += 1
            if looks % Self.looksPerNote == 0 { await noteUse() }
        }
        await noteUse()
    }

    /// Looks into the store once.
    func refresh() async {
        do {
            let store = try writer.openedLedger
            var (keys, change) = try await store.keys(changedAfter: ring.change)
            if change < ring.change {
                // Another database has taken the place of the one that was read before.
                (keys, change) = try await store.keys(changedAfter: 0)
                ring.clear()
            }
            if !ring.isReadable, ring.change > 0 { logger.notice("callers' keys can be read again") }
            ring.take(keys, upTo: change)
        } catch {
            if ring.isReadable {
                logger.error("callers' keys cannot be read; those seen before stay good", metadata: ["error": "\(error)"])
            }
            ring.storeFailed()
        }
    }

    private func noteUse() async {
        let uses = ring.takeUses()
        guard !uses.isEmpty else { return }
        do {
            try await writer.openedLedger.noteUse(uses)
        } catch {
            // Only when a key was used last would be older than it is.
            logger.debug("the last uses of keys cannot be noted", metadata: ["error": "\(error)"])
        }
    }

    // MARK: KeyAdministration

    func create(_ wish: KeyWish, from origin: String) async throws(LedgerError) -> (key: CallerKey, secret: Secret) {
        let mark = marks.next(from: origin)
        let made = wish.key(id: ids.next(at: mark.instant), at: mark.instant)
        try await writer.openedLedger.add(made.key, mark)
        await refresh()
        return made
    }

    func revoke(_ id: CallID, from origin: String) async throws(LedgerError) -> CallerKey? {
        let key = try await writer.openedLedger.revokeKey(id, marks.next(from: origin))
        await refresh()
        return key
    }

    func list(workspace: String?, after id: CallID?, limit: Int) async throws(LedgerError) -> [CallerKey] {
        try await writer.openedLedger.keys(workspace: workspace, after: id, limit: limit)
    }
}
