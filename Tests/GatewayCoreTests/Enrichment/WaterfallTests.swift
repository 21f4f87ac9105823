import Testing

@testable import GatewayCore

/// Which provider is asked next, and when it is enough: every outcome of three providers in every order.
@Suite struct WaterfallTests {
    /// What a provider does when its turn comes. It costs 0.10 where it finds or meters anything, and 0.20 is held for it.
    enum Fate: CaseIterable {
        case good, poor, noMatch, failed, unreachable, slow, dear, noBudget, notAllowed, limited, off, noInput

        var outcome: EnrichmentStep.Outcome {
            switch self {
            case .good, .poor: .found
            case .noMatch: .noMatch
            case .failed, .unreachable: .failed
            case .slow: .timeout
            case .dear, .noBudget, .notAllowed, .limited, .off, .noInput: .skipped
            }
        }

        var reason: String? {
            switch self {
            case .good, .poor, .noMatch: nil
            case .failed: "500"
            case .unreachable: "upstream_unreachable"
            case .slow: "upstream_timeout"
            case .dear: "max_cost"
            case .noBudget: "budget"
            case .notAllowed: "not_allowed"
            case .limited: "rate_limited"
            case .off: "off"
            case .noInput: "no_input"
            }
        }

        var cost: Money {
            switch self {
            case .good, .poor, .noMatch: cents(10)
            default: .zero
            }
        }
    }

    private static let estimate = cents(20)
    private static let now = Timestamp(CivilDate(year: 2026, month: 11, day: 23))

    private static func cents(_ count: Int64) -> Money { Money(nanos: count * 10_000_000) }

    private static func rule(_ when: [[MatchField]]) throws -> EnrichmentRule {
        EnrichmentRule(
            operation: "find", alternatives: when,
            request: RequestTemplate(method: "GET", path: try TextTemplate("/v1/{email}", for: .person)))
    }

    private static func record(_ provider: String, grade: String) -> Record {
        var record = Record(.person)
        record.append(.email, .text("ada@\(provider).example"))
        record.append(.emailQualityGrade, .text(grade))
        record.append(.dataSources, .list([.text(provider)]))
        return record
    }

    private static func row(_ provider: String, _ cost: Money, status: Int?) -> CostRecord {
        CostRecord(
            id: CallIDGenerator().next(at: now), workspace: "w", provider: provider, cost: cost, basis: .table, estimate: estimate,
            status: status,
            success: true, createdAt: now, day: now)
    }

    private static func ending(_ fate: Fate, _ provider: String) -> EnrichmentStep.Ending {
        func answer(_ records: [Record], _ status: Int = 200) -> EnrichmentStep.Ending {
            EnrichmentStep.Ending(
                record: row(provider, fate.cost, status: status),
                answer: NormalizedAnswer(entity: .person, records: records, provider: provider, operation: "find", status: status),
                latency: 7)
        }
        func problem(_ code: Problem.Code) -> EnrichmentStep.Ending { EnrichmentStep.Ending(problem: Problem(code, "x"), latency: 7) }
        switch fate {
        case .good: return answer([record(provider, grade: "A")])
        case .poor: return answer([record(provider, grade: "D")])
        case .noMatch: return answer([], 404)
        case .failed: return EnrichmentStep.Ending(record: row(provider, .zero, status: 500), latency: 7)
        case .unreachable: return problem(.upstreamUnreachable)
        case .slow: return problem(.upstreamTimeout)
        case .dear: return problem(.maxCostExceeded)
        case .noBudget:
            var problem = Problem(.budgetExhausted, "x")
            problem.members = [("scope", .string("user")), ("window", .string("daily"))]
            return EnrichmentStep.Ending(problem: problem)
        case .notAllowed: return problem(.notAllowed)
        case .limited: return problem(.rateLimited)
        case .off, .noInput: return problem(.providerUnavailable)
        }
    }

    private static func waterfall(_ fates: [Fate], maximumCost: Money? = nil, want: [RecordField] = [.email], quality: Int = 80) throws
        -> Waterfall
    {
        let question = EnrichmentQuestion(
            entity: .person, match: EntityMatch([.email: "ada@example.com"], of: .person), wanted: want, minimumQuality: Score(quality),
            maximumCost: maximumCost)
        let order = try fates.enumerated().map { index, fate in
            Waterfall.Candidate(
                provider: "p\(index)", rules: fate == .off ? [] : [try rule(fate == .noInput ? [[.phone]] : [[.phone], [.email]])])
        }
        return Waterfall(question, order: order, weights: .standard, at: now)
    }

