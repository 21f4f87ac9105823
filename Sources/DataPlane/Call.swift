import GatewayCore
import JSONPath
import Logging
import NIOCore

/// One call to a provider, from its request's head to the end of its response.
///
/// It carries out what ``Exchange`` decides. Unchecked because all state is confined to the connection's event loop:
/// other threads touch only `receive` and the journal's completions, which hop there.
final class Call: ConnectionResponder, UpstreamReceiver, @unchecked Sendable {
    let services: Services
    let head: RequestHead
    let arrivals: Arrivals
    private let registry: ConnectionRegistry
    /// Nil once the caller is gone or has its whole response.
    var connection: (any CallOutlet)?

    /// What is known once the request is understood.
    private(set) var admission: Admission?
    /// What is known once it is reserved.
    var pledge: Pledge?
    var exchange: Exchange?
    /// What is to be reserved, from its first try to the one that decides.
    var claim: Claim?
    /// From the reservation, or the wait for it, to the call's end.
    private var isOpen = false
    private var upstreamCall: (any UpstreamCall)?
    var answer: Answer?
    /// What the call came to, once it is settled.
    var settled: Settled?
    /// What a call without an answer ends with.
    var problem: Problem?
    /// Where it stands in its caller's trace, and when it has reached its stages.
    let trace: CallTrace
    var timing = CallTiming()
    /// What the transport said, for the ledger's row.
    private(set) var failure: String?

    /// What it has to do with other calls; nil where the operation keeps nothing.
    private(set) var sharing: Sharing?

    var requestBody: [UInt8] = []
    private var requestBodyIsWhole = false
    private var streamsBody = false
    /// Whether the provider gets more than the caller has written.
    private(set) var isRequestMerged = false
    /// Bytes of a streamed body so far.
    private var passedOn = 0
    /// Whether the response has begun.
    var isHeadSent = false

    let keepsRecords: Bool
    /// What its answer says, for who asks for it so.
    var records: NormalizedAnswer?
    /// What its caller has been told in the place of the provider's answer.
    var refusal: Problem?

    /// A reservation and what it stands for. A class, because it is large and looked at in every step of a call.
    final class Pledge {
        let id: CallID
        let reservation: Reservation
        let estimate: Estimate
        var facts: RequestFacts
        let startedAt: Timestamp
        let onceKey: OnceKey?
        /// Whether this call has taken the charge for its key.
        var hasClaimedOnce = false
        /// Whether the tracker could not vouch for this call.
        var isUnverified: Bool

        init(reservation: Reservation, estimate: Estimate, facts: RequestFacts, startedAt: Timestamp, onceKey: OnceKey?) {
            id = reservation.id
            self.reservation = reservation
            self.estimate = estimate
            self.facts = facts
            self.startedAt = startedAt
            self.onceKey = onceKey
            isUnverified = reservation.isUnverified
        }
    }

    /// What a call asks of its budget.
    struct Claim {
        let id: CallID
        let estimate: Estimate
        let facts: RequestFacts
        let onceKey: OnceKey?
        /// Since when, in the accounts' words, it waits for room.
        var since: UInt64?
        var deadline: Scheduled<Void>?
    }

    /// - Parameter keepsRecords: Whether whoever it is for reads ``records`` in the place of the response.
    init(_ head: RequestHead, on connection: any CallOutlet, services: Services, keepsRecords: Bool = false) {
        self.head = head
        self.keepsRecords = keepsRecords
        self.connection = connection
        self.services = services
        trace = CallTrace(head.headers, ids: services.traceIDs)
        registry = connection.registry
        arrivals = registry.arrivals
    }

    var limits: Limits {
        admission?.generation.configuration.limits ?? services.limits
    }

    // MARK: The request

    func start() {
        let admission: Admission
        do {
            admission = try Admission(
                head, generation: services.generations.generation, keys: services.keys, storesEntities: services.storesEntities,
                now: services.clock())
        } catch {
            refuse(error.problem, caller: error.caller, operation: error.operation)
            return
        }
        self.admission = admission
        if let keeping = admission.operation.keeping {
            do throws(Problem) {
                sharing = Sharing(keeping, wish: try Sharing.Wish(head), at: services.clock())
            } catch {
                return refuse(error)
            }
        }
        if case .length(let count) = head.body, count > Int64(limits.requestBody) { return refuseBody() }
        guard admission.readsRequestBody || connection?.hasWholeBody == true else {
            streamsBody = head.body != .none
            if streamsBody { connection?.pauseBody() }
            reserve(body: .none)
            return
        }
        if head.body != .none { connection?.sendContinue() }
    }

