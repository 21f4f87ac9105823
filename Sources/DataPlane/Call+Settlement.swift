import GatewayCore

/// What a call costs, and the record of it.
extension Call {
    /// A call's record and the workspace's books right after it.
    struct Settled {
        var record: CostRecord
        var status: BudgetStatus?
    }

    /// The row that this call becomes if the gateway is killed while it is in flight.
    func heldRecord() -> CostRecord? {
        guard let pledge else { return nil }
        var record = record(cost: pledge.estimate.cost, basis: .estimate)
        record?.requestData = RequestData.json(method: head.method, trace: trace, estimate: pledge.estimate)
        record?.errorMessage = "interrupted"
        if let count = admission?.operation.providerCount, let provider = admission?.adapter.provider {
            record?.reading = count.interrupted(pledge.id, provider: provider, from: pledge.startedAt, estimate: pledge.estimate)
        }
        if pledge.estimate.cost > .zero {
            record?.onceKey = pledge.onceKey?.value
            // Of a stream nothing is said, and whether it would have been one is not known.
            if asksForRecords, admission?.operation.streaming == nil { record?.found = 0 }
        }
        return record
    }

    private func record(cost: Money, basis: CostBasis) -> CostRecord? {
        guard let pledge, let admission else { return nil }
        return record(
            admission, id: pledge.id, cost: cost, basis: basis, estimate: pledge.estimate.cost, createdAt: pledge.startedAt,
            day: pledge.reservation.day)
    }

    /// What every row of this call says.
    func record(
        _ admission: Admission, id: CallID, cost: Money, basis: CostBasis, estimate: Money, createdAt: Timestamp, day: Timestamp
    ) -> CostRecord {
        CostRecord(
            id: id, workspace: admission.caller.workspace, user: admission.caller.user, provider: admission.adapter.provider,
            endpoint: admission.endpoint, operation: admission.operation.name, cost: cost, basis: basis,
            priceVersion: admission.meter.priceVersion, estimate: estimate, cache: sharing?.outcome ?? .none,
            entityType: admission.caller.entityType ?? admission.operation.entity, entityID: admission.caller.entityID, success: false,
            createdAt: createdAt, day: day)
    }

    func settle(_ settlement: Exchange.Settlement) {
        guard let pledge else { return }
        let body = settlement == .metered ? answer?.facts(limits: limits) ?? .unread : .unread
        let charge = charge(settlement, body)
        guard var record = record(cost: charge.cost, basis: charge.basis) else { return }
        record.reportedCost = charge.reported
        record.tokens = charge.tokens
        record.status = answer?.status
        let normalized = settlement == .metered ? normalized(body) : nil
        record.found = found(settlement, charge, body, normalized)
        let worth = worth(settlement, normalized, found: record.found)
        record.success = settlement == .metered && (200..<300).contains(answer?.status ?? 0) && answer?.stream?.hasFailed != true
        record.errorMessage = errorMessage(settlement, charge: charge)
        if self.pledge?.hasClaimedOnce == true { record.onceKey = pledge.onceKey?.value }
        let now = services.clock()
        record.duration = Int(max(0, now.microseconds - pledge.startedAt.microseconds) / 1000)
        if let count = admission?.operation.providerCount {
            record.reading = count.reading(
                pledge.id, provider: record.provider, from: pledge.startedAt, to: now, charge: charge, estimate: pledge.estimate,
                answer: answer.map { ($0.status, $0.headers) })
            noteUntoldBalance(of: record, by: count)
        }
        if charge.meteringProblem != nil { services.metrics.meteringProblems.increment() }
        if settlement == .unanswered { services.metrics.unansweredCalls.increment() }
        if pledge.isUnverified { services.metrics.unverifiedCalls.increment() }
        services.metrics.count(record)
        if sharing != nil { prepareSharing(settlement, charge: charge, record: record) }
        if let normalized { store(normalized, body) }
        let grades = normalized.flatMap(show)
        // Where it is not what the caller waits for, the answer's body is not needed any more.
        if isHeadSent || settlement != .metered { answer?.drop() }
        record.requestData = RequestData.json(method: head.method, trace: trace, charge: charge, grades: grades, worth: worth)
        services.history.noteSettled(record)
        let status = services.accounts.settle(pledge.reservation, cost: record.cost)
        settled = Settled(record: record, status: status)
        // Nor is the request's.
        self.pledge?.facts = RequestFacts()
        append(.settled(record)) { call, result in
            if case .failure(let error) = result { call.noteTrackerError("the record could not be journaled", error) }
            call.observe()
            call.shareAnswer()
            call.take(.recorded)
        }
    }

    private func charge(_ settlement: Exchange.Settlement, _ body: ResponseFacts.Body) -> Charge {
        guard let pledge, let admission, let answer else { return .nothing }
        if let stream = answer.stream, stream.isMetered, settlement != .unanswered {
            return chargedOnce(stream.charge(isWhole: settlement == .metered, estimate: pledge.estimate))
        }
        switch settlement {
        case .metered:
            return answer.chargeAtHead ?? meteredCharge(answer, body)
        case .cut:
            guard admission.operation.billable.covers(status: answer.status) else { return .nothing }
            return chargedOnce(.estimated(pledge.estimate, because: nil))
        case .unanswered:
            return .nothing
        }
    }

