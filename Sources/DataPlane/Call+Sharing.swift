import GatewayCore
import JSONPath
import NIOCore

/// Calls whose answers are kept or shared.
///
/// The first of identical calls leads: it looks into the ledger, and asks the provider where nothing is kept. The others follow: each gets the
/// same answer with a row of its own that costs nothing. A leader whose caller leaves goes on as every forwarded call does, so nothing is lost
/// for the others, and the charge stays with its row.
extension Call {
    /// The request is complete. Answers with what is kept, waits for the same call in flight, or goes on to the reservation.
    func share(_ body: RequestFacts.Body) {
        guard let sharing, let admission else { return }
        sharing.body = body
        guard sharing.wish != .bypass else {
            sharing.role = .alone
            return reserve(body: body)
        }
        let key = admission.cacheKey(head, body: requestBody, headers: sharing.keeping.headers)
        sharing.key = key
        guard sharing.wish == .any else {
            sharing.role = .alone
            return reserve(body: body)
        }
        if let kept = services.answers.answer(key, at: services.clock()) { return serve(kept.answer, saving: kept.cost, as: .hit) }
        switch services.answers.join(key, self) {
        case .leads: lead()
        case .follows: sharing.role = .following
        }
    }

    private func lead() {
        guard let sharing, let key = sharing.key, let admission, let connection else { return leaveFlight() }
        sharing.role = .looking
        let now = services.clock()
        // What another call has brought between the look before and the lead.
        if let kept = services.answers.answer(key, at: now) { return found(kept) }
        guard let store = services.answers.store, !services.history.isLedgerFailing else { return found(nil) }
        let workspace = admission.caller.workspace
        let looking = Task {
            do throws(LedgerError) {
                let kept = try await store.keptAnswer(key, workspace: workspace, at: now)
                self.tell { $0.found(kept) }
            } catch {
                self.tell { $0.foundNothing() }
            }
        }
        // A ledger that is slow is a miss.
        connection.eventLoop.scheduleTask(in: TimeAmount(services.answers.patience)) {
            guard case .looking? = self.sharing?.role else { return }
            looking.cancel()
            self.foundNothing()
        }
    }

    private func foundNothing() {
        guard case .looking? = sharing?.role else { return }
        services.metrics.failedLookups.increment()
        found(nil)
    }

    private func found(_ kept: KeptAnswer?) {
        guard let sharing, case .looking = sharing.role else { return }
        guard let kept, services.clock() < kept.expiresAt else {
            sharing.role = .leading
            return reserve(body: sharing.body)
        }
        services.answers.keep(kept, limit: cacheSettings.memory)
        land(.kept(kept))
        serve(kept.answer, saving: kept.cost, as: .hit)
    }

    private var cacheSettings: CacheSettings {
        admission?.generation.configuration.cache ?? CacheSettings()
    }

    /// Runs on the call's own event loop.
    private func tell(_ body: @escaping @Sendable (Call) -> Void) {
        arrivals.post(.told(self, body))
    }

    // MARK: What a leader brings

    /// The leader's exchange is over, or will bring nothing that others could use: those that wait hear of it.
    func land(_ news: Sharing.News) {
        guard let sharing, let key = sharing.key else { return }
        switch sharing.role {
        case .looking, .leading: break
        case .undecided, .alone, .following, .done: return
        }
        sharing.role = .done
        for follower in services.answers.land(key, self) { follower.tell { $0.hear(news) } }
    }

    /// The call ends before it is forwarded, or its caller no longer waits for another's.
    func leaveFlight() {
        guard let sharing, let key = sharing.key else { return }
        switch sharing.role {
        case .following, .looking: break
        case .leading where !sharing.isForwarded: break
        case .undecided, .alone, .leading, .done: return
        }
        sharing.role = .done
        services.answers.leave(key, self)?.tell { $0.hear(.lead) }
    }

    /// The call was reserved, and nothing reached the provider.
    func endSharingReleased() {
        if sharing?.isForwarded == true, let problem { land(.failed(problem)) } else { leaveFlight() }
    }

    /// What another call brings. One whose caller has left meanwhile has told the table, which has another lead in its place.
    private func hear(_ news: Sharing.News) {
        guard let sharing, case .following = sharing.role else { return }
        switch news {
        case .kept(let kept): serve(kept.answer, saving: kept.cost, as: .hit)
        case .answered(let answer, let cost): serve(answer, saving: cost, as: .coalesced)
        case .failed(let problem):
            sharing.role = .done
            sharing.outcome = .coalesced
            refuse(problem)
        case .unshared:
            sharing.role = .alone
            reserve(body: sharing.body)
        case .lead: lead()
        }
    }

    // MARK: An answer that costs nothing