    /// Plays a world in which each provider has its fate, and whoever may not cost what is held is not asked.
    private static func play(_ fates: [Fate], maximumCost: Money? = nil) throws -> Waterfall {
        var waterfall = try waterfall(fates, maximumCost: maximumCost)
        while case .ask(let provider, "find", let request, let left) = waterfall.next() {
            #expect(request.target == "/v1/ada%40example.com")
            #expect(left == maximumCost.map { $0 - waterfall.cost })
            guard let index = Int(provider.dropFirst()) else { break }
            let fits = left.map { Self.estimate <= $0 } ?? true
            waterfall.take(ending(fits ? fates[index] : .dear, provider))
        }
        return waterfall
    }

    @Test(arguments: Fate.allCases, [nil, cents(0), cents(25), cents(30), cents(35), cents(100)])
    func everyOrderOfOutcomesStopsWhereItShouldAndCostsWhatItMay(first: Fate, maximum: Money?) throws {
        for second in Fate.allCases {
            for third in Fate.allCases {
                let fates = [first, second, third]
                let waterfall = try Self.play(fates, maximumCost: maximum)
                // The same by counting: who is reached, what it costs, and what is then known.
                var expected: [String] = []
                var cost = Money.zero
                var found: [Fate] = []
                for (index, fate) in fates.enumerated() where !found.contains(.good) {
                    let isAsked = fate != .off && fate != .noInput
                    let fits = maximum.map { Self.estimate <= $0 - cost } ?? true
                    let fate = isAsked && !fits ? .dear : fate
                    expected.append("p\(index) \(fate.outcome.rawValue) \(fate.reason ?? "-") \(fate.cost)")
                    cost += fate.cost
                    if fate.outcome == .found { found.append(fate) }
                }
                #expect(
                    waterfall.steps.map { "\($0.provider) \($0.outcome.rawValue) \($0.reason ?? "-") \($0.cost)" } == expected, "\(fates)")
                #expect(waterfall.cost == cost)
                #expect(maximum.map { waterfall.cost <= $0 } ?? true)
                #expect(waterfall.isSatisfied == found.contains(.good))
                #expect(waterfall.missing == (found.contains(.good) ? [] : [.email]))
                #expect((waterfall.merged != nil) == !found.isEmpty)
                let best = found.contains(.good) ? "A" : found.isEmpty ? nil : "D"
                #expect(waterfall.merged?.record[.emailQualityGrade]?.text == best)
                // A done one stays done.
                var again = waterfall
                guard case .done = again.next() else {
                    Issue.record("it asks again after \(fates)")
                    continue
                }
                #expect(again.steps == waterfall.steps)
            }
        }
    }

    @Test(arguments: zip([59, 60, 61, 75, 76, 85, 86, 95, 96], [1, 1, 2, 2, 3, 3, 4, 4, 4]))
    func itStopsAtTheQualityThatIsAskedAndNotBelow(quality: Int, steps: Int) throws {
        var waterfall = try Self.waterfall([.good, .good, .good, .good], quality: quality)
        let grades = ["C", "B", "A", "A+"]
        while case .ask(let provider, _, _, _) = waterfall.next(), let index = Int(provider.dropFirst()) {
            var ending = Self.ending(.good, provider)
            ending.answer = NormalizedAnswer(
                entity: .person, records: [Self.record(provider, grade: grades[index])], provider: provider, operation: "find", status: 200)
            waterfall.take(ending)
        }
        #expect(waterfall.steps.count == steps)
        #expect(waterfall.isSatisfied == (quality <= 95))
    }

    /// (25 × 85 + 10 × 50) / 100 = 26.3, half up.
    @Test(arguments: zip([0, 26, 27, 100], [true, true, false, false]))
    func whoWantsNothingInParticularWantsQuality(quality: Int, isSatisfied: Bool) throws {
        var waterfall = try Self.waterfall([.good], want: [], quality: quality)
        _ = waterfall.next()
        waterfall.take(Self.ending(.good, "p0"))
        #expect(waterfall.isSatisfied == isSatisfied && waterfall.missing == [])
    }

    @Test func whatIsFoundIsSaidToWhoeverIsAskedNextAndTheCallersWordGoesBeforeIt() throws {
        let byProfile = EnrichmentRule(
            operation: "profile", alternatives: [[.linkedinSlug]],
            request: RequestTemplate(
                method: "GET", path: try TextTemplate("/p/{linkedinSlug}", for: .person),
                query: [("email", try TextTemplate("{email}", for: .person)), ("name", try TextTemplate("{fullName}", for: .person))]))
        let question = EnrichmentQuestion(
            entity: .person, match: EntityMatch([.email: "me@example.com"], of: .person), wanted: [.phone])
        var waterfall = Waterfall(
            question,
            order: [
                .init(provider: "early", rules: [byProfile]), .init(provider: "finder", rules: [try Self.rule([[.email]])]),
                .init(provider: "late", rules: [byProfile]),
            ], weights: .standard, at: Self.now)
        guard case .ask("finder", _, _, _) = waterfall.next() else { return #expect(Bool(false), "finder is first") }
        var record = Record(.person)
        record.append(.fullName, .text("Ada\nExample"))
        record.append(.linkedinUrl, .text("linkedin.example/in/ada/"))
        record.append(.email, .text("other@example.com"))
        var ending = Self.ending(.good, "finder")
        ending.answer = NormalizedAnswer(entity: .person, records: [record], provider: "finder", operation: "find", status: 200)
        waterfall.take(ending)
        guard case .ask("late", "profile", let request, _) = waterfall.next() else { return #expect(Bool(false), "late is next") }
        // A provider's text that no caller could say is not said.
        #expect(request.target == "/p/ada?email=me%40example.com")
        #expect(waterfall.steps.map(\.reason) == ["no_input", nil])
    }

    @Test func aStepThatIsLeftIsCountedAtItsEstimateAndNoOtherFollows() throws {
        var waterfall = try Self.waterfall([.poor, .good, .good])
        _ = waterfall.next()
        waterfall.take(Self.ending(.poor, "p0"))
        _ = waterfall.next()
        var late = EnrichmentStep.Ending(open: (CallIDGenerator().next(at: Self.now), Self.estimate), latency: 60_000)
        late.isLate = true
        waterfall.take(late)
        waterfall.stop()
        guard case .done = waterfall.next() else { return #expect(Bool(false), "it goes on") }
        #expect(waterfall.steps.map(\.outcome) == [.found, .timeout] && waterfall.steps.last?.reason == "deadline")
        #expect(waterfall.cost == Self.cents(30) && waterfall.basis == .estimate && !waterfall.isSatisfied)
        // What nobody has asked for any more changes nothing.
        waterfall.take(Self.ending(.good, "p1"))
        #expect(waterfall.steps.count == 2)
    }

    @Test func theAnswerSaysAllOfIt() throws {
        let waterfall = try Self.play([.off, .noBudget, .noMatch, .failed, .poor])
        let text = String(decoding: waterfall.serialized, as: UTF8.self).replacing(/"id":"[0-9A-Z]{26}"/, with: #""id":"…""#)
        #expect(
            text == #"{"entity":"person","found":true,"satisfied":false,"records":[{"email":"ada@p4.example","emailQualityGrade":"D","#
                + #""dataSources":["p4"],"dataQualityScore":15,"dataQualityBreakdown":{"email":40,"phone":0,"fullName":0,"jobTitle":0,"#
                + #""company":0,"linkedin":0,"freshness":50}}],"fieldSources":{"email":"p4","emailQualityGrade":"p4"},"missing":["email"],"#
                + #""steps":[{"provider":"p0","outcome":"skipped","reason":"off","cost":"0.00"},"#
                + #"{"provider":"p1","operation":"find","outcome":"skipped","reason":"budget","budget":"user-daily","cost":"0.00"},"#
                + #"{"provider":"p2","operation":"find","outcome":"no_match","cost":"0.10","latencyMs":7,"id":"…"},"#
                + #"{"provider":"p3","operation":"find","outcome":"failed","reason":"500","cost":"0.00","latencyMs":7,"id":"…"},"#
                + #"{"provider":"p4","operation":"find","outcome":"found","cost":"0.10","latencyMs":7,"id":"…"}],"cost":"0.20"}"#)
        let nobody = try Self.play([.noInput])
        #expect(
            String(decoding: nobody.serialized, as: UTF8.self)
                == #"{"entity":"person","found":false,"satisfied":false,"records":[],"fieldSources":{},"missing":["email"],"steps":"#
                + #"[{"provider":"p0","outcome":"skipped","reason":"no_input","cost":"0.00"}],"cost":"0.00"}"#)
    }
}
