import GatewayCore
import JSONPath
import Loopback
import Testing

/// What each call tells of the provider's own count, however it ends.
@Suite struct ReadingTests {
    /// Like the other tests' provider, with a balance in `x-left`, of which a credit takes 20.
    private static func adapter(_ adapter: Adapter? = nil) throws -> Adapter {
        var adapter = try adapter ?? TestAdapter.acme()
        adapter.reconciliation = Reconciliation()
        for index in adapter.operations.indices {
            adapter.operations[index].providerCount = ProviderCount(
                pool: "main", header: "x-left", credits: ["credit": Exact(20)], lag: 2_000_000)
        }
        return adapter
    }

    private func text(_ reading: ProviderReading?) -> String {
        guard let reading else { return "none" }
        return "\(reading.low)…\(reading.high) \(reading.remaining?.description ?? "-")"
    }

    @Test(
        arguments: [
            ("people/1", 200, ["x-credits: 2", "X-Left: 960"], "{}", "40…40 960"), ("people/1", 200, ["x-left: -4.5"], "{}", "20…20 -4.5"),
            ("people/1", 404, ["x-left: 1000"], "", "0…0 1000"), ("people/1", 200, [], "{}", "20…20 -"),
            ("people/1", 200, ["x-left: {'minute': 9}"], "{}", "20…20 -"), ("people/1", 200, ["x-left:"], "{}", "20…20 -"),
            ("search", 200, ["x-left: 7"], #"{"credits": 4}"#, "80…80 7"),
            // Not readable: anything up to the estimate, and the balance all the same.
            ("search", 200, ["x-left: 7"], "what?", "0…100 7"), ("search", 500, ["x-left: 0"], "what?", "0…0 -"),
            ("search", 429, ["x-left: 0"], "{}", "0…0 -"),
            // A job is charged once.
            ("jobs/1", 200, ["x-left: 7"], #"{"credits": 1}"#, "20…20 7"),
        ] as [(String, Int, [String], String, String)])
    func anAnsweredCallTellsWhatItsTableSays(path: String, status: Int, headers: [String], body: String, reading: String) async throws {
        try await Bench.run(adapters: [try Self.adapter()]) { bench in
            try bench.exchange(request("/acme/v1/\(path)")) { call in
                bench.elapsed.change { $0 += 3 }
                call.answer(
                    status, headers.map { ($0.split(separator: ":")[0].description, String($0.drop { $0 != ":" }.dropFirst(2))) },
                    body: body)
            }
            let settled = try bench.log.waitForSettled()[0]
            #expect(text(settled.reading) == reading)
            #expect(settled.reading?.pool.description == "acme/main" && settled.reading?.id == settled.id)
            #expect(settled.reading?.startedAt == Bench.now && settled.reading?.endedAt == Bench.now.adding(seconds: 5))
            // Were the gateway killed meanwhile: anything up to the estimate, until an hour later.
            let held = try #require(bench.log.held.first?.reading)
            #expect(held.low == .zero && held.remaining == nil && held.startedAt == Bench.now)
            #expect(held.endedAt == Bench.now.adding(seconds: 3602) && held.high >= (settled.reading?.high ?? .zero))
        }
    }

    /// Of answers that should tell the balance; those of other operations need not.
    @Test func anAnswerThatDoesNotTellItsBalanceIsCounted() async throws {
        var adapter = try Self.adapter()
        for index in adapter.operations.indices where adapter.operations[index].name == "search" {
            adapter.operations[index].providerCount = nil
        }
        try await Bench.run(adapters: [adapter]) { bench in
            let answers: [(Int, [(String, String)])] = [
                (200, [("x-left", "960")]), (200, []), (200, [("x-left", "{'minute': 9}")]), (404, []), (500, []),
                (201, [("x-left", "")]),
            ]
            for (status, headers) in answers {
                try bench.exchange(request("/acme/v1/people/1")) { $0.answer(status, headers, body: "{}") }
            }
            try bench.exchange(request("/acme/v1/search")) { $0.answer(200, [], body: #"{"credits": 1}"#) }
            _ = try bench.log.waitForSettled(answers.count + 1)
            #expect(bench.metrics.reconciliation.unreadable.map { "\($0.provider) \($0.count)" } == ["acme 3"])
            // Only the first one is told.
            #expect(!bench.metrics.reconciliation.countUnreadable("acme"))
        }
    }

    @Test func aSecondPollOfAJobCountsNothing() async throws {
        try await Bench.run(adapters: [try Self.adapter()]) { bench in
            for _ in 0..<2 { try bench.exchange(request("/acme/v1/jobs/1")) { $0.answer(body: #"{"credits": 1}"#) } }
            #expect(bench.log.settled.map { text($0.reading) } == ["20…20 -", "0…0 -"])
        }
    }

    @Test func aCallWithoutAWholeAnswerMayCountUpToItsEstimate() async throws {
        try await Bench.run(adapters: [try Self.adapter()]) { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/search"))
            try bench.upstream.next().fail(.timeout)
            #expect(try client.response().status == 504)
            let cut = try bench.client()
            try cut.send(request("/acme/v1/search"))
            let call = try bench.upstream.next()
            call.head(200, [("x-left", "12"), ("Content-Length", "99")])
            call.fail(.broken)
            #expect(try cut.response().status == 502)
            #expect(bench.log.settled.map { text($0.reading) } == ["0…100 -", "0…100 12"])
        }
    }

    @Test func aCallThatNeverReachedTheProviderIsNoReading() async throws {
        try await Bench.run(adapters: [try Self.adapter()]) { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/search"))
            try bench.upstream.next().fail(.unreachable, wasSent: false)
            #expect(try client.response().status == 502)
            try eventually("its release") { bench.log.released.count == 1 }
            #expect(bench.log.settled.isEmpty)
        }
    }

    /// Answers that others have paid for are none of the provider's.
    @Test func keptAndSharedAnswersAreNoReadings() async throws {
        try await Bench.run(adapters: [try Self.adapter(TestAdapter.keeper())]) { bench in
            let clients = try (0..<3).map { _ in try bench.client() }
            for client in clients { try client.send(request("/keeper/v1/things/1")) }
            let call = try bench.upstream.next()
            try eventually("all wait for it") { bench.upstream.count == 1 }
            try bench.settleLoop()
            call.answer(200, [("x-left", "80")], body: "{}")
            for client in clients { #expect(try client.response().status == 200) }
            #expect(try bench.free(request("/keeper/v1/things/1"))["X-Gateway-Cache"] == "hit")
            let settled = try bench.log.waitForSettled(4)
            #expect(settled.compactMap(\.reading).map { text($0) } == ["20…20 80"])
            #expect(settled.first { $0.reading != nil }?.cache == .miss)
        }
    }

    @Test func withoutADeclarationThereIsNoReading() async throws {
        try await Bench.run { bench in
            try bench.exchange(request("/acme/v1/people/1")) { $0.answer(200, [("x-left", "7")], body: "{}") }
            #expect(bench.log.settled[0].reading == nil && bench.log.held[0].reading == nil)
        }
    }
}
