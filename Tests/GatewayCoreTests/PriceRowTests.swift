import GatewayCore
import JSONPath
import Testing

@Suite struct PriceRowTests {
    static func rate(_ rows: [PriceRow], _ body: String, late: Bool = false) throws -> String? {
        func source(_ name: String) throws -> DimensionSource {
            .first([late ? .body(try JSONPath("$.\(name)")) : .request(try JSONPath("$.\(name)"))], fallback: nil)
        }
        let operation = Operation(
            name: "op", match: try RoutePattern(methods: ["GET"], path: "/x"), dimensions: ["a": try source("a"), "b": try source("b")],
            charge: [try .line("u", "1")], estimate: [try .line("u", "1")])
        return try? Meter(operation, prices: entry(rows)).estimate(request(body)).lines.first?.rate.text
    }

    static let rows = [
        row([:], ["u": "1"]), row(["a": "x*"], ["u": "2"]), row(["a": "xy*"], ["u": "3"]), row(["a": "xyz"], ["u": "4"]),
        row(["b": "q"], ["v": "9"]),
        row(["a": "x*", "b": "q"], ["u": "5"]), row(["a": "xyz", "b": "qq*"], ["u": "6"]),
    ]

    @Test(arguments: [
        ("{}", "1"), (#"{"a":"w"}"#, "1"), (#"{"a":"x"}"#, "2"), (#"{"a":"xy"}"#, "3"), (#"{"a":"xyz"}"#, "4"), (#"{"a":"xyzz"}"#, "3"),
        (#"{"a":"x","b":"q"}"#, "5"),
        (#"{"a":"xyz","b":"q"}"#, "5"), (#"{"a":"xyz","b":"qq"}"#, "6"), (#"{"a":"xyz","b":"r"}"#, "4"), (#"{"b":"q"}"#, "1"),
        (#"{"a":"X"}"#, "1"),
    ])
    func mostSpecific(_ body: String, _ rate: String) throws {
        for rows in [Self.rows, Self.rows.reversed()] {
            #expect(try Self.rate(rows, body) == rate)
        }
    }

    @Test func overridesStandAbove() throws {
        #expect(try Self.rate(Self.rows + [row([:], ["u": "0.5"], override: true)], #"{"a":"xyz"}"#) == "0.5")
        #expect(try Self.rate(Self.rows + [row(["a": "x*"], ["u": "0.5"], override: true)], #"{"a":"xyz"}"#) == "0.5")
        #expect(try Self.rate(Self.rows + [row(["a": "w"], ["u": "0.5"], override: true)], #"{"a":"xyz"}"#) == "4")
        #expect(try Self.rate(Self.rows + [row([:], ["other": "0.5"], override: true)], #"{"a":"xyz"}"#) == "4")
    }

    /// The dearest of the rows that could come to be chosen, and of no other: an unconditional override decides whatever the answer says.
    @Test func dearestWhileUnknown() throws {
        #expect(try Self.rate(Self.rows, "{}", late: true) == "6")
        #expect(try Self.rate(Self.rows + [row([:], ["u": "0.5"], override: true)], "{}", late: true) == "0.5")
        #expect(try Self.rate(Array(Self.rows.dropFirst()) + [row([:], ["u": "70"])], "{}", late: true) == "70")
        #expect(try Self.rate([row(["a": "x"], ["u": "3"]), row(["a": "y"], ["u": "2"])], "{}", late: true) == "3")
    }

    @Test func noRow() throws {
        #expect(try Self.rate([row(["a": "x"], ["u": "3"])], "{}") == nil)
        #expect(try Self.rate([row(["a": "x"], ["u": "3"])], #"{"a":"y"}"#) == nil)
        #expect(try Self.rate([row(["a": "x", "b": "y"], ["u": "3"])], #"{"a":"x","b":"z"}"#) == nil)
    }

    /// A dimension that the operation does not have never holds.
    @Test func dimensionsOfOtherOperations() throws {
        let rows = [row(["c": "x"], ["u": "3"]), row([:], ["u": "1"])]
        #expect(try Self.rate(rows, #"{"c":"x"}"#) == "1")
    }

    @Test(arguments: [
        ("0.10", "1/10"), ("0.25 / 1M", "1/4000000"), ("5.00 / 1k", "1/200"), ("3/1M", "3/1000000"), ("1 / 3", "1/3"), ("0", "0"),
        ("7 / 2.5k", "7/2500"), (" 2 ", "2"),
        ("0.000000001 / 1M", "1/1000000000000000"),
    ])
    func rates(_ text: String, _ value: String) {
        #expect(Rate(text)?.value == exact(value))
        #expect(Rate(text)?.text == text)
    }

    @Test(arguments: [
        "", "-1", "1 /", "/ 1", "1 / 0", "1 / 2 / 3", "1k", "1 / 1K", "1 / 1m", "1 / 1 M x", "$1", "1e3", "1,000", "free", "1 / M", "1.",
        "9e99", "99999999999999999999999999999999999999999",
    ])
    func noRates(_ text: String) {
        #expect(Rate(text) == nil)
    }

    /// Whether two rows for a unit tie, in an adapter whose operation has both dimensions.
    @Test(arguments: [
        ([row([:], ["u": "1"]), row([:], ["u": "2"])], true), ([row(["a": "x"], ["u": "1"]), row(["a": "x"], ["u": "1"])], true),
        ([row(["a": "x*"], ["u": "1"]), row(["a": "x*"], ["u": "2"])], true),
        ([row(["a": "x"], ["u": "1"]), row(["a": "y"], ["u": "1"])], false),
        ([row(["a": "x*"], ["u": "1"]), row(["a": "y*"], ["u": "1"])], false),
        ([row(["a": "x*"], ["u": "1"]), row(["a": "xy*"], ["u": "1"])], false),
        ([row(["a": "x"], ["u": "1"]), row(["b": "y"], ["u": "1"])], true),
        ([row(["a": "x"], ["u": "1"]), row(["b": "y"], ["v": "1"])], false),
        ([row(["a": "x"], ["u": "1"]), row(["b": "y*"], ["u": "1"])], false),
        ([row(["a": "x"], ["u": "1"]), row(["b": "y"], ["u": "1"]), row(["a": "x", "b": "y"], ["u": "1"])], false),
        ([row(["a": "x"], ["u": "1"]), row(["b": "y"], ["u": "1"]), row(["a": "x*", "b": "y*"], ["u": "1"])], false),
        ([row(["a": "x"], ["u": "1"]), row(["b": "y"], ["u": "1"]), row(["a": "x", "b": "z"], ["u": "1"])], true),
        ([row(["a": "x"], ["u": "1"]), row(["b": "y"], ["u": "1"]), row(["a": "x", "b": "y"], ["v": "1"])], true),
        ([row(["a": "x"], ["u": "1"]), row(["b": "y"], ["u": "1"]), row([:], ["u": "1"], override: true)], false),
        ([row(["a": "x"], ["u": "1"]), row(["a": "x"], ["u": "1"], override: true)], false),
        ([row(["a": "x*", "b": "yy*"], ["u": "1"]), row(["a": "xx*", "b": "y*"], ["u": "1"])], true),
        ([row(["a": "x*", "b": "yy*"], ["u": "1"]), row(["a": "xx*", "b": "z*"], ["u": "1"])], false),
        ([row(["a": "x"], ["u": "1"]), row(["c": "y"], ["u": "1"])], false),
        ([row(["a": "x", "c": "y"], ["u": "1"]), row(["a": "x", "c": "y"], ["u": "1"])], true),
        ([row(["a": "x"], ["u": "1", "w": "1"]), row(["a": "x"], ["v": "2", "w": "1"])], true),
    ])
    func ties(_ rows: [PriceRow], _ isTie: Bool) throws {
        let operation = Operation(
            name: "op", match: try RoutePattern(methods: ["GET"], path: "/x"),
            dimensions: ["a": .first([.query("a")], fallback: nil), "b": .first([.query("b")], fallback: nil)],
            charge: [try .line("u", "1")],
            estimate: [try .line("u", "1")])
        var adapter = try Acme.adapter(operations: [operation], prices: [entry(rows)])
        adapter.dimensions = ["a", "b", "c"]
        let ties = adapter.problems().filter { $0.message.contains("tie for") }
        #expect(!ties.isEmpty == isTie, "\(ties)")
        if isTie { #expect(ties.first?.element == .row(entry: 0, row: 1)) }
    }
}
