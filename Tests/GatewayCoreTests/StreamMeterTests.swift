import GatewayCore
import JSONPath
import TestSupport
import Testing
import TokenCounting

/// What event streams cost, whole and cut, by what their events say. An input token costs 0.01, an output token 0.10, a search 1.
@Suite struct StreamMeterTests {
    static func operation(
        usage: [(name: String, quantity: Quantity)]? = nil, streamed: [(name: String, quantity: Quantity)] = [], text: [String]? = nil,
        named: String = "answer", charge: [(String, String)] = [("input", "prompt - cached"), ("output", "answer")],
        tokenizer: Tokenizer = .bytes
    ) throws -> Operation {
        Operation(
            name: "chat", match: try RoutePattern(methods: ["POST"], path: "/chat"),
            dimensions: ["model": .first([.body(try JSONPath("$.model")), .request(try JSONPath("$.model"))], fallback: nil)],
            usage: try usage ?? [
                ("prompt", try .body("$.usage.prompt")), ("cached", try .body("$.usage.cached", default: "0")),
                ("answer", try .body("$.usage.answer")), ("limit", try .request("$.limit", default: "50")),
                ("searches", Quantity(sources: [.count(try JSONPath("$.found[*]"), inRequest: false)])),
                ("asked", Quantity(sources: [.tokens([try JSONPath("$.text")], each: nil)])),
            ],
            charge: try charge.map { try .line($0.0, $0.1) },
            estimate: [try .line("input", "asked"), try .line("output", "limit"), try .line("search", "3")],
            reported: try .body("$.usage.cost"), tokenizer: tokenizer,
            streaming: Streaming(
                when: try JSONLogical("$.stream == true"), usage: streamed,
                text: try text.map { Streaming.Text(name: named, paths: try $0.map { try JSONPath($0) }) }))
    }

    static let prices = entry([
        row([:], ["input": "0.01", "output": "0.10", "search": "1"]), row(["model": "big"], ["input": "1", "output": "10"]),
    ])

    /// Runs events through a meter; the request is 8 tokens long and limits the answer to 20.
    private func charge(
        _ operation: Operation, _ events: [String], isWhole: Bool = true, status: Int = 200, model: String = "small"
    ) throws -> Charge {
        let meter = Meter(operation, prices: Self.prices)
        let asked = request(#"{"text": "eight tokens, of four bytes each", "limit": 20, "model": "\#(model)", "stream": true}"#)
        let estimate = try meter.estimate(asked)
        var stream = StreamMeter(meter, request: asked, status: status, headers: HeaderList())
        for event in events { stream.read(try JSONDocument(parsing: event).root) }
        return stream.charge(isWhole: isWhole, estimate: estimate)
    }

    /// Twelve bytes are three tokens.
    static let told = [
        #"{"delta": "four"}"#, #"{"delta": "more"}"#, #"{"delta": "five"}"#, #"{"usage": {"prompt": 10, "cached": 4, "answer": 7}}"#,
    ]

    @Test func whatTheEventsReportIsCharged() throws {
        let charge = try charge(Self.operation(text: ["$.delta"]), Self.told)
        #expect(charge.cost == dollars("0.76") && charge.basis == .table && charge.meteringProblem == nil)
        #expect(charge.lines.map(\.quantity) == [exact("6"), exact("7")])
    }

    @Test(arguments: [0, 1, 2, 3])
    func aCutStreamIsChargedByWhatHasCome(events: Int) throws {
        let charge = try charge(Self.operation(text: ["$.delta"]), Array(Self.told.prefix(events)), isWhole: false)
        // The input as it was estimated, and a token for each word that came.
        #expect(charge.lines.map(\.quantity) == [exact("8"), Exact(events)])
        #expect(charge.basis == .estimate && charge.meteringProblem == nil)
    }

    @Test func aCutAfterTheUsageIsChargedAsReported() throws {
        let charge = try charge(Self.operation(text: ["$.delta"]), Self.told, isWhole: false)
        #expect(charge.cost == dollars("0.76") && charge.basis == .table)
    }

    @Test func aStreamThatEndsWithoutItsUsageIsCountedAndSaysSo() throws {
        let charge = try charge(Self.operation(text: ["$.delta"]), Array(Self.told.prefix(3)))
        #expect(
            charge.cost == dollars("0.38") && charge.basis == .estimate && charge.meteringProblem == "the stream ended without its usage")
    }

