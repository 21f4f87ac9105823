import GatewayCore
import Loopback
import Synchronization
import Testing

/// Records in the place of the provider's answer, for callers who ask for them, and for nobody else.
@Suite struct RecordsTests {
    private let people = "/acme/v1/people/1"
    private let search = "/acme/v1/search"
    private let asks = ["X-Gateway-Normalize: true"]
    /// Of the bytes that the provider sent, and so not of records.
    private let describing = [
        ("Content-Type", "application/vnd.acme+json"), ("ETag", "\"e\""), ("Last-Modified", "x"), ("Content-MD5", "x"), ("Digest", "x"),
        ("Content-Digest", "x"), ("Repr-Digest", "x"), ("Accept-Ranges", "bytes"), ("Content-Disposition", "attachment"),
    ]
    private let found = #"{"name":"Ada Example","seen":"2026-11-01"}"#

    /// (10 × 80 + 10 × 100) / 100 = 18
    private func answer(_ operation: String, records: String, status: Int = 200) -> String {
        #"{"entity":"person","found":\#(!records.isEmpty),"records":[\#(records)],"#
            + #""provider":{"name":"acme","operation":"\#(operation)","status":\#(status)}}"#
    }

    private let ada =
        #"{"fullName":"Ada Example","dataLastVerified":"2026-11-01T00:00:00Z","dataSources":["acme"],"dataQualityScore":18,"#
        + #""dataQualityBreakdown":{"email":0,"phone":0,"fullName":80,"jobTitle":0,"company":0,"linkedin":0,"freshness":100}}"#