    func received(_ piece: ByteBuffer) {
        if streamsBody {
            passedOn += piece.readableBytes
            guard passedOn <= limits.requestBody else {
                // Of a body without a length this comes out when the provider has a part of it already.
                return bodyFailed(RequestError(Self.tooLarge(limits), status: 413))
            }
            // One piece at a time: the transport says when it can take the next.
            connection?.pauseBody()
            upstreamCall?.sendBody(Array(piece.readableBytesView))
            return
        }
        guard requestBody.count + piece.readableBytes <= limits.requestBody else { return refuseBody() }
        requestBody.append(contentsOf: piece.readableBytesView)
    }

    func receivedAll() {
        requestBodyIsWhole = true
        if streamsBody {
            upstreamCall?.finishBody()
        } else if let admission, exchange == nil, claim == nil {
            timing.noteRequest()
            let body = admission.readsRequestBody ? RequestFacts.body(requestBody) : .none
            sharing == nil ? reserve(body: body) : share(body)
        }
    }

    func bodyFailed(_ error: RequestError) {
        if answer == nil {
            var problem = Problem(error.status == 413 ? .bodyTooLarge : .badRequest, error.description)
            problem.status = error.status
            refuse(problem)
        } else {
            connection?.abort()
        }
        // The provider may have a part of it: the exchange ends as it does when the caller leaves.
        callerGone()
    }

    private func refuseBody() {
        refuse(Problem(.bodyTooLarge, Self.tooLarge(limits)))
    }

    private static func tooLarge(_ limits: Limits) -> String {
        "The request's body is larger than \(limits.requestBody) bytes (limits.request_body)."
    }

    // MARK: The tracker

    /// Journals an entry; `completion` runs on the event loop.
    func append(_ entry: JournalEntry, completion: @escaping @Sendable (Call, Result<Void, DurabilityError>) -> Void) {
        registry.log.append(LogAppend(entry) { result in self.arrivals.post(.logged(self, result, then: completion)) })
    }

    func noteTrackerError(_ what: String, _ error: DurabilityError) {
        pledge?.isUnverified = true
        services.metrics.journalFailures.increment()
        services.logger.debug(
            "tracker error", metadata: ["what": "\(what)", "error": "\(error)", "call": "\(pledge?.id.description ?? "-")"])
    }

    // MARK: Carrying out what the exchange decides

    /// How body bytes are to be treated now; nil outside a response body.
    var delivery: Exchange.Delivery? { exchange?.delivery }

    func take(_ event: Exchange.Event) {
        guard let actions = exchange?.on(event) else { return }
        for action in actions {
            switch action {
            case .forward: forward()
            case .release(let ending): release(ending)
            case .sendHead: sendHead()
            case .settle(let settlement): settle(settlement)
            case .cancelUpstream: cancelUpstream()
            case .finish(let ending): finish(ending)
            }
        }
        if exchange?.isFinished == true { conclude() }
    }

    private func forward() {
        guard let admission else { return }
        let body: UpstreamRequest.Body
        switch head.body {
        case .none: body = .none
        case .length(let count) where streamsBody: body = .stream(length: count)
        case .chunked where streamsBody: body = .stream(length: nil)
        case .length, .chunked:
            let merged = pledge.flatMap { admission.operation.streaming?.merged(into: requestBody, $0.facts.body) }
            isRequestMerged = merged != nil
            body = .bytes(merged ?? requestBody)
        }
        requestBody = []
        sharing?.isForwarded = true
        timing.noteForwarded()
        upstreamCall = services.upstream.send(admission.upstreamRequest(head, body: body, trace: trace), to: self)
    }

    func receive(_ events: [UpstreamEvent]) {
        // A transport that runs on this very event loop needs no hand-over, unless it answers before `send` has returned.
        if arrivals.isOnEventLoop, upstreamCall != nil { handle(events) } else { arrivals.post(.received(self, events)) }
    }

