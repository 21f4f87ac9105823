import AdapterFiles
import ArgumentParser
import GatewayCore
import JSONPath
import Journal

struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Record what a log's replayable lines or a lost machine's journal hold, each call once.",
        discussion: """
            While its journal cannot be written, a gateway writes each record as a line 'gateway-replay/1 …' to standard error. FILE is
            a log with such lines, whatever stands between them, or '-' for standard input, or a copy of a journal's folder, in which
            calls that were never ended are charged their estimate. What the ledger has changes nothing, so this can be run again.
            Goes through the running gateway, else into the ledger itself. Exit code 1 when something could not be read or
            recorded, or a log has no such line.

            Examples:
              gateway replay /var/log/gateway.log
              journalctl -u gateway | gateway replay -
              gateway replay /mnt/lost-machine/gateway-journal
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: ArgumentHelp("A log, a journal's folder, or - for standard input.", valueName: "file"))
    var file: String

    /// Entries, and bytes of their lines, that are sent at once.
    private static let largestBatch = (entries: 5_000, bytes: 4 << 20)

    func run() async throws {
        let configuration = try options.configuration()
        let target = ReplayTarget(configuration)
        var (unreadable, batch) = (0, ReplayBatch())
        do {
            let source = try ReplaySource(path: file)
            try await source.forEach(
                unreadable: { sentence in
                    unreadable += 1
                    printError(sentence)
                }, passedOver: { printError($0) },
                { entry in
                    batch.add(entry)
                    guard batch.count >= Self.largestBatch.entries || batch.lines.count >= Self.largestBatch.bytes else { return }
                    try await target.record(batch)
                    batch = ReplayBatch()
                })
            if batch.count > 0 { try await target.record(batch) }
        } catch {
            await target.close()
            print(summary(target.outcome, unreadable))
            throw fail("gateway: not all of \(file) was replayed: \(error)")
        }
        await target.close()
        print(summary(target.outcome, unreadable))
        guard unreadable == 0, target.outcome.setAside == 0 else { throw ExitCode(1) }
    }

    private func summary(_ outcome: ReplayOutcome, _ unreadable: Int) -> String {
        func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
        var parts = ["\(outcome.new) new", "\(outcome.known) already there"]
        if outcome.inFlight > 0 { parts.append("\(outcome.inFlight) in flight in the running gateway and left to it") }
        if outcome.setAside > 0 { parts.append("\(outcome.setAside) set aside in rejected_records, because they cannot be rows") }
        if unreadable > 0 { parts.append("\(unreadable) unreadable") }
        return "\(count(outcome.records, "record")) and \(count(outcome.priceVersions, "price version")): \(parts.joined(separator: ", "))"
    }
}

/// What is recorded at once.
private struct ReplayBatch {
    var entries = LedgerBatch(journal: nil, position: nil, records: [])
    var count = 0
    /// The same as lines.
    var lines: [UInt8] = []

    mutating func add(_ entry: JournalEntry) {
        guard entries.add(entry) else { return }
        count += 1
        // An entry that was read is no longer than one may be.
        lines += Array((JournalLine.encode(entry) ?? "").utf8) + [UInt8(ascii: "\n")]
    }
}

/// The running gateway, or the ledger where none answers.
private final class ReplayTarget {
    private let admin: AdminClient
    private let settings: LedgerSettings
    private var ledger: (any Ledger)?
    private(set) var outcome = ReplayOutcome()

    init(_ configuration: Configuration) {
        admin = AdminClient(address: configuration.admin.listen, token: configuration.admin.token)
        settings = configuration.ledger
    }

    func record(_ batch: ReplayBatch) async throws {
        if ledger == nil, let reply = await admin.send("POST", "/v1/replay", body: (ReplayOutcome.lineType, batch.lines)) {
            guard reply.status == 200, let root = reply.json, let part = ReplayOutcome(root) else {
                let detail = reply.json?["detail"]?.string ?? String(decoding: reply.body.prefix(200), as: UTF8.self)
                throw ReplayError(.unavailable, "the running gateway's admin plane answered \(reply.status): \(detail)")
            }
            outcome += part
            return
        }
        let ledger = try await opened()
        let written = try await ledger.apply(batch.entries)
        outcome.records += batch.entries.records.count
        outcome.new += written.new
        outcome.setAside += written.setAside
        outcome.priceVersions += batch.entries.priceVersions.count
    }

    private func opened() async throws -> any Ledger {
        if let ledger { return ledger }
        do {
            let opened = try await LedgerAddress(settings.engine).opener(gateway: nil)()
            ledger = opened
            return opened
        } catch {
            throw ReplayError(.unavailable, "no gateway answers on \(admin.address), and \(error)")
        }
    }

    func close() async {
        await ledger?.close()
    }
}
