import Foundation
import GatewayCore
import JSONPath
import Loopback
import TestSupport
import Testing

/// An enrichment's own life: who may ask, who leaves, when it is too late, and many at once.
@Suite struct EnrichmentTests {
    private static let names = ["one", "two", "three"]
    private static let mail = #"{"match": {"email": "ada@example.com"}, "want": ["email"], "minQuality": 80}"#

    private func run(
        _ adapters: [Adapter]? = nil, budget: Budget = Budget(workspace: WindowLimits()), authentication: AuthenticationMode = .header,
        timeout: Int = 60_000, eventLoops: Int = 1, storesEntities: Bool = false, isShared: Bool = false,
        _ body: (Bench) async throws -> Void
    ) async throws {
        try await Bench.run(
            budget: budget, authentication: authentication, isShared: isShared,
            adapters: try adapters ?? Self.names.map { try FinderAdapter.finder($0) },
            eventLoops: eventLoops, enrichment: EnrichmentSettings(order: [.person: Self.names], timeout: timeout),
            storesEntities: storesEntities, body)
    }

    private func answer(_ response: RawClient.Response) throws -> JSONNode { try JSONDocument(parsing: response.body).root }

    private func code(_ response: RawClient.Response) throws -> String? { try answer(response)["code"]?.string }

    private func send(_ bench: Bench, _ question: String = mail, _ headers: [String] = []) throws -> RawClient {
        let client = try bench.client()
        try client.send(request("/_gateway/enrich/person", headers, method: "POST", body: question))
        return client
    }

    // MARK: The question

