import GatewayCore
import NIOCore

/// The answer to `POST /_gateway/enrich/{entity}`: providers are asked in turn until what is wanted is known.
///
/// Unchecked because all state is confined to the connection's event loop; the journal's completion hops back to it.
final class Enrichment: ConnectionResponder, @unchecked Sendable {
    static let path = "/_gateway/enrich/"
    /// A question is small, whatever bodies of calls may be.
    private static let longestQuestion = 64 << 10

    private let head: RequestHead
    private let services: Services
    private let generation: Generation
    private let registry: ConnectionRegistry
    private let eventLoop: any EventLoop
    private var connection: Connection?
    /// Once the workspace is known.
    private var caller: Caller?
    private var entity = RecordEntity.person
    /// As a call's caller says it.
    private var maximumCost: Money?
    private var body: [UInt8] = []
    private var waterfall: Waterfall?
    private var step: EnrichmentCall?
    private var deadline: Scheduled<Void>?
    /// Whether an operation that has found something stores what it finds.
    private var stores = false
    private var isConcluded = false

    init(_ head: RequestHead, on connection: Connection, services: Services) {
        self.head = head
        self.connection = connection
        self.services = services
        generation = services.generations.generation
        registry = connection.registry
        eventLoop = connection.eventLoop
    }

    // MARK: The question

    func start() {
        do throws(Problem) {
            guard let entity = RecordEntity(rawValue: String(head.path.dropFirst(Self.path.count))) else {
                throw Problem(.notFound, "There are /_gateway/enrich/person and /_gateway/enrich/company.")
            }
            guard head.method == "POST" else { throw Problem(.notFound, "A question about a \(entity.rawValue) is sent by POST.") }
            self.entity = entity
            try identify()
            maximumCost = try Admission.maximumCost(head.headers)
            guard let order = generation.configuration.enrichment.order[entity], !order.isEmpty else {
                throw Problem(.notFound, generation.nobodyAsked(for: entity))
            }
            if case .length(let count) = head.body, count > Int64(Self.longestQuestion) { throw Self.tooLarge }
            if head.body != .none { connection?.sendContinue() }
        } catch {
            refuse(error)
        }
    }

    private func identify() throws(Problem) {
        do throws(Caller.Unidentified) {
            let authentication = Authentication(configuration: generation.configuration, keys: services.keys, now: services.clock())
            caller = try Caller(head, for: nil, by: authentication)
        } catch {
            throw error.problem
        }
    }

    private static var tooLarge: Problem { Problem(.bodyTooLarge, "A question has at most \(longestQuestion) bytes.") }

    func received(_ piece: ByteBuffer) {
        guard connection != nil else { return }
        guard body.count + piece.readableBytes <= Self.longestQuestion else { return refuse(Self.tooLarge) }
        body.append(contentsOf: piece.readableBytesView)
    }

    func receivedAll() {
        guard connection != nil, waterfall == nil else { return }
        var question: EnrichmentQuestion
        do throws(EnrichmentQuestion.Refusal) {
            question = try EnrichmentQuestion(parsing: body, about: entity)
        } catch {
            var problem = Problem(.badRequest, "The question cannot be asked: \(error.problems.first ?? "").")
            problem.members = [("problems", .strings(error.problems))]
            return refuse(problem)
        }
        body = []
        question.maximumCost = [question.maximumCost, maximumCost].compactMap { $0 }.min()
        let settings = generation.configuration.enrichment
        let order = (settings.order[entity] ?? []).map { name in
            Waterfall.Candidate(provider: name, rules: generation.adapters[name]?.enrichment[entity] ?? [])
        }
        waterfall = Waterfall(question, order: order, weights: generation.configuration.quality, at: services.clock())
        deadline = eventLoop.scheduleTask(in: .milliseconds(Int64(settings.timeout))) { self.stop() }
        next()
    }

    func bodyFailed(_ error: RequestError) {
        var problem = Problem(.badRequest, error.description)
        problem.status = error.status
        refuse(problem)
    }

    // MARK: The steps

    private func next() {
        guard let connection, let action = waterfall?.next() else { return }
        switch action {
        case .done:
            conclude()
        case .ask(let provider, _, let request, let maximumCost):
            let step = EnrichmentCall(on: connection, services: services)
            self.step = step
            step.start(request, to: provider, for: stepHeaders, maximumCost: maximumCost) { ending in
                self.take(ending)
                // A caller that has left is mostly heard in no other way than one that has sent all and still reads.
                if self.connection?.mayHoldAnother == true { self.next() } else { self.stop() }
            }
        }
    }

    /// An entity that is only named is one of what is asked for.
    private var stepHeaders: HeaderList {
        var headers = head.headers
        if caller?.entityID != nil, caller?.entityType == nil { headers.append("X-Entity-Type", entity.rawValue) }
        return headers
    }

    private func take(_ ending: EnrichmentStep.Ending) {
        step = nil
        waterfall?.take(ending)
        guard ending.found != nil, let asked = waterfall?.steps.last else { return }
        let operation = generation.adapters[asked.provider]?.operations.first { $0.name == asked.operation }
        if operation?.normalization?.storing != nil { stores = true }
    }

    /// The step in flight ends as every call does whose caller has left, and no other begins.
    private func stop() {
        if let step { take(step.leave()) }
        waterfall?.stop()
        conclude()
    }

    // MARK: The answer

    /// What is known is stored last of all, so that what a later and worse source has stored does not stay; and it is paid for, whoever is left
    /// to read it.
    private func conclude() {
        deadline?.cancel()
        deadline = nil
        guard !isConcluded, waterfall != nil else { return }
        isConcluded = true
        let id = services.ids.next(at: services.clock())
        guard let record = mergedRecord(id) else { return respond(id) }
        // A stopping gateway waits for it.
        registry.callBegan()
        registry.log.append(
            LogAppend(.stored(record)) { result in
                self.eventLoop.execute {
                    self.registry.callEnded()
                    if case .failure = result { self.services.metrics.journalFailures.increment() }
                    self.respond(id)
                }
            })
    }

    private func mergedRecord(_ id: CallID) -> EntityRecord? {
        guard stores, services.storesEntities, let caller, let merged = waterfall?.merged else { return nil }
        return EntityRecord(
            merged.stored, body: nil, storing: Storing(), id: id, workspace: caller.workspace,
            entityType: caller.entityType ?? entity.rawValue, entityID: caller.entityID,
            provider: merged.providers.joined(separator: ","), at: services.clock())
    }

    private func respond(_ id: CallID) {
        guard let connection, let caller, let waterfall else { return }
        self.connection = nil
        let report = services.report(
            to: caller, cost: waterfall.cost, basis: waterfall.basis, id: id, isUnverified: waterfall.isUnverified)
        connection.write(LocalResponse.bytes(waterfall.serialized, report: report, connection: connection.beginResponse()))
        connection.finish()
    }

    private func refuse(_ problem: Problem) {
        guard let connection else { return }
        self.connection = nil
        var problem = problem
        problem.workspace = caller?.workspace
        let report = caller.map { services.report(to: $0) }
        connection.write(
            ProblemResponse.bytes(problem, report: report, connection: connection.beginResponse(), isHead: head.method == "HEAD"))
        connection.finish()
    }

    // MARK: The caller

    func callerGone() {
        connection = nil
        stop()
    }

    /// Asked for when the step in flight has ended.
    func callerFinishedSending() {}
    func writable() {}
}
