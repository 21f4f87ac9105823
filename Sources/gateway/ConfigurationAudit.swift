import AdapterFiles
import GatewayCore
import JSONPath
import Journal
import Logging
import Synchronization

/// Marks of this gateway's changes, for the audit.
final class ChangeMarks: Sendable {
    private let ids = CallIDGenerator()
    private let gateway: String?

    init(gateway: String?) {
        self.gateway = gateway
    }

    func next(from origin: String) -> ChangeMark {
        let now = machineClock()
        return ChangeMark(id: ids.next(at: now), instant: now, origin: origin, gateway: gateway)
    }
}

/// Writes into the audit which configuration followed which. It is no change of the database, so that its entry waits here while the ledger is away.
final class ConfigurationAudit: Sendable {
    private let writer: LedgerWriter
    private let marks: ChangeMarks
    private let logger: Logger
    private let waiting = Mutex<[AuditEntry]>([])
    private let nudge = Nudge()

    private static let pause = Duration.seconds(1)

    init(writer: LedgerWriter, marks: ChangeMarks, logger: Logger) {
        self.writer = writer
        self.marks = marks
        self.logger = logger
    }

    /// Takes note of a generation that follows another. `budgets` are those that the files had.
    func note(_ adoption: Adoption, after former: Generation, budgets: BudgetBook) {
        let next = adoption.generation
        var old = ConfigurationReport()
        let before = Self.state(former, budgets, adoption.before, &old)
        var new = ConfigurationReport(beside: old.secrets)
        let after = Self.state(next, next.configuration.budgets, adoption.after, &new)
        guard let difference = JSONValue.difference(before, after) else { return }
        let entry = AuditEntry(
            marks.next(from: adoption.origin), .configuration, of: "config.yaml",
            before: String(decoding: difference.before.serialized, as: UTF8.self),
            after: String(decoding: difference.after.serialized, as: UTF8.self))
        waiting.withLock { $0.append(entry) }
        nudge.signal()
    }

    private static func state(
        _ generation: Generation, _ budgets: BudgetBook, _ files: Set<FileDigest>, _ report: inout ConfigurationReport
    ) -> JSONValue {
        .object([
            .init("generation", .number(JSONNumber(Int64(generation.number)))),
            .init("settings", report.settings(generation.configuration)),
            .init("budgets", ConfigurationReport.budgets(budgets)),
            .init(
                "adapters",
                .object(
                    generation.adapters.sorted { $0.key < $1.key }.map { .init($0.key, ConfigurationReport.adapter($0.value)) })),
            // Whatever else they say: that it changed.
            .init(
                "files",
                .object(
                    files.sorted { $0.name < $1.name }.map { file in
                        .init(file.name, file.hash.map { .string("sha256:\($0.prefix(16))") } ?? .null)
                    })),
        ])
    }

    /// Writes what there is as soon as the ledger takes it, until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await nudge.wait(timeout: Self.pause)
            await write()
        }
    }

    /// Writes what there is, if the ledger takes it now.
    func write() async {
        while let entry = waiting.withLock({ $0.first }), let ledger = writer.ledger {
            do throws(LedgerError) {
                try await ledger.add(entry)
                waiting.withLock { _ = $0.removeFirst() }
            } catch {
                return logger.debug("the audit cannot be written yet", metadata: ["error": "\(error)"])
            }
        }
    }
}
