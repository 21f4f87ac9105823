import GatewayCore
import NIOCore

/// What a call asks of its budgets before it is forwarded, and how it waits where gateways share them.
extension Call {
    func reserve(body: RequestFacts.Body) {
        guard let admission else { return }
        let facts = RequestFacts(captures: admission.captures, query: admission.query.map(String.init), body: body)
        var estimate: Estimate
        do {
            estimate = try admission.meter.estimate(facts)
        } catch {
            return refuse(Problem(.unpriced, error.detail))
        }
        let (workspace, provider) = (admission.caller.workspace, admission.adapter.provider)
        let onceKey = admission.meter.onceValue(facts).map {
            OnceKey(workspace: workspace, provider: provider, operation: admission.operation.name, value: $0)
        }
        if let onceKey, services.once.contains(onceKey) {
            estimate = Estimate(cost: .zero, lines: [], dimensions: estimate.dimensions)
        }
        if let maximum = admission.maximumCost, estimate.cost > maximum {
            var problem = Problem(.maxCostExceeded, "The call may cost \(estimate.cost), above X-Gateway-Max-Cost.")
            problem.members = [("estimate", .money(estimate.cost)), ("max_cost", .money(maximum))]
            return refuse(problem)
        }
        let configuration = admission.generation.configuration
        if configuration.onTrackerError == .closed, services.history.isLedgerFailing {
            return refuse(
                Problem(.trackerUnavailable, "The ledger does not take records at the moment, and the gateway is set to refuse calls then.")
            )
        }
        claim = Claim(id: services.ids.next(at: services.clock()), estimate: estimate, facts: facts, onceKey: onceKey)
        reserve(shortage: .wait(since: nil, wake))
    }

    /// Tries to hold the claim.
    private func reserve(shortage: Shortage) {
        guard let admission, let claim else { return }
        let configuration = admission.generation.configuration
        let (workspace, provider) = (admission.caller.workspace, admission.adapter.provider)
        let now = services.clock()
        let outcome = services.accounts.reserve(
            id: claim.id, workspace: workspace, user: admission.caller.user, provider: provider, estimate: claim.estimate.cost,
            budget: configuration.budgets.budget(for: workspace), at: now, shortage: shortage)
        switch outcome {
        case .waiting(let since):
            waitForRoom(since: since)
        case .unanswered:
            noRoomIsKnown()
        case .refused(let refusal):
            endClaim()
            refuse(
                refusal.problem(provider: provider, workspace: workspace, now: now), caller: admission.caller,
                operation: admission.operation.name, isExhausted: refusal.reason == .spent)
            conclude()
        case .reserved(let reservation):
            endClaim()
            if reservation.isUnverified, configuration.onTrackerError == .closed {
                services.accounts.release(reservation)
                refuse(
                    Problem(.trackerUnavailable, "The workspace's spending is not known yet, and the gateway is set to refuse calls then."))
                return conclude()
            }
            if reservation.shadowRefusal != nil { services.metrics.shadowRefusals.increment() }
            pledge = Pledge(
                reservation: reservation, estimate: claim.estimate, facts: claim.facts, startedAt: now, onceKey: claim.onceKey)
            exchange = Exchange()
            begin()
            writeHold()
        }
    }

    private func endClaim() {
        claim?.deadline?.cancel()
        claim = nil
    }

    // MARK: Waiting for room in a budget that gateways share

    /// How long a call waits for the database.
    private static let patience = TimeAmount.seconds(3)

    private var wake: LeaseWaiter {
        { news in self.arrivals.post(.leased(self, news)) }
    }

    private func waitForRoom(since: UInt64) {
        claim?.since = since
        guard claim?.deadline == nil, let eventLoop = connection?.eventLoop else { return }
        begin()
        claim?.deadline = eventLoop.scheduleTask(in: Self.patience) { self.reserveAfterWaiting(.end(since: since)) }
    }

    /// The database has answered, or not.
    func retryReservation(_ news: LeaseNews) {
        switch news {
        case .answered: reserveAfterWaiting(.wait(since: claim?.since, wake))
        case .failed: reserveAfterWaiting(nil)
        }
    }

    /// - Parameter shortage: nil where there is nothing more to wait for.
    private func reserveAfterWaiting(_ shortage: Shortage?) {
        guard claim != nil else { return }
        guard connection != nil else {
            // The caller has not waited.
            endClaim()
            return conclude()
        }
        if let shortage { reserve(shortage: shortage) } else { noRoomIsKnown() }
    }

    /// The database cannot be asked: the policy decides.
    private func noRoomIsKnown() {
        guard admission?.generation.configuration.onTrackerError == .closed else { return reserve(shortage: .goOn) }
        endClaim()
        refuse(
            Problem(
                .trackerUnavailable, "The database that budgets are shared through does not answer, and the gateway is set to refuse then.")
        )
        conclude()
    }

    /// The hold is durable before anything is forwarded.
    private func writeHold() {
        guard let record = heldRecord() else { return }
        append(.held(record)) { call, result in
            guard case .failure(let error) = result, let admission = call.admission else { return call.take(.holdWritten) }
            call.noteTrackerError("the hold could not be journaled", error)
            guard admission.generation.configuration.onTrackerError == .closed else { return call.take(.holdWritten) }
            call.problem = Problem(.trackerUnavailable, "The journal cannot be written, and the gateway is set to refuse calls then.")
            call.take(.holdFailed)
        }
    }
}
