import Foundation
package import GatewayCore
import Testing

/// What single answers were worth.
extension LedgerConformance {
    /// Of the newest rows, as many as may be looked at, those count that say what they are worth, of the operations that are asked for.
    package static func worthsAreOfTheNewestRows(_ make: @Sendable () async throws -> any Ledger) async throws {
        let ledger = try await make()
        let asked = [OperationName(provider: "alpha", operation: "search"), OperationName(provider: "beta", operation: "chat")]
        let empty = try await ledger.worths(since: RecordMaker.firstDay, of: asked, limit: 10)
        #expect(empty == WorthReport(sums: [], examined: 0, oldest: nil))
        let answers = [
            "null", #"{"quality":36.8,"confidence":80,"email":95,"fields":["fullName","email"]}"#,
            #"{"quality":0,"confidence":0.0001,"fields":[]}"#, #"{"quality":100,"confidence":100,"phone":60,"fields":["phone","phones"]}"#,
            // What an application may have written there.
            "7", #""text""#, "[]", "{}", "true",
        ]
        var maker = RecordMaker(seed: 13)
        let records = (0..<300).map { index in
            var record = maker.record()
            record.createdAt = RecordMaker.firstDay.adding(seconds: Int64(index))
            record.operation = maker.pick(["search", "search", "chat", nil])
            record.requestData = maker.pick([
                nil, #"{"method":"GET","note":"\"answer\":{}"}"#, #"{"method":"GET","answer":\#(maker.pick(answers))}"#,
                #"{"method":"GET","grades":{"A":1},"answer":\#(maker.pick(answers))}"#,
            ])
            return record
        }
        try await ledger.apply(LedgerBatch(journal: nil, position: nil, records: records.shuffled(using: &maker)))
        for (since, limit, operations) in [
            (0, 1000, asked), (0, 300, asked), (0, 100, asked), (0, 1, asked), (150, 1000, asked), (150, 20, asked), (300, 10, asked),
            (0, 1000, [asked[0]]), (0, 1000, []), (0, 1000, [OperationName(provider: "alpha' --", operation: "\"$1?")]),
        ] {
            let instant = RecordMaker.firstDay.adding(seconds: Int64(since))
            let report = try await ledger.worths(since: instant, of: operations, limit: limit)
            let looked = records.filter { $0.createdAt >= instant }.suffix(limit)
            #expect(report.examined == Int64(looked.count) && report.oldest == looked.first?.createdAt)
            #expect(merged(report.sums) == merged(looked.compactMap { sum($0, among: operations) }))
            #expect(!operations.contains(asked[0]) || limit < 100 || since > 200 || report.sums.count > 2)
        }
        await ledger.close()
    }

    private static func sum(_ record: CostRecord, among operations: [OperationName]) -> WorthSum? {
        guard record.saved == nil, let name = record.operation, let data = record.requestData,
            let start = data.range(of: #"[,{]"answer":"#, options: .regularExpression), data.hasPrefix(#"{"method":"GET","#),
            !data.contains("note"), let worth = AnswerWorth(json: String(data[start.upperBound...].dropLast()))
        else { return nil }
        let operation = OperationName(provider: record.provider, operation: name)
        guard operations.contains(operation) else { return nil }
        return WorthSum(operation: operation, worth: worth, calls: 1, cost: record.cost, duration: Int64(record.duration ?? 0))
    }

    /// Engines may tell of what is worth the same at once or in parts.
    private static func merged(_ sums: [WorthSum]) -> Set<WorthSum> {
        var merged: [WorthSum: WorthSum] = [:]
        for sum in sums {
            let key = WorthSum(operation: sum.operation, worth: sum.worth, calls: 0, cost: .zero, duration: 0)
            var all = merged[key] ?? key
            all.calls += sum.calls
            all.cost += sum.cost
            all.duration += sum.duration
            merged[key] = all
        }
        return Set(merged.values)
    }
}
