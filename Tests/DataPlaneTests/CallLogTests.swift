import Foundation
import GatewayCore
import Loopback
import Testing

/// What the log and the metrics learn of a call: each call once, with nothing in it that could be secret.
@Suite struct CallLogTests {
    private func fields(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test func aCallIsALineWithItsCostAndItsTimes() async throws {
        try await Bench.run { bench in
            let answer = try bench.exchange(
                request("/acme/v1/people/top-secret-id?q=top-secret-query", ["X-User-Id: u", "X-Tell: top-secret"])
            ) {
                $0.answer(200, [("x-credits", "2"), ("X-Answer", "top-secret")], body: "top-secret")
            }
            let line = try #require(bench.calls.lines.first)
            #expect(bench.calls.lines.count == 1 && !line.contains("top-secret"), "\(line)")
            let fields = try fields(line)
            #expect(fields["message"] as? String == "call" && fields["level"] as? String == "info")
            #expect(fields["request_id"] as? String == answer["X-Gateway-Request-Id"])
            #expect(fields["workspace"] as? String == "w1" && fields["provider"] as? String == "acme")
            #expect(fields["operation"] as? String == "person" && fields["method"] as? String == "GET" && fields["status"] as? Int == 200)
            #expect(fields["cost"] as? String == "0.20" && fields["basis"] as? String == "table" && fields["cache"] as? String == "none")
            #expect(fields["time"] as? String == "2026-11-23T12:00:00.000Z" && fields["code"] == nil)
            let times = try ["gateway_ms", "first_byte_ms", "upstream_ms", "total_ms"].map { try #require(fields[$0] as? Double, "\($0)") }
            #expect(times[0] <= times[3] && times[1] <= times[2] && times[2] <= times[3])

            let (_, histograms) = try #require(bench.metrics.times.all.first)
            #expect(histograms.own.count == 1 && histograms.firstByte.count == 1 && histograms.upstream.count == 1)
            #expect(histograms.estimateRatio.count == 1 && histograms.estimateRatio.sum == 666_666_666, "0.20 of 0.30")
        }
    }

    @Test func aRefusalIsALineWithItsCodeAndWhy() async throws {
        try await Bench.run(budget: Budget(workspace: WindowLimits(daily: Money("0.1"), monthly: nil))) { bench in
            let refused = try bench.refused(request("/acme/v1/people/1"))
            #expect(refused.status == 429)
            let fields = try fields(try #require(bench.calls.lines.first))
            #expect(bench.calls.lines.count == 1 && fields["status"] as? Int == 429 && fields["code"] as? String == "budget_exhausted")
            #expect(fields["reason"] as? String == "too_large" && fields["cost"] as? String == "0.00" && fields["basis"] == nil)
            #expect(fields["request_id"] as? String == refused["X-Gateway-Request-Id"] && fields["first_byte_ms"] == nil)
            let (series, count) = try #require(bench.metrics.refusals.all.first)
            #expect(count == 1 && series.provider == "acme" && series.operation == "person" && series.reason == .tooLarge)
            #expect(bench.metrics.calls.isEmpty)
        }
    }

    /// What callers make up is no series and no line's provider.
    @Test func namesThatCallersInventAreNotRepeated() async throws {
        try await Bench.run { bench in
            for index in 0..<20 { _ = try bench.refused(request("/invented\(index)/x", workspace: "w\(index)")) }
            _ = try bench.refused("GET /acme/v1/people/1 HTTP/1.1\r\nHost: g\r\n\r\n")
            #expect(bench.calls.lines.count == 21 && !bench.calls.lines.contains { $0.contains("invented") })
            #expect(
                bench.metrics.refusals.all.map { "\($0.0.provider) \($0.0.code.rawValue) \($0.1)" } == [
                    "- unknown_provider 20", "acme workspace_required 1",
                ])
        }
    }

    @Test(arguments: [(UpstreamError.Kind.unreachable, false, 502), (.broken, true, 502), (.timeout, true, 504)])
    func aCallWithoutAnAnswerIsALineOnce(kind: UpstreamError.Kind, wasSent: Bool, status: Int) async throws {
        try await Bench.run { bench in
            let answer = try bench.exchange(request("/acme/v1/people/1")) { $0.fail(kind, wasSent: wasSent) }
            #expect(answer.status == status && bench.calls.lines.count == 1)
            let line = try #require(bench.calls.lines.first)
            let fields = try fields(line)
            #expect(fields["status"] as? Int == status && (fields["code"] as? String)?.hasPrefix("upstream_") == true)
            // The transport's words may name hosts and proxies.
            #expect(!line.contains("10.0.0.7"))
            #expect(bench.metrics.calls.count == (wasSent ? 1 : 0) && bench.metrics.refusals.all.count == (wasSent ? 0 : 1))
        }
    }

    @Test func aCutAnswerSaysSo() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/people/1"))
            let call = try bench.upstream.next()
            call.head(200, [("Content-Length", "10")])
            _ = try client.head()
            call.fail(.broken)
            try eventually("its line") { bench.calls.lines.count == 1 }
            let fields = try fields(bench.calls.lines[0])
            #expect(fields["status"] as? Int == 200 && fields["code"] as? String == "upstream_unreachable")
            #expect(fields["basis"] as? String == "estimate" && fields["cost"] as? String == "0.30")
        }
    }

    @Test func aKeptAnswerIsTheGatewaysTimeAlone() async throws {
        try await Bench.run(adapters: [try TestAdapter.keeper()]) { bench in
            try bench.exchange(request("/keeper/v1/things/1")) { $0.answer(body: "x") }
            _ = try bench.refused(request("/keeper/v1/things/1"))
            let fields = try fields(try #require(bench.calls.lines.last))
            #expect(bench.calls.lines.count == 2 && fields["cache"] as? String == "hit" && fields["cost"] as? String == "0.00")
            #expect(fields["gateway_ms"] != nil && fields["upstream_ms"] == nil)
            let (_, histograms) = try #require(bench.metrics.times.all.first)
            #expect(histograms.own.count == 2 && histograms.upstream.count == 1)
        }
    }

    @Test func nothingIsWrittenWhileNobodyWantsIt() async throws {
        try await Bench.run { bench in
            bench.calls.write(as: nil)
            try bench.exchange(request("/acme/v1/people/1"))
            _ = try bench.refused(request("/nobody/x"))
            #expect(bench.calls.lines.isEmpty && bench.metrics.times.all.count == 1)
            bench.calls.write(as: .text)
            try bench.exchange(request("/acme/v1/people/1", workspace: "a b"))
            #expect(bench.calls.lines.first?.hasPrefix("2026-11-23T12:00:00.000Z info call request_id=") == true)
            #expect(
                bench.calls.lines.first?.contains(#" workspace="a b" provider=acme operation=person method=GET status=200 cost=0.10 "#)
                    == true)
        }
    }
}
