import Foundation
import GatewayCore
import Loopback
import Testing

/// What rows keep of answers of providers that are asked in turn.
@Suite struct WorthTests {
    private static let target = "/one/v1/people/a"
    private static let asks = ["X-Gateway-Normalize: true"]
    private static let good =
        #""answer":{"quality":QUALITY,"confidence":80,"email":85,"fields":["fullName","email","emailQualityGrade"]}"#

    /// Behind the cost lines; nil where there is none.
    private func answer(_ record: CostRecord?) -> String? {
        record?.requestData.flatMap { data in
            data.firstRange(of: #""answer":"#).map { String(data[$0.lowerBound...].dropLast()) }
        }
    }

    @Test(
        arguments: [
            (.hit, good),
            (
                .says(200, #"{"name":"Ada","sure":0.5,"phone":"1"}"#),
                #""answer":{"quality":QUALITY,"confidence":50,"phone":60,"fields":["fullName","phone"]}"#
            ),
            (.says(200, "{}"), #""answer":{"quality":QUALITY,"confidence":80,"fields":[]}"#),
            (.missed, #""answer":null"#), (.says(500, "{}"), #""answer":null"#), (.says(429, ""), #""answer":null"#),
            (.says(200, "<html>"), #""answer":null"#), (.breaks, #""answer":null"#), (.fails(.timeout, wasSent: true), #""answer":null"#),
        ] as [(Play, String)])
    func aRowSaysHowGoodTheAnswerWas(play: Play, expected: String) async throws {
        for headers in [[], Self.asks] {
            try await Bench.run(adapters: [try FinderAdapter.finder("one")]) { bench in
                let client = try bench.client()
                try client.send(request(Self.target, headers))
                play(try bench.upstream.next())
                let found = try #require(answer(try bench.log.waitForSettled().first))
                let parts = expected.components(separatedBy: "QUALITY")
                #expect(found.hasPrefix(parts[0]) && found.hasSuffix(parts.last ?? ""), "\(found)")
                let worth = try #require(AnswerWorth(json: String(found.dropFirst(9))))
                #expect(worth.satisfies([.email], as: Score(80)) == (expected == Self.good))
                // Killed in flight it would say nothing.
                #expect(answer(bench.log.held.first) == nil)
            }
        }
    }

    @Test func whatAnotherHasPaidForAndWhatNobodyIsAskedBySayNothing() async throws {
        try await Bench.run(adapters: [try FinderAdapter.finder("one", keeps: true), try TestAdapter.acme()]) { bench in
            try bench.exchange(request(Self.target)) { Play.hit($0) }
            let client = try bench.client()
            try client.send(request(Self.target, Self.asks))
            #expect(try client.response().status == 200)
            try bench.exchange(request("/acme/v1/people/1", Self.asks)) { $0.answer(body: #"{"name":"Ada"}"#) }
            let rows = bench.log.settled
            #expect(rows.map(\.found) == [1, nil, 1] && rows.map { answer($0) == nil } == [false, true, true])
        }
    }

    /// Of an answer that nobody could look into.
    @Test func whatIsNotKnownIsNotSaid() async throws {
        try await Bench.run(limits: Limits(bufferedTotal: 10), adapters: [try FinderAdapter.finder("one")]) { bench in
            try bench.exchange(request(Self.target)) { Play.hit($0) }
            #expect(bench.log.settled.count == 1 && bench.log.settled[0].found == nil && answer(bench.log.settled[0]) == nil)
        }
    }

    /// A step's row says of it what the waterfall made of it.
    @Test func stepsOfAWaterfallSayIt() async throws {
        try await Bench.run(
            adapters: try ["one", "two", "three"].map { try FinderAdapter.finder($0) },
            enrichment: EnrichmentSettings(order: [.person: ["one", "two", "three"]])
        ) { bench in
            bench.upstream.play { call in
                switch call.request.route.provider {
                case "one": Play.missed(call)
                case "two": Play.found(grade: "D", credits: 1)(call)
                default: Play.hit(call)
                }
            }
            let response = try bench.enrich(#"{"match": {"email": "ada@example.com"}, "want": ["email"], "minQuality": 80}"#)
            #expect(response.text.contains(#""satisfied":true"#))
            let worths = bench.log.settled.compactMap { answer($0).flatMap { AnswerWorth(json: String($0.dropFirst(9))) } }
            #expect(worths.map { $0.satisfies([.email], as: Score(80)) } == [false, false, true])
            #expect(worths.map { $0.satisfies([.email], as: Score(40)) } == [false, true, true])
        }
    }
}
