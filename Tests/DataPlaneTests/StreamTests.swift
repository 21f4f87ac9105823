import GatewayCore
import Loopback
import Synchronization
import Testing

/// Event streams: what goes on to the caller and when, what they cost whole and cut, and that each is settled once.
@Suite struct StreamTests {
    private typealias Script = StreamAdapter

    private func run(
        _ onDisconnect: Streaming.Departure = .cancel, limits: Limits = Limits(), _ body: (Bench) async throws -> Void
    ) async throws {
        try await Bench.run(limits: limits, adapters: [Script.talker(onDisconnect: onDisconnect)], body)
    }

    private func talk(_ body: String = #"{"stream":true}"#, version: String = "1.1") -> String {
        request("/talker/v1/talk", method: "POST", body: body, version: version)
    }

    private static let head = [("Content-Type", "text/event-stream; charset=utf-8")]

    /// Starts a stream and reads its head.
    private func begin(_ bench: Bench, _ body: String = #"{"stream":true}"#, head: [(String, String)] = head) throws -> (
        RawClient, ScriptedCall
    ) {
        let client = try bench.client()
        try client.send(talk(body))
        let call = try bench.upstream.next()
        call.head(200, head)
        #expect(try client.head().status == 200)
        return (client, call)
    }

    @Test func theCallerSeesEachEventAtOnceAndTheCostInTheTrailer() async throws {
        try await run { bench in
            let client = try bench.client()
            try client.send(talk())
            let call = try bench.upstream.next()
            #expect(call.text == #"{"stream":true,"stream_options":{"include_usage":true}}"#)
            call.head(200, Self.head)
            let head = try client.head()
            #expect(head["X-Gateway-Cost"] == nil && head["X-Gateway-Cost-Basis"] == "pending" && head["Trailer"] == "X-Gateway-Cost")
            for index in 1...3 {
                call.body(Script.word("word\(index)"))
                // It is read before the next is sent.
                #expect(client.read(until: "word\(index)\"}]}\n\n\r\n").isFound)
            }
            call.body(Script.usage(7) + Script.done)
            call.end()
            let rest = client.read(until: "X-Gateway-Cost: 0.07\r\n\r\n").text
            #expect(rest == "e\r\n\(Script.done)\r\n0\r\nX-Gateway-Cost: 0.07\r\n\r\n")
            let record = try bench.log.waitForSettled()[0]
            #expect(record.cost == Money("0.07") && record.basis == .table && record.tokens == 7 && record.success)
        }
    }

