import GatewayCore
import Logging

/// Tells the log, once each, that a part behind the data path has begun to fail, why, and that it is well again.
struct FaultLog {
    private let logger: Logger
    private var last = Health(journal: .init(), ledger: .init(), budgetsLoaded: true, backlog: 0, backlogBytes: 0)

    init(logger: Logger) {
        self.logger = logger
    }

    mutating func note(_ health: Health, at now: Timestamp) {
        note(
            health.ledger, before: last.ledger, at: now,
            failing: "the ledger takes no records; they wait in the journal, and calls go on",
            well: "the ledger takes records again")
        note(
            health.journal, before: last.journal, at: now,
            failing:
                "the journal cannot be written; calls go through unverified, and each record is a gateway-replay line on standard error",
            well: "the journal can be written again")
        if let level = health.fillingLevel, level > last.fillingLevel ?? 0 {
            logger.warning(
                "the journal fills, because the ledger does not take its records; full, calls go through unverified",
                metadata: [
                    "percent": "\(level)", "bytes": "\(health.journalBytes)", "journal_max": "\(health.journalLimit ?? 0)",
                    "full_in_seconds": "\(health.secondsUntilFull(at: now).map(String.init) ?? "unknown")",
                ])
        }
        if health.dropped > last.dropped {
            logger.error(
                "entries found no room in memory either; when the journal is well again, give this log to 'gateway replay'",
                metadata: ["entries": "\(health.dropped)"])
        }
        if health.setAside > last.setAside {
            logger.error(
                "records cannot be rows of the ledger; they are in its table rejected_records", metadata: ["records": "\(health.setAside)"])
        }
        if health.budgetsLoaded, !last.budgetsLoaded { logger.notice("spending is known: budgets bind") }
        last = health
    }

    private func note(_ part: Health.Part, before: Health.Part, at now: Timestamp, failing: Logger.Message, well: Logger.Message) {
        if let error = part.lastError {
            if error != before.lastError { logger.error(failing, metadata: ["error": "\(error)"]) }
        } else if let since = before.failingSince, part.isWell {
            logger.notice(well, metadata: ["seconds": "\(now.seconds - since.seconds)"])
        }
    }
}