    /// What the answer says that the call costs: of a body that is not read, its head says it all.
    func meteredCharge(_ answer: Answer, _ body: ResponseFacts.Body) -> Charge {
        guard let pledge, let admission else { return .nothing }
        let facts = ResponseFacts(status: answer.status, headers: answer.headers, body: body)
        return chargedOnce(admission.meter.charge(pledge.facts, facts, estimate: pledge.estimate))
    }

    /// Nothing, where another call has taken the charge for the same value.
    private func chargedOnce(_ charge: Charge) -> Charge {
        guard let pledge, let key = pledge.onceKey, !pledge.hasClaimedOnce, charge.cost > .zero else { return charge }
        guard services.once.claim(key, at: services.clock()) else {
            return Charge(
                cost: .zero, basis: charge.basis, lines: [], dimensions: charge.dimensions, reported: charge.reported,
                isBillable: charge.isBillable, meteringProblem: charge.meteringProblem)
        }
        self.pledge?.hasClaimedOnce = true
        return charge
    }

    private func errorMessage(_ settlement: Exchange.Settlement, charge: Charge) -> String? {
        switch settlement {
        case .metered:
            if answer?.stream?.hasFailed == true { return "the provider reported an error in its stream" }
            if let problem = charge.meteringProblem { return "metering: \(problem)" }
            guard let status = answer?.status, !(200..<300).contains(status) else { return nil }
            return "the provider answered \(status)"
        case .cut:
            return failure.map { "the answer broke off: \($0)" } ?? "the caller left"
        case .unanswered:
            return failure.map { "no answer: \($0)" } ?? "no answer"
        }
    }

    // MARK: What the caller is told

    /// The workspace's books as they stand, for answers whose own cost is not in them.
    func currentStatus() -> BudgetStatus? {
        guard let admission else { return nil }
        return status(of: admission.caller, provider: admission.adapter.provider, generation: admission.generation)
    }

    private func status(of caller: Caller, provider: String?, generation: Generation) -> BudgetStatus {
        services.accounts.status(
            workspace: caller.workspace, user: caller.user, provider: provider,
            budget: generation.configuration.budgets.budget(for: caller.workspace), at: services.clock())
    }

    /// Without a cost, which is pending.
    func report(status: BudgetStatus?) -> CallReport {
        CallReport(
            id: pledge?.id ?? settled?.record.id, provider: admission?.adapter.provider, operation: admission?.operation.name,
            workspace: admission?.caller.workspace ?? "", basis: .pending, priceVersion: admission?.meter.priceVersion, status: status,
            cache: sharing?.outcome ?? .none, isUnverified: isUnverified)
    }

    /// Whether the tracker could not vouch for it.
    var isUnverified: Bool { pledge?.isUnverified ?? sharing?.isUnverified ?? false }

    // MARK: Refusals

    func refuse(_ problem: Problem) {
        refuse(problem, caller: admission?.caller, operation: admission?.operation.name)
    }

    /// Answers with a problem of the gateway's own. The call costs nothing, unless it was settled before.
    func refuse(_ problem: Problem, caller: Caller?, operation: String?, isExhausted: Bool = false) {
        // Whoever waits for this call need not wait for one that is not made.
        if sharing != nil { leaveFlight() }
        guard let connection else { return }
        self.connection = nil
        refusal = problem
        // What could be read in two ways is not followed by anything that is believed.
        if problem.code == .badRequest { connection.keepsAlive = false }
        var problem = problem
        let provider = admission?.adapter.provider ?? problem.provider
        problem.provider = provider
        problem.workspace = caller?.workspace ?? problem.workspace
        var report: CallReport?
        if let caller {
            let generation = admission?.generation ?? services.generations.generation
            report = CallReport(
                id: pledge?.id ?? services.ids.next(at: services.clock()), provider: provider, operation: operation,
                workspace: caller.workspace, cost: settled?.record.cost ?? .zero,
                basis: .charged(settled?.record.basis ?? .table), priceVersion: admission?.meter.priceVersion,
                status: settled?.status ?? status(of: caller, provider: provider, generation: generation),
                cache: sharing?.outcome ?? .none, isUnverified: isUnverified, isExhausted: isExhausted)
        }
        observe(problem, id: report?.id, user: caller?.user, operation: operation)
        connection.write(
            ProblemResponse.bytes(
                problem, report: report, connection: connection.beginResponse(isDelimited: true), isHead: head.method == "HEAD"))
        connection.finish()
    }
}

extension Charge {
    /// A call that is not charged.
    static let nothing = Charge(cost: .zero, basis: .table, lines: [], dimensions: [], isBillable: false)
}