    /// Its cost may have stood in it: whoever can make events large must not be able to hide one.
    @Test(arguments: [false, true]) func anEventThatWasNotReadIsChargedTheEstimateUntilTheNextReport(isWhole: Bool) throws {
        let meter = Meter(try Self.operation(text: ["$.delta"]), prices: Self.prices)
        let asked = request(#"{"text": "eight tokens, of four bytes each", "limit": 20, "model": "small"}"#)
        let estimate = try meter.estimate(asked)
        var stream = StreamMeter(meter, request: asked, status: 200, headers: HeaderList())
        stream.read(try JSONDocument(parsing: Self.told[0]).root)
        stream.missEvent()
        stream.read(try JSONDocument(parsing: Self.told[1]).root)
        let missed = stream.charge(isWhole: isWhole, estimate: estimate)
        #expect(missed.cost == estimate.cost && missed.basis == .estimate && missed.meteringProblem == "an event was too large to be read")
        stream.read(try JSONDocument(parsing: Self.told[3]).root)
        #expect(stream.charge(isWhole: isWhole, estimate: estimate).cost == dollars("0.76"))
    }

    /// A default is what an answer that reports leaves out: one that was cut before it reported anything takes each unit's estimate.
    @Test func beforeTheFirstReportADefaultIsNoValue() throws {
        let operation = try Self.operation(text: ["$.delta"], charge: [("input", "cached"), ("output", "answer")])
        #expect(try charge(operation, [Self.told[0]], isWhole: false).lines.map(\.quantity) == [exact("8"), exact("1")])
        let begun = #"{"usage": {"prompt": 10}, "delta": "four"}"#
        #expect(try charge(Self.operation(text: ["$.delta"]), [begun], isWhole: false).lines.map(\.quantity) == [exact("10"), exact("1")])
    }

    @Test func besideTheCountedTextADefaultIsTheBestThatIsKnown() throws {
        let operation = try Self.operation(text: ["$.delta"], charge: [("input", "cached"), ("output", "answer + cached")])
        #expect(try charge(operation, [Self.told[0]], isWhole: false).lines.map(\.quantity) == [exact("8"), exact("1")])
    }

    @Test func aValueThatSaysNothingIsNone() throws {
        var operation = try Self.operation(text: ["$.delta"])
        operation.dimensions = [
            "model": .first([.body(try JSONPath("$.model")), .request(try JSONPath("$.model"))], fallback: "small", ignored: ["auto"])
        ]
        // Before the call it may become any: the dearest is held.
        let meter = Meter(operation, prices: Self.prices)
        #expect(try meter.estimate(request(#"{"limit": 1, "model": "auto"}"#)).cost == dollars("13"))
        #expect(try charge(operation, [#"{"model": "auto"}"#] + Self.told, model: "big").cost == dollars("76"))
        #expect(try charge(operation, [#"{"model": "auto"}"#] + Self.told, model: "auto").cost == dollars("0.76"))
        #expect(try charge(operation, [#"{"model": "big"}"#] + Self.told, model: "auto").cost == dollars("76"))
    }

    @Test(arguments: [false, true])
    func withoutATextTheWholeEstimateStandsInForMissingUsage(isWhole: Bool) throws {
        let charge = try charge(Self.operation(), Array(Self.told.prefix(3)), isWhole: isWhole)
        #expect(charge.cost == dollars("5.08") && charge.basis == .estimate)
        #expect((charge.meteringProblem != nil) == isWhole)
    }

    /// A default stands for what a whole answer leaves out; a cut one may have been about to say it.
    @Test func withoutATextADefaultIsNotTakenForACutStreamsUsage() throws {
        let usage: [(name: String, quantity: Quantity)] = [
            ("prompt", try .body("$.usage.prompt", default: "0")), ("answer", try .body("$.usage.answer", default: "0")),
            ("limit", try .request("$.limit")), ("asked", Quantity(sources: [.tokens([try JSONPath("$.text")], each: nil)])),
        ]
        let operation = try Self.operation(usage: usage, charge: [("input", "prompt"), ("output", "answer")])
        #expect(try charge(operation, [], isWhole: false).cost == dollars("5.08"))
        #expect(try charge(operation, [], isWhole: true).cost == .zero)
    }

    @Test func ofWhatIsReportedSeveralTimesTheLastCounts() throws {
        let running = (1...5).map { #"{"delta": "four", "usage": {"prompt": 10, "answer": \#($0)}}"# }
        for count in 1...5 {
            let charge = try charge(Self.operation(text: ["$.delta"]), Array(running.prefix(count)), isWhole: false)
            #expect(charge.lines.map(\.quantity) == [exact("10"), Exact(count)] && charge.basis == .table)
        }
    }

    /// A first event's figure is none for what came after it.
    @Test(arguments: [true, false])
    func textAfterTheLastReportIsCounted(isWhole: Bool) throws {
        let operation = try Self.operation(text: ["$.delta"])
        let begun = #"{"usage": {"prompt": 10, "answer": 1}}"#
        let charge = try charge(operation, [begun] + Self.told.prefix(3), isWhole: isWhole)
        #expect(charge.lines.map(\.quantity) == [exact("10"), exact("3")] && charge.basis == .estimate)
        // Less than what is reported: tokens that are never shown.
        let thought = #"{"usage": {"prompt": 10, "answer": 100}}"#
        #expect(try self.charge(operation, [thought] + Self.told.prefix(3), isWhole: isWhole).lines[1].quantity == exact("100"))
    }

    @Test func aStreamsOwnQuantitiesTakeThePlaceOfTheOthers() throws {
        let operation = try Self.operation(
            streamed: [("answer", try .body("$.final.answer")), ("prompt", try .body("$.start.prompt"))], text: ["$.delta"])
        let charge = try charge(
            operation, [#"{"start": {"prompt": 3}, "usage": {"prompt": 99}}"#, #"{"final": {"answer": 4}, "usage": {"answer": 99}}"#])
        #expect(charge.lines.map(\.quantity) == [exact("3"), exact("4")] && charge.basis == .table)
    }

    @Test func whatIsCountedIsTheLastEventThatHasAny() throws {
        let operation = try Self.operation(text: ["$.delta"], charge: [("output", "answer"), ("search", "searches")])
        let end = #"{"usage": {"answer": 1}}"#
        #expect(try charge(operation, [#"{"found": [1, 2]}"#, end, #"{"delta": ""}"#]).lines[1].quantity == exact("2"))
        #expect(try charge(operation, [end]).lines[1].quantity == .zero)
        // A cut one may have been about to search.
        #expect(try charge(operation, [end], isWhole: false).lines[1].quantity == exact("3"))
    }

    @Test func theModelIsTheEventsThenTheRequests() throws {
        let operation = try Self.operation(text: ["$.delta"])
        #expect(try charge(operation, [#"{"model": "big"}"#] + Self.told).cost == dollars("76"))
        #expect(try charge(operation, Self.told, isWhole: false, model: "big").cost == dollars("76"))
    }

    @Test func whatTheProviderSaysItCostIsKept() throws {
        let charge = try charge(
            Self.operation(text: ["$.delta"]), Self.told + [#"{"usage": {"cost": 0.5}}"#, #"{"usage": {"cost": "0.75"}}"#])
        #expect(charge.reported == dollars("0.75") && charge.cost == dollars("0.76"))
    }

    @Test(arguments: [true, false]) func aRefusalThatIsAStreamCostsNothing(isWhole: Bool) throws {
        let charge = try charge(Self.operation(text: ["$.delta"]), Self.told, isWhole: isWhole, status: 429)
        #expect(charge.cost == .zero && !charge.isBillable)
    }

    @Test func whatCannotBeReadIsChargedTheEstimate() throws {
        let charge = try charge(Self.operation(text: ["$.delta"]), [#"{"usage": {"answer": 1e400}}"#] + Self.told)
        #expect(charge.cost == dollars("5.08") && charge.basis == .estimate && charge.meteringProblem != nil)
    }

    /// Every order in which text, usage and other events can come, whole and cut: never more than all of the text or the report.
    @Test func everyOrderOfEventsIsBounded() throws {
        let events = [
            #"{"delta": "four"}"#, #"{"usage": {"prompt": 10, "answer": 2}}"#, #"{"usage": {"answer": null}}"#, #"{"other": 1}"#, "[]", "7",
        ]
        let operation = try Self.operation(text: ["$.delta"])
        func explore(_ path: [String], depth: Int) throws {
            for isWhole in [true, false] {
                let charge = try charge(operation, path, isWhole: isWhole)
                let words = path.count { $0.contains("four") }
                let reports = path.contains(events[1])
                let answer = charge.lines[1].quantity
                #expect(answer == Exact(max(words, reports ? 2 : 0)) || reports && answer == exact("2"), "\(path)")
                #expect(charge.lines[0].quantity == exact(reports ? "10" : "8"))
            }
            if depth > 0 { for event in events { try explore(path + [event], depth: depth - 1) } }
        }
        try explore([], depth: 4)
    }

    @Test(arguments: [Tokenizer.o200k, .cl100k, .bytes])
    func aTextInPiecesHasTheTokensOfTheWhole(tokenizer: Tokenizer) throws {
        var random = SplitMix64(seed: 11)
        let words = [
            "the", "Gateway", "counts", "every", "cent,", "isn't", "it?", "12345", "{\"a\":1}", "naïve", "日本語", "\n\n", "  ", "x=y;",
        ]
        var text = ""
        while text.utf8.count < 60_000 { text += (words.randomElement(using: &random) ?? "") + " " }
        let operation = try Self.operation(text: ["$.delta"], tokenizer: tokenizer)
        var pieces: [String] = []
        var rest = Substring(text)
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...300, using: &random))
            pieces.append(String(decoding: JSONValue.object([.init("delta", .string(String(piece)))]).serialized, as: UTF8.self))
            rest = rest.dropFirst(piece.count)
        }
        let counted = try charge(operation, pieces, isWhole: false).lines[1].quantity
        #expect(counted == Exact(tokenizer.count(Array(text.utf8).span)))
    }

    /// A text without a place to divide it is divided all the same, so that a stream never keeps much.
    @Test func aTextWithoutSpacesIsCountedToo() throws {
        let operation = try Self.operation(text: ["$.delta"], tokenizer: .o200k)
        let piece = #"{"delta": "\#(String(repeating: "漢字", count: 300))"}"#
        let counted = try charge(operation, Array(repeating: piece, count: 40), isWhole: false).lines[1].quantity
        let whole = Tokenizer.o200k.count(Array(String(repeating: "漢字", count: 12_000).utf8).span)
        #expect(!counted.isLess(than: Exact(whole)) && counted.isLess(than: Exact(whole + 10)))
    }
}