    @Test func aRecordTakesTheAnswersPlaceWithFieldsOfItsOwn() async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request(people, asks + ["Accept-Encoding: br"])) { call in
                #expect(call.request.headers.all("accept-encoding") == ["identity"])
                call.answer(200, describing + [("X-Credits", "2"), ("Set-Cookie", "a"), ("X-Gateway-Normalized", "no")], body: found)
            }
            #expect(response.text == answer("person", records: ada))
            let passed = response.headers.filter { !$0.name.hasPrefix("X-Gateway-") }.map { "\($0.name): \($0.value)" }
            #expect(
                passed == [
                    "X-Credits: 2", "Set-Cookie: a", "Content-Type: application/json", "Vary: X-Gateway-Normalize",
                    "Content-Length: \(response.body.count)",
                ])
            #expect(response.all("X-Gateway-Normalized") == ["true"])
            #expect(response["X-Gateway-Cost"] == "0.20" && response["X-Gateway-Cost-Basis"] == "table")
        }
    }

    @Test(arguments: [[], ["X-Gateway-Normalize: false"], ["X-Gateway-Normalize: 1"], ["X-Gateway-Normalize:"]])
    func whoDoesNotAskGetsTheProvidersBytes(headers: [String]) async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request(people, headers + ["Accept-Encoding: br"])) { call in
                #expect(call.request.headers.all("accept-encoding") == ["br"])
                // Nothing is held: the head goes out before the end is known.
                call.answer(200, describing, body: " \(found)\n")
            }
            #expect(response.text == " \(found)\n")
            for (name, value) in describing { #expect(response.all(name) == [value]) }
            #expect(response["X-Gateway-Normalized"] == nil && response["Vary"] == nil)
        }
    }

    @Test func manyRecordsAndTheirMeteringAreReadFromOneBody() async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request(search, ["x-gateway-normalize: TRUE"])) { call in
                call.head(200, [("Transfer-Encoding", "chunked")])
                call.body(#"{"credits":2,"people":[\#(found),nu"#)
                call.body("ll,\(found)]}")
                call.end()
            }
            #expect(response.text == answer("search", records: "\(ada),\(ada)"))
            #expect(response["X-Gateway-Cost"] == "0.20" && response["Content-Length"] == "\(response.body.count)")
            #expect(response["Transfer-Encoding"] == nil)
        }
    }

    @Test func aMissIsNotFoundToTheCallerAndTheProvidersStatusInTheLedger() async throws {
        try await Bench.run { bench in
            for body in [#"{"error":1}"#, "", "<html>"] {
                let response = try bench.exchange(request(people, asks)) { $0.answer(404, [("Content-Type", "text/html")], body: body) }
                #expect(response.status == 200 && response["Content-Type"] == "application/json")
                #expect(response.text == answer("person", records: "", status: 404))
                #expect(response["X-Gateway-Cost"] == "0.00")
            }
            let inside = try bench.exchange(request(search, asks)) { $0.answer(200, body: #"{"credits":1,"error":"none","people":[{}]}"#) }
            #expect(inside.text == answer("search", records: ""))
            #expect(bench.log.settled.map(\.status) == [404, 404, 404, 200])
            #expect(bench.log.settled.map(\.success) == [false, false, false, true])
        }
    }

    @Test(arguments: [
        (500, "application/json", #"{"name":"x"}"#), (402, "application/json", "{}"), (302, "text/plain", "moved"),
        (200, "text/html", "<html>"),
        (200, "application/json", #"{"name":"#), (206, "application/json", #"e":1}"#), (404, "application/json", "no miss here"),
    ])
    func whatIsNoRecordPassesUnchanged(status: Int, type: String, body: String) async throws {
        try await Bench.run { bench in
            let target = status == 404 ? search : people
            let response = try bench.exchange(request(target, asks)) {
                $0.answer(status, [("Content-Type", type), ("ETag", "e")], body: body)
            }
            #expect(response.status == status && response.text == body)
            #expect(response["Content-Type"] == type && response["ETag"] == "e" && response["Content-Length"] == "\(body.utf8.count)")
            #expect(response.all("X-Gateway-Normalized") == ["false"])
        }
    }

    @Test func anOperationWithoutAMapPassesItsAnswerOn() async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request("/acme/v1/base/x", asks)) { $0.answer(body: found) }
            #expect(response.text == found && response["X-Gateway-Normalized"] == "false")
        }
    }

    /// An error's status decides that nothing is normalized: it is not held, whatever its length.
    @Test func anErrorFlows() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request(people, asks))
            let call = try bench.upstream.next()
            call.head(500)
            call.body("first")
            let response = try client.head()
            #expect(response.status == 500 && response["X-Gateway-Cost"] == "0.00")
            #expect(try client.chunk() == Array("first".utf8))
            call.end()
            #expect(try client.chunk().isEmpty)
        }
    }

    @Test func headSaysNothingOfBytesThatGetWouldNotHave() async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request(people, asks, method: "HEAD")) { call in
                call.emit(
                    .head(
                        UpstreamHead(
                            status: 200, headers: HeaderList(describing + [("Content-Length", "77"), ("X-A", "1")]), isBodiless: true)),
                    .end)
            }
            #expect(response["Content-Length"] == nil && response["ETag"] == nil && response["X-A"] == "1")
            #expect(response.all("Content-Type") == ["application/json"])
        }
    }

    @Test(arguments: [204, 304])
    func someStatusesHaveNoRecords(status: Int) async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request(people, asks)) {
                $0.emit(.head(UpstreamHead(status: status, headers: HeaderList([("ETag", "e")]))), .end)
            }
            #expect(response.status == status && response.body.isEmpty && response["ETag"] == "e")
            #expect(response["X-Gateway-Normalized"] == "false")
        }
    }

    @Test func aGzipAnswerIsReadInACopyAndOtherCodingsPass() async throws {
        try await Bench.run { bench in
            for (coding, body, isRead) in [
                ("gzip", DeliveryTests.gzip, true), ("GZIP", DeliveryTests.gzip, true),
                ("gzip", Array(DeliveryTests.gzip.dropLast()), false),
                ("br", Array("{}".utf8), false),
            ] {
                let response = try bench.exchange(request(search, asks)) { call in
                    call.emit(
                        .head(
                            UpstreamHead(
                                status: 200, headers: HeaderList([("Content-Encoding", coding), ("Content-Length", "\(body.count)")]))),
                        .body(body), .end)
                }
                #expect(isRead ? response.text == answer("search", records: "") : response.body == body)
                #expect(response["Content-Encoding"] == (isRead ? nil : coding))
                #expect(response["X-Gateway-Normalized"] == "\(isRead)")
            }
        }
    }

    @Test func aStreamFlows() async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request(people, asks)) { call in
                call.head(200, [("Content-Type", "text/event-stream")])
                call.body("data: \(found)\n\n")
                call.end()
            }
            #expect(response.text == "data: \(found)\n\n" && response["Content-Type"] == "text/event-stream")
            #expect(response["X-Gateway-Normalized"] == "false" && response["X-Gateway-Cost"] == "0.10")
        }
    }

    /// The cost, which the head alone decides, is in the head all the same, and nothing is kept for records that will not be.
    @Test(arguments: [Limits(bufferedResponse: 10), Limits(bufferedTotal: 10)])
    func aLargeAnswerFlowsUnchanged(limits: Limits) async throws {
        for announced in [true, false] {
            try await Bench.run(limits: limits) { bench in
                let client = try bench.client()
                try client.send(request(people, asks))
                let call = try bench.upstream.next()
                call.head(200, announced ? [("Content-Length", "\(found.utf8.count)")] : [])
                for character in found.dropLast() { call.body(String(character)) }
                try bench.settleLoop()
                #expect(bench.metrics.bufferedBytes.load(ordering: .relaxed) == 0)
                call.body("}")
                call.end()
                let response = try client.response()
                #expect(response.text == found)
                #expect(response["X-Gateway-Normalized"] == "false")
                #expect(response["X-Gateway-Cost"] == "0.10" && response["X-Gateway-Cost-Basis"] == "table" && response.trailers.isEmpty)
            }
        }
    }

    /// A body as full of records as can be: the event loop is not held up for long, nor is the answer larger than is kept.
    @Test(arguments: [Limits(), Limits(bufferedTotal: 2000)])
    func moreRecordsThanFitPassUnchanged(limits: Limits) async throws {
        try await Bench.run(limits: limits) { bench in
            // What is too much to look into is counted as it stands, whatever is in it.
            let (count, person) = limits.bufferedTotal > 2000 ? (300_000, "{}") : (100, #"{"name":"A"}"#)
            let body = #"{"credits":1,"people":[\#(Array(repeating: person, count: count).joined(separator: ","))]}"#
            let response = try bench.exchange(request(search, asks)) { $0.answer(body: body) }
            #expect(response.text == body && response["X-Gateway-Normalized"] == "false" && response["X-Gateway-Cost"] == "0.10")
            #expect(bench.log.settled.map(\.found) == [count])
        }
    }

    @Test func theConfigurationsWeightsCount() async throws {
        var quality = QualityWeights.standard
        for index in quality.person.indices where quality.person[index].part != .fullName { quality.person[index].value = 0 }
        try await Bench.run(quality: quality) { bench in
            let response = try bench.exchange(request(people, asks)) { $0.answer(body: found) }
            #expect(response.text.contains(#""dataQualityScore":80,"#))
        }
    }

    @Test func anHTTP10CallerGetsRecordsToo() async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request(people, asks, version: "1.0")) { $0.answer(body: found) }
            #expect(response.text == answer("person", records: ada) && response["Content-Length"] == "\(response.body.count)")
        }
    }

    @Test func aCallerWhoLeavesPaysForTheAnswerAllTheSame() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request(search, asks))
            let call = try bench.upstream.next()
            call.head(200)
            call.body(#"{"credits":"#)
            try bench.settleLoop()
            client.reset()
            try bench.settleLoop()
            call.body("3}")
            call.end()
            #expect(try bench.log.waitForSettled().map(\.cost.description) == ["0.30"])
        }
    }

    @Test func aBrokenAnswerIsNoRecord() async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request(people, asks)) { call in
                call.head(200, [("Content-Length", "99")])
                call.body(found)
                call.fail(.broken)
            }
            #expect(response.status == 502 && response.text.contains("upstream_unreachable"))
        }
    }
}
