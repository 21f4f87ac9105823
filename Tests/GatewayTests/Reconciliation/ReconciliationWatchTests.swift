import Foundation
import GatewayCore
import JSONPath
import Journal
import Logging
import SQLiteLedger
import Synchronization
import Testing

@testable import gateway

/// The watch with a clock of the test's, over a real ledger.
@Suite(.timeLimit(.minutes(1))) struct ReconciliationWatchTests {
    private static let hour = Timestamp(CivilDate(year: 2026, month: 11, day: 23))

    /// A provider that answers what it is told to.
    private final class Answering: Upstream {
        struct State {
            var requests: [UpstreamRequest] = []
            var events: [UpstreamEvent] = []
        }

        let state = Mutex(State())

        func send(_ request: UpstreamRequest, to receiver: any UpstreamReceiver) -> any UpstreamCall {
            let events = state.withLock { state in
                state.requests.append(request)
                return state.events
            }
            receiver.receive(events)
            return Silent()
        }

        func answer(_ status: Int, _ body: String) {
            state.withLock { $0.events = [.head(UpstreamHead(status: status, headers: HeaderList())), .body(Array(body.utf8)), .end] }
        }

        func hang() { state.withLock { $0.events = [] } }

        var requests: [UpstreamRequest] { state.withLock { $0.requests } }

        private final class Silent: UpstreamCall {
            func sendBody(_ bytes: [UInt8]) {}
            func finishBody() {}
            func acknowledge(_ count: Int) {}
            func cancel() {}
        }
    }

    private final class Bench: Sendable {
        let upstream = Answering()
        let metrics = Metrics()
        let ledger: any Ledger
        let watch: ReconciliationWatch
        /// Another gateway's, on the same ledger.
        let other: ReconciliationWatch
        private let folder: URL
        private let journal: Journal
        private let writing: Task<Void, Never>

        init(_ reconciliation: Reconciliation?, _ count: ProviderCount?) async throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent("watch-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let hands = Hands(ReconciliationWatchTests.hour)
            self.hands = hands
            let clock: WallClock = { hands.now.withLock { $0 } }
            journal = try Journal(folder: folder.path + "/journal", clock: clock, replayLine: { _ in })
            let writer = LedgerWriter(
                journal: journal, clock: clock, open: SQLiteLedger.opener(path: folder.path + "/ledger.db", clock: clock))
            try await writer.open()
            writing = Task { await writer.run() }
            ledger = try writer.openedLedger
            let adapter = Adapter(
                provider: "acme", title: "Acme",
                upstream: UpstreamSettings(
                    route: UpstreamRoute(provider: "acme", baseURL: "https://api.acme.example"),
                    authentication: .header(name: "X-Api-Key", value: Secret("the provider's secret"))),
                prices: PriceTable(entries: []),
                operations: [Operation(name: "get", match: try RoutePattern(methods: ["GET"], path: "/get"), providerCount: count)],
                reconciliation: reconciliation)
            let configuration = Configuration(plugins: "", ledger: LedgerSettings(engine: .sqlite(path: ""), journal: ""))
            let current = CurrentGeneration(
                Generation(number: 1, configuration: configuration, adapters: ["acme": adapter], loadedAt: ReconciliationWatchTests.hour))
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let pace = ReconciliationWatch.Pace(beforeAsking: 0)
            let watches = [metrics, Metrics()].map { [upstream, logger] metrics in
                ReconciliationWatch(
                    writer: writer, current: current, upstream: upstream, metrics: metrics, clock: clock, pace: pace, logger: logger,
                    raised: {})
            }
            (watch, other) = (watches[0], watches[1])
        }

        private final class Hands: Sendable {
            let now: Mutex<Timestamp>

            init(_ instant: Timestamp) { now = Mutex(instant) }
        }

        private let hands: Hands

        /// Puts the clock to so many seconds after the first hour's start.
        func set(_ second: Int64) { hands.now.withLock { $0 = ReconciliationWatchTests.hour.adding(seconds: second) } }

        /// Has both look at an instant, one after the other, until whatever they ask is over.
        func look(at second: Int64) async {
            set(second)
            for watch in [watch, other] { await withDiscardingTaskGroup { await watch.look(asking: &$0) } }
        }

        private let count = Atomic<UInt64>(0)

        /// A call of a second's length.
        func call(at second: Int64, _ credits: Int64, left: Int64?) async throws {
            let start = ReconciliationWatchTests.hour.adding(seconds: second)
            let amount = Credits(micros: credits * 1_000_000)
            try await ledger.add([
                ProviderReading(
                    id: CallID(high: 7, low: count.wrappingAdd(1, ordering: .relaxed).newValue), pool: ProviderPool(provider: "acme"),
                    startedAt: start, endedAt: start.adding(seconds: 1), low: amount, high: amount,
                    remaining: left.map { Credits(micros: $0 * 1_000_000) })
            ])
        }

        /// The hours that are compared, the oldest first: number, drift, outcome.
        func hours() async throws -> [String] {
            try await ledger.comparisons(ComparisonQuery(limit: 99)).reversed().map {
                "\(($0.hour.seconds - ReconciliationWatchTests.hour.seconds) / 3600) \($0.drift) \($0.outcome.rawValue)"
            }
        }

        /// The hours that are alerted.
        func alerts() async throws -> [String] {
            try await ledger.alerts(AlertQuery(limit: 99)).reversed().map { alert in
                let document = try JSONDocument(parsing: alert.body)
                return ["to", "drift", "reported", "counted"].map { document.root[$0]?.string ?? "?" }.joined(separator: " ")
            }
        }

        func stop() async {
            writing.cancel()
            await writing.value
            journal.close()
            try? FileManager.default.removeItem(at: folder)
        }
    }

    private func run(
        _ reconciliation: Reconciliation? = Reconciliation(), _ count: ProviderCount? = ProviderCount(header: "x-left"),
        _ body: (Bench) async throws -> Void
    ) async throws {
        let bench = try await Bench(reconciliation, count)
        do {
            try await body(bench)
        } catch {
            await bench.stop()
            throw error
        }
        await bench.stop()
    }

    /// When an hour is compared: five minutes and the longest call after its end.
    private static let patience: Int64 = 300 + 600

    @Test func anHourIsComparedWhenItsCallsAreOverAndOnce() async throws {
        try await run { bench in
            try await bench.call(at: -60, 20, left: 1000)
            try await bench.call(at: 1800, 20, left: nil)
            try await bench.call(at: 3000, 20, left: 960)
            await bench.look(at: 3600 + Self.patience - 1)
            #expect(try await bench.hours() == [])
            await bench.look(at: 3600 + Self.patience)
            #expect(try await bench.hours() == ["0 0 within"])
            #expect(bench.metrics.reconciliation.last.map(\.reported) == [Credits("40")])
            // Seen since then, and no longer of interest: an hour within its bound is done with.
            try await bench.call(at: 2000, 500, left: nil)
            for minute in 1...30 { await bench.look(at: 3600 + Self.patience + Int64(minute) * 60) }
            #expect(try await bench.hours() == ["0 0 within"])
            #expect(bench.metrics.reconciliation.hours.map(\.1) == [1, 0, 0])
            #expect(try await bench.alerts() == [])
            // After some days nothing but the comparison and the last balance is left.
            await bench.look(at: 5 * 86_400)
            let left = try await bench.ledger.readings(
                of: ProviderPool(provider: "acme"), from: Self.hour.adding(seconds: -3600), until: Self.hour.adding(seconds: 7200))
            #expect(left.map(\.remaining) == [Credits("960")] && bench.metrics.reconciliation.last.map(\.reported) == [Credits("40")])
        }
    }

    @Test func hoursInARowThatAreBeyondTheBoundAreOneAlert() async throws {
        try await run { bench in
            // Taken beside the gateways in the hours 1, 2 and 4; 3 is well, and a top-up comes in 5.
            let balances: [Int64] = [10_000, 9_900, 9_700, 9_500, 9_400, 9_200, 19_100]
            for (hour, balance) in balances.enumerated() {
                try await bench.call(at: Int64(hour) * 3600 - 600, 100, left: balance)
                await bench.look(at: Int64(hour) * 3600 + Self.patience)
            }
            #expect(
                try await bench.hours() == [
                    "0 0 within", "1 100 beyond", "2 100 beyond", "3 0 within", "4 100 beyond", "5 0 top_up",
                ])
            #expect(
                try await bench.alerts() == [
                    "2026-11-23T01:50:01Z 100 200 100", "2026-11-23T04:50:01Z 100 200 100",
                ])
            #expect(bench.metrics.reconciliation.hours.map(\.1) == [2, 3, 1])
            #expect(bench.metrics.alerts.raised.map { "\($0.0.scope) \($0.0.window) \($0.1)" } == ["reconciliation hour 2"])
        }
    }

    /// An idle day lies between them: what was taken beside the gateways meanwhile is seen, and told although the hour compared before was beyond too.
    @Test func hoursThatAreFarApartAreAnAlertEach() async throws {
        try await run { bench in
            try await bench.call(at: -60, 100, left: 10_000)
            try await bench.call(at: 3000, 100, left: 9500)
            await bench.look(at: 3600 + Self.patience)
            try await bench.call(at: 30 * 3600 + 3000, 100, left: 9000)
            await bench.look(at: 31 * 3600 + Self.patience)
            #expect(try await bench.hours() == ["0 400 beyond", "30 400 beyond"])
            #expect(try await bench.alerts().count == 2)
        }
    }

    @Test func anHourIsComparedAgainWhileItIsBeyondItsBound() async throws {
        try await run { bench in
            try await bench.call(at: -60, 20, left: 1000)
            try await bench.call(at: 3000, 20, left: 880)
            await bench.look(at: 3600 + Self.patience)
            #expect(try await bench.hours() == ["0 100 beyond"])
            // A gateway that was cut off writes what it had.
            try await bench.call(at: 1000, 100, left: nil)
            await bench.look(at: 3600 + Self.patience + 599)
            #expect(try await bench.hours() == ["0 100 beyond"])
            await bench.look(at: 3600 + Self.patience + 600)
            #expect(try await bench.hours() == ["0 0 within"])
            #expect(try await bench.alerts().count == 1 && bench.metrics.reconciliation.hours.map(\.1) == [0, 1, 0])
        }
    }

    @Test func oldReadingsAreLookedForEveryTenMinutes() async throws {
        try await run { bench in
            let pool = ProviderPool(provider: "acme")
            func old() async throws -> Int {
                try await bench.call(at: 0, 20, left: nil)
                return try await bench.ledger.readings(of: pool, from: Self.hour, until: Self.hour.adding(seconds: 9)).count
            }
            let start: Int64 = 5 * 86_400
            for (second, count) in [(0, 1), (60, 2), (599, 3), (600, 1), (1199, 2), (1200, 1)] as [(Int64, Int)] {
                await bench.look(at: start + second)
                let left = try await old()
                #expect(left == count)
            }
        }
    }

    @Test func withoutADeclarationNothingIsTouched() async throws {
        try await run(nil, nil) { bench in
            try await bench.call(at: -60, 20, left: 1000)
            try await bench.call(at: 1800, 20, left: nil)
            await bench.look(at: 5 * 86_400)
            let left = try await bench.ledger.readings(
                of: ProviderPool(provider: "acme"), from: Self.hour.adding(seconds: -3600), until: Self.hour.adding(seconds: 7200))
            #expect(left.count == 2 && bench.metrics.reconciliation.last.isEmpty)
            #expect(try await bench.hours() == [] && bench.upstream.requests.isEmpty)
        }
    }

    // MARK: Asking for the balance

    private static func endpoint(used: Bool = false, lag: Int64 = 0) throws -> Reconciliation {
        Reconciliation(lag: lag, endpoint: .init(path: "/usage", place: try JSONPath("$.left"), isUse: used))
    }

    @Test func aProviderIsAskedOnceAnHourUntilItAnswers() async throws {
        try await run(Self.endpoint(), ProviderCount()) { bench in
            let failures = [
                (503, #"{"left": 5}"#), (200, "garbage"), (200, #"{"left": "the provider's secret"}"#),
                (200, String(repeating: "x", count: 70_000)),
            ]
            // By both gateways, because none has had an answer: after one minute, two and four.
            var asked: [Int64] = []
            for minute in 0..<15 as Range<Int64> {
                let before = bench.upstream.requests.count
                let failure = failures[min(before / 2, 3)]
                bench.upstream.answer(failure.0, failure.1)
                await bench.look(at: minute * 60)
                if bench.upstream.requests.count > before { asked.append(minute) }
            }
            #expect(asked == [0, 1, 3, 7])
            #expect(bench.upstream.requests.count == 8 && bench.metrics.reconciliation.polls.map(\.1) == [0, 4])
            bench.upstream.answer(200, #"{"left": 1000}"#)
            await bench.look(at: 900)
            await bench.look(at: 3599)
            #expect(bench.upstream.requests.count == 9 && bench.metrics.reconciliation.polls.map(\.1) == [1, 4])
            let request = try #require(bench.upstream.requests.last)
            #expect(request.method == "GET" && request.target == "/usage" && request.headers.first("x-api-key") == "the provider's secret")
            #expect(request.route.baseURL == "https://api.acme.example")
            // From the first question to the next: what calls count lies between.
            try await bench.call(at: 1000, 30, left: nil)
            bench.upstream.answer(200, #"{"left": "870"}"#)
            await bench.look(at: 3605)
            await bench.look(at: 7200 + Self.patience)
            #expect(bench.upstream.requests.count == 11)
            #expect(try await bench.hours() == ["1 100 beyond"])
            #expect(try await bench.alerts() == ["2026-11-23T01:00:05Z 100 130 30"])
        }
    }

    /// A provider whose answer does not come keeps nobody waiting, is not asked twice at once, and is left alone when the gateway stops.
    @Test func aQuestionThatIsNotAnsweredDelaysNothing() async throws {
        try await run(Self.endpoint(), ProviderCount()) { bench in
            bench.upstream.answer(200, #"{"left": 1000}"#)
            await bench.look(at: 5)
            bench.upstream.answer(200, #"{"left": 1000}"#)
            await bench.look(at: 3605)
            bench.upstream.hang()
            await withDiscardingTaskGroup { questions in
                bench.set(7205)
                await bench.watch.look(asking: &questions)
                while bench.upstream.requests.count < 3 { try? await Task.sleep(for: .milliseconds(1)) }
                bench.set(7200 + Self.patience)
                await bench.watch.look(asking: &questions)
                questions.cancelAll()
            }
            let hours = try await bench.hours()
            #expect(hours == ["1 0 within"])
            #expect(bench.upstream.requests.count == 3 && bench.metrics.reconciliation.polls.map(\.1) == [2, 0])
            // It has not failed: who serves next asks at once.
            bench.upstream.answer(200, #"{"left": 1000}"#)
            await bench.look(at: 7200 + Self.patience)
            #expect(bench.upstream.requests.count == 4 && bench.metrics.reconciliation.polls.map(\.1) == [3, 0])
        }
    }

    /// The lag is the calls': a question's balance is what it is when the answer is there.
    @Test func aQuestionEndsWithItsAnswer() async throws {
        try await run(Self.endpoint(lag: 600_000_000), ProviderCount(lag: 600_000_000)) { bench in
            bench.upstream.answer(200, #"{"left": 1000}"#)
            await bench.look(at: 5)
            let balance = try await bench.ledger.lastBalance(
                of: ProviderPool(provider: "acme"), from: Self.hour, through: Self.hour.adding(seconds: 3600))
            let instant = Self.hour.adding(seconds: 5)
            #expect(balance?.startedAt == instant && balance?.endedAt == instant)
        }
    }

    @Test func whatWasUsedIsComparedAsWell() async throws {
        try await run(Self.endpoint(used: true), ProviderCount()) { bench in
            bench.upstream.answer(200, #"{"left": 40.5}"#)
            await bench.look(at: 5)
            try await bench.call(at: 1000, 30, left: nil)
            bench.upstream.answer(200, #"{"left": 70.5}"#)
            await bench.look(at: 3605)
            // A new month: nothing has been used.
            bench.upstream.answer(200, #"{"left": 0}"#)
            await bench.look(at: 7205)
            await bench.look(at: 14_400 + Self.patience)
            #expect(try await bench.hours() == ["1 0 within", "2 0 top_up"])
        }
    }
}
