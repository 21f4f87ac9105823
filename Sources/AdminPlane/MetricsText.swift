import GatewayCore
import Synchronization

/// `/metrics`, in Prometheus' text format, version 0.0.4.
enum MetricsText {
    static func render(_ services: AdminPlane.Services) -> String {
        let (metrics, accounts, generations) = (services.metrics, services.accounts, services.generations)
        let (health, now) = (services.health(), services.clock())
        var page = PrometheusText()
        func family(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: String)]) {
            page.family(name, type, help, samples)
        }
        func single(_ name: String, _ type: String, _ help: String, _ value: some CustomStringConvertible) {
            family(name, type, help, [("", value.description)])
        }

        page.addCalls(metrics)

        let shared = metrics.cacheCalls.map {
            (PrometheusText.labels([("provider", $0.provider), ("operation", $0.operation), ("cache", $0.outcome.rawValue)]), $1)
        }
        family(
            "gateway_cache_calls_total", "counter", "Calls of operations whose answers are kept, by what the cache did.",
            shared.map { ($0, String($1.calls)) })
        family(
            "gateway_cache_saved_dollars_total", "counter", "What calls would have cost that were answered with what others had paid for.",
            shared.map { ($0, $1.saved.description) })
        single(
            "gateway_cache_memory_bytes", "gauge", "About what kept answers take in memory.", metrics.keptBytes.load(ordering: .relaxed))
        single(
            "gateway_cache_memory_answers", "gauge", "Kept answers in memory.", metrics.keptAnswers.load(ordering: .relaxed))
        single(
            "gateway_cache_failed_lookups_total", "counter", "Times that the ledger did not say in time whether it keeps an answer.",
            metrics.failedLookups.count)

        let books = accounts.snapshot
        single("gateway_held_dollars", "gauge", "Held for calls in flight, in US dollars.", books.held)
        single("gateway_reservations_open", "gauge", "Calls in flight that hold something.", books.openReservations)
        single(
            "gateway_reservations_unknown_total", "counter", "Settlements of no open reservation; must stay 0.", books.unknownReservations)
        single("gateway_workspaces_unverified", "gauge", "Workspaces whose spending is not known yet.", books.unverifiedWorkspaces)
        single("gateway_shadow_refusals_total", "counter", "Calls that shadow budgets would have refused.", metrics.shadowRefusals.count)
        single(
            "gateway_unverified_calls_total", "counter", "Calls that went on although the tracker failed.", metrics.unverifiedCalls.count)
        single("gateway_unanswered_calls_total", "counter", "Calls that were sent and had no response head.", metrics.unansweredCalls.count)
        single(
            "gateway_metering_problems_total", "counter", "Answers that could not be metered and were charged their estimate.",
            metrics.meteringProblems.count)

        let alerts = metrics.alerts
        family(
            "gateway_alerts_total", "counter", "Alerts that this gateway has raised.",
            alerts.raised.map { series, count in
                (#"{level="\#(series.level)",scope="\#(series.scope)",window="\#(series.window)"}"#, String(count))
            })
        family(
            "gateway_alert_deliveries_total", "counter", "Tries to deliver an alert to a webhook, and alerts given up, by outcome.",
            alerts.deliveries.map { (#"{outcome="\#($0.0.rawValue)"}"#, String($0.1)) })
        single(
            "gateway_alerts_undelivered", "gauge",
            "Deliveries of alerts that no webhook has acknowledged yet, of all gateways on the ledger.",
            alerts.waiting)

        page.addReconciliation(metrics.reconciliation, at: now)

        single("gateway_journal_failures_total", "counter", "Entries that the journal did not take at once.", metrics.journalFailures.count)
        single("gateway_journal_failing", "gauge", "1 while the journal cannot be written.", health.journal.isWell ? 0 : 1)
        single(
            "gateway_journal_failing_seconds", "gauge", "For how long it has not been written.", failing(health.journal.failingSince, now))
        single("gateway_journal_bytes", "gauge", "Bytes of the journal's segments.", health.journalBytes)
        if let limit = health.journalLimit {
            single("gateway_journal_max_bytes", "gauge", "How many they may have (ledger.journal_max).", limit)
        }
        single("gateway_journal_waiting_entries", "gauge", "Entries in memory until the journal can be written.", health.retained)
        single(
            "gateway_journal_dropped_entries_total", "counter",
            "Entries for which there was no room in memory: their records are in the log alone, for 'gateway replay'.", health.dropped)
        single("gateway_ledger_failing", "gauge", "1 while the ledger takes no records.", health.ledger.isWell ? 0 : 1)
        single(
            "gateway_ledger_failing_seconds", "gauge", "For how long the ledger has taken none.", failing(health.ledger.failingSince, now))
        single("gateway_ledger_backlog_records", "gauge", "Settled records that are not in the ledger yet.", health.backlog)
        single("gateway_ledger_backlog_bytes", "gauge", "Bytes of the journal that the ledger has not reached.", health.backlogBytes)
        single("gateway_ledger_backlog_seconds", "gauge", "For how long the oldest of them have waited.", failing(health.backlogSince, now))
        single(
            "gateway_ledger_records_set_aside_total", "counter", "Records that could not be rows; see the table rejected_records.",
            health.setAside)
        page.addLedger(health, failOpen: metrics.failOpen, at: now)
        page.addLeases(books)
        page.addUpstream(services.upstream())
        page.addReloads(generations)

        let last = generations.lastAttempt
        single(
            "gateway_generation", "gauge", "The configuration in force: 1 at the start, one more with each reload.",
            generations.generation.number)
        single("gateway_reload_failures_total", "counter", "Reloads that were refused.", last.failures)
        single("gateway_connections_accepted_total", "counter", "Callers' connections.", metrics.connectionsAccepted.count)
        single("gateway_connections_refused_total", "counter", "Connections over limits.connections.", metrics.connectionsRefused.count)
        single("gateway_bad_requests_total", "counter", "Requests that were no HTTP the gateway serves.", metrics.refusedRequests.count)
        single(
            "gateway_buffered_bytes", "gauge", "Bytes of answers that are held for metering.",
            metrics.bufferedBytes.load(ordering: .relaxed))
        single(
            "gateway_counted_bytes", "gauge", "Bytes of copies of answers in which records are counted.",
            metrics.countedBytes.load(ordering: .relaxed))
        single(
            "gateway_log_lines_dropped_total", "counter", "Lines of the log that its reader did not take in time.",
            services.droppedLogLines())
        return page.text
    }

    private static func failing(_ since: Timestamp?, _ now: Timestamp) -> String {
        since.map { PrometheusText.decimal(microseconds: max(0, now.microseconds - $0.microseconds)) } ?? "0"
    }
}
