package import GatewayCore
import HTTPTypes
import Hummingbird
import JSONPath
package import Logging
import NIOCore

/// What operators ask and tell: health, metrics, the configuration in force, reloads and spending. Never reachable through the data plane.
package struct AdminPlane: Sendable {
    /// What the plane shows and sets in motion.
    package struct Services: Sendable {
        package var generations: CurrentGeneration
        package var metrics: Metrics
        package var accounts: Accounts
        package var health: @Sendable () -> Health
        package var reload: @Sendable (_ origin: String) async -> ReloadOutcome
        package var spend: @Sendable (SpendQuery) async throws(LedgerError) -> [SpendRow]
        package var keys: any KeyAdministration
        /// Takes replayable lines into the ledger.
        package var replay: @Sendable (_ lines: [UInt8]) async throws(ReplayError) -> ReplayOutcome
        /// Sets a workspace's budget in the database. Returns false when it is set and cannot be read yet.
        package var setBudget: @Sendable (_ text: String, _ workspace: String, _ origin: String) async throws(LedgerError) -> Bool
        /// The ledger. Throws until it has been opened.
        package var ledger: @Sendable () throws(LedgerError) -> any Ledger
        /// Calls as they happen.
        package var feed: CallFeed
        /// What the transports are doing.
        package var upstream: @Sendable () -> UpstreamSnapshot
        /// Lines of the log that were lost.
        package var droppedLogLines: @Sendable () -> Int
        package var clock: WallClock
        package var logger: Logger

        package init(
            generations: CurrentGeneration, metrics: Metrics, accounts: Accounts, health: @escaping @Sendable () -> Health,
            reload: @escaping @Sendable (_ origin: String) async -> ReloadOutcome,
            spend: @escaping @Sendable (SpendQuery) async throws(LedgerError) -> [SpendRow], keys: any KeyAdministration,
            replay: @escaping @Sendable (_ lines: [UInt8]) async throws(ReplayError) -> ReplayOutcome,
            setBudget: @escaping @Sendable (_ text: String, _ workspace: String, _ origin: String) async throws(LedgerError) -> Bool,
            ledger: @escaping @Sendable () throws(LedgerError) -> any Ledger, feed: CallFeed,
            upstream: @escaping @Sendable () -> UpstreamSnapshot = { UpstreamSnapshot() },
            droppedLogLines: @escaping @Sendable () -> Int = { 0 }, clock: @escaping WallClock, logger: Logger
        ) {
            self.generations = generations
            self.metrics = metrics
            self.accounts = accounts
            self.health = health
            self.reload = reload
            self.spend = spend
            self.keys = keys
            self.replay = replay
            self.setBudget = setBudget
            self.ledger = ledger
            self.feed = feed
            self.upstream = upstream
            self.droppedLogLines = droppedLogLines
            self.clock = clock
            self.logger = logger
        }
    }

    private let services: Services
    private let listen: GatewayCore.SocketAddress

    package init(listen: GatewayCore.SocketAddress, services: Services) {
        self.listen = listen
        self.services = services
    }

    /// Serves until the surrounding task is cancelled. `started` gets the address, with the real port, once it listens.
    package func run(started: @escaping @Sendable (GatewayCore.SocketAddress) async -> Void) async throws {
        let router = Router(context: AdminContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: Problems(logger: services.logger))
        router.add(middleware: PageCheck(generations: services.generations))
        // The page holds no figures: it asks for the token, and with it for them.
        Dashboard.addRoutes(to: router)
        router.add(middleware: TokenCheck(generations: services.generations))
        router.add(middleware: DocumentCheck())
        addRoutes(to: router)
        let host = listen.host
        // The framework's own lines say nothing that the gateway's do not.
        var quiet = services.logger
        quiet.logLevel = .critical
        let application = Application(
            router: router, server: .http1(configuration: .init(additionalChannelHandlers: [MalformedRequestAnswer.Installation()])),
            configuration: .init(address: .hostname(host, port: listen.port)),
            onServerRunning: { channel in await started(GatewayCore.SocketAddress(host: host, port: channel.localAddress?.port ?? 0)) },
            logger: quiet)
        try await application.runService(gracefulShutdownSignals: [])
    }

    func addRoutes(to router: some RouterMethods<AdminContext>) {
        let services = services
        router.get("healthz") { _, _ in AdminAnswer(.object([.init("status", .string("ok"))])) }
        router.get("readyz") { _, _ in
            Readiness.answer(services.health(), generation: services.generations.generation, now: services.clock())
        }
        router.get("metrics") { _, _ in
            AdminAnswer(
                text: MetricsText.render(services), type: "text/plain; version=0.0.4; charset=utf-8")
        }
        router.get("v1/config") { _, _ in AdminAnswer(ConfigurationView.json(services.generations)) }
        router.post("v1/reload") { _, context in ConfigurationView.answer(to: await services.reload(context.peer)) }
        router.post("v1/replay") { request, _ in try await ReplayView.answer(request, services: services) }
        router.get("v1/keys") { request, _ in try await KeysView.list(request, services: services) }
        router.post("v1/keys") { request, context in try await KeysView.create(request, context, services: services) }
        router.delete("v1/keys/:id") { _, context in try await KeysView.revoke(context, services: services) }
        router.get("v1/alerts") { request, _ in try await AlertsView.list(request, services: services) }
        router.get("v1/spend") { request, _ in
            try await SpendView.answer(request, services: services)
        }
        router.get("v1/quality") { request, _ in try await QualityView.answer(request, services: services) }
        router.get("v1/waterfall") { request, _ in try await WaterfallView.answer(request, services: services) }
        router.get("v1/events") { _, _ in
            let token = services.generations.generation.configuration.admin.token
            return EventsView(
                feed: services.feed, isWelcome: { services.generations.generation.configuration.admin.token == token })
        }
        router.get("v1/workspaces") { request, _ in try WorkspacesView.answer(request, services: services) }
        router.get("v1/workspaces/:id/spend") { request, context in
            try await SpendView.answer(request, workspace: try context.workspace(), services: services)
        }
        router.get("v1/workspaces/:id/budget") { _, context in
            BudgetView.answer(workspace: try context.workspace(), services: services)
        }
        router.put("v1/workspaces/:id/budget") { request, context in
            try await BudgetView.set(request, context, services: services)
        }
        router.get("v1/entities/:type/:id/spend") { request, context in
            try await SpendView.answer(request, entity: (try context.segment("type"), try context.segment("id")), services: services)
        }
        router.get("v1/calls") { request, _ in try await CallsView.list(request, services: services) }
        router.get("v1/reconciliation") { request, _ in try await ReconciliationView.list(request, services: services) }
        router.get("v1/audit") { request, _ in try await AuditView.list(request, services: services) }
        router.get("openapi.json") { _, _ in AdminAnswer(bytes: APIDocument.bytes, type: "application/json") }
    }
}

