import GatewayCore
import JSONPath
import Loopback
import Testing

/// Answers that are kept and served again.
@Suite struct KeepingTests {
    private func run(
        limits: Limits = Limits(), budget: Budget = Budget(), cache: CacheSettings = CacheSettings(), patience: Duration = .seconds(20),
        _ body: (Bench) async throws -> Void
    ) async throws {
        try await Bench.run(
            limits: limits, budget: budget, adapters: [try TestAdapter.keeper()], eventLoops: 2, cache: cache, patience: patience, body)
    }

    @Test func theSecondAnswerIsTheFirstByteForByteAndCostsNothing() async throws {
        let body = "\u{1}{ \"not\":  json \n\u{7F}é"
        try await run(budget: Budget(workspace: WindowLimits(daily: Money("0.10"), monthly: nil))) { bench in
            let first = try bench.exchange(request("/keeper/v1/things/1?b=2&a=1")) {
                $0.answer(
                    200, [("X-Provider", "yes"), ("Set-Cookie", "session=1"), ("Connection", "X-Hop"), ("X-Hop", "1"), ("ETag", "\"e\"")],
                    body: body)
            }
            #expect(first["X-Gateway-Cache"] == "miss" && first["X-Gateway-Cost"] == "0.10" && first["Set-Cookie"] == "session=1")
            // The budget is spent: what costs nothing is not refused.
            for target in ["/keeper/v1/things/1?b=2&a=1", "/keeper/v1/things/1?a=1&b=2"] {
                let second = try bench.free(request(target, ["X-User-Id: u", "X-Entity-Id: e", "X-Gateway-Max-Cost: 0"]))
                #expect(second.status == 200 && second.body == first.body && second["X-Provider"] == "yes" && second["ETag"] == "\"e\"")
                #expect(second["Set-Cookie"] == nil && second["X-Hop"] == nil && second["Content-Length"] == "\(body.utf8.count)")
                #expect(
                    second["X-Gateway-Cache"] == "hit" && second["X-Gateway-Cost"] == "0.00" && second["X-Gateway-Cost-Basis"] == "table")
                #expect(second["X-Gateway-Spend-Daily"] == "0.10" && second["X-Gateway-Remaining-Daily"] == "0.00")
                #expect(second["X-Gateway-Price-Version"] == TestAdapter.priceVersion)
                let record = try #require(bench.log.settled.last)
                #expect(record.id.description == second["X-Gateway-Request-Id"])
                #expect(record.cost == .zero && record.estimate == .zero && record.saved == Money("0.10") && record.cache == .hit)
                #expect(
                    record.success && record.status == 200 && record.user == "u" && record.entityID == "e"
                        && record.day == bench.log.settled[0].day)
                #expect(bench.history.state.current.noted.last == record)
            }
            #expect(bench.log.settled.count == 3 && bench.log.held.count == 1 && bench.log.settled[0].saved == nil)
            #expect(bench.log.settled[0].cache == .miss && bench.log.held[0].cache == .miss)
            let totals = bench.metrics.cacheCalls
            #expect(totals.map(\.0.outcome) == [.hit, .miss] && totals.map(\.1.calls) == [2, 1])
            #expect(totals.map(\.1.saved) == [Money("0.20"), .zero])
        }
    }

    /// It would be in the database and in the journal, where no credential is.
    @Test(arguments: [
        ("none", "it is provider-secret.", false), ("was provider-secret", "x", false),
        ("provider-secre", "t rovider-secret provider-secre", true),
    ])
    func anAnswerThatRepeatsTheProvidersCredentialIsItsCallersAlone(header: String, body: String, isKept: Bool) async throws {
        try await run { bench in
            let answer = try bench.exchange(request("/keeper/v1/things/1")) { $0.answer(200, [("X-Sent", header)], body: body) }
            #expect(answer.text == body && answer["X-Sent"] == header)
            #expect(bench.log.entries.contains { if case .kept = $0 { true } else { false } } == isKept)
            if isKept {
                #expect(try bench.free(request("/keeper/v1/things/1")).text == body)
            } else {
                #expect(try bench.exchange(request("/keeper/v1/things/1")) { $0.answer(body: "again") }.text == "again")
            }
        }
    }

    /// A caller who has seen the end of an answer finds it kept, whatever happens then.
    @Test func itIsJournaledBeforeItsRecord() async throws {
        try await run { bench in
            try bench.exchange(request("/keeper/v1/things/1")) { $0.answer(body: "x") }
            let kinds = bench.log.entries.map { entry in
                switch entry {
                case .held: "held"
                case .kept: "kept"
                case .settled: "settled"
                case .released, .priced, .stored: "other"
                }
            }
            #expect(kinds == ["held", "kept", "settled"])
            let kept = try #require(bench.kept.first)
            #expect(kept.id == bench.log.settled[0].id && kept.cost == Money("0.10") && kept.workspace == "w1")
            #expect(kept.keptAt == Bench.now && kept.expiresAt == Bench.now.adding(seconds: 3600) && kept.research == nil)
        }
    }

    @Test func itIsServedUntilItExpires() async throws {
        try await run { bench in
            try bench.exchange(request("/keeper/v1/things/1")) { $0.answer(body: "old") }
            bench.elapsed.change { $0 = 3599 }
            #expect(try bench.free(request("/keeper/v1/things/1"))["X-Gateway-Cache"] == "hit")
            bench.elapsed.change { $0 = 3600 }
            bench.store.take(bench.log.entries)
            let next = try bench.exchange(request("/keeper/v1/things/1")) { $0.answer(body: "new") }
            #expect(next.text == "new" && next["X-Gateway-Cache"] == "miss" && bench.kept.count == 2)
            #expect(try bench.free(request("/keeper/v1/things/1")).text == "new")
        }
    }

    /// As after a restart, or where another gateway has asked: memory has nothing, the ledger has.
    @Test func theLedgerServesWhatMemoryHasNot() async throws {
        try await run(cache: CacheSettings(memory: 0)) { bench in
            try bench.exchange(request("/keeper/v1/things/1")) { $0.answer(200, [("X-Provider", "yes")], body: "kept") }
            let lookups = bench.store.state.current.lookups
            bench.store.take(bench.log.entries)
            let second = try bench.free(request("/keeper/v1/things/1"))
            #expect(second.text == "kept" && second["X-Provider"] == "yes" && second["X-Gateway-Cache"] == "hit")
            #expect(bench.store.state.current.lookups == lookups + 1)
        }
    }

    enum Trouble: CaseIterable {
        case away, silent, failing
    }

    @Test(arguments: Trouble.allCases)
    func aLedgerThatCannotBeAskedIsAMiss(trouble: Trouble) async throws {
        try await run(patience: trouble == .silent ? .milliseconds(20) : .seconds(20)) { bench in
            switch trouble {
            case .away: bench.store.state.change { $0.isAway = true }
            case .silent: bench.store.state.change { $0.isSilent = true }
            case .failing: bench.history.state.change { $0.isFailing = true }
            }
            let first = try bench.exchange(request("/keeper/v1/things/1")) { $0.answer(body: "x") }
            #expect(first["X-Gateway-Cache"] == "miss" && first["X-Gateway-Cost"] == "0.10")
            #expect(bench.metrics.failedLookups.count == (trouble == .failing ? 0 : 1))
            #expect(bench.store.state.current.lookups == (trouble == .failing ? 0 : 1))
            #expect(try bench.free(request("/keeper/v1/things/1"))["X-Gateway-Cache"] == "hit")
        }
    }

    @Test(arguments: [
        (404, "gone"), (500, "broken"), (201, "not billed here"), (206, "a part"),
    ])
    func whatIsNotBillableOrNotWholeIsNotKept(status: Int, body: String) async throws {
        try await run { bench in
            for _ in 0..<2 {
                let response = try bench.exchange(request("/keeper/v1/things/1")) { $0.answer(status, body: body) }
                #expect(response.status == status && response["X-Gateway-Cache"] == "miss")
            }
            #expect(bench.kept.isEmpty)
        }
    }

    @Test(arguments: ["length", "pieces", "stream"])
    func streamsAndWhatIsTooLongFlowAndAreNotKept(kind: String) async throws {
        var limits = Limits()
        limits.bufferedResponse = 1024
        let text = String(repeating: "x", count: 1500)
        try await run(limits: limits) { bench in
            for _ in 0..<2 {
                let client = try bench.client()
                try client.send(request("/keeper/v1/things/1"))
                let call = try bench.upstream.next()
                let fields = ["length": ("Content-Length", "1500"), "stream": ("Content-Type", "text/event-stream")]
                call.head(200, [fields[kind]].compactMap { $0 })
                for _ in 0..<3 { call.body(String(repeating: "x", count: 500)) }
                call.end()
                let response = try client.response()
                #expect(response.text == text && response["X-Gateway-Cache"] == "miss")
            }
            #expect(bench.kept.isEmpty)
            #expect(bench.log.settled.map(\.cost.nanos) == [100_000_000, 100_000_000])
        }
    }

    @Test func anAnswerWithoutABodyIsKeptAsItIs() async throws {
        try await run { bench in
            try bench.exchange(request("/keeper/v1/things/1")) { $0.answer(204, [("X-Empty", "yes")]) }
            let second = try bench.free(request("/keeper/v1/things/1"))
            #expect(second.status == 204 && second["X-Empty"] == "yes" && second["Content-Length"] == nil && second.body.isEmpty)
        }
    }

    @Test func bypassNeitherReadsNorKeepsAndRefreshOnlyKeeps() async throws {
        try await run { bench in
            let bypass = try bench.exchange(request("/keeper/v1/things/1", ["X-Gateway-Cache: bypass"])) { $0.answer(body: "a") }
            #expect(bypass["X-Gateway-Cache"] == "bypass" && bench.kept.isEmpty)
            try bench.exchange(request("/keeper/v1/things/1")) { $0.answer(body: "b") }
            #expect(try bench.exchange(request("/keeper/v1/things/1", ["X-Gateway-Cache: bypass"])) { $0.answer(body: "c") }.text == "c")
            #expect(try bench.free(request("/keeper/v1/things/1")).text == "b")
            let refresh = try bench.exchange(request("/keeper/v1/things/1", ["X-Gateway-Cache: Refresh"])) { $0.answer(body: "d") }
            #expect(refresh.text == "d" && refresh["X-Gateway-Cache"] == "miss" && refresh["X-Gateway-Cost"] == "0.10")
            #expect(try bench.free(request("/keeper/v1/things/1")).text == "d")
            #expect(bench.log.settled.map(\.cache) == [.bypass, .miss, .bypass, .hit, .miss, .hit])
            let wrong = try bench.refused(request("/keeper/v1/things/1", ["X-Gateway-Cache: no"]))
            #expect(wrong.status == 400 && wrong.text.contains("X-Gateway-Cache"))
        }
    }

    /// Such answers are right for nobody else, and nobody else's is right for them.
    @Test(arguments: [
        ("GET", "Range: bytes=0-1"), ("GET", "If-None-Match: \"e\""), ("GET", "If-Modified-Since: Mon, 23 Nov 2026 00:00:00 GMT"),
        ("GET", "If-Range: \"e\""), ("HEAD", "X-Nothing: 1"),
    ])
    func partsAndConditionsPassTheCacheBy(method: String, header: String) async throws {
        try await run { bench in
            for _ in 0..<2 {
                let response = try bench.exchange(request("/keeper/v1/things/1", [header], method: method)) { call in
                    #expect(call.request.method == method)
                    call.answer(body: method == "HEAD" ? "" : "x")
                }
                #expect(response["X-Gateway-Cache"] == "bypass" && response["X-Gateway-Cost"] == "0.10")
            }
            #expect(bench.kept.isEmpty)
        }
    }

    @Test func workspacesAndVariantsHaveAnswersOfTheirOwn() async throws {
        try await run { bench in
            let requests = [
                request("/keeper/v1/things/1"), request("/keeper/v1/things/1", workspace: "w2"), request("/keeper/v1/things/2"),
                request("/keeper/v1/things/1?q"), request("/keeper/v1/things/1", ["Accept: text/csv"]),
                request("/keeper/v1/things/1", ["X-Variant: a"]), request("/keeper/v1/things/1", ["X-Variant: b"]),
            ]
            for (index, request) in requests.enumerated() { try bench.exchange(request) { $0.answer(body: "\(index)") } }
            for (index, request) in requests.enumerated() { #expect(try bench.free(request).text == "\(index)") }
            // What the adapter does not list, and the caller's own credentials, make no difference.
            #expect(try bench.free(request("/keeper/v1/things/1", ["X-Other: 1", "Authorization: Bearer k"])).text == "0")
        }
    }

    @Test func researchIsARowAndServedForFree() async throws {
        let answer = #"{"tokens": 120, "text": "Matthew Friend \u00e9", "sources": [{"url": "https://a.example"}, "b"], "model": "sonar"}"#
        try await run { bench in
            let first = try bench.exchange(
                request(
                    "/keeper/v1/ask", ["X-Entity-Type: company", "X-Entity-Id: nike"], method: "POST",
                    body: #"{"q": "CFO of Nike", "n": 1}"#)
            ) { $0.answer(body: answer) }
            #expect(first["X-Gateway-Cost"] == "0.12")
            let research = try #require(bench.kept.first?.research)
            #expect(
                research
                    == ResearchRecord(
                        entityType: "company", entityID: "nike", type: "web", content: "Matthew Friend é",
                        sources: #"[{"url": "https://a.example"},"b"]"#, model: "sonar", confidence: "0.8", tokens: 120, duration: 0))
            #expect(bench.kept.first?.expiresAt == Bench.now.adding(seconds: 86_400))
            // The entity is the row's, not the question's.
            let second = try bench.free(request("/keeper/v1/ask", method: "POST", body: #"{"n":1.0,"q":"CFO of Nike"}"#))
            #expect(second.text == answer && second["X-Gateway-Cache"] == "hit")
            #expect(bench.log.settled.last?.saved == Money("0.12"))
        }
    }

    /// An answer that could not be metered is charged its estimate; nobody knows what it is worth.
    @Test func whatCouldNotBeMeteredIsNotKept() async throws {
        try await run { bench in
            let response = try bench.exchange(request("/keeper/v1/ask", method: "POST", body: "{}")) { $0.answer(body: #"{"text": 1}"#) }
            #expect(response["X-Gateway-Cost-Basis"] == "estimate" && bench.kept.isEmpty)
        }
    }

    @Test func aHitGoesOutThoughTheJournalCannotBeWritten() async throws {
        try await run { bench in
            try bench.exchange(request("/keeper/v1/things/1")) { $0.answer(body: "x") }
            bench.log.set(.failing)
            let response = try bench.free(request("/keeper/v1/things/1"))
            #expect(response.status == 200 && response.text == "x" && response["X-Gateway-Budget"] == "unverified")
            #expect(bench.metrics.journalFailures.count == 1)
        }
    }

    @Test func operationsThatKeepNothingSayNone() async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request("/acme/v1/people/1", ["X-Gateway-Cache: whatever"])) { $0.answer(body: "x") }
            #expect(response["X-Gateway-Cache"] == "none" && bench.kept.isEmpty && bench.store.state.current.lookups == 0)
            #expect(bench.metrics.cacheCalls.isEmpty)
        }
    }
}