    func handle(_ events: [UpstreamEvent]) {
        for event in events { handle(event) }
        // Once for all of them. What is settled goes out with its end, when the record is durable.
        if isHeadSent, exchange?.isSettled == false { connection?.flush() }
    }

    private func handle(_ event: UpstreamEvent) {
        switch event {
        case .wantsBody:
            guard streamsBody else { return }
            connection?.sendContinue()
            connection?.resumeBody()
        case .head(let head):
            received(head)
        case .body(let bytes):
            received(bytes)
        case .end:
            if answer?.isWhole == false {
                fail(UpstreamError(kind: .broken, wasSent: true, detail: "the body is shorter than its Content-Length"))
            } else if answer == nil {
                fail(UpstreamError(kind: .broken, wasSent: true, detail: "the answer has no head"))
            } else {
                upstreamCall = nil
                finishStream()
                // What has come is not kept until the record is durable: only the end is.
                if answer?.stream != nil, isHeadSent { connection?.flush() }
                timing.noteEnd()
                take(.ended)
            }
        case .failed(let error):
            fail(error)
        }
    }

    private func fail(_ error: UpstreamError) {
        upstreamCall = nil
        // What comes after the call's charge is decided (a cancellation that the gateway asked for) changes nothing.
        guard exchange?.isSettled == false else { return }
        timing.noteEnd()
        problem = Problem(error)
        failure = "\(error.kind): \(error.detail)"
        take(.failed(wasSent: error.wasSent))
    }

    private func cancelUpstream() {
        upstreamCall?.cancel()
        upstreamCall = nil
    }

    private func release(_ ending: Exchange.Ending) {
        guard let pledge else { return }
        services.accounts.release(pledge.reservation)
        if sharing != nil { endSharingReleased() }
        append(.released(pledge.id)) { call, result in
            if case .failure = result { call.services.metrics.journalFailures.increment() }
        }
        if ending == .problem, let problem { refuse(problem) }
    }

    /// From here on a stopping gateway waits for the call.
    func begin() {
        guard !isOpen else { return }
        isOpen = true
        registry.callBegan()
    }

    /// The call is over: what it held goes, so that nothing keeps it.
    func conclude() {
        guard isOpen else { return }
        isOpen = false
        upstreamCall = nil
        answer = nil
        registry.callEnded()
    }

    // MARK: The caller

    /// Why there is no whole answer although its response had begun; nil where there is one.
    var brokenOff: Problem? { failure == nil ? nil : problem }

    func callerGone() {
        connection = nil
        if exchange == nil { leaveFlight() }
        take(.callerGone)
        if streamsBody, !requestBodyIsWhole, let upstreamCall {
            // A request whose body will never be complete cannot be answered: the provider is not kept waiting for it.
            upstreamCall.cancel()
            fail(UpstreamError(kind: .cancelled, wasSent: true, detail: "the caller left before its request was complete"))
        }
        acknowledgeAll()
    }

    func callerFinishedSending() {
        // An event stream may go on for long, and a caller that closes is heard in no other way than one that half-closes.
        guard answer?.isStream == true, let connection else { return }
        connection.abort()
        callerGone()
    }

    func writable() {
        acknowledgeAll()
    }

    func acknowledgeAll() {
        if let count = answer?.takeUnacknowledged() { acknowledge(count) }
    }

    func acknowledge(_ count: Int) {
        if count > 0 { upstreamCall?.acknowledge(count) }
    }
}

extension Problem {
    /// What the caller is told of a transport's failure: never its details, which may name hosts and proxies.
    fileprivate init(_ error: UpstreamError) {
        switch error.kind {
        case .unreachable:
            self.init(.upstreamUnreachable, "The provider could not be reached.")
        case .overloaded:
            self.init(.overloaded, "As many calls as the provider is allowed at once are in flight, and its queue is full.")
            retryAfter = 1
        case .timeout:
            self.init(.upstreamTimeout, "The provider did not answer in time.")
        case .broken, .cancelled:
            self.init(.upstreamUnreachable, "The provider's answer broke off or was no HTTP.")
        }
    }
}
