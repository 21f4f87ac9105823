import GatewayCore
import Loopback
import Synchronization
import Testing

/// How an answer's bytes reach the caller: unchanged, framed rightly, and ended only when they are whole.
@Suite struct DeliveryTests {
    private let people = "/acme/v1/people/1"
    private let search = "/acme/v1/search"

    @Test func theProvidersFieldsPassButForThoseOfItsConnection() async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request(people)) {
                $0.answer(
                    200,
                    [
                        ("Content-Type", "text/x"), ("Set-Cookie", "a"), ("set-cookie", "b"), ("ETag", "\"e\""),
                        ("Connection", "X-Mine, close"),
                        ("X-Mine", "1"), ("Keep-Alive", "timeout=1"), ("Upgrade", "h2c"), ("X-Gateway-Cost", "99"),
                        ("x-gateway-budget", "ok"),
                        ("X-Gateway-New", "1"), ("Content-Encoding", "br"),
                    ], body: "\u{0}binary\r\n")
            }
            #expect(response.text == "\u{0}binary\r\n")
            let passed = response.headers.filter { !$0.name.hasPrefix("X-Gateway-") }.map { "\($0.name): \($0.value)" }
            #expect(
                passed == [
                    "Content-Type: text/x", "Set-Cookie: a", "set-cookie: b", "ETag: \"e\"", "Content-Encoding: br", "Content-Length: 9",
                ])
            #expect(response.all("X-Gateway-Cost") == ["0.10"])
            #expect(response["X-Gateway-New"] == nil)
        }
    }

    @Test func headHasTheLengthOfWhatItLeavesOut() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request(people, method: "HEAD") + request(people))
            let call = try bench.upstream.next()
            #expect(call.request.method == "HEAD")
            call.emit(.head(UpstreamHead(status: 200, headers: HeaderList([("Content-Length", "77")]), isBodiless: true)), .end)
            let response = try client.response(to: "HEAD")
            #expect(response["Content-Length"] == "77" && response["Transfer-Encoding"] == nil)
            #expect(response["X-Gateway-Cost"] == "0.10")
            try bench.upstream.next().answer(body: "next")
            #expect(try client.response().text == "next")
        }
    }

    @Test func aRefusedHeadHasNoBody() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/nothing", method: "HEAD") + request(people))
            let response = try client.response(to: "HEAD")
            #expect(response.status == 404 && response["Content-Length"] != "0")
            try bench.upstream.next().answer(body: "next")
            #expect(try client.response().text == "next")
        }
    }

    @Test(arguments: [204, 304])
    func someStatusesHaveNoBody(status: Int) async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request(search) + request(search))
            let call = try bench.upstream.next()
            // Bytes that must not be there are not passed on either.
            call.emit(.head(UpstreamHead(status: status, headers: HeaderList([("Content-Length", "5")]))), .body(Array("12345".utf8)), .end)
            let response = try client.response()
            #expect(response.status == status)
            #expect(response["Content-Length"] == (status == 204 ? nil : "5") && response["Transfer-Encoding"] == nil)
            try bench.upstream.next().answer(body: "next")
            #expect(try client.response().text == "next")
        }
    }

    @Test func anEmptyAnswerIsWhole() async throws {
        try await Bench.run { bench in
            for target in [search, people] {
                let response = try bench.exchange(request(target)) { $0.answer(200) }
                #expect(response["Content-Length"] == "0" && response.body.isEmpty)
                #expect(response["X-Gateway-Cost"] != nil)
            }
        }
    }

    @Test func anHTTP10CallerGetsAnAnswerThatEndsWithTheConnection() async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request(people, ["Connection: keep-alive"], version: "1.0")) { call in
                call.head(200, [("Transfer-Encoding", "chunked")])
                call.body("ab")
                call.body("cd")
                call.end()
            }
            #expect(response.text == "abcd")
            #expect(response["Connection"] == "close" && response["Content-Length"] == nil && response["Transfer-Encoding"] == nil)
        }
    }

    @Test func anHTTP10ConnectionStaysWhereItIsAskedTo() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request(people, ["Connection: keep-alive"], version: "1.0"))
            try bench.upstream.next().answer(body: "one")
            let response = try client.response()
            #expect(response["Connection"] == "keep-alive" && response.text == "one")
            try client.send(request("/acme/v1/nothing", version: "1.0"))
            #expect(try client.response()["Connection"] == "close")
            #expect(client.endsHere())
        }
    }

    /// RFC 9112, section 6.3: the coding counts, and the length goes no further.
    @Test func aTransferCodingOverridesALength() async throws {
        try await Bench.run { bench in
            for fields in [
                [("Content-Length", "3"), ("Transfer-Encoding", "chunked")], [("Content-Length", "3"), ("Content-Length", "4")],
                [("Content-Length", "-3")], [("Content-Length", "+5")], [("Content-Length", "3x")],
            ] {
                let response = try bench.exchange(request(people)) { call in
                    call.head(200, fields)
                    call.body("12345")
                    call.end()
                }
                #expect(response.text == "12345" && response["Content-Length"] == nil && response["Transfer-Encoding"] == "chunked")
            }
        }
    }

    @Test func whatExceedsTheLengthIsNoPartOfTheBody() async throws {
        try await Bench.run { bench in
            for target in [people, search] {
                let client = try bench.client()
                try client.send(request(target) + request(people))
                let call = try bench.upstream.next()
                call.head(200, [("Content-Length", "4")])
                call.body("12")
                call.body("34567")
                call.body("8")
                call.end()
                #expect(try client.response().text == "1234")
                try bench.upstream.next().answer(body: "next")
                #expect(try client.response().text == "next")
            }
        }
    }

    @Test func aShortAnswerIsNeverTakenForWhole() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request(people))
            let call = try bench.upstream.next()
            call.head(200, [("Content-Length", "5")])
            call.body("1234")
            call.end()
            #expect(try client.head()["Content-Length"] == "5")
            #expect(try client.readToEnd() == Array("1234".utf8))
            let record = try bench.log.waitForSettled()[0]
            #expect(record.cost == Money("0.3") && record.basis == .estimate && !record.success)
            // A held one has not begun.
            let held = try bench.exchange(request(search)) { call in
                call.head(200, [("Content-Length", "5")])
                call.body("1234")
                call.end()
            }
            #expect(held.status == 502 && held["X-Gateway-Cost"] == "0.50" && held["X-Gateway-Cost-Basis"] == "estimate")
        }
    }

    @Test func aBrokenAnswerIsCutOff() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request(people))
            let call = try bench.upstream.next()
            call.head(200)
            call.body("1234")
            #expect(try client.head().status == 200)
            #expect(try client.chunk() == Array("1234".utf8))
            call.fail(.timeout)
            #expect(client.endsHere(), "no last chunk")
            // The end of the connection would be the end of the body: it is reset.
            let old = try bench.client()
            try old.send(request(people, version: "1.0"))
            let second = try bench.upstream.next()
            second.head(200)
            second.body("1234")
            #expect(try old.head().status == 200)
            #expect(try old.read(4) == Array("1234".utf8))
            second.fail(.broken)
            #expect(throws: RawClient.Failure.self) { try old.readToEnd() }
            #expect(try bench.log.waitForSettled(2).allSatisfy { $0.cost == Money("0.3") && $0.basis == .estimate })
        }
    }

    /// Head, beginning and failure in one delivery: what is not flushed yet does not keep the connection open.
    @Test func anAnswerThatBreaksAtOnceIsCutOffToo() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request(people))
            try bench.upstream.next().emit(
                .head(UpstreamHead(status: 200, headers: HeaderList([("Content-Length", "10")]))), .body(Array("1234".utf8)),
                .failed(UpstreamError(kind: .broken, wasSent: true, detail: "cut")))
            #expect(try client.head().status == 200)
            #expect(try client.readToEnd() == Array("1234".utf8))
        }
    }

    @Test func aBrokenErrorIsNotBilled() async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request(search)) { call in
                call.head(500, [("Content-Length", "5")])
                call.fail(.broken)
            }
            #expect(response.status == 502 && response["X-Gateway-Cost"] == "0.00")
            #expect(bench.log.settled.map(\.cost) == [.zero])
        }
    }

    /// `{"credits": 4}`.
    static let gzip: [UInt8] = [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x4a, 0x2e, 0x4a, 0x4d, 0xc9, 0x2c, 0x29, 0x56, 0xb2, 0x52,
        0x30, 0xa9, 0x05, 0x00, 0x77, 0xa9, 0x7c, 0xbb, 0x0e, 0x00, 0x00, 0x00,
    ]

    @Test func aCodedAnswerIsMeteredInACopyAndPassedAsItCame() async throws {
        try await Bench.run { bench in
            for (coding, body, cost, basis) in [
                ("gzip", Self.gzip, "0.40", "table"), ("X-GZIP", Self.gzip, "0.40", "table"),
                ("gzip", Array(Self.gzip.dropLast()), "0.50", "estimate"),
                ("gzip", Array("{}".utf8), "0.50", "estimate"), ("br", Array(#"{"credits": 4}"#.utf8), "0.50", "estimate"),
            ] {
                let response = try bench.exchange(request(search)) { call in
                    call.emit(
                        .head(
                            UpstreamHead(
                                status: 200, headers: HeaderList([("Content-Encoding", coding), ("Content-Length", "\(body.count)")]))),
                        .body(body), .end)
                }
                #expect(response.body == body)
                #expect(response["X-Gateway-Cost"] == cost && response["X-Gateway-Cost-Basis"] == basis, "\(coding)")
            }
        }
    }

    /// Without its coding it is as long as an answer that is held may be, and counts among what all calls keep.
    @Test(arguments: [
        (Limits(bufferedResponse: 14), "0.40"), (Limits(bufferedResponse: 13), "0.50"),
        (Limits(bufferedTotal: gzip.count + 14), "0.40"), (Limits(bufferedTotal: gzip.count + 13), "0.50"),
    ])
    func aCodedAnswerIsReadWithinItsBounds(limits: Limits, cost: String) async throws {
        try await Bench.run(limits: limits) { bench in
            let response = try bench.exchange(request(search)) { call in
                call.head(200, [("Content-Encoding", "gzip")])
                call.emit(.body(Self.gzip), .end)
            }
            #expect(response.body == Self.gzip)
            #expect((response["X-Gateway-Cost"] ?? response.trailers.first?.value) == cost)
        }
    }

    @Test func anEventStreamFlowsAndIsChargedItsEstimate() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/chat", method: "POST", body: #"{"max_tokens": 200}"#))
            let call = try bench.upstream.next()
            call.head(200, [("Content-Type", "Text/Event-Stream; charset=utf-8")])
            call.body("data: 1\n\n")
            let response = try client.head()
            #expect(response["X-Gateway-Cost"] == nil && response["X-Gateway-Cost-Basis"] == "pending")
            #expect(try client.chunk() == Array("data: 1\n\n".utf8))
            call.body("data: 2\n\n")
            #expect(try client.chunk() == Array("data: 2\n\n".utf8))
            call.end()
            #expect(try client.chunk().isEmpty)
            #expect(try client.trailers().map(\.value) == ["0.20"])
            #expect(bench.log.settled.map(\.basis) == [.estimate])
        }
    }

    /// What is kept goes first, what could not be kept follows it, and metering reads it all or nothing.
    @Test(arguments: [
        (Limits(bufferedResponse: 10), "0.40", 14), (Limits(bufferedTotal: 12), "0.50", 0), (Limits(bufferedTotal: 3), "0.50", 0),
        (Limits(bufferedResponse: 1, bufferedTotal: 13), "0.50", 0),
    ])
    func anAnswerThatOutgrowsItsBoundKeepsItsOrder(limits: Limits, cost: String, kept: Int) async throws {
        try await Bench.run(limits: limits) { bench in
            let client = try bench.client()
            try client.send(request(search))
            let call = try bench.upstream.next()
            call.head(200)
            for piece in ["{\"cr", "edits", "\": ", "4", "}"] { call.body(piece) }
            try bench.settleLoop()
            #expect(bench.metrics.bufferedBytes.load(ordering: .relaxed) == kept, "what cannot be metered is not kept")
            call.end()
            let response = try client.response()
            #expect(response.text == #"{"credits": 4}"#)
            #expect(response["X-Gateway-Cost-Basis"] == "pending")
            #expect(response.trailers.map(\.value) == [cost])
        }
    }

    /// Its length says that it will not fit: it flows from the start.
    @Test func aLongAnswerFlowsAndItsCostIsReadableLater() async throws {
        try await Bench.run(limits: Limits(bufferedResponse: 10)) { bench in
            let response = try bench.exchange(request(search)) { $0.answer(body: #"{"credits": 4}"#) }
            #expect(response.text == #"{"credits": 4}"#)
            #expect(response["Content-Length"] == "14" && response["X-Gateway-Cost"] == nil && response.trailers.isEmpty)
            let id = try #require(response["X-Gateway-Request-Id"])
            let client = try bench.client()
            try client.send(request("/_gateway/calls/\(id)"))
            let row = try client.response()
            #expect(row.status == 200 && row.text.contains(#""cost":"0.40""#) && row.text.contains("\"id\":\"\(id)\""))
        }
    }

    /// A slow reader stops the provider, not the gateway's memory.
    @Test func aSlowReaderHoldsTheTransportBack() async throws {
        try await Bench.run { bench in
            let client = try bench.client(receiveBuffer: 16 << 10)
            try client.send(request(people))
            let call = try bench.upstream.next()
            let total = 20 << 20
            let window = 256 << 10
            call.head(200, [("Content-Length", "\(total)")])
            let piece = [UInt8](repeating: 7, count: 16 << 10)
            var sent = 0
            // As a transport does it: no more than its window stands unacknowledged.
            while sent - call.current.acknowledged < window {
                call.emit(.body(piece))
                sent += piece.count
                try bench.settleLoop()
                // Whatever the kernel's buffers take, they do not take it all.
                try #require(sent < total, "nothing holds the transport back")
            }
            #expect(bench.accounts.snapshot.openReservations == 1)
            let head = try client.head()
            #expect(head.status == 200)
            var read = 0
            while sent < total || read < total - 1 {
                while sent < total, sent - call.current.acknowledged < window {
                    call.emit(.body(piece))
                    sent += piece.count
                }
                if read < min(sent, total - 1) { read += try client.read(min(piece.count, min(sent, total - 1) - read)).count }
            }
            call.end()
            #expect(try client.read(1) == [7])
            try eventually("all is acknowledged") { call.current.acknowledged == total }
        }
    }
}
