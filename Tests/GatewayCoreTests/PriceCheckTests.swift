import GatewayCore
import JSONPath
import Testing

/// What `problems()` finds, on the contract's adapter with one thing wrong.
@Suite struct PriceCheckTests {
    private static func problems(_ change: (inout Adapter) throws -> Void) throws -> [String] {
        var adapter = try Acme.adapter()
        try change(&adapter)
        return adapter.problems().map { "\($0.element): \($0.message)" }
    }

    private static func expect(_ element: String, _ words: String, _ change: (inout Adapter) throws -> Void) throws {
        let problems = try problems(change)
        #expect(problems.count == 1 && problems[0].hasPrefix("\(element): ") && problems[0].contains(words), "\(problems)")
    }

    @Test func unitsAndRows() throws {
        try Self.expect(#"charge(operation: 0, unit: "credits")"#, "no price row in the entry of 2026-01-01") {
            $0.operations[0].charge = [try .line("credits", "spent")]
            $0.operations[0].estimate.append(try .line("credits", "1"))
        }
        try Self.expect(#"charge(operation: 0, unit: "credit")"#, "has no estimate") { $0.operations[0].estimate = [] }
        try Self.expect(#"charge(operation: 0, unit: "search")"#, "(depth)") {
            $0.operations[0].charge.append(try .line("search", "1"))
            $0.operations[0].estimate.append(try .line("search", "1"))
        }
        try Self.expect(#"estimate(operation: 0, unit: "extra")"#, "no price row") {
            $0.operations[0].estimate.append(try .line("extra", "1"))
        }
        try Self.expect(#"charge(operation: 0, unit: "credit")"#, "charged twice") {
            $0.operations[0].charge.append(try .line("credit", "1"))
        }
        try Self.expect(#"charge(operation: 0, unit: "credit")"#, "entry of 2025-01-01") { adapter in
            adapter.prices = PriceTable(
                entries: adapter.prices.entries + [entry(Array(Acme.prices.rows.dropFirst()), effective: "2025-01-01")])
        }
    }

    @Test func names() throws {
        try Self.expect(#"charge(operation: 0, unit: "credit")"#, "'spend' is not in usage; there are spent") {
            $0.operations[0].charge = [try .line("credit", "spend")]
        }
        try Self.expect(#"estimate(operation: 0, unit: "credit")"#, "'spent' reads the answer") {
            $0.operations[0].estimate = [try .line("credit", "spent")]
        }
        try Self.expect(#"estimate(operation: 0, unit: "credit")"#, "reads the answer") {
            $0.operations[0].estimate = [
                Operation.Line(unit: "credit", amount: .quantity(Quantity(sources: [.header("x")], fallback: .one)))
            ]
        }
        try Self.expect(#"usage(operation: 0, name: "min")"#, "no name for a quantity") {
            $0.operations[0].usage.append(("min", Quantity(sources: [.query("x")])))
        }
        try Self.expect(#"usage(operation: 0, name: "spent")"#, "named twice") { $0.operations[0].usage.append($0.operations[0].usage[0]) }
        try Self.expect(#"usage(operation: 0, name: "x")"#, "neither a source nor a default") {
            $0.operations[0].usage.append(("x", Quantity(sources: [])))
        }
        try Self.expect(#"usage(operation: 0, name: "x")"#, "captures no 'job'; there are id") {
            $0.operations[0].usage.append(("x", Quantity(sources: [.path("job")])))
        }
        try Self.expect("once(operation: 0)", "captures no 'job'") { $0.operations[0].once = "job" }
        try Self.expect("operation(1)", "'enrich_person' too") { $0.operations[1].name = "enrich_person" }
    }

    @Test func dimensions() throws {
        try Self.expect(#"dimension(operation: 0, name: "size")"#, "not among the adapter's dimensions; there are model, depth") {
            $0.operations[0].dimensions["size"] = .first([.query("size")], fallback: nil)
        }
        try Self.expect(#"dimension(operation: 0, name: "depth")"#, "'of' names 'x'") {
            $0.operations[0].dimensions["depth"] = .ranges(of: "x", [(.zero, "low")])
        }
        try Self.expect(#"dimension(operation: 0, name: "depth")"#, "no ranges") {
            $0.operations[0].dimensions["depth"] = .ranges(of: "spent", [])
        }
        try Self.expect(#"dimension(operation: 0, name: "depth")"#, "same number") {
            $0.operations[0].dimensions["depth"] = .ranges(of: "spent", [(.one, "low"), (exact("1.0"), "high")])
        }
        try Self.expect("dimensions", "declared twice") { $0.dimensions.append("model") }
        try Self.expect("row(entry: 0, row: 5)", "'size' is not among") { adapter in
            adapter.prices = PriceTable(entries: [entry(Acme.prices.rows + [row(["size": "l"], ["parcel": "1"])])])
        }
    }

    @Test func operationsAndPrices() throws {
        try Self.expect("match(operation: 2)", "'enrich_person' before it serves all") {
            var later = $0.operations[0]
            later.name = "later"
            later.match = try RoutePattern(methods: ["GET"], path: "/v1/people/me")
            $0.operations.append(later)
        }
        #expect(
            try Self.problems {
                var later = $0.operations[0]
                later.name = "later"
                later.match = try RoutePattern(methods: ["GET", "HEAD"], path: "/v1/people/me")
                $0.operations.append(later)
            } == [])
        try Self.expect("examples", "no examples") { $0.examples = [] }
        try Self.expect("entry(1)", "same instant") { $0.prices = PriceTable(entries: [Acme.prices, Acme.prices]) }
        #expect(try Self.problems { $0.prices = PriceTable(entries: []) } == ["prices: it has no prices"])
        #expect(try Self.problems { $0.operations = [] } == ["adapter: it has no operations"])
        try Self.expect("row(entry: 0, row: 5)", "names no unit") { adapter in
            adapter.prices = PriceTable(entries: [entry(Acme.prices.rows + [row([:], [:])])])
        }
        try Self.expect("row(entry: 0, row: 5)", "'refund' is negative") { adapter in
            let negative = PriceRow(rates: ["refund": Rate(value: Exact(-1), text: "-1")])
            adapter.prices = PriceTable(entries: [entry(Acme.prices.rows + [negative])])
        }
    }
}
