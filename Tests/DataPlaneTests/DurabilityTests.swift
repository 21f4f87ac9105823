import GatewayCore
import Loopback
import Testing

/// What is in the journal before what, and what is done when it cannot be.
@Suite struct DurabilityTests {
    @Test func nothingIsForwardedBeforeItsHoldIsDurable() async throws {
        try await Bench.run { bench in
            bench.log.set(.manual)
            let client = try bench.client()
            try client.send(request("/acme/v1/search"))
            let entries = try bench.log.waitForEntries(1)
            guard case .held(let record) = entries[0] else { return #expect(Bool(false), "\(entries[0])") }
            #expect(record.cost == Money("0.5") && record.basis == .estimate && record.errorMessage == "interrupted" && !record.success)
            #expect(record.workspace == "w1" && record.operation == "search" && record.endpoint == "/v1/search")
            try bench.settleLoop()
            #expect(bench.upstream.count == 0)
            try bench.log.complete()
            try bench.upstream.next().answer(body: #"{"credits": 1}"#)
            try bench.log.complete()
            #expect(try client.response().status == 200)
        }
    }

    @Test func aHeldAnswerWaitsForItsRecord() async throws {
        try await Bench.run { bench in
            bench.log.set(.manual)
            let client = try bench.client()
            try client.send(request("/acme/v1/search"))
            try bench.log.complete()
            try bench.upstream.next().answer(body: #"{"credits": 1}"#)
            _ = try bench.log.waitForSettled()
            try bench.settleLoop()
            #expect(client.arrived().isEmpty)
            #expect(bench.history.state.current.noted.count == 1, "noted before it is journaled")
            #expect(bench.accounts.snapshot.held == .zero, "settled before it is journaled")
            try bench.log.complete()
            #expect(try client.response().text == #"{"credits": 1}"#)
        }
    }

    /// First noted, then settled, then journaled: so that a budget that is loaded meanwhile neither loses the call nor counts it twice.
    @Test func aSettlementsOrder() async throws {
        try await Bench.run { bench in
            let seen = Watched<[String]>([])
            bench.history.state.change { state in
                state.onNote = { [accounts = bench.accounts, log = bench.log] _ in
                    let (open, settled) = (accounts.snapshot.openReservations, log.settled.count)
                    seen.change { $0.append("noted with \(open) open and \(settled) journaled") }
                }
            }
            bench.log.set(.manual)
            let client = try bench.client()
            try client.send(request("/acme/v1/search"))
            try bench.log.complete()
            try bench.upstream.next().answer(body: #"{"credits": 1}"#)
            _ = try bench.log.waitForSettled()
            #expect(seen.current == ["noted with 1 open and 0 journaled"])
            #expect(bench.accounts.snapshot.openReservations == 0)
            try bench.log.complete()
            #expect(try client.response().status == 200)
        }
    }

    /// The last byte, the last chunk and the connection's end are all the same thing: the end of a response.
    @Test func theEndOfAFlowingAnswerWaitsForItsRecord() async throws {
        try await Bench.run { bench in
            for (version, fields) in [("1.1", [("Content-Length", "4")]), ("1.1", []), ("1.0", [])] {
                bench.log.set(.manual)
                let settled = bench.log.settled.count
                let client = try bench.client()
                try client.send(request("/acme/v1/people/1", version: version))
                try bench.log.complete()
                let call = try bench.upstream.next()
                call.head(200, fields)
                call.body("12")
                call.body("34")
                call.end()
                _ = try bench.log.waitForSettled(settled + 1)
                try bench.settleLoop()
                let head = try client.head()
                let body = String(decoding: client.arrived(), as: UTF8.self)
                switch (version, fields.isEmpty) {
                case ("1.1", false): #expect(body == "123")
                case ("1.1", true): #expect(body == "2\r\n12\r\n2\r\n34\r\n")
                default: #expect(body == "1234")
                }
                try bench.log.complete()
                switch (version, fields.isEmpty) {
                case ("1.1", false): #expect(try client.read(4) == Array("1234".utf8))
                case ("1.1", true):
                    #expect(try client.read(19) == Array("2\r\n12\r\n2\r\n34\r\n0\r\n\r\n".utf8))
                    #expect(head["Trailer"] == nil, "its cost stands in the head")
                default: #expect(try client.readToEnd() == Array("1234".utf8))
                }
            }
        }
    }

    @Test func aJournalThatFailsMakesCallsUnverified() async throws {
        try await Bench.run { bench in
            bench.log.set(.failing)
            let response = try bench.exchange(request("/acme/v1/search")) { $0.answer(body: #"{"credits": 1}"#) }
            #expect(response.status == 200 && response["X-Gateway-Cost"] == "0.10")
            #expect(response["X-Gateway-Budget"] == "unverified")
            #expect(bench.metrics.journalFailures.count == 2)
            #expect(bench.metrics.unverifiedCalls.count == 1)
            #expect(bench.history.state.current.noted.count == 1)
            let spend = try bench.exchange(request("/acme/v1/people/1")) { $0.answer(body: "ok") }
            #expect(spend["X-Gateway-Spend-Daily"] == "0.20", "what is known in memory still counts")
        }
    }

    @Test func aRecordThatCannotBeWrittenDoesNotKeepItsAnswer() async throws {
        try await Bench.run(onTrackerError: .closed) { bench in
            bench.log.set(.manual)
            let client = try bench.client()
            try client.send(request("/acme/v1/search"))
            try bench.log.complete()
            try bench.upstream.next().answer(body: #"{"credits": 1}"#)
            try bench.log.complete(.failure(DurabilityError("gone")))
            let response = try client.response()
            #expect(response.status == 200 && response["X-Gateway-Budget"] == "unverified")
        }
    }

    @Test func aHoldThatCannotBeWrittenIsReleased() async throws {
        try await Bench.run(onTrackerError: .closed) { bench in
            bench.log.set(.failing)
            let response = try bench.refused(request("/acme/v1/search"))
            #expect(response.status == 503 && response["X-Gateway-Budget"] == "unverified")
            // The release is journaled with what else the event loop has to write, a moment after the answer.
            try eventually("the hold is released") { bench.log.released == bench.log.held.map(\.id) }
            #expect(bench.log.settled.isEmpty)
            #expect(bench.history.state.current.noted.isEmpty)
        }
    }
}
