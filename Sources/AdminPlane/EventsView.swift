import GatewayCore
import HTTPTypes
import Hummingbird
import JSONPath
import NIOCore
import Synchronization

/// `GET /v1/events`: calls as they happen, as server-sent events: `call` with a row of the ledger, `refusal`, and `missed` with the number of
/// those that there was no room for.
struct EventsView: ResponseGenerator {
    /// What has come is written this often, however much it is: a busy gateway costs a watcher no more writes than an idle one.
    private static let pace = Duration.milliseconds(200)

    let feed: CallFeed
    /// Whether whoever watches still may: asked again and again, because a stream outlives the token that it was opened with.
    var isWelcome: @Sendable () -> Bool = { true }
    /// A reader that takes nothing for so long is left.
    var patience = Duration.seconds(9)
    /// How long nothing is said: that a connection has ended is noticed by writing to it.
    var silence = Duration.seconds(2)

    func response(from request: Request, context: some RequestContext) throws -> Response {
        guard let body else {
            return try AdminAnswer(
                problem: 503, "Too many watch", "\(feed.capacity) watch the calls already; close one of them, or try later."
            ).response(from: request, context: context)
        }
        var headers = HTTPFields()
        headers[.contentType] = "text/event-stream; charset=utf-8"
        headers[.cacheControl] = "no-store"
        return Response(status: .ok, headers: headers, body: body)
    }

    /// What a new watcher gets; nil while as many watch as may.
    var body: ResponseBody? {
        guard let watcher = feed.join() else { return nil }
        let place = Place(feed: feed, watcher: watcher)
        return ResponseBody { writer in
            try await write(to: &writer, from: place)
            try await writer.finish(nil)
        }
    }

    /// A watcher's place in the feed. It is given up with whatever holds it, so that an answer that is never written does so as well.
    private final class Place: Sendable {
        let feed: CallFeed
        let watcher: UInt64
        /// When the write that goes on began; nil while there is none.
        let writingSince = Mutex<ContinuousClock.Instant?>(nil)

        init(feed: CallFeed, watcher: UInt64) {
            self.feed = feed
            self.watcher = watcher
        }

        deinit {
            feed.leave(watcher)
        }
    }

    struct StalledReader: Error {}

    /// Unchecked, because only the one task that it is handed to writes with it.
    private struct Pen: @unchecked Sendable {
        let writer: any ResponseBodyWriter
    }

    private func write(to writer: inout any ResponseBodyWriter, from place: Place) async throws {
        // Beside the writing, which may wait for ever for a reader who reads nothing.
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                while true {
                    try await Task.sleep(for: patience / 3)
                    let since = place.writingSince.withLock { $0 }
                    if let since, since.duration(to: .now) > patience { throw StalledReader() }
                }
            }
            let pen = Pen(writer: writer)
            tasks.addTask {
                var writer = pen.writer
                var silentSince = ContinuousClock.now
                // Says at once that it watches.
                var text = ": watching\n\n"
                while true {
                    if !text.isEmpty {
                        place.writingSince.withLock { $0 = .now }
                        try await writer.write(ByteBuffer(string: text))
                        place.writingSince.withLock { $0 = nil }
                        silentSince = .now
                    }
                    try await Task.sleep(for: Self.pace)
                    guard isWelcome() else { return }
                    text = Self.text(place.feed.take(place.watcher))
                    if text.isEmpty, silentSince.duration(to: .now) > silence { text = ":\n\n" }
                }
            }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }

    static func text(_ batch: CallFeed.Batch) -> String {
        var text = ""
        if batch.missed > 0 { text += "event: missed\ndata: \(batch.missed)\n\n" }
        for event in batch.events {
            switch event {
            case .settled(let record): text += Self.event("call", record.id, record.json)
            case .refused(let refusal): text += Self.event("refusal", refusal.id, refusal.json)
            }
        }
        return text
    }

    /// JSON has no line ends outside of its strings, and escapes those within.
    private static func event(_ name: String, _ id: CallID?, _ value: JSONValue) -> String {
        "event: \(name)\n" + (id.map { "id: \($0)\n" } ?? "") + "data: \(String(decoding: value.serialized, as: UTF8.self))\n\n"
    }
}

extension CallRefusal {
    /// With the ledger's names for what rows have too.
    fileprivate var json: JSONValue {
        var members: [JSONValue.Member] = []
        for (name, text) in [
            ("id", id?.description), ("workspaceId", workspace), ("userId", user), ("apiProvider", provider), ("operation", operation),
        ] {
            if let text { members.append(.init(name, .string(text))) }
        }
        return .object(
            members + [
                .init("code", .string(code.rawValue)), .init("status", .number(JSONNumber(Int64(status)))),
                .init("createdAt", .string(at.rfc3339)),
            ])
    }
}