    @Test(arguments: [#"{"stream":true,"stream_options":{"include_usage":true}}"#, #"{"stream":1}"#])
    func whatTheCallerHasAskedForItSees(body: String) async throws {
        try await run { bench in
            let response = try bench.exchange(talk(body)) { call in
                #expect(call.text == body)
                call.head(200, Self.head)
                call.body(Script.word() + Script.usage(2) + Script.done)
                call.end()
            }
            #expect(response.text == Script.word() + Script.usage(2) + Script.done)
            #expect(response.trailers.first?.value == "0.02")
        }
    }

    /// Less comes than the provider announced, so that its length is not passed on.
    @Test(arguments: ["1.1", "1.0"]) func aLengthIsNotPassedOnWhereSomethingIsTakenOut(version: String) async throws {
        try await run { bench in
            let text = Script.word() + Script.usage(2)
            let response = try bench.exchange(talk(version: version)) { call in
                call.head(200, Self.head + [("Content-Length", "\(text.utf8.count)")])
                call.body(text)
                call.end()
            }
            #expect(response.text == Script.word() && response["Content-Length"] == nil)
            #expect(try bench.log.waitForSettled()[0].cost == Money("0.02"))
        }
    }

    @Test func anAnswerThatIsNoStreamIsMeteredAsEver() async throws {
        try await run { bench in
            let response = try bench.exchange(talk()) { $0.answer(body: #"{"usage":{"tokens":3}}"#) }
            #expect(response["X-Gateway-Cost"] == "0.03" && response["X-Gateway-Cost-Basis"] == "table")
        }
    }

    /// Cut at every byte, by the provider: what came is passed on, charged as far as it was reported or else counted, and never taken for whole.
    @Test func aStreamThatBreaksOffAnywhereIsSettledOnceByWhatCame() async throws {
        let whole = Script.word() + Script.word("more") + Script.usage(9) + Script.done
        let marks = [Script.word(), Script.word() + Script.word("more")].map(\.utf8.count)
        let usageEnd = whole.utf8.count - Script.done.utf8.count
        try await run { bench in
            for cut in 0...whole.utf8.count {
                let (client, call) = try begin(bench)
                call.body(String(whole.prefix(cut)))
                call.fail(.broken)
                let got = client.read(until: "\r\n0\r\n")
                #expect(!got.isFound, "a stream that was cut at \(cut) looks whole")
                let record = try bench.log.waitForSettled(cut + 1)[cut]
                // An event counts once its data is complete, with or without the empty line.
                let words = marks.count { cut >= $0 - 2 }
                let isReported = cut >= usageEnd - 2
                #expect(record.cost == Money(nanos: Int64(isReported ? 9 : words) * 10_000_000), "cut at \(cut)")
                #expect(record.basis == (isReported ? .table : .estimate) && !record.success)
                #expect(record.errorMessage?.contains("broke off") == true)
            }
        }
    }

    @Test func aStreamWhoseCallerLeavesIsCutAndWhatCameIsCounted() async throws {
        try await run { bench in
            let (client, call) = try begin(bench)
            call.body(Script.word() + Script.word())
            _ = client.read(until: "four")
            client.reset()
            let record = try bench.log.waitForSettled()[0]
            #expect(record.cost == Money("0.02") && record.basis == .estimate && record.errorMessage == "the caller left")
            _ = try call.wait(for: "the cut") { $0.isCancelled ? true : nil }
            call.body(Script.usage(9))
            call.fail(.cancelled)
            try eventually("the call is freed") { call.isFreed }
            #expect(bench.log.settled.count == 1)
        }
    }

    /// Drained: the provider is read to its end for a caller who is gone, and charged as it reports.
    @Test(arguments: [false, true]) func aStreamThatIsDrainedIsChargedAsReported(leavesBeforeHead: Bool) async throws {
        try await run(.drain) { bench in
            let client = try bench.client()
            try client.send(talk())
            let call = try bench.upstream.next()
            if leavesBeforeHead { client.reset() }
            try bench.settleLoop()
            call.head(200, Self.head)
            call.body(Script.word())
            if !leavesBeforeHead {
                _ = client.read(until: "four")
                client.reset()
            }
            try bench.settleLoop()
            call.body(Script.word("more") + Script.usage(9))
            #expect(bench.log.settled.isEmpty && !call.current.isCancelled)
            let sent = (Script.word() + Script.word("more") + Script.usage(9)).utf8.count
            try eventually("what nobody reads is acknowledged") { call.current.acknowledged == sent }
            call.end()
            let record = try bench.log.waitForSettled()[0]
            #expect(record.cost == Money("0.09") && record.basis == .table && record.success)
        }
    }

    @Test func aDrainedStreamThatBreaksOffIsCounted() async throws {
        try await run(.drain) { bench in
            let (client, call) = try begin(bench)
            client.reset()
            try bench.settleLoop()
            call.body(Script.word())
            call.fail(.timeout)
            let record = try bench.log.waitForSettled()[0]
            #expect(record.cost == Money("0.01") && record.basis == .estimate && !record.success)
        }
    }

    /// An error event after a 200 is no success, whatever it is charged by.
    @Test(arguments: [#"{"error":{"message":"overloaded"}}"#, #"{"type":"response.failed","response":{"error":"overloaded"}}"#])
    func aStreamThatEndsInAnErrorIsChargedByWhatWasSent(error: String) async throws {
        try await run { bench in
            for (index, reported) in ["", Script.usage(9)].enumerated() {
                let text = Script.word() + reported + "event: error\ndata: \(error)\n\n"
                let response = try bench.exchange(talk()) { call in
                    call.head(200, Self.head)
                    call.body(text)
                    call.end()
                }
                #expect(response.text.hasSuffix("data: \(error)\n\n") && response.trailers.first?.value == (index == 0 ? "0.01" : "0.09"))
                let record = try bench.log.waitForSettled(index + 1)[index]
                #expect(record.basis == (index == 0 ? .estimate : .table) && !record.success && record.status == 200)
                #expect(record.errorMessage == "the provider reported an error in its stream")
            }
            #expect(bench.metrics.meteringProblems.count == 1)
        }
    }

    @Test func anEventWhoseErrorIsNothingIsNoError() async throws {
        try await run { bench in
            _ = try bench.exchange(talk()) { call in
                call.head(200, Self.head)
                call.body("data: {\"error\":null,\"response\":{\"error\":null}}\n\n" + Script.usage(2) + Script.done)
                call.end()
            }
            #expect(try bench.log.waitForSettled()[0].success)
        }
    }

    /// ``StreamAdapter``'s word and a usage of 9, flushed after the word, as Python's zlib writes them.
    private static let compressed: (word: [UInt8], usage: [UInt8]) = (
        [
            0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4a, 0x49, 0x2c, 0x49, 0xb4, 0x52, 0xa8, 0x56, 0x4a, 0xce,
            0xc8, 0xcf, 0x4c, 0x4e, 0x2d, 0x56, 0xb2, 0x8a, 0xae, 0x56, 0x2a, 0x49, 0xad, 0x28, 0x51, 0xb2, 0x52, 0x4a, 0xcb, 0x2f,
            0x2d, 0x52, 0xaa, 0x8d, 0xad, 0xe5, 0xe2, 0x02, 0x00, 0x00, 0x00, 0xff, 0xff,
        ],
        [
            0x4b, 0xc1, 0x50, 0x14, 0xab, 0xa3, 0x54, 0x5a, 0x9c, 0x98, 0x9e, 0xaa, 0x64, 0x05, 0x54, 0x9e, 0x9f, 0x9d, 0x9a, 0x07,
            0x14, 0xb4, 0xac, 0x05, 0x2a, 0x05, 0x00, 0xa6, 0x6b, 0x70, 0xa4, 0x50, 0x00, 0x00, 0x00,
        ]
    )

    /// It is read in a copy and passed on as it came, with what nobody asked for: it is not written anew.
    @Test(arguments: [0, 1, 2]) func aCompressedStreamIsReadInACopy(kind: Int) async throws {
        let (word, usage) = Self.compressed
        try await run { bench in
            let client = try bench.client()
            try client.send(talk())
            let call = try bench.upstream.next()
            call.head(200, Self.head + [("Content-Encoding", "gzip")])
            for byte in word { call.emit(.body([byte])) }
            switch kind {
            case 0: call.emit(.body(usage), .end)
            case 1: call.emit(.body(Array("no gzip, which goes on".utf8)), .end)
            default: call.fail(.broken)
            }
            let record = try bench.log.waitForSettled()[0]
            #expect(record.cost == Money(["0.09", "0.50", "0.01"][kind]) && record.basis == (kind == 0 ? .table : .estimate))
            if kind == 0 { #expect(try client.response(to: "POST").body == word + usage) }
        }
    }

    @Test(arguments: ["br", "zstd"]) func aStreamInAnotherCodingIsChargedItsEstimate(coding: String) async throws {
        try await run { bench in
            let response = try bench.exchange(talk()) { call in
                call.head(200, Self.head + [("Content-Encoding", coding)])
                call.body("whatever")
                call.end()
            }
            #expect(response.text == "whatever" && response.trailers.first?.value == "0.50")
            #expect(try bench.log.waitForSettled()[0].basis == .estimate)
        }
    }

    @Test func anEventThatIsTooLargeGoesThroughUnread() async throws {
        var limits = Limits()
        limits.bufferedResponse = 1024
        try await run(limits: limits) { bench in
            let large = "data: {\"choices\":[{\"text\":\"\(String(repeating: "x", count: 5000))\"}]}\n\n"
            let response = try bench.exchange(talk()) { call in
                call.head(200, Self.head)
                for start in stride(from: 0, to: large.utf8.count, by: 500) { call.body(String(large.dropFirst(start).prefix(500))) }
                call.body(Script.word() + Script.usage(2))
                call.end()
            }
            #expect(response.text == large + Script.word() && response.trailers.first?.value == "0.02")
        }
    }

    /// What all calls keep together is bounded: the events that are too much go through unread.
    @Test func openEventsCountAmongWhatIsBuffered() async throws {
        var limits = Limits()
        limits.bufferedTotal = 3000
        try await run(limits: limits) { bench in
            let start = "data: {\"choices\":[{\"text\":\"" + String(repeating: "x", count: 900)
            let streams = try (0..<4).map { _ in try begin(bench, #"{"stream":true,"stream_options":{"include_usage":true}}"#) }
            for (_, call) in streams { call.body(start) }
            try bench.settleLoop()
            #expect(bench.metrics.bufferedBytes.load(ordering: .relaxed) <= 3000)
            for (client, call) in streams {
                call.body("\"}]}\n\n" + Script.usage(4))
                call.end()
                #expect(client.read(until: "X-Gateway-Cost: 0.04\r\n").isFound)
            }
        }
    }

    @Test func aSlowReaderHoldsTheProviderBack() async throws {
        try await run { bench in
            let client = try bench.client(receiveBuffer: 4096)
            try client.send(talk())
            let call = try bench.upstream.next()
            call.head(200, Self.head)
            let event = Script.word(String(repeating: "x", count: 8000))
            for _ in 0..<600 { call.body(event) }
            try bench.settleLoop()
            #expect(call.current.acknowledged < 600 * event.utf8.count)
            call.body(Script.usage(1))
            call.end()
            let response = try client.response(to: "POST")
            #expect(response.body.count == 600 * event.utf8.count && response.trailers.first?.value == "0.01")
        }
    }
}

extension ScriptedCall {
    /// The request's body.
    fileprivate var text: String? {
        if case .bytes(let bytes) = request.body { String(decoding: bytes, as: UTF8.self) } else { nil }
    }
}
