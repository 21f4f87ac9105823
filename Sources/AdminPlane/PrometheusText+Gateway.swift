import GatewayCore

/// The families whose samples have labels. Their number is bounded whatever callers and providers send: `provider` and `operation` come from the
/// adapters, every other label from the gateway's own few words. The workspace is no label, because there may be tens of thousands; what each has
/// spent is in the ledger, and `/v1/spend` sums it up.
extension PrometheusText {
    mutating func addCalls(_ metrics: Metrics) {
        let calls = metrics.calls.map { series, totals in
            let labels = [
                ("provider", series.provider), ("operation", series.operation), ("outcome", series.outcome),
                ("basis", series.basis.rawValue),
            ]
            return (Self.labels(labels), totals)
        }
        family(
            "gateway_calls_total", "counter", "Settled calls, by the status of the provider's answer.", calls.map { ($0, String($1.calls)) }
        )
        family("gateway_cost_dollars_total", "counter", "Charged, in US dollars.", calls.map { ($0, $1.cost.description) })
        family(
            "gateway_estimated_dollars_total", "counter", "What was held for the same calls: their estimates, in US dollars.",
            calls.map { ($0, $1.estimate.description) })
        family("gateway_tokens_total", "counter", "Charged tokens.", calls.map { ($0, String($1.tokens)) })
        family(
            "gateway_refusals_total", "counter", "Calls that the gateway has refused, or could not bring to their provider, by why.",
            metrics.refusals.all.map { series, count in
                var labels = [("provider", series.provider), ("operation", series.operation), ("code", series.code.rawValue)]
                if let reason = series.reason { labels.append(("reason", reason.rawValue)) }
                return (Self.labels(labels), String(count))
            })

        let times = metrics.times.all.map { operation, histograms in
            ([("provider", operation.provider), ("operation", operation.name)], histograms)
        }
        histogram(
            "gateway_overhead_seconds", "The gateway's own time in a call: before it is forwarded, and after the provider's last byte.",
            times.map { ($0, $1.own) })
        histogram(
            "gateway_upstream_first_byte_seconds", "From the forwarding of a call to the head of its provider's answer.",
            times.map { ($0, $1.firstByte) })
        histogram(
            "gateway_upstream_seconds", "From the forwarding of a call to its provider's last byte.", times.map { ($0, $1.upstream) })
        histogram(
            "gateway_estimate_ratio", "Charged, for each dollar that was estimated: above 1 the estimate was too low.",
            times.map { ($0, $1.estimateRatio) })
    }

    mutating func addLedger(_ health: Health, failOpen: FailOpenTime, at now: Timestamp) {
        histogram("gateway_ledger_commit_seconds", "How long the ledger took to commit a batch of records.", [([], health.commits)])
        family(
            "gateway_fail_open_seconds_total", "counter",
            "For how long calls went on although a part of the tracker failed (on_tracker_error: open).",
            failOpen.totals(at: now).map { (Self.labels([("part", $0.rawValue)]), Self.decimal(microseconds: $1)) })
    }

    /// With a Postgres ledger; else all of them are 0.
    mutating func addLeases(_ books: AccountsSnapshot) {
        var kinds: [(labels: String, totals: LeaseTotals)] = []
        for scope in BudgetScope.allCases {
            for window in WindowKind.allCases {
                let labels = Self.labels([("scope", scope.rawValue), ("window", window.rawValue)])
                kinds.append((labels, books.leases[LeaseKind(scope: scope, window: window)] ?? LeaseTotals()))
            }
        }
        family(
            "gateway_leases", "gauge", "Budgets shared with other gateways of which this one has leased a slice.",
            kinds.map { ($0.labels, String($0.totals.open)) })
        family(
            "gateway_leased_dollars", "gauge", "What this gateway has leased of them, spent or not.",
            kinds.map { ($0.labels, $0.totals.granted.description) })
        family(
            "gateway_lease_in_hand_dollars", "gauge", "What of that is neither spent nor held.",
            kinds.map { ($0.labels, $0.totals.inHand.description) })
        family(
            "gateway_lease_recalls_total", "counter", "Times that another gateway wanted some of it back.",
            [("", String(books.leaseRecalls))])
    }

    mutating func addUpstream(_ upstream: UpstreamSnapshot) {
        func single(_ name: String, _ type: String, _ help: String, _ value: Int) { family(name, type, help, [("", String(value))]) }
        single("gateway_upstream_connections", "gauge", "Connections to providers that are open.", upstream.connectionsOpen)
        single("gateway_upstream_connections_idle", "gauge", "Those of them that wait for their next call.", upstream.connectionsIdle)
        single("gateway_upstream_connections_opened_total", "counter", "Connections to providers, new ones.", upstream.connectionsOpened)
        single(
            "gateway_upstream_connections_reused_total", "counter", "Requests that went out on a connection that was there already.",
            upstream.connectionsReused)
        single("gateway_upstream_calls", "gauge", "Calls that a provider has not finished with, waiting ones included.", upstream.active)
        family(
            "gateway_upstream_queued_calls", "gauge", "Calls that wait for their provider's max_concurrent.",
            upstream.queued.sorted { $0.key < $1.key }.map { (Self.labels([("provider", $0.key)]), String($0.value)) })
    }

    mutating func addReloads(_ generations: CurrentGeneration) {
        let last = generations.lastAttempt
        family(
            "gateway_reload_refused", "gauge", "1 while the files have problems, and what was in force before them stays.",
            [("", last.problems.isEmpty ? "0" : "1")])
        family(
            "gateway_reload_timestamp_seconds", "gauge", "When the configuration was last loaded, or refused.",
            [("", Self.decimal(microseconds: last.at.microseconds))])
    }
}
