import GatewayCore
import JSONPath
import Loopback
import Testing

/// How many records a call's row says that it brought.
@Suite struct FoundTests {
    private static let asks = ["X-Gateway-Normalize: true"]
    private static let people = "/acme/v1/people/1"
    private static let search = "/acme/v1/search"

    struct Answer: Sendable {
        var target: String
        var status = 200
        var headers: [String: String] = [:]
        var body: String
        var found: Int?
        /// There is a record, which says nothing.
        var isEmpty = false
    }

    /// Whoever asks for records gets as many as the row says, and whoever does not changes nothing of it.
    @Test(
        arguments: [
            Answer(target: people, body: #"{"name":"Ada"}"#, found: 1),
            Answer(target: people, status: 201, body: #"{"seen":"2026-11-01"}"#, found: 1),
            Answer(target: people, body: "{}", found: 0, isEmpty: true),
            Answer(target: people, status: 201, body: "[]", found: 0, isEmpty: true),
            Answer(target: people, body: #""not found""#, found: 0, isEmpty: true),
            Answer(target: people, body: #"{"name":"","seen":true,"error":"not found"}"#, found: 0, isEmpty: true),
            Answer(target: people, body: "null", found: 0),
            Answer(target: people, status: 404, body: "<html>", found: 0),
            Answer(target: people, status: 404, body: "", found: 0),
            // Paid for, and nothing to read.
            Answer(target: people, body: "<html>", found: 0),
            Answer(target: people, body: "", found: 0),
            // The same for nothing.
            Answer(target: people, headers: ["X-Credits": "0"], body: "<html>", found: nil),
            Answer(target: people, status: 201, body: "<html>", found: nil),
            Answer(target: people, headers: ["X-Credits": "0"], body: #"{"name":"Ada"}"#, found: 1),
            Answer(target: people, status: 429, body: "{}", found: nil),
            Answer(target: people, status: 401, body: "{}", found: nil),
            Answer(target: people, status: 500, body: "{}", found: nil),
            Answer(target: people, status: 302, body: "{}", found: nil),
            Answer(target: people, headers: ["Content-Type": "text/event-stream"], body: "data: {}\n\n", found: nil),
            Answer(
                target: search, body: #"{"credits":1,"people":[{"name":"Ada"},null,{},false,7,{"seen":"2026-11-01"},{"name":[]}]}"#,
                found: 2),
            Answer(target: search, body: #"{"credits":1,"people":[{},"not found"]}"#, found: 0, isEmpty: true),
            Answer(target: search, body: #"{"credits":1,"people":[]}"#, found: 0),
            Answer(target: search, body: #"{"credits":1}"#, found: 0),
            Answer(target: search, body: #"{"credits":1,"error":"none","people":[{"name":"Ada"}]}"#, found: 0),
            Answer(target: search, status: 404, body: #"{"error":"none"}"#, found: 0),
            Answer(target: search, status: 404, body: #"{"people":[{"name":"Ada"}]}"#, found: nil),
            Answer(target: search, status: 404, body: "<html>", found: nil),
            Answer(target: search, body: #"{"credits":1,"people":[{"name":"Ada"}"#, found: 0),
            Answer(target: "/acme/v1/base/x", body: "{}", found: nil),
        ], [[], asks])
    func aRowSaysWhatCame(answer: Answer, headers: [String]) async throws {
        try await Bench.run { bench in
            let response = try bench.exchange(request(answer.target, headers)) {
                $0.answer(answer.status, answer.headers.map { ($0.key, $0.value) }, body: answer.body)
            }
            let row = try #require(bench.log.settled.first)
            #expect(row.found == answer.found, "\(answer)")
            if response["X-Gateway-Normalized"] == "true" {
                #expect(response.text.contains(#""found":\#(row.found != 0 || answer.isEmpty)"#))
            } else {
                #expect(response.text == answer.body)
            }
            // Killed in flight it would have been paid for.
            #expect(bench.log.held.map(\.found) == [answer.target.contains("base") ? nil : 0])
        }
    }

    @Test func anAnswerWithoutABodyIsNone() async throws {
        try await Bench.run { bench in
            for (method, status) in [("GET", 204), ("GET", 304), ("HEAD", 200), ("HEAD", 204), ("HEAD", 404)] {
                try bench.exchange(request(Self.people, method: method)) {
                    $0.emit(.head(UpstreamHead(status: status, headers: HeaderList(), isBodiless: true)), .end)
                }
            }
            #expect(bench.log.settled.map(\.found) == [0, nil, nil, nil, nil])
            #expect(bench.log.held.map(\.found) == [0, 0, nil, nil, nil])
        }
    }

    /// Killed in flight it might have been a stream, of which nothing is said.
    @Test func whatMayBeAStreamIsNoMissBeforeItEnds() async throws {
        var adapter = try StreamAdapter.talker()
        adapter.operations[0].normalization = Normalization(
            entity: .person, fields: [.init(field: .fullName, source: .value(ValueSource(places: [.record(try JSONPath("$.name"))])))])
        try await Bench.run(adapters: [adapter]) { bench in
            try bench.exchange(request("/talker/v1/talk", method: "POST", body: "{}")) {
                $0.answer(body: #"{"name":"Ada","usage":{"tokens":1}}"#)
            }
            #expect(bench.log.held.map(\.found) == [nil] && bench.log.settled.map(\.found) == [1])
        }
    }

    @Test func whatBreaksOffBroughtNothingIfItIsPaidFor() async throws {
        try await Bench.run { bench in
            var rows = 0
            func play(_ target: String, _ headers: [String] = Self.asks, _ play: (ScriptedCall) -> Void) throws {
                let client = try bench.client()
                try client.send(request(target, headers))
                play(try bench.upstream.next())
                rows += 1
                _ = try bench.log.waitForSettled(rows)
            }
            for status in [200, 500] {
                for target in [Self.people, Self.search] {
                    try play(target) { call in
                        call.head(status, [("Content-Length", "99")])
                        call.body(#"{"people":[{}]"#)
                        call.fail(.broken)
                    }
                }
            }
            try play(Self.people, []) { $0.fail(.timeout) }
            #expect(bench.log.settled.map(\.found) == [0, 0, nil, nil, nil])
            #expect(bench.log.settled.map(\.cost.description) == ["0.30", "0.50", "0.00", "0.00", "0.00"])
        }
    }

    /// `{"name":"Ada"}`
    private static let gzip: [UInt8] = [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0xca, 0x4b, 0xcc, 0x4d, 0x55, 0xb2, 0x52, 0x72, 0x4c, 0x49,
        0x54, 0xaa, 0x05, 0x00, 0x05, 0x72, 0xfa, 0x29, 0x0e, 0x00, 0x00, 0x00,
    ]

    /// The copy comes in pieces while the caller has them already.
    @Test func whatFlowsIsCountedAtItsEnd() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request(Self.people))
            let call = try bench.upstream.next()
            call.head()
            call.body(#"{"name":"#)
            let head = try client.head()
            #expect(head["X-Gateway-Cost"] == "0.10")
            #expect(try client.chunk() == Array(#"{"name":"#.utf8))
            call.body(#""Ada"}"#)
            call.end()
            _ = try client.chunk()
            #expect(try client.chunk().isEmpty)
            #expect(bench.log.settled.map(\.found) == [1])
            let zipped = try bench.exchange(request(Self.people)) { call in
                call.emit(.head(UpstreamHead(status: 200, headers: HeaderList([("Content-Encoding", "gzip")]))), .body(Self.gzip), .end)
            }
            #expect(zipped.body == Self.gzip && bench.log.settled.last?.found == 1)
        }
    }

    /// Who is answered in a coding that only they can undo is not asked to do without it; where there may be no hits, there are no misses either.
    @Test(
        arguments: [
            (nil, nil, 1, 0), ("gzip, deflate", nil, 1, 0), ("identity;q=1, br;q=0, *; q=0", nil, 1, 0), ("gzip", "br", nil, 0),
            ("br", nil, nil, nil), ("gzip, BR", "br", nil, nil), ("zstd;q=0.5", nil, nil, nil), ("*", nil, nil, nil),
        ] as [(String?, String?, Int?, Int?)])
    func whatOnlyTheCallerCanReadIsNotCounted(accepted: String?, coding: String?, hit: Int?, miss: Int?) async throws {
        try await Bench.run { bench in
            let headers = accepted.map { ["Accept-Encoding: \($0)"] } ?? []
            for status in [200, 404] {
                let response = try bench.exchange(request(Self.people, headers)) { call in
                    #expect(call.request.headers.all("accept-encoding") == (accepted.map { [$0] } ?? []))
                    call.answer(status, coding.map { [("Content-Encoding", $0)] } ?? [], body: #"{"name":"Ada"}"#)
                }
                #expect(response.text == #"{"name":"Ada"}"#)
            }
            #expect(bench.log.settled.map(\.found) == [hit, miss])
            // Who asks for records, or for what is metered, is asked for it as it is.
            for target in [Self.people, Self.search] {
                try bench.exchange(request(target, headers + (target == Self.people ? Self.asks : []))) { call in
                    #expect(call.request.headers.all("accept-encoding") == ["identity"])
                    call.answer(200, [("Content-Encoding", "br")], body: "{}")
                }
            }
            #expect(bench.log.settled.suffix(2).map(\.found) == [0, 0])
        }
    }

    /// Too large to be kept: nobody knows. What metering reads all the same is counted.
    @Test(arguments: [true, false], [[], asks])
    func aLargeAnswerIsNotCounted(isAnnounced: Bool, headers: [String]) async throws {
        try await Bench.run(limits: Limits(bufferedResponse: 20)) { bench in
            for (target, body, found) in [
                (Self.people, #"{"name":"Ada Example"}"#, nil),
                (Self.search, #"{"credits":2,"people":[{"name":"Ada"},{"name":"Grace"}]}"#, 2), (Self.people, #"{"name":"Ada"}"#, 1),
            ] as [(String, String, Int?)] {
                let response = try bench.exchange(request(target, headers)) { call in
                    call.head(200, isAnnounced ? [("Content-Length", "\(body.utf8.count)")] : [])
                    for character in body { call.body(String(character)) }
                    call.end()
                }
                #expect(response.text == body || found == 1)
                #expect(bench.log.settled.last?.found == found, "\(body)")
            }
        }
    }

    /// Copies that nobody pays for have an eighth of the room beside it: what costs are read from finds all of it, however many there are.
    @Test func copiesTakeNoRoomFromWhatIsMetered() async throws {
        let body = #"{"name":"Ada Example"}"#
        let total = 8 * body.utf8.count
        let (start, end) = (#"{"credits":2,"people":[{"name":""#, #""}]}"#)
        let metered = start + String(repeating: "A", count: total - start.utf8.count - end.utf8.count) + end
        try await Bench.run(limits: Limits(bufferedTotal: total)) { bench in
            let client = try bench.client()
            try client.send(request(Self.people))
            let copied = try bench.upstream.next()
            copied.head()
            copied.body(body)
            _ = try client.head()
            #expect(try client.chunk() == Array(body.utf8))
            // The room for copies is full, and the other is empty.
            let second = try bench.exchange(request(Self.people)) { $0.answer(body: body) }
            #expect(second.text == body)
            let held = try bench.exchange(request(Self.search)) { $0.answer(body: metered) }
            #expect(held.text == metered && held["X-Gateway-Cost"] == "0.20" && held["X-Gateway-Cost-Basis"] == "table")
            copied.end()
            #expect(try client.chunk().isEmpty)
            // There is room again.
            try bench.exchange(request(Self.people)) { $0.answer(body: body) }
            #expect(bench.log.settled.map(\.found) == [nil, 1, 1, 1])
        }
    }

    @Test func recordsWithoutRoomAreCounted() async throws {
        let body = #"{"name":"Ada Example"}"#
        try await Bench.run(limits: Limits(bufferedTotal: 40)) { bench in
            let response = try bench.exchange(request(Self.people, Self.asks)) { $0.answer(body: body) }
            #expect(response.text == body && bench.log.settled.map(\.found) == [1])
        }
    }

    @Test func whoLeavesHasItCountedAllTheSame() async throws {
        try await Bench.run { bench in
            let client = try bench.client()
            try client.send(request(Self.people))
            let call = try bench.upstream.next()
            client.reset()
            try bench.settleLoop()
            call.answer(body: #"{"name":"Ada"}"#)
            #expect(try bench.log.waitForSettled().map(\.found) == [1])
        }
    }

    @Test func whatOthersHavePaidForIsNoLookup() async throws {
        try await Bench.run(adapters: [try FinderAdapter.finder("one", keeps: true)], eventLoops: 2) { bench in
            let target = "/one/v1/people/a"
            let (first, second) = (try bench.client(), try bench.client())
            try first.send(request(target, Self.asks))
            let call = try bench.upstream.next()
            try second.send(request(target))
            try bench.settleLoop()
            Play.hit(call)
            #expect(try first.response().status == 200 && second.response().status == 200)
            let third = try bench.client()
            try third.send(request(target, Self.asks))
            #expect(try third.response().status == 200)
            let rows = bench.log.settled
            #expect(rows.map(\.found).filter { $0 != nil } == [1])
            #expect(rows.count == 3 && rows.allSatisfy { ($0.saved == nil) == ($0.found != nil) })
        }
    }

    @Test(arguments: [[], asks])
    func whatIsStoredIsCounted(headers: [String]) async throws {
        try await Bench.run(adapters: [try FinderAdapter.finder("one", stores: true)], storesEntities: true) { bench in
            let response = try bench.exchange(request("/one/v1/people/a", headers + ["X-Entity-Type: person", "X-Entity-Id: e1"])) {
                Play.hit($0)
            }
            let stored = bench.log.entries.compactMap { if case .stored(let record) = $0 { record.fields } else { nil } }
            #expect(stored.count == 1 && stored[0].contains("ada@one.example"))
            #expect(bench.log.settled.map(\.found) == [1])
            #expect((response["X-Gateway-Normalized"] == "true") == !headers.isEmpty)
            if !headers.isEmpty { #expect(response.text.contains(stored[0].dropFirst().prefix(20))) }
        }
    }
}
