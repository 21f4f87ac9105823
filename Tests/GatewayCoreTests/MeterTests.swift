import GatewayCore
import JSONPath
import Testing

/// The contract's example adapter, by hand.
@Suite struct MeterTests {
    static let chatRequest = #"{"model":"small","max_tokens":100,"messages":[{"content":"12345678"},{"content":"123456789"}]}"#

    static func chat() throws -> Meter { Meter(try Acme.chat(), prices: Acme.prices) }
    static func enrich() throws -> Meter { Meter(try Acme.enrich(), prices: Acme.prices) }

    @Test func estimateOfAChat() throws {
        let estimate = try Self.chat().estimate(request(Self.chatRequest))
        // 2 + 3 tokens asked, 100 × 1 answered, a search.
        #expect(
            estimate.lines.map(\.description) == [
                "input_token: 5 × 0.25 / 1M = 0.00000125", "cached_token: 0 × 0.10 / 1M = 0", "output_token: 100 × 2.50 / 1M = 0.00025",
                "search: 1 × 5.00 / 1k = 0.005",
            ])
        #expect(estimate.cost == dollars("0.00525125"))
        #expect(estimate.dimensions.map(\.description) == ["depth=low", "model=small"])
    }

    @Test func chargeOfAChat() throws {
        let meter = try Self.chat()
        let facts = request(Self.chatRequest)
        let estimate = try meter.estimate(facts)
        let answer = response(
            #"{"model":"big-2","usage":{"prompt_tokens":1000,"prompt_tokens_details":{"cached_tokens":400},"completion_tokens":"50"}}"#)
        let charge = meter.charge(facts, answer, estimate: estimate)
        #expect(charge.basis == .table)
        #expect(charge.isBillable)
        #expect(charge.meteringProblem == nil)
        // 600 × 3 + 400 × 1 + 50 × 15 per million, and the search.
        #expect(charge.cost == dollars("0.00795"))
        #expect(charge.tokens == 1050)
        #expect(charge.dimensions.map(\.description) == ["depth=low", "model=big-2"])
        #expect(
            RequestData.json(method: "POST", charge: charge)
                == #"{"method":"POST","dimensions":{"depth":"low","model":"big-2"},"lines":["#
                + #"{"unit":"input_token","quantity":"600","rate":"0.000003","cost":"0.0018"},"#
                + #"{"unit":"cached_token","quantity":"400","rate":"0.000001","cost":"0.0004"},"#
                + #"{"unit":"output_token","quantity":"50","rate":"0.000015","cost":"0.00075"},"#
                + #"{"unit":"search","quantity":"1","rate":"0.005","cost":"0.005"}]}"#)
    }

    /// More cached tokens than tokens: the difference counts as 0, the rest is charged.
    @Test func negativeCountsAsZero() throws {
        let meter = try Self.chat()
        let facts = request(Self.chatRequest)
        let charge = meter.charge(
            facts,
            response(
                #"{"model":"small","usage":{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":400},"completion_tokens":-50}}"#),
            estimate: try meter.estimate(facts))
        #expect(charge.basis == .table)
        #expect(charge.lines.map(\.quantity) == [.zero, Exact(400), .zero, .one])
        #expect(charge.cost == dollars("0.00504"))
    }

    @Test(arguments: [
        ("the answer's usage is missing", #"{"model":"small"}"#, "'prompt'"), ("null is missing", Self.usage("null"), "'prompt'"),
        ("a boolean is no number", Self.usage("true"), "'prompt'"), ("an object is no number", Self.usage("{}"), "'prompt'"),
        ("words are no number", Self.usage(#""many""#), "'prompt'"), ("an empty string is none", Self.usage(#""""#), "'prompt'"),
        ("beyond every range", Self.usage("1e400"), "out of range"),
        ("beyond every range as text", Self.usage(#""1e400""#), "out of range"),
        ("more than a call may cost", Self.usage("99999999999999999"), "most that one call may cost"),
        ("no row for the answer's value", Self.usage("1", model: "medium"), "'medium'"),
        ("no JSON", "<html>", "not JSON"), ("empty", "", "empty"),
        ("cut short", #"{"model":"small","usage":{"prompt_tokens":5"#, "not JSON"),
    ])
    func fallsBackToTheEstimate(_ name: String, _ body: String, _ problem: String) throws {
        let meter = try Self.chat()
        let facts = request(Self.chatRequest)
        let estimate = try meter.estimate(facts)
        let charge = meter.charge(facts, response(body), estimate: estimate)
        #expect(charge.basis == .estimate)
        #expect(charge.cost == estimate.cost)
        #expect(charge.lines == estimate.lines)
        #expect(charge.tokens == 105)
        #expect(charge.isBillable)
        #expect(charge.meteringProblem?.contains(problem) == true, "\(charge.meteringProblem ?? "none")")
    }

    private static func usage(_ prompt: String, model: String = "small") -> String {
        #"{"model":"\#(model)","usage":{"prompt_tokens":\#(prompt),"completion_tokens":5}}"#
    }

    @Test(
        arguments: [("0", 0), ("0.0", 0), (#""7""#, 7), (#"" 7 ""#, 7), ("7.0", 7), ("70e-1", 7), ("-3", 0), (#""-1""#, 0)]
            as [(String, Int64)])
    func numbersHoweverWritten(_ written: String, _ tokens: Int64) throws {
        let meter = try Self.chat()
        let facts = request(Self.chatRequest)
        let charge = meter.charge(facts, response(Self.usage(written)), estimate: try meter.estimate(facts))
        #expect(charge.basis == .table)
        #expect(charge.tokens == tokens + 5)
    }

    @Test func bodiesThatNobodyCouldRead() throws {
        let meter = try Self.chat()
        let facts = request(Self.chatRequest)
        let estimate = try meter.estimate(facts)
        for body in [ResponseFacts.Body.unread, .notJSON("no"), .unreadable("br"), .eventStream] {
            let charge = meter.charge(facts, ResponseFacts(status: 200, headers: HeaderList(), body: body), estimate: estimate)
            #expect(charge.basis == .estimate && charge.cost == estimate.cost && charge.meteringProblem != nil)
            let failed = meter.charge(facts, ResponseFacts(status: 500, headers: HeaderList(), body: body), estimate: estimate)
            #expect(failed.basis == .table && failed.cost == .zero && !failed.isBillable && failed.tokens == nil && failed.lines.isEmpty)
        }
    }

    @Test(
        arguments: [
            (#"{"data":{"n":1}}"#, 200, "3", "0.30", .table, true), (#"{"data":{"n":1}}"#, 200, nil, "0.10", .table, true),
            (#"{"data":{"n":1}}"#, 200, "0", "0.00", .table, true), (#"{"data":{"n":1}}"#, 200, "-2", "0.00", .table, true),
            (#"{"data":{"n":1}}"#, 200, "none", "0.10", .table, true), (#"{"data":{"n":1}}"#, 200, "1e999", "0.10", .estimate, true),
            (#"{"data":null}"#, 200, "3", "0.00", .table, false), (#"{}"#, 200, "3", "0.00", .table, false),
            ("[]", 200, "3", "0.00", .table, false),
            ("not json", 200, "3", "0.00", .table, false), ("", 200, "3", "0.00", .table, false),
            (#"{"data":{}}"#, 201, "3", "0.00", .table, false),
            (#"{"data":{}}"#, 404, "3", "0.00", .table, false),
        ] as [(String, Int, String?, String, CostBasis, Bool)])
    func headersAndConditions(_ body: String, _ status: Int, _ spent: String?, _ cost: String, _ basis: CostBasis, _ billable: Bool) throws
    {
        let meter = try Self.enrich()
        let facts = request(captures: ["id": "42"])
        let estimate = try meter.estimate(facts)
        #expect(estimate.cost == dollars("0.10"))
        let charge = meter.charge(
            facts, response(body, status: status, headers: spent.map { [("X-Credits-Spent", $0)] } ?? []), estimate: estimate)
        #expect(charge.cost == dollars(cost))
        #expect(charge.basis == basis)
        #expect(charge.isBillable == billable)
        #expect(charge.tokens == nil)
    }

    /// An unreadable body matters to a condition; an event stream's conditions are ignored.
    @Test func conditionsOnBodiesThatAreNotSeen() throws {
        let meter = try Self.enrich()
        let estimate = try meter.estimate(request())
        let headers = HeaderList([("x-credits-spent", "5")])
        let unreadable = meter.charge(request(), ResponseFacts(status: 200, headers: headers, body: .unreadable("br")), estimate: estimate)
        #expect(unreadable.basis == .estimate && unreadable.cost == dollars("0.10"))
        let stream = meter.charge(request(), ResponseFacts(status: 200, headers: headers, body: .eventStream), estimate: estimate)
        #expect(stream.basis == .table && stream.cost == dollars("0.50"))
        #expect(meter.readsResponseBody && !meter.readsRequestBody)
    }

    @Test(
        arguments: [
            (#"{"cost":{"total":0.0123}}"#, "0.0123"), (#"{"cost":{"total":"0.5"}}"#, "0.50"), (#"{"cost":{"total":null}}"#, nil),
            ("{}", nil), ("x", nil),
            (#"{"cost":{"total":1e400}}"#, nil), (#"{"cost":{"total":1e12}}"#, nil), (#"{"cost":{"total":0.0000000005}}"#, "0.000000001"),
        ] as [(String, String?)])
    func reported(_ body: String, _ amount: String?) throws {
        let meter = try Self.enrich()
        let charge = meter.charge(request(), response(body), estimate: try meter.estimate(request()))
        #expect(charge.reported == amount.map(dollars))
    }

    @Test(arguments: [
        (#"{"model":"medium"}"#, ["input_token", "'medium'", "big*, small"]), (#"{"model":"bi"}"#, ["'bi'", "big*, small"]),
        (#"{"model":"small","depth":"middle"}"#, ["search", "'middle'", "high, low"]),
        (#"{"model":"small","max_tokens":1e300}"#, ["'limit'", "out of range"]),
        (#"{"model":"small","max_tokens":1e15}"#, ["most that one call may cost"]), ("model=small", ["not JSON"]),
    ])
    func unpriced(_ body: String, _ words: [String]) throws {
        let error = #expect(throws: MeteringError.self) { try Self.chat().estimate(request(body)) }
        for word in words { #expect(error?.detail.contains(word) == true, "\(error?.detail ?? "")") }
    }

    @Test func hostileValuesAreCutInMessages() throws {
        let model = String(repeating: "x", count: 100_000)
        let error = #expect(throws: MeteringError.self) { try Self.chat().estimate(request(#"{"model":"\u0000\u001b[31m\#(model)"}"#)) }
        let detail = try #require(error?.detail)
        #expect(detail.utf8.count < 400)
        #expect(!detail.unicodeScalars.contains { $0.value < 0x20 })
    }

    /// Only the answer will name the model: the dearest of the rows.
    @Test func dearestRowWhileUnknown() throws {
        let estimate = try Self.chat().estimate(request(#"{"max_tokens":100,"messages":[{"content":"1234"}]}"#))
        #expect(estimate.lines.map(\.rate.text) == ["3 / 1M", "1 / 1M", "15 / 1M", "5.00 / 1k"])
        #expect(estimate.dimensions.map(\.name) == ["depth"])
    }

    /// A default is for an answer that does not say; before the answer nobody knows that it will not.
    @Test(arguments: [(nil, "0.30"), ("low", "0.10"), ("high", "0.30")] as [(String?, String)])
    func dearestRowWhereTheAnswerDecidesAndTheRequestIsSilent(_ asked: String?, _ cost: String) throws {
        let operation = Operation(
            name: "search", match: try RoutePattern(methods: ["POST"], path: "/search"),
            dimensions: ["size": .first([.body(try JSONPath("$.size")), .request(try JSONPath("$.size"))], fallback: "low")],
            charge: [try .line("search", "1")], estimate: [try .line("search", "1")])
        let prices = entry([row(["size": "low"], ["search": "0.10"]), row(["size": "high"], ["search": "0.30"])])
        let meter = Meter(operation, prices: prices)
        let facts = request(asked.map { #"{"size":"\#($0)"}"# } ?? "{}")
        let estimate = try meter.estimate(facts)
        #expect(estimate.cost == dollars(cost))
        #expect(meter.charge(facts, response("{}"), estimate: estimate).cost == (asked == "high" ? dollars("0.30") : dollars("0.10")))
    }

    @Test func metersByEntry() throws {
        let adapter = try Acme.adapter(prices: [
            entry([row([:], ["credit": "0.10"])], effective: "2026-01-01"), entry([row([:], ["credit": "0.20"])], effective: "2026-06-01"),
        ])
        let meters = Meters(adapter)
        func price(_ day: String) throws -> Money? {
            try meters.meter(operation: 0, at: try #require(Timestamp(day)))?.estimate(request()).cost
        }
        #expect(try price("2025-12-31") == nil)
        #expect(try price("2026-01-01") == dollars("0.10"))
        #expect(try price("2026-05-31T23:59:59.999999Z") == dollars("0.10"))
        #expect(try price("2026-06-01") == dollars("0.20"))
        #expect(meters.meter(operation: 2, at: try #require(Timestamp("2026-06-01"))) == nil)
    }
}
