import GatewayCore
import JSONPath
import Testing
import TokenCounting

/// Where numbers and dimension values come from, on operations that charge one unit at one dollar.
@Suite struct MeterQuantityTests {
    static func meter(
        charge: Quantity, estimate: Quantity = Quantity(sources: [.number(Exact(100))]), usage: [(name: String, quantity: Quantity)] = [],
        dimensions: [String: DimensionSource] = [:], rows: [PriceRow] = [row([:], ["credit": "1"])], tokenizer: Tokenizer = .bytes
    ) throws -> Meter {
        let operation = Operation(
            name: "op", match: try RoutePattern(methods: ["GET"], path: "/{n}"), dimensions: dimensions, usage: usage,
            charge: [Operation.Line(unit: "credit", amount: .quantity(charge))],
            estimate: [Operation.Line(unit: "credit", amount: .quantity(estimate))], once: "n", tokenizer: tokenizer)
        return Meter(operation, prices: entry(rows))
    }

    /// What is charged; 100 when it was the estimate.
    static func charged(_ meter: Meter, _ request: RequestFacts, _ response: ResponseFacts) throws -> Exact? {
        meter.charge(request, response, estimate: try meter.estimate(request)).lines.first?.quantity
    }

    @Test(arguments: [
        ("$.items[*].n", #"{"items":[{"n":1},{"n":"2.5"},{"n":null},{"x":9},{"n":true}]}"#, "3.5"),
        ("$.items[*].n", #"{"items":[]}"#, "100"),
        ("$.items[*].n", #"{"items":[{"n":1},{"n":1e400}]}"#, "100"), ("$.items[*].n", #"{"items":[{"n":-5},{"n":2}]}"#, "0"),
        ("$.n", #"{"n":1,"n":4}"#, "4"), ("$..n", #"{"n":1,"a":{"n":2},"b":[{"n":3}]}"#, "6"), ("$", "17", "17"), ("$", #""17""#, "17"),
        ("$[?@.ok == true].n", #"[{"ok":true,"n":7},{"n":8}]"#, "7"),
    ])
    func sums(_ path: String, _ body: String, _ quantity: String) throws {
        #expect(try Self.charged(Self.meter(charge: .body(path)), request(), response(body)) == exact(quantity))
    }

    @Test(arguments: [
        ("$.data[*]", #"{"data":[1,null,"x"]}"#, "3"), ("$.data[*]", #"{"data":[]}"#, "0"), ("$.data[*]", "{}", "0"),
        ("$.data[*]", "no", "100"),
    ])
    func counts(_ path: String, _ body: String, _ quantity: String) throws {
        let meter = try Self.meter(charge: Quantity(sources: [.count(try JSONPath(path), inRequest: false)]))
        #expect(try Self.charged(meter, request(), response(body)) == exact(quantity))
    }

    @Test func sourcesInTheirOrder() throws {
        let sources: [Quantity.Source] = [
            .body(try JSONPath("$.n")), .header("x-n"), .request(try JSONPath("$.n")), .query("n"), .path("n"),
        ]
        let meter = try Self.meter(charge: Quantity(sources: sources, fallback: Exact(6)))
        let none = response("{}")
        let all = request(#"{"n":3}"#, query: "n=4", captures: ["n": "5"])
        #expect(try Self.charged(meter, all, response(#"{"n":1}"#, headers: [("x-n", "2")])) == Exact(1))
        #expect(try Self.charged(meter, all, response(#"{"n":"x"}"#, headers: [("x-n", "2")])) == Exact(2))
        #expect(try Self.charged(meter, all, none) == Exact(3))
        #expect(try Self.charged(meter, request("{}", query: "n=4", captures: ["n": "5"]), none) == Exact(4))
        #expect(try Self.charged(meter, request(query: "n=", captures: ["n": "%35"]), none) == Exact(5))
        #expect(try Self.charged(meter, request(captures: ["n": "abc"]), none) == Exact(6))
        #expect(try Self.charged(meter, all, response("broken")) == Exact(100))
        #expect(meter.readsRequestBody && meter.readsResponseBody)
    }

    @Test(arguments: [
        ("n=4", "4"), ("a=1&n=4&n=5", "9"), ("n=4&n=-5&n=x", "4"), ("%6E=%34", "4"), ("n=+4+", "4"), ("n=4%2B", "100"), ("m=4", "100"),
        ("", "100"), ("n", "100"),
        ("&&=&n=7&", "7"), ("nn=1&n=2=3", "100"),
        ("n=%zz", "100"), ("n=%", "100"), ("n=%F", "100"), ("n=%FF%FE", "100"), ("n=1.5", "1.5"), ("n=1e2", "100"),
    ])
    func queryParameters(_ query: String, _ quantity: String) throws {
        let meter = try Self.meter(charge: Quantity(sources: [.query("n")]))
        #expect(try Self.charged(meter, request(query: query), response("")) == exact(quantity))
        #expect(!meter.readsResponseBody)
    }

    @Test(
        arguments: [
            (#"{"m":["abcd","abcde","",null]}"#, nil, "3"), (#"{"m":["abcd",{"image":1},["x"]]}"#, "85", "171"),
            (#"{"m":["abcd",{"image":1}]}"#, nil, "4"),
            (#"{"m":["é€𝄞"]}"#, nil, "3"), (#"{"m":[]}"#, "85", "0"), ("{}", "85", "0"), (#"{"m":["abcd"],"s":"abcdefgh"}"#, nil, "3"),
        ] as [(String, String?, String)])
    func tokens(_ body: String, _ each: String?, _ quantity: String) throws {
        let tokens = Quantity(sources: [.tokens([try JSONPath("$.m[*]"), try JSONPath("$.s")], each: each.map(exact))])
        let estimate = try Self.meter(charge: .body("$.n"), estimate: tokens).estimate(request(body))
        #expect(estimate.lines.first?.quantity == exact(quantity))
    }

    /// By the operation's tokenizer: escapes count as what they stand for, other values as their JSON text.
    @Test(
        arguments: [
            (#"{"m":["hello world"]}"#, "3", "2", "2"),
            (#"{"m":["It's 12345 o'clock", "naïve café"],"s":"def f(x):\n    return x\n"}"#, "14", "18", "19"),
            (#"{"m":["h\u0065llo\u0020world"]}"#, "3", "2", "2"), (#"{"m":[{"a": [1, 2]}]}"#, "4", "9", "9"),
            (#"{"m":[""]}"#, "0", "0", "0"),
            (#"{"m":["다른 언어", "😀😀"]}"#, "6", "6", "9"), (#"{"m":["<|endoftext|>"]}"#, "4", "7", "7"), ("{}", "0", "0", "0"),
        ] as [(String, String, String, String)])
    func tokenizers(_ body: String, _ bytes: String, _ o200k: String, _ cl100k: String) throws {
        let tokens = Quantity(sources: [.tokens([try JSONPath("$.m[*]"), try JSONPath("$.s")], each: nil)])
        for (tokenizer, quantity) in [(Tokenizer.bytes, bytes), (.o200k, o200k), (.cl100k, cl100k)] {
            let estimate = try Self.meter(charge: .body("$.n"), estimate: tokens, tokenizer: tokenizer).estimate(request(body))
            #expect(estimate.lines.first?.quantity == exact(quantity), "\(tokenizer)")
        }
    }

    @Test func missingInTheRequest() throws {
        let meter = try Self.meter(charge: .body("$.n"), estimate: .request("$.limit"))
        for body in [nil, "{}", #"{"limit":null}"#, #"{"limit":"x"}"#] {
            let error = #expect(throws: MeteringError.self) { try meter.estimate(request(body)) }
            #expect(error?.detail == "'credit' has no number: there is none in $.limit of the request")
        }
        #expect(try meter.estimate(request(#"{"limit":-4}"#)).cost == .zero)
        #expect(try Self.meter(charge: .body("$.n"), estimate: .request("$.limit", default: "7")).estimate(request()).cost == dollars("7"))
    }

    /// Quantities that no price depends on are not read at all.
    @Test func unusedUsageIsNotRead() throws {
        let meter = try Self.meter(
            charge: Quantity(sources: [.header("x-n")]), usage: [("unused", .body("$.never")), ("also", .request("$.never"))],
            dimensions: ["model": .first([.body(try JSONPath("$.model"))], fallback: nil)])
        #expect(!meter.readsRequestBody && !meter.readsResponseBody)
        #expect(try Self.charged(meter, request(), ResponseFacts(status: 200, headers: HeaderList([("x-n", "3")]))) == Exact(3))
    }

    @Test(arguments: [
        (#"{"n":1}"#, "0.1", "short"), (#"{"n":200000}"#, "0.1", "short"), (#"{"n":200001}"#, "0.4", "long"),
        (#"{"n":200000.5}"#, "0.1", "short"),
        (#"{"n":0}"#, "0.1", "short"), (#"{"n":-1}"#, "0.1", "short"), (#"{"n":9e9}"#, "0.4", "long"),
    ])
    func ranges(_ body: String, _ rate: String, _ label: String) throws {
        let ranges: DimensionSource = .ranges(of: "prompt", [(exact("0"), "short"), (exact("200001"), "long")])
        let meter = try Self.meter(
            charge: Quantity(sources: [.number(.one)]), estimate: Quantity(sources: [.number(.one)]), usage: [("prompt", .body("$.n"))],
            dimensions: ["tier": ranges], rows: [row(["tier": "short"], ["credit": "0.1"]), row(["tier": "long"], ["credit": "0.4"])])
        let estimate = try meter.estimate(request())
        #expect(estimate.lines.first?.rate.value == exact("0.4"))
        let charge = meter.charge(request(), response(body), estimate: estimate)
        #expect(charge.lines.first?.rate.value == exact(rate))
        #expect(charge.dimensions == [DimensionValue(name: "tier", value: label)])
        #expect(meter.charge(request(), response("{}"), estimate: estimate).basis == .estimate)
    }

    /// Below the lowest range there is no value, so no row; known before the call, the call is refused.
    @Test func rangesOfTheRequest() throws {
        let meter = try Self.meter(
            charge: Quantity(sources: [.number(.one)]), usage: [("asked", .request("$.n"))],
            dimensions: ["tier": .ranges(of: "asked", [(exact("10"), "many"), (exact("5"), "some")])],
            rows: [row(["tier": "some"], ["credit": "1"]), row(["tier": "many"], ["credit": "2"])])
        #expect(try meter.estimate(request(#"{"n":9.99}"#)).dimensions.first?.value == "some")
        #expect(try meter.estimate(request(#"{"n":10}"#)).dimensions.first?.value == "many")
        #expect(throws: MeteringError.self) { try meter.estimate(request(#"{"n":4}"#)) }
        #expect(throws: MeteringError.self) { try meter.estimate(request("{}")) }
    }

    @Test(arguments: [
        (#"{"model":"a"}"#, "a"), (#"{"model":7.0}"#, "7"), (#"{"model":true}"#, "true"), (#"{"model":null}"#, "fallback"),
        (#"{"model":["a"]}"#, "fallback"), ("{}", "fallback"),
        (#"{"model":""}"#, ""), (#"{"model":"A"}"#, "A"),
    ])
    func dimensionValuesAreText(_ body: String, _ value: String) throws {
        let meter = try Self.meter(
            charge: Quantity(sources: [.number(.one)]),
            dimensions: ["model": .first([.request(try JSONPath("$.model"))], fallback: "fallback")],
            rows: [row(["model": "*"], ["credit": "1"])])
        #expect(try meter.estimate(request(body)).dimensions == [DimensionValue(name: "model", value: value)])
    }

    @Test func divisionByZero() throws {
        let operation = Operation(
            name: "op", match: try RoutePattern(methods: ["GET"], path: "/x"),
            usage: [("n", .init(sources: [.header("n")], fallback: .zero)), ("m", try .request("$.m", default: "0"))],
            charge: [try .line("credit", "10 / n")], estimate: [try .line("credit", "10 / m")])
        let meter = Meter(operation, prices: entry([row([:], ["credit": "1"])]))
        let error = #expect(throws: MeteringError.self) { try meter.estimate(request()) }
        #expect(error?.detail == "'credit' divides by zero")
        let facts = request(#"{"m":5}"#)
        let charge = meter.charge(facts, response("{}"), estimate: try meter.estimate(facts))
        #expect(charge.basis == .estimate && charge.cost == dollars("2") && charge.meteringProblem == "'credit' divides by zero")
        let third = meter.charge(facts, response("{}", headers: [("n", "3")]), estimate: try meter.estimate(facts))
        #expect(third.basis == .table && third.cost == dollars("3.333333333"))
        #expect(RequestData.json(method: "GET", charge: third).contains(#""quantity":"10/3","rate":"1.00","cost":"3.333333333""#))
    }

    @Test func onceValue() throws {
        let meter = try Self.meter(charge: .body("$.n"))
        #expect(meter.onceValue(request(captures: ["n": "job%2F7"])) == "job/7")
        #expect(meter.onceValue(request()) == nil)
    }

    /// Rounded once, at the end: three lines of 0.4 nano-dollars are 1.2, not 0.
    @Test func roundedOnce() throws {
        let units = ["a", "b", "c"]
        let operation = Operation(
            name: "op", match: try RoutePattern(methods: ["GET"], path: "/x"), charge: try units.map { try .line($0, "1") },
            estimate: try units.map { try .line($0, "1") })
        let rate = "0.0000000004"
        let estimate = try Meter(operation, prices: entry([row([:], ["a": rate, "b": rate, "c": rate])])).estimate(request())
        #expect(estimate.cost == Money(nanos: 1))
    }
}
