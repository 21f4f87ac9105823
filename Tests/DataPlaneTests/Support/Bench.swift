import DataPlane
import GatewayCore
import JSONPath
import Logging
import Loopback
import Synchronization
import Testing

/// A data plane on a port of its own, with everything around it in the test's hands.
final class Bench: Sendable {
    let upstream = ScriptedUpstream()
    let log = ScriptedLog()
    let history = ScriptedHistory()
    let store = ScriptedStore()
    /// Seconds since ``now``.
    let elapsed = Watched<Int64>(0)
    let accounts: Accounts
    let once = OnceCharges()
    let keys = KeyRing()
    let metrics = Metrics()
    let calls = ScriptedCallLog()
    let generations: CurrentGeneration
    let plane: DataPlane

    /// 2026-11-23, noon UTC.
    static let now = Timestamp(seconds: CivilDate(year: 2026, month: 11, day: 23).daysSince1970.asSeconds + 43_200)

    private init(
        _ configuration: Configuration, adapters: [Adapter], isLoaded: Bool, isShared: Bool, eventLoops: Int, patience: Duration,
        storesEntities: Bool
    ) async throws {
        let askForLeases: (@Sendable () -> Void)? = isShared ? { @Sendable in } : nil
        accounts = Accounts(budgets: configuration.budgets, alerts: configuration.alerts, askForLeases: askForLeases)
        if isLoaded { _ = accounts.load(sums: [], at: Self.now, recent: { [] }) }
        generations = CurrentGeneration(
            Generation(
                number: 1, configuration: configuration, adapters: Dictionary(uniqueKeysWithValues: adapters.map { ($0.provider, $0) }),
                loadedAt: Self.now))
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let services = Services(
            generations: generations, accounts: accounts, log: log, history: history, upstream: upstream, once: once, keys: keys,
            answers: SharedAnswers(store: store, metrics: metrics, patience: patience), storesEntities: storesEntities, metrics: metrics,
            clock: { [elapsed] in Self.now.adding(seconds: elapsed.current) },
            logger: logger, calls: calls)
        plane = try await DataPlane.start(listen: SocketAddress(host: "127.0.0.1", port: 0), eventLoops: eventLoops, services: services)
    }

    /// Runs a test against a data plane, and holds it to what must be true when nothing is in flight any more.
    ///
    /// Tests wait in blocking calls, so they have threads of their own.
    static func run(
        limits: Limits = Limits(), budget: Budget = Budget(), onTrackerError: TrackerErrorPolicy = .open, isLoaded: Bool = true,
        authentication: AuthenticationMode = .header, isShared: Bool = false, adapters: [Adapter]? = nil, eventLoops: Int = 1,
        quality: QualityWeights = .standard, cache: CacheSettings = CacheSettings(), patience: Duration = .seconds(20),
        enrichment: EnrichmentSettings = EnrichmentSettings(), storesEntities: Bool = false, _ body: (Bench) async throws -> Void
    ) async throws {
        var configuration = Configuration(
            plugins: "/", ledger: LedgerSettings(engine: .sqlite(path: "/dev/null"), journal: "/"),
            budgets: BudgetBook(standard: budget), onTrackerError: onTrackerError, limits: limits, cache: cache, quality: quality)
        configuration.enrichment = enrichment
        configuration.authentication = authentication
        let bench = try await Bench(
            configuration, adapters: adapters ?? [try TestAdapter.acme()], isLoaded: isLoaded, isShared: isShared, eventLoops: eventLoops,
            patience: patience, storesEntities: storesEntities)
        try await withTaskExecutorPreference(ThreadExecutor()) {
            do {
                try await body(bench)
                try eventually("every reservation ends") { bench.accounts.snapshot.openReservations == 0 }
                #expect(bench.accounts.snapshot.held == .zero)
                #expect(bench.accounts.snapshot.unknownReservations == 0)
                try eventually("nothing is kept") {
                    bench.metrics.bufferedBytes.load(ordering: .relaxed) == 0 && bench.metrics.countedBytes.load(ordering: .relaxed) == 0
                }
            } catch {
                await bench.stop(grace: .zero)
                throw error
            }
            await bench.stop(grace: .seconds(20))
        }
    }

    private let isStopped = Watched(false)

    /// Stops the data plane, once.
    func stop(grace: Duration) async {
        let wasStopped = isStopped.change { stopped in
            defer { stopped = true }
            return stopped
        }
        if !wasStopped { await plane.stop(grace: grace) }
    }

    func client(receiveBuffer: Int32? = nil) throws -> RawClient { try RawClient(port: plane.address.port, receiveBuffer: receiveBuffer) }

    /// Sends one request on a connection of its own and reads the response, while `play` plays the provider.
    @discardableResult
    func exchange(_ request: String, play: (ScriptedCall) throws -> Void = { $0.answer(body: "{}") }) throws -> RawClient.Response {
        let client = try client()
        try client.send(request)
        try play(try upstream.next())
        return try client.response(to: String(request.prefix { $0 != " " }))
    }

    /// Sends one request that is not forwarded.
    func refused(_ request: String) throws -> RawClient.Response {
        let before = upstream.count
        let client = try client()
        try client.send(request)
        let response = try client.response(to: String(request.prefix { $0 != " " }))
        #expect(upstream.count == before, "a refused call was forwarded")
        return response
    }

    /// Returns when the event loop has done all that it had to do before: for what must *not* have happened.
    func settleLoop() throws {
        for _ in 0..<3 {
            let client = try client()
            try client.send("GET /_gateway/health HTTP/1.1\r\nHost: g\r\n\r\n")
            #expect(try client.response().status == 200)
        }
    }
}

/// A request of the workspace `w1`.
func request(
    _ target: String, _ headers: [String] = [], method: String = "GET", body: String? = nil, version: String = "1.1",
    workspace: String = "w1"
) -> String {
    var text = "\(method) \(target) HTTP/\(version)\r\nHost: gateway.example\r\nX-Workspace-Id: \(workspace)\r\n"
    for header in headers { text += header + "\r\n" }
    if let body { text += "Content-Length: \(body.utf8.count)\r\n\r\n\(body)" } else { text += "\r\n" }
    return text
}

extension Int {
    fileprivate var asSeconds: Int64 { Int64(self) * 86_400 }
}
