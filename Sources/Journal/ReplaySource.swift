package import GatewayCore
internal import Glibc

/// What there is to replay: a log's replayable lines, or the journal of a machine that is lost.
///
/// Nothing in it is trusted. What cannot be read is told, and what stands around it is read all the same.
package struct ReplaySource: Sendable {
    private enum Content {
        case journal(JournalReader, lock: Descriptor?)
        case lines(Descriptor)
    }

    private let path: String
    private let content: Content

    /// Opens a file, a journal's folder, or standard input for `-`. Throws for a folder without a journal, and for one that a gateway has:
    /// that gateway writes it into the ledger itself, and the calls that look interrupted there are in flight.
    package init(path: String) throws(JournalError) {
        self.path = path
        do throws(SystemError) {
            let file = path == "-" ? Descriptor(number: dup(STDIN_FILENO)) : try Descriptor(path: path, flags: readOnly)
            guard try file.isFolder() else {
                content = .lines(file)
                return
            }
        } catch {
            throw JournalError("\(path) cannot be read: \(error)")
        }
        let lock = try JournalFolder(path: path).lockForReading()
        let reader = try JournalReader(folder: path)
        guard !reader.isEmpty else { throw JournalError("\(path) is a folder without a journal: it has no segments (*.journal)") }
        content = .journal(reader, lock: lock)
    }

    /// Calls `body` with each settlement, price version, kept answer and record to be stored, in order. A journal's calls that were never ended are among them, as their
    /// holds say.
    ///
    /// Throws for lines of which none is replayable: that is another file than was meant.
    ///
    /// - Parameter unreadable: Called with a sentence for each thing that should be an entry and is none.
    /// - Parameter passedOver: Called with a sentence for what is no loss: the torn end of a journal, of which no caller was told.
    package func forEach(
        unreadable: (String) -> Void, passedOver: (String) -> Void, _ body: (JournalEntry) async throws -> Void
    ) async throws {
        switch content {
        case .journal(let reader, let lock):
            defer { withExtendedLifetime(lock) {} }
            func tell(_ damage: JournalDamage) {
                (damage.kind == .tornEnd ? passedOver : unreadable)("\(path): \(damage)")
            }
            for damage in reader.damage { tell(damage) }
            try await reader.forEach(malformed: tell) { entry in
                if entry.isReplayable { try await body(entry) }
            }
        case .lines(let file):
            var lines = LineReader(file)
            var isLog = false
            while let line = try lines.next() {
                let entry: JournalEntry?
                do throws(JournalError) {
                    entry = try JournalLine.decode(line)
                } catch {
                    isLog = true
                    unreadable("\(path):\(lines.number): \(error)")
                    continue
                }
                guard let entry else { continue }
                isLog = true
                if entry.isReplayable { try await body(entry) }
            }
            guard isLog else { throw JournalError("\(path) has no replayable line ('\(JournalLine.prefix)…')") }
        }
    }
}

extension JournalEntry {
    /// Whether it is something for the ledger.
    fileprivate var isReplayable: Bool {
        switch self {
        case .settled, .priced, .kept, .stored: true
        case .held, .released: false
        }
    }
}