    /// Answers with what another call has paid for, once the row that says so is durable.
    private func serve(_ answer: WholeAnswer, saving: Money, as outcome: CacheOutcome) {
        guard let sharing, let admission, connection != nil else { return }
        sharing.role = .done
        sharing.outcome = outcome
        requestBody = []
        let now = services.clock()
        let workspace = admission.caller.workspace
        var record = record(
            admission, id: services.ids.next(at: now), cost: .zero, basis: .table, estimate: .zero, createdAt: now,
            day: services.accounts.windows(workspace: workspace, at: now).daily.start)
        record.saved = saving
        record.status = answer.status
        record.success = (200..<300).contains(answer.status)
        record.requestData = RequestData.json(method: head.method, trace: trace, charge: .nothing)
        record.duration = Int(max(0, now.microseconds - sharing.startedAt.microseconds) / 1000)
        services.metrics.count(record)
        services.history.noteSettled(record)
        settled = Settled(record: record, status: currentStatus())
        append(.settled(record)) { call, result in
            if case .failure(let error) = result {
                call.sharing?.isUnverified = true
                call.noteTrackerError("the record could not be journaled", error)
            }
            call.observe()
            call.finishServed(answer)
        }
    }

    private func finishServed(_ whole: WholeAnswer) {
        guard let connection, let settled else { return }
        var answer = Answer(
            UpstreamHead(status: whole.status, headers: whole.headers), method: head.method, isRead: false,
            normalization: admission?.operation.normalization, wantsRecords: admission?.wantsRecords == true, metrics: services.metrics)
        answer.framing = answer.isBodiless ? .bodiless : .length
        var body = whole.body
        if answer.isNormalized {
            let bytes = answer.admit(whole.body)
            if !answer.keep(bytes, limits: limits) { answer.passUnchanged() }
            self.answer = answer
            if let found = normalized(answer.facts(limits: limits)) { show(found) }
            answer = self.answer ?? answer
            if answer.isNormalized { body = answer.body }
            self.answer = nil
        }
        self.connection = nil
        var report = report(status: settled.status)
        report.cost = settled.record.cost
        report.basis = .charged(settled.record.basis)
        var response = head(of: answer, report: report, bodyLength: Int64(body.count), on: connection)
        isHeadSent = true
        response.append(body)
        connection.write(response.buffer)
        connection.finish()
    }

    // MARK: An answer that others may get

    /// Takes what of a settled call's answer is for others, and journals what is kept: before the call's record, so that a caller who has
    /// seen the end of an answer finds it kept.
    func prepareSharing(_ settlement: Exchange.Settlement, charge: Charge, record: CostRecord) {
        guard let sharing, sharing.wish != .bypass, settlement == .metered, let answer,
            let whole = answer.whole(upTo: limits.bufferedResponse)
        else { return }
        sharing.whole = whole
        guard charge.isBillable, charge.meteringProblem == nil, (200...299).contains(whole.status), whole.status != 206,
            whole.body.count <= KeptAnswer.longestBody, let key = sharing.key, admission?.repeatsCredential(whole) == false
        else { return }
        let now = services.clock()
        var kept = KeptAnswer(
            key: key, id: record.id, workspace: record.workspace, provider: record.provider, operation: record.operation ?? "",
            answer: whole, cost: record.cost, keptAt: now, expiresAt: now.adding(seconds: sharing.keeping.ttl))
        if let research = sharing.keeping.research, case .json(let body) = answer.facts(limits: limits) {
            kept.research = research.record(
                body, entityType: record.entityType ?? "", entityID: record.entityID ?? "", tokens: record.tokens,
                duration: record.duration)
        }
        sharing.kept = kept
        append(.kept(kept)) { call, result in
            if case .failure = result { call.services.metrics.journalFailures.increment() }
        }
    }

    /// The record is durable: others may have the answer now.
    func shareAnswer() {
        guard let sharing else { return }
        if let kept = sharing.kept { services.answers.keep(kept, limit: cacheSettings.memory) }
        if let whole = sharing.whole, let settled {
            land(.answered(whole, cost: settled.record.cost))
        } else if let problem {
            land(.failed(problem))
        } else {
            land(.unshared)
        }
        sharing.kept = nil
        sharing.whole = nil
    }
}

extension Answer {
    /// The answer as others may get it: whole, not a stream, and held; nil for any other.
    func whole(upTo limit: Int) -> WholeAnswer? {
        guard !isStream, isWhole, let body = wholeBody, body.count <= limit else { return nil }
        var passed = HeaderList()
        let nominated = HopByHop.nominated(by: headers)
        for index in 0..<headers.count {
            let field = headers[index]
            if HopByHop.includes(field, nominated: nominated) || Admission.isGatewayOwn(field) { continue }
            if field.isNamed("set-cookie") || field.isNamed("content-length") { continue }
            passed.append(field)
        }
        return WholeAnswer(status: status, headers: passed, body: body)
    }
}

extension Admission {
    /// What tells this request from all whose answers may differ.
    func cacheKey(_ head: RequestHead, body: [UInt8], headers names: [String]) -> CacheKey {
        var headers = [(name: "accept", values: head.headers.all("accept")), (name: "accept-encoding", values: ["identity"])]
        for name in Set(names.map { $0.lowercased() }).subtracting(["accept", "accept-encoding"]) {
            headers.append((name, head.headers.all(name)))
        }
        return SharedAnswers.key(
            CacheQuestion(
                workspace: caller.workspace, provider: adapter.provider, operation: operation.name, method: head.method, path: path,
                query: queryWithoutCredentials, body: body, headers: headers))
    }
}