    /// Whoever sends many mistakes is not told of each of them twice.
    @Test func aQuestionThatIsAllWrongIsAnsweredBriefly() async throws {
        try await run { bench in
            let want = Array(repeating: #""a""#, count: 15_000).joined(separator: ",")
            let response = try bench.refused(
                request("/_gateway/enrich/person", method: "POST", body: #"{"match": {"email": "a"}, "want": [\#(want)]}"#))
            let problem = try answer(response)
            #expect(response.status == 400 && problem["problems"]?.count == 20 && response.body.count < 16 << 10)
            let first = try #require(problem["problems"]?[0]?.string)
            #expect(problem["detail"]?.string == "The question cannot be asked: \(first).")
        }
    }

    @Test func whatIsNoQuestionIsRefusedWithAllThatIsWrong() async throws {
        try await run { bench in
            let response = try bench.refused(
                request("/_gateway/enrich/person", method: "POST", body: #"{"match": {"emial": "a"}, "wants": [], "maxCost": 1}"#))
            #expect(response.status == 400 && response["Content-Type"] == "application/problem+json")
            let problem = try answer(response)
            #expect(problem["code"]?.string == "bad_request" && problem["problems"]?.count == 3 && response["X-Gateway-Cost"] == "0.00")
            #expect(problem["problems"]?[0]?.string == "unknown field of match 'emial'; did you mean 'email'?")
        }
    }

    @Test func whereNobodyIsAskedItIsSaidWhatToWrite() async throws {
        try await run { bench in
            let company = try bench.refused(request("/_gateway/enrich/company", method: "POST", body: #"{"match": {"name": "x"}}"#))
            #expect(
                try company.status == 404 && company.text.contains("enrich: { company: [PROVIDER, …] }") && code(company) == "not_found")
            for (target, method) in [("/_gateway/enrich/x", "POST"), ("/_gateway/enrich/", "POST"), ("/_gateway/enrich/person", "GET")] {
                #expect(try bench.refused(request(target, method: method, body: "{}")).status == 404)
            }
        }
    }

    @Test(arguments: [
        ("Content-Length: 65537", ""), ("Transfer-Encoding: chunked", "10001\r\n\(String(repeating: " ", count: 65_537))\r\n"),
    ])
    func aQuestionIsSmall(framing: String, body: String) async throws {
        try await run { bench in
            let text = "POST /_gateway/enrich/person HTTP/1.1\r\nHost: g\r\nX-Workspace-Id: w1\r\n\(framing)\r\n\r\n\(body)"
            let response = try bench.refused(text)
            #expect(try response.status == 413 && code(response) == "body_too_large")
        }
    }

    @Test func whoeverIsNobodyAsksNothing() async throws {
        try await run { bench in
            let response = try bench.refused("POST /_gateway/enrich/person HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}")
            #expect(try response.status == 400 && code(response) == "workspace_required")
        }
    }

    @Test func aConnectionServesOneAfterTheOtherAndWaitsForWhoeverWantsToBeAskedForTheBody() async throws {
        try await run { bench in
            bench.upstream.play { Play.hit($0) }
            let client = try bench.client()
            for _ in 0..<3 {
                try client.send(request("/_gateway/enrich/person", method: "POST", body: Self.mail))
                #expect(try client.response(to: "POST").status == 200)
            }
            try client.send(
                "POST /_gateway/enrich/person HTTP/1.1\r\nHost: g\r\nX-Workspace-Id: w1\r\nExpect: 100-continue\r\nContent-Length: \(Self.mail.utf8.count)\r\n\r\n"
            )
            #expect(try client.head().status == 100)
            try client.send(Self.mail)
            #expect(try client.response(to: "POST").status == 200)
        }
    }

    /// A caller who bounds every call bounds the whole.
    @Test func theCallersHeaderIsABoundToo() async throws {
        try await run { bench in
            bench.upstream.play { Play.found(grade: "D", credits: 1)($0) }
            for (header, question) in [
                ("0.30", Self.mail), ("9", Self.mail.dropLast() + #", "maxCost": "0.30"}"#),
                ("0.30", Self.mail.dropLast() + #", "maxCost": "9"}"#),
            ] {
                let response = try answer(bench.enrich(question, ["X-Gateway-Max-Cost: \(header)"]))
                #expect(
                    EnrichmentScenarioTests.steps(response) == ["one found - 0.10", "two found - 0.10", "three skipped max_cost 0.00"])
            }
            #expect(
                try bench.refused(request("/_gateway/enrich/person", ["X-Gateway-Max-Cost: x"], method: "POST", body: Self.mail)).status
                    == 400)
        }
    }

    // MARK: What a step is

    @Test func aStepIsACallLikeAnyOtherOnTheCallersBehalf() async throws {
        try await run { bench in
            let client = try send(
                bench, Self.mail, ["X-User-Id: u1", "X-Entity-Type: person", "X-Entity-Id: e1", "Cookie: c", "Accept: x/y"])
            let call = try bench.upstream.next()
            #expect(call.request.target == "/v1/people/ada%40example.com" && call.request.headers.all("x-api-key") == ["provider-secret"])
            for name in ["x-workspace-id", "x-user-id", "x-entity-id", "cookie", "x-gateway-normalize", "x-gateway-max-cost", "accept"] {
                #expect(call.request.headers.all(name) == [], "\(name)")
            }
            // Held, and in the journal, like any other.
            #expect(bench.log.held.map { "\($0.provider) \($0.cost)" } == ["one 0.20"] && bench.accounts.snapshot.held == Money("0.20"))
            Play.hit(call)
            let response = try client.response(to: "POST")
            let row = try #require(bench.log.settled.first)
            #expect(row.user == "u1" && row.entityID == "e1" && row.operation == "find" && row.endpoint == "/v1/people/ada%40example.com")
            #expect(response["X-Gateway-Spend-Daily"] == "0.10" && response["X-Gateway-Workspace"] == "w1")
            #expect(bench.metrics.calls.map { $0.0.provider } == ["one"])
        }
    }

    @Test(arguments: ["../..", "a/b?c", "{email}", "\"}],[", "ü", "a&phone=1#", "%2e%2e%2f", "a\\b"])
    func hostileValuesStayWhereTheyBelong(value: String) async throws {
        try await run { bench in
            let match = JSONValue.object([.init("match", ["jobTitle": .string(value), "city": .string("x" + value)])])
            let client = try send(bench, String(decoding: match.serialized, as: UTF8.self))
            guard !value.contains("..") else {
                // In a path it could mean something else to the provider.
                let answer = try answer(client.response(to: "POST"))
                #expect(
                    EnrichmentScenarioTests.steps(answer) == Self.names.map { "\($0) failed bad_request 0.00" } && bench.upstream.count == 0
                )
                return
            }
            let call = try bench.upstream.next()
            let parts = call.request.target.split(separator: "?", omittingEmptySubsequences: false)
            #expect(parts.count == 2 && parts[0].split(separator: "/").count == 3 && !parts[1].contains("&"))
            #expect(PercentCoding.decoded(parts[0].split(separator: "/")[2]) == "x" + value)
            #expect(PercentCoding.decoded(parts[1], isQuery: true) == "title=" + value)
            #expect(call.request.headers.all("x-title") == [value])
            guard case .bytes(let body) = call.request.body else { return #expect(Bool(false), "it has a body") }
            let sent = try JSONDocument(parsing: body).root
            #expect(sent["title"]?.string == value && sent.count == 2)
            Play.hit(call)
            #expect(try client.response(to: "POST").status == 200)
        }
    }

    @Test func aKeyThatIsNotForAProviderPassesItOver() async throws {
        let secret = KeySecret.make().reveal()
        let key = CallerKey(
            id: CallIDGenerator().next(at: Bench.now), workspace: "w1", name: nil, digest: KeyDigest(of: Secret(secret)),
            createdAt: Bench.now,
            permissions: .init(providers: ["two", "three"], rate: CallRate(Exact(1))))
        try await run(authentication: .keys) { bench in
            bench.keys.take([key], upTo: 1)
            bench.upstream.play { Play.missed($0) }
            for header in ["X-Gateway-Key: \(secret)", "Authorization: Bearer \(secret)"] {
                bench.elapsed.change { $0 += 100 }
                let response = try answer(bench.enrich(Self.mail, [header]))
                #expect(
                    EnrichmentScenarioTests.steps(response) == [
                        "one skipped not_allowed 0.00", "two no_match - 0.00", "three skipped rate_limited 0.00",
                    ])
            }
            let stranger = try bench.enrich(Self.mail, ["X-Gateway-Key: \(KeySecret.make().reveal())"])
            #expect(stranger.status == 401)
        }
    }

    @Test func aProviderThatIsOffIsPassedOver() async throws {
        var adapters = try ["one", "two"].map { try FinderAdapter.finder($0) }
        adapters[0].isEnabled = false
        adapters[1].missingVariables = ["KEY"]
        try await run(adapters) { bench in
            let response = try bench.enrich(Self.mail)
            #expect(try EnrichmentScenarioTests.steps(answer(response)) == Self.names.map { "\($0) skipped off 0.00" })
            #expect(response.status == 200 && bench.log.entries.isEmpty)
        }
    }

    // MARK: Leaving, and too late

    @Test func whoLeavesPaysForTheStepInFlightAndForNoOther() async throws {
        try await run { bench in
            let client = try send(bench)
            let call = try bench.upstream.next()
            client.reset()
            try bench.settleLoop()
            Play.missed(call)
            #expect(try bench.log.waitForSettled().map { "\($0.provider) \($0.status ?? 0)" } == ["one 404"])
            try bench.settleLoop()
            #expect(bench.upstream.count == 1)
        }
    }

    @Test func whoLeavesBetweenTwoStepsHasNoFurtherOne() async throws {
        try await run { bench in
            bench.log.set(.manual)
            let client = try send(bench)
            try bench.log.complete()
            Play.missed(try bench.upstream.next())
            try bench.settleLoop()
            client.reset()
            try bench.settleLoop()
            bench.log.set(.durable)
            try bench.log.complete()
            try bench.settleLoop()
            #expect(bench.upstream.count == 1)
        }
    }

    /// As clients do that give up, and as some do that have sent all and still read.
    @Test func whoSendsNoMoreGetsWhatTheStepInFlightBringsAndNoOtherIsMade() async throws {
        try await run { bench in
            for leaves in [true, false] {
                let before = bench.upstream.count
                let client = try send(bench)
                let call = try bench.upstream.next()
                if leaves { client.close() } else { client.finishSending() }
                try bench.settleLoop()
                Play.found(grade: "D", credits: 1)(call)
                if !leaves {
                    let response = try client.response(to: "POST")
                    let answer = try answer(response)
                    #expect(EnrichmentScenarioTests.steps(answer) == ["one found - 0.10"] && response["Connection"] == "close")
                    #expect(answer["records"]?[0]?["email"]?.string == "ada@one.example" && answer["satisfied"]?.bool == false)
                    #expect(client.endsHere())
                }
                try bench.settleLoop()
                #expect(bench.upstream.count == before + 1)
            }
            #expect(bench.log.settled.map { "\($0.provider) \($0.cost)" } == ["one 0.10", "one 0.10"])
        }
    }

    /// Of questions in a row, those before the last are asked in full.
    @Test func whoSendsSeveralQuestionsAndNoMoreIsAnsweredThemAll() async throws {
        try await run { bench in
            let client = try bench.client()
            let question = request("/_gateway/enrich/person", method: "POST", body: Self.mail)
            try client.send(question + question)
            client.finishSending()
            let call = try bench.upstream.next()
            try bench.settleLoop()
            Play.missed(call)
            Play.hit(try bench.upstream.next())
            let first = try answer(client.response(to: "POST"))
            #expect(EnrichmentScenarioTests.steps(first) == ["one no_match - 0.00", "two found - 0.10"])
            Play.missed(try bench.upstream.next())
            let last = try answer(client.response(to: "POST"))
            #expect(EnrichmentScenarioTests.steps(last) == ["one no_match - 0.00"] && client.endsHere())
        }
    }

    @Test func whenTheTimeIsUpTheAnswerIsWhatIsKnownAndTheStepCountsItsEstimate() async throws {
        try await run(timeout: 300) { bench in
            let client = try send(bench)
            Play.found(grade: "D", credits: 1)(try bench.upstream.next())
            let call = try bench.upstream.next()
            let response = try client.response(to: "POST")
            let answer = try answer(response)
            #expect(EnrichmentScenarioTests.steps(answer) == ["one found - 0.10", "two timeout deadline 0.20"])
            #expect(response["X-Gateway-Cost"] == "0.30" && response["X-Gateway-Cost-Basis"] == "estimate")
            #expect(answer["records"]?[0]?["email"]?.string == "ada@one.example" && answer["satisfied"]?.bool == false)
            #expect(answer["steps"]?[1]?["id"]?.string == bench.log.held.last?.id.description)
            // The call ends as every call does whose caller has left.
            Play.hit(call)
            #expect(try bench.log.waitForSettled(2).map(\.cost.description) == ["0.10", "0.10"])
            try bench.settleLoop()
            #expect(bench.upstream.count == 2)
        }
    }

    @Test func aStoppingGatewayLetsItFinish() async throws {
        try await run { bench in
            let client = try send(bench)
            let call = try bench.upstream.next()
            async let stopped: Void = bench.stop(grace: .seconds(20))
            Play.missed(call)
            Play.hit(try bench.upstream.next())
            #expect(try client.response(to: "POST").status == 200)
            await stopped
        }
    }

    /// Answers the question that waits for a slice of a shared budget.
    private func open(_ bench: Bench, nanos: Int64) throws {
        var requests: [LeaseRequest] = []
        try eventually("a step waits for room") {
            requests = bench.accounts.openings(at: Bench.now) { [] }
            return !requests.isEmpty
        }
        let reply = LeaseReply(granted: nanos, used: 0, spent: 0, available: nanos, isRefused: false)
        bench.accounts.opened(requests, requests.map { _ in reply }) { [] }
    }

    @Test(arguments: [60_000, 300])
    func aStepWaitsForRoomInASharedBudgetButNotForEver(timeout: Int) async throws {
        try await run(budget: Budget(workspace: WindowLimits(daily: Money("10"))), timeout: timeout, isShared: true) { bench in
            let client = try send(bench)
            guard timeout == 300 else {
                try open(bench, nanos: 200_000_000)
                Play.hit(try bench.upstream.next())
                let response = try client.response(to: "POST")
                #expect(try EnrichmentScenarioTests.steps(answer(response)) == ["one found - 0.10"] && response["X-Gateway-Budget"] == "ok")
                return
            }
            let response = try client.response(to: "POST")
            #expect(
                try EnrichmentScenarioTests.steps(answer(response)) == ["one timeout deadline 0.00"] && response["X-Gateway-Cost"] == "0.00"
            )
            try open(bench, nanos: 200_000_000)
            try bench.settleLoop()
            #expect(bench.upstream.count == 0 && bench.log.entries.isEmpty)
        }
    }

    // MARK: Storing

    @Test func whatIsMergedIsStoredLast() async throws {
        let adapters = try [FinderAdapter.finder("one", stores: true), .finder("two", stores: true), .finder("three")]
        let entity = ["X-Entity-Type: person", "X-Entity-Id: e1"]
        try await run(adapters, storesEntities: true) { bench in
            bench.upstream.play { call in
                Play.found(grade: ["one": "B", "two": "D", "three": "C"][call.request.route.provider] ?? "D", credits: 1)(call)
            }
            _ = try bench.enrich(Self.mail, entity)
            let stored = bench.log.entries.compactMap { if case .stored(let record) = $0 { record } else { nil } }
            #expect(stored.map(\.provider) == ["one", "two", "one,two,three"] && stored.map { $0.raw == nil } == [false, false, true])
            let last = try JSONDocument(parsing: try #require(stored.last).fields).root
            #expect(
                last["email"]?.string == "ada@one.example" && last["emailQualityGrade"]?.string == "B" && last["dataSources"]?.count == 3)
            #expect(stored.last?.entityID == "e1" && stored.last?.kind == .person && stored.last?.workspace == "w1")
        }
        // Without a name for the entity, or of another kind, nothing is; whoever only names it means a person.
        for (headers, count) in [([], 0), (["X-Entity-Type: company", "X-Entity-Id: e1"], 0), (["X-Entity-Id: e1"], 2)] {
            try await run(adapters, storesEntities: true) { bench in
                bench.upstream.play { Play.hit($0) }
                _ = try bench.enrich(Self.mail, headers)
                #expect(bench.log.entries.count { if case .stored = $0 { true } else { false } } == count)
            }
        }
    }

    /// Whether the time is up or the caller has left: what is merged so far stays.
    @Test(arguments: [true, false])
    func aStepThatIsNotWaitedForStoresNothingOverWhatIsMerged(isLate: Bool) async throws {
        let adapters = try [FinderAdapter.finder("one", stores: true), .finder("two", stores: true), .finder("three")]
        try await run(adapters, timeout: isLate ? 500 : 60_000, storesEntities: true) { bench in
            let client = try send(bench, Self.mail, ["X-Entity-Id: e1"])
            Play.found(grade: "C", credits: 1)(try bench.upstream.next())
            let call = try bench.upstream.next()
            if isLate {
                #expect(try client.response(to: "POST").status == 200)
            } else {
                client.reset()
                try bench.settleLoop()
            }
            Play.found(grade: "D", credits: 1)(call)
            #expect(try bench.log.waitForSettled(2).map(\.provider) == ["one", "two"])
            try bench.settleLoop()
            let stored = bench.log.entries.compactMap { if case .stored(let record) = $0 { record } else { nil } }
            #expect(stored.map(\.provider) == ["one", "one"] && stored.map { $0.raw == nil } == [false, true])
            #expect(stored.allSatisfy { $0.fields.contains("ada@one.example") } && bench.upstream.count == 2)
        }
    }

    @Test func whoLeavesWhileItIsStoredHasItStoredOnce() async throws {
        try await run([try .finder("one", stores: true)], storesEntities: true) { bench in
            bench.log.set(.manual)
            let client = try send(bench, Self.mail, ["X-Entity-Id: e1"])
            try bench.log.complete()
            Play.hit(try bench.upstream.next())
            for _ in 0..<2 { try bench.log.complete() }
            _ = try bench.log.waitForEntries(4)
            client.reset()
            try bench.settleLoop()
            try bench.log.complete()
            try bench.settleLoop()
            #expect(bench.log.entries.count == 4 && bench.log.settled.count == 1)
        }
    }

    @Test func whereNoOperationStoresNothingIsStored() async throws {
        try await run(storesEntities: true) { bench in
            bench.upstream.play { Play.hit($0) }
            _ = try bench.enrich(Self.mail, ["X-Entity-Id: e1"])
            #expect(bench.log.entries.count == 2)
        }
    }

    @Test func aJournalThatFailsFailsNoAnswer() async throws {
        try await run([try .finder("one", stores: true)], storesEntities: true) { bench in
            bench.log.set(.failing)
            bench.upstream.play { Play.hit($0) }
            let response = try bench.enrich(Self.mail, ["X-Entity-Id: e1"])
            #expect(try response.status == 200 && answer(response)["satisfied"]?.bool == true)
        }
    }

    // MARK: Unverified

    /// The first step's hold cannot be journaled; all after it is well.
    @Test func aStepThatWentThroughUnverifiedSaysSoAndSoDoesTheAnswer() async throws {
        try await run { bench in
            bench.log.set(.manual)
            let client = try send(bench)
            try bench.log.complete(.failure(DurabilityError("no space left on device")))
            bench.log.set(.durable)
            Play.found(grade: "D", credits: 1)(try bench.upstream.next())
            Play.hit(try bench.upstream.next())
            let response = try client.response(to: "POST")
            let steps = try #require(try answer(response)["steps"])
            #expect(steps.count == 2 && steps[0]?["unverified"]?.bool == true && steps[1]?["unverified"] == nil)
            #expect(response["X-Gateway-Budget"] == "unverified")
            let well = try send(bench)
            Play.hit(try bench.upstream.next())
            #expect(try well.response(to: "POST")["X-Gateway-Budget"] == "ok")
        }
    }

    /// What is kept costs nothing, but has a row; what was not waited for may have none.
    @Test(arguments: [true, false])
    func soDoesOneThatIsKeptAndOneThatIsLate(isKept: Bool) async throws {
        try await run([try FinderAdapter.finder("one", keeps: isKept)], timeout: isKept ? 60_000 : 300) { bench in
            if isKept { try bench.exchange(request("/one/v1/people/ada%40example.com")) { Play.hit($0) } }
            bench.log.set(.failing)
            let client = try send(bench)
            let call = isKept ? nil : try bench.upstream.next()
            let response = try client.response(to: "POST")
            let step = try #require(try answer(response)["steps"]?[0])
            #expect(step["cache"]?.string == (isKept ? "hit" : nil) && step["outcome"]?.string == (isKept ? "found" : "timeout"))
            #expect(step["unverified"]?.bool == true && response["X-Gateway-Budget"] == "unverified")
            if let call { Play.missed(call) }
        }
    }

    // MARK: Many at once

    /// Each row is a step of some answer, and no budget is passed: of 2.00 a day, steps of 0.10 that hold 0.20.
    @Test func twoHundredAtOnceSpendWhatTheirRowsSayAndNoMoreThanTheBudget() async throws {
        let budget = Budget(workspace: WindowLimits(daily: Money("2")), providers: ["two": WindowLimits(daily: Money("0.5"))])
        try await run(budget: budget, eventLoops: 2) { bench in
            bench.history.state.change { state in
                state.onNote = { [accounts = bench.accounts] _ in
                    let day = accounts.status(workspace: "w1", user: nil, provider: nil, budget: budget, at: Bench.now).daily
                    if day.spent + day.held > Money(nanos: 2_000_000_000) {
                        Issue.record("\(day.spent) spent and \(day.held) held of 2.00")
                    }
                }
            }
            bench.upstream.play { call in
                switch call.request.route.provider {
                case "one": Play.missed(call)
                case "two": Play.found(grade: "D", credits: 1)(call)
                default: Play.hit(call)
                }
            }
            let clients = try (0..<200).map {
                try send(bench, #"{"match": {"email": "a\#($0)@example.com"}, "want": ["email"], "minQuality": 80}"#)
            }
            var sum = Money.zero
            var ids: Set<String> = []
            var satisfied = 0
            for client in clients {
                let response = try client.response(to: "POST")
                let answer = try answer(response)
                sum += Money(try #require(answer["cost"]?.string)) ?? .zero
                let steps = answer["steps"]?.children ?? []
                #expect(steps.first?["provider"]?.string == "one" && (1...3).contains(steps.count))
                #expect(
                    steps.reduce(Money.zero) { $0 + (($1["cost"]?.string).flatMap { Money($0) } ?? .zero) }.description
                        == answer["cost"]?.string)
                for id in steps.compactMap({ $0["id"]?.string }) { #expect(ids.insert(id).inserted) }
                if answer["satisfied"]?.bool == true { satisfied += 1 }
            }
            let rows = bench.log.settled
            #expect(Set(rows.map { $0.id.description }) == ids && rows.count == ids.count)
            #expect(rows.reduce(Money.zero) { $0 + $1.cost } == sum && sum <= Money(nanos: 2_000_000_000))
            #expect(rows.filter { $0.provider == "two" }.reduce(Money.zero) { $0 + $1.cost } <= Money(nanos: 500_000_000))
            // What one holds and does not need is the next one's: all but a hold's rest is spent.
            #expect(sum >= Money(nanos: 1_500_000_000) && satisfied == rows.filter { $0.provider == "three" && $0.cost > .zero }.count)
            #expect(bench.accounts.snapshot.held == .zero)
        }
    }
}

extension Adapter {
    fileprivate static func finder(_ provider: String, stores: Bool = false) throws -> Adapter {
        try FinderAdapter.finder(provider, stores: stores)
    }
}
