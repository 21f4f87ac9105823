import GatewayCore
import JSONPath
import NIOCore

/// What the gateway answers itself, below `/_gateway/`: free, and never refused for a budget.
///
/// Unchecked because all state is confined to the connection's event loop; the lookup in the ledger hops back to it.
final class LocalAnswer: ConnectionResponder, @unchecked Sendable {
    private let head: RequestHead
    private let services: Services
    private let eventLoop: any EventLoop
    private var connection: Connection?
    /// Once the workspace is known.
    private var caller: Caller?

    init(_ head: RequestHead, on connection: Connection, services: Services) {
        self.head = head
        self.connection = connection
        self.services = services
        eventLoop = connection.eventLoop
    }

    func start() {
        guard head.method == "GET" || head.method == "HEAD" else {
            return refuse(
                Problem(
                    .methodNotAllowed,
                    "Below /_gateway/ there are only things to GET, and enrich/person and enrich/company to POST a question to."))
        }
        let path = head.path.dropFirst("/_gateway".count)
        do throws(Problem) {
            switch path {
            case "/health":
                respond(.object([.init("status", .string("ok"))]))
            case "/budget":
                respond(try budget())
            case _ where path.hasPrefix("/calls/"):
                try call(path.dropFirst("/calls/".count))
            default:
                throw Problem(.notFound, "There are /_gateway/budget, /_gateway/calls/{id} and /_gateway/health.")
            }
        } catch {
            refuse(error)
        }
    }

    func received(_ piece: ByteBuffer) {}
    func receivedAll() {}
    func callerFinishedSending() {}
    func writable() {}

    func callerGone() {
        connection = nil
    }

    func bodyFailed(_ error: RequestError) {
        // The answer, which the body has nothing to do with, is on its way or follows; the connection ends with it.
    }

    private func identify() throws(Problem) -> Caller {
        do throws(Caller.Unidentified) {
            let authentication = Authentication(
                configuration: services.generations.generation.configuration, keys: services.keys, now: services.clock())
            let caller = try Caller(head, for: nil, by: authentication)
            self.caller = caller
            return caller
        } catch {
            throw error.problem
        }
    }

    private func budget() throws(Problem) -> JSONValue {
        let caller = try identify()
        let now = services.clock()
        let budget = services.generations.generation.configuration.budgets.budget(for: caller.workspace)
        return BudgetReport.json(services.accounts, workspace: caller.workspace, user: caller.user, budget: budget, at: now)
    }

    private func call(_ text: Substring) throws(Problem) {
        let caller = try identify()
        guard let id = CallID(text) else { throw Problem(.badRequest, "A call's id is the 26 characters of X-Gateway-Request-Id.") }
        Task { [services] in
            let result: Result<CostRecord?, LedgerError>
            do throws(LedgerError) {
                result = .success(try await services.history.record(id: id, workspace: caller.workspace))
            } catch {
                result = .failure(error)
            }
            self.eventLoop.execute {
                switch result {
                case .success(let record?): self.respond(record.json)
                case .success(nil): self.refuse(Problem(.notFound, "The workspace has no settled call of this id."))
                case .failure:
                    self.refuse(Problem(.trackerUnavailable, "The ledger, where this call may be, cannot be read at the moment."))
                }
            }
        }
    }

    private func respond(_ value: JSONValue) {
        guard let connection else { return }
        self.connection = nil
        connection.write(
            LocalResponse.bytes(
                value.serialized, report: report, connection: connection.beginResponse(), isHead: head.method == "HEAD"))
        connection.finish()
    }

    private func refuse(_ problem: Problem) {
        guard let connection else { return }
        self.connection = nil
        var problem = problem
        problem.workspace = caller?.workspace
        connection.write(
            ProblemResponse.bytes(problem, report: report, connection: connection.beginResponse(), isHead: head.method == "HEAD"))
        connection.finish()
    }

    /// An identified workspace reads here too what is left.
    private var report: CallReport? {
        caller.map { services.report(to: $0) }
    }
}
