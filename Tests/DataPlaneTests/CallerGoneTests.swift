import GatewayCore
import Loopback
import Synchronization
import Testing

/// A caller that leaves: ordinary answers are read to their end and settled by what they say, streams are cut, and nothing stays behind.
@Suite struct CallerGoneTests {
    private func gone(_ bench: Bench, _ call: ScriptedCall) throws {
        try eventually("the call is freed") { call.isFreed }
        try eventually("nothing is kept") { bench.metrics.bufferedBytes.load(ordering: .relaxed) == 0 }
        #expect(bench.accounts.snapshot.openReservations == 0)
    }

    @Test func whileTheHoldIsWrittenNothingIsForwarded() async throws {
        try await Bench.run { bench in
            bench.log.set(.manual)
            let client = try bench.client()
            try client.send(request("/acme/v1/search"))
            _ = try bench.log.waitForEntries(1)
            client.reset()
            try bench.settleLoop()
            try bench.log.complete()
            _ = try bench.log.waitForEntries(2)
            #expect(bench.log.released == bench.log.held.map(\.id))
            try bench.log.complete()
            #expect(bench.upstream.count == 0)
        }
    }

    /// Left before the head, within a held body, within a flowing one: it is metered whole.
    @Test(arguments: [0, 1, 2])
    func anOrdinaryAnswerIsMeteredAllTheSame(stage: Int) async throws {
        try await Bench.run(limits: stage == 2 ? Limits(bufferedResponse: 3) : Limits()) { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/search"))
            let call = try bench.upstream.next()
            if stage > 0 {
                call.head(200)
                call.body(#"{"credits""#)
                try bench.settleLoop()
            }
            client.reset()
            try bench.settleLoop()
            if stage == 0 {
                call.head(200)
                call.body(#"{"credits""#)
            }
            call.body(": 4}")
            try eventually("what nobody reads is acknowledged") { call.current.acknowledged == 14 }
            call.end()
            let record = try bench.log.waitForSettled()[0]
            #expect(record.cost == Money("0.4") && record.basis == .table && record.success)
            #expect(!call.current.isCancelled)
            try gone(bench, call)
        }
    }

    @Test(arguments: [false, true])
    func aStreamIsCut(leavesBeforeHead: Bool) async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/chat", method: "POST", body: #"{"max_tokens": 300}"#))
            let call = try bench.upstream.next()
            if leavesBeforeHead { client.reset() }
            try bench.settleLoop()
            call.head(200, [("Content-Type", "text/event-stream")])
            call.body("data: 1\n\n")
            try bench.settleLoop()
            if !leavesBeforeHead { client.close() }
            let record = try bench.log.waitForSettled()[0]
            #expect(record.cost == Money("0.3") && record.basis == .estimate && !record.success && record.errorMessage == "the caller left")
            _ = try call.wait(for: "the cut") { $0.isCancelled ? true : nil }
            // What the transport still says changes nothing.
            call.body("data: 2\n\n")
            call.fail(.cancelled)
            try gone(bench, call)
            #expect(bench.log.settled.count == 1)
        }
    }

    @Test func aStreamThatIsNotBilledCostsNothingWhenItIsCut() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/chat", method: "POST", body: "{}"))
            let call = try bench.upstream.next()
            call.head(429, [("Content-Type", "text/event-stream")])
            #expect(try client.head().status == 429)
            client.finishSending()
            #expect(try bench.log.waitForSettled()[0].cost == .zero)
            call.fail(.cancelled)
            try gone(bench, call)
        }
    }

    /// A transport need not say anything after a cancellation.
    @Test func anUploadThatWillNeverBeCompleteIsCut() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/upload", ["Content-Length: 6"], method: "POST") + "abc")
            let call = try bench.upstream.next()
            call.emit(.wantsBody)
            _ = try call.wait(for: "a piece") { $0.sent.isEmpty ? nil : true }
            client.reset()
            let record = try bench.log.waitForSettled()[0]
            #expect(record.cost == .zero && !record.success && record.status == nil)
            #expect(call.current.isCancelled && !call.current.isBodyFinished)
            call.fail(.cancelled)
            try gone(bench, call)
            #expect(bench.log.settled.count == 1)
        }
    }

    @Test func beforeTheBodyIsWholeNothingHasBegun() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/chat", ["Content-Length: 6"], method: "POST") + "abc")
            try bench.settleLoop()
            client.reset()
            try bench.settleLoop()
            #expect(bench.log.entries.isEmpty && bench.upstream.count == 0)
        }
    }

    @Test func whileItsRecordIsWritten() async throws {
        try await Bench.run { bench in
            bench.log.set(.manual)
            let client = try bench.client()
            try client.send(request("/acme/v1/search"))
            try bench.log.complete()
            let call = try bench.upstream.next()
            call.answer(body: #"{"credits": 4}"#)
            _ = try bench.log.waitForSettled()
            client.reset()
            try bench.settleLoop()
            try bench.log.complete()
            try gone(bench, call)
            #expect(bench.log.settled.map(\.cost) == [Money("0.4")])
        }
    }

    /// A caller that has sent all it wants to say still gets its answer.
    @Test func aHalfClosedCallerIsAnswered() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request("/acme/v1/search") + request("/acme/v1/people/1"))
            client.finishSending()
            let call = try bench.upstream.next()
            try bench.settleLoop()
            call.answer(body: #"{"credits": 4}"#)
            let first = try client.response()
            #expect(first["Connection"] == nil && first.text == #"{"credits": 4}"#)
            try bench.upstream.next().answer(body: "two")
            let second = try client.response()
            #expect(second["Connection"] == "close" && second.text == "two")
            #expect(client.endsHere())
        }
    }

    @Test func everyCallIsFreedWhenItIsOver() async throws {
        try await Bench.run { bench in
            for (target, play) in [
                ("/acme/v1/search", { $0.answer(body: #"{"credits": 4}"#) }), ("/acme/v1/people/1", { $0.answer(body: "x") }),
                ("/acme/v1/search", { $0.fail(.timeout) }), ("/acme/v1/search", { $0.fail(.overloaded, wasSent: false) }),
                ("/acme/v1/search", { $0.end() }),
            ] as [(String, (ScriptedCall) -> Void)] {
                let client = try bench.client()
                try client.send(request(target))
                let call = try bench.upstream.next()
                play(call)
                _ = try client.response()
                // The connection lives on.
                try gone(bench, call)
                try client.send(request("/_gateway/health"))
                #expect(try client.response().status == 200)
            }
        }
    }
}
