import AdapterFiles
import GatewayCore
import JSONPath
import Testing

struct OperationDecoderTests {
    private func operation(_ lines: String, path: String = "/v1/jobs/{job}") throws -> Operation {
        let adapter = """
            adapter: 1
            provider: acmedata
            upstream: { url: "https://api.acmedata.example" }
            dimensions: [tier, kind]
            prices:
              - effective: 2026-01-01T06:00:00+01:00
                source: a letter
                checked: 2026-11-01
                rates: [ { unit: 1, kind: "*" }, { unit: 2, tier: long }, { other: 3 } ]
            operations:
              - name: job
                match: { method: [GET, POST], path: "\(path)" }
            \(lines.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
            examples:
              - name: priced as of a day
                at: 2026-02-01
                request: { method: GET, path: /v1/jobs/7, query: { a: 1, b: [x, "y z"] }, headers: { X-A: 1 } }
                response: { status: 404 }
                expect: { operation: job, cost: 0 }
            """
        let (decoded, problems) = decodeAdapter(adapter)
        let result = try #require(decoded, "\(problems)")
        #expect(result.examples[0].at == Timestamp("2026-02-01"))
        #expect(result.examples[0].request.query.map { "\($0.name)=\($0.value)" } == ["a=1", "b=x", "b=y z"])
        #expect(result.upstream.authentication == nil)
        return result.operations[0]
    }

    @Test func everyKindOfQuantity() throws {
        let decoded = try operation(
            """
            entity: job
            usage:
              fixed: 1.5
              items: { count: "$.items[*]" }
              asked: { count: "$.ids[*]", in: request, default: 2 }
              words: { tokens: ["$.a", "$.b"], each: 8 }
            charge: { other: { header: x-cost, body: $.cost, default: 0 } }
            estimate: { other: "max(asked, fixed)" }
            billable: { status: 200, when: "$.done == true" }
            reported: { usd: { header: x-usd } }
            once: { path: job }
            """)
        #expect(decoded.match.methods == ["GET", "POST"])
        #expect(decoded.entity == "job")
        #expect(decoded.once == "job")
        #expect(decoded.billable.statuses == [200])
        #expect(decoded.billable.when?.description == "$.done == true")
        let kinds = decoded.usage.map { name, quantity in
            switch quantity.sources.first {
            case .number(let number)?: "\(name) \(number)"
            case .count(let path, let inRequest)?: "\(name) \(path) \(inRequest) \(quantity.fallback?.description ?? "-")"
            case .tokens(let paths, let each)?: "\(name) \(paths) \(each?.description ?? "-")"
            default: "\(name)?"
            }
        }
        #expect(kinds == ["fixed 1.5", "items $.items[*] false -", "asked $.ids[*] true 2", "words [$.a, $.b] 8"])
        guard case .quantity(let charge) = decoded.charge[0].amount, case .expression(let estimate) = decoded.estimate[0].amount else {
            Issue.record("a charge by quantity and an estimate by expression were written")
            return
        }
        #expect((charge.sources.count, charge.fallback) == (2, .zero))
        #expect(estimate.names == ["asked", "fixed"])
        guard case .header("x-usd")? = decoded.reported?.sources.first else {
            Issue.record("reported reads a header")
            return
        }
    }

    @Test(arguments: [("auto", ["auto"]), ("[auto, 0]", ["0", "auto"])]) func valuesThatSayNothing(text: String, ignored: [String]) throws {
        let decoded = try operation(
            """
            dimension: { tier: { body: $.tier, default: short, ignore: \(text) }, kind: { request: $.kind } }
            charge: { unit: 1 }
            estimate: { unit: 1 }
            """)
        guard case .first(_, "short", let found)? = decoded.dimensions["tier"], case .first(_, nil, [])? = decoded.dimensions["kind"] else {
            Issue.record("\(decoded.dimensions)")
            return
        }
        #expect(found.sorted() == ignored)
    }

    @Test func derivedAndConstantDimensions() throws {
        let decoded = try operation(
            """
            dimension:
              tier: { of: size, ranges: [[0, short], [200001, long]] }
              kind: batch
            usage: { size: { path: job, default: 0 } }
            charge: { unit: size }
            estimate: { unit: size }
            """)
        guard case .ranges(of: "size", let ranges)? = decoded.dimensions["tier"],
            case .first(let sources, nil, _)? = decoded.dimensions["kind"], case .constant("batch")? = sources.first
        else {
            Issue.record("\(decoded.dimensions)")
            return
        }
        // The highest first, whatever the order in the file.
        #expect(ranges.map { "\($0.from) \($0.label)" } == ["200001 long", "0 short"])
    }
}