/// An answer of the admin plane.
struct AdminAnswer: ResponseGenerator, Sendable {
    var status: Int
    var type: String
    var body: [UInt8]

    init(_ value: JSONValue, status: Int = 200, type: String = "application/json") {
        self.status = status
        self.type = type
        body = value.serialized + [UInt8(ascii: "\n")]
    }

    init(text: String, type: String) {
        self.init(bytes: Array(text.utf8), type: type)
    }

    init(bytes: [UInt8], type: String) {
        status = 200
        self.type = type
        body = bytes
    }

    /// A problem of RFC 9457.
    init(problem status: Int, _ title: String, _ detail: String, _ more: [JSONValue.Member] = []) {
        self.init(
            .object(
                [
                    .init("type", .string("about:blank")), .init("title", .string(title)),
                    .init("status", .number(JSONNumber(Int64(status)))), .init("detail", .string(detail)),
                ] + more), status: status, type: "application/problem+json")
    }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        var headers = HTTPFields()
        headers[.contentType] = type
        headers[.cacheControl] = "no-store"
        return Response(
            status: HTTPResponse.Status(code: status), headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}

/// `Authorization: Bearer …`, compared in a time that does not depend on where it differs.
private struct TokenCheck<Context: RequestContext>: RouterMiddleware {
    let generations: CurrentGeneration

    func handle(_ request: Request, context: Context, next: (Request, Context) async throws -> Response) async throws -> Response {
        // The one in force now: a token that a reload has taken away opens nothing any more.
        guard let token = generations.generation.configuration.admin.token else { return try await next(request, context) }
        // The scheme's name may be written in any case (RFC 9110, section 11.1).
        let (scheme, field) = ("Bearer ".utf8, Array((request.headers[.authorization] ?? "").utf8))
        let given = equalIgnoringCase(field.prefix(scheme.count), scheme) ? Array(field.dropFirst(scheme.count)) : []
        let wanted = Array(token.reveal().utf8)
        var difference = given.count ^ wanted.count
        for index in wanted.indices { difference |= Int(wanted[index] ^ (index < given.count ? given[index] : 0)) }
        guard difference == 0 else {
            var response = try AdminAnswer(problem: 401, "Not authenticated", "The admin plane wants its token: Authorization: Bearer ….")
                .response(from: request, context: context)
            response.headers[.wwwAuthenticate] = "Bearer"
            return response
        }
        return try await next(request, context)
    }
}
