import JSONPath
import TestSupport
import Testing

@testable import GatewayCore

/// What a spending report says of what was found, and of what providers report.
@Suite struct CallSumsTests {
    private static func sums(lookups: Int64 = 0, hits: Int64 = 0, records: Int64 = 0, nanos: Int64 = 0) -> CallSums {
        var sums = CallSums()
        (sums.lookups, sums.hits, sums.records, sums.lookupCost) = (lookups, hits, records, Money(nanos: nanos))
        return sums
    }

    @Test(
        arguments: [
            (0, 0, nil), (1, 0, "0.0000"), (1, 1, "1.0000"), (3, 1, "0.3333"), (3, 2, "0.6667"), (20_000, 1, "0.0001"),
            (20_001, 1, "0.0000"),
            (8, 5, "0.6250"), (Int64.max, Int64.max, "1.0000"), (.max, .max / 2, "0.5000"),
        ] as [(Int64, Int64, String?)])
    func theHitRateIsExactAndRoundedHalfUp(lookups: Int64, hits: Int64, rate: String?) {
        #expect(Self.sums(lookups: lookups, hits: hits).hitRate == rate)
    }

    @Test(
        arguments: [
            (0, 5, nil), (1, 0, 0), (2, 1, 1), (3, 1, 0), (3, 2, 1), (3, 1_000_000_000, 333_333_333), (.max, .max, 1), (1, .max, .max),
        ] as [(Int64, Int64, Int64?)])
    func aRecordsCostIsRoundedHalfUpToANanoDollar(records: Int64, nanos: Int64, cost: Int64?) {
        #expect(Self.sums(records: records, nanos: nanos).costPerRecord == cost.map { Money(nanos: $0) })
    }

    /// One call, whatever of it is known.
    @Test func aCallCountsWhereItHasSomethingToSay() {
        var record = CostRecord(
            id: CallID(high: 1, low: 1), workspace: "w", provider: "p", cost: Money(nanos: 40), basis: .table, estimate: .zero,
            success: true,
            createdAt: Timestamp(microseconds: 0), day: Timestamp(microseconds: 0))
        #expect(CallSums(record) == CallSums(calls: 1, cost: Money(nanos: 40)))
        record.reportedCost = .zero
        record.found = 0
        var expected = CallSums(calls: 1, cost: Money(nanos: 40))
        (expected.reportedCalls, expected.costWhereReported) = (1, Money(nanos: 40))
        (expected.lookups, expected.lookupCost) = (1, Money(nanos: 40))
        #expect(CallSums(record) == expected)
        record.found = 3
        (expected.hits, expected.records) = (1, 3)
        #expect(CallSums(record) == expected)
    }

    /// Each column is a figure of its own: what a database has of them is what was added up.
    @Test func theColumnsAreAllFigures() {
        var sums = CallSums()
        for (index, column) in CallSums.columns.enumerated() { sums[keyPath: column.value] = Int64(index + 1) }
        #expect(CallSums.columns.map { sums[keyPath: $0.value] } == Array(1...Int64(CallSums.columns.count)))
        #expect(Mirror(reflecting: sums).children.count == CallSums.columns.count)
        var twice = sums
        twice += sums
        #expect(CallSums.columns.map { twice[keyPath: $0.value] } == (1...Int64(CallSums.columns.count)).map { 2 * $0 })
        for edge in [Int64.max, .min] {
            var extreme = CallSums()
            for column in CallSums.columns { extreme[keyPath: column.value] = edge }
            let once = extreme
            extreme += once
            #expect(extreme == once, "sums stop at the ends")
        }
    }

    @Test func aReportSaysWhatIsKnownAndNullForTheRest() throws {
        let query = try SpendQuery(workspace: "w", by: "provider", from: "2026-11-01", to: "2026-11-02", now: Timestamp(microseconds: 0))
        var known = Self.sums(lookups: 8, hits: 5, records: 6, nanos: 1_000_000_000)
        (known.calls, known.cost, known.reported, known.reportedCalls) = (9, Money(nanos: 1_100_000_000), Money(nanos: 5), 2)
        known.costWhereReported = Money(nanos: 20_000_000)
        let report = SpendReport.json(
            [
                SpendRow(workspace: "w", provider: "a", sums: known),
                SpendRow(workspace: "w", provider: "b", sums: CallSums(calls: 1, cost: .zero)),
            ], query: query)
        let rows = try #require(report["rows"])
        let expected = [
            #"{"workspace":"w","provider":"a","calls":9,"tokens":0,"cost":"1.10","saved":"0.00","reported":"0.000000005","reported_calls":2,"#
                + #""cost_where_reported":"0.02","lookups":8,"hits":5,"hit_rate":"0.6250","records":6,"lookup_cost":"1.00","#
                + #""cost_per_record":"0.166666667"}"#,
            #"{"workspace":"w","provider":"b","calls":1,"tokens":0,"cost":"0.00","saved":"0.00","reported":null,"reported_calls":0,"#
                + #""cost_where_reported":"0.00","lookups":0,"hits":0,"hit_rate":null,"records":0,"lookup_cost":"0.00","#
                + #""cost_per_record":null}"#,
        ]
        #expect(String(decoding: rows.serialized, as: UTF8.self) == "[\(expected.joined(separator: ","))]")
    }
}
