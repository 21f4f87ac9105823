import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore
import Testing

@testable import AdminPlane

/// Watchers who read slowly, or not at all.
@Suite(.timeLimit(.minutes(1))) struct EventsViewTests {
    /// A reader who takes some pieces and then no more, as a full socket does.
    private struct Reader: ResponseBodyWriter {
        let takes: Int
        let taken: AsyncStream<String>.Continuation
        private var count = 0

        init(takes: Int, taken: AsyncStream<String>.Continuation) {
            self.takes = takes
            self.taken = taken
        }

        mutating func write(_ buffer: ByteBuffer) async throws {
            count += 1
            // Ends by being cancelled, and in no other way.
            guard count <= takes else { return try await Task.sleep(for: .seconds(600)) }
            taken.yield(String(buffer: buffer))
        }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }

    private static func event(_ number: Int) -> CallEvent {
        .refused(
            CallRefusal(
                at: Timestamp(microseconds: 0), id: nil, workspace: "w\(number)", user: nil, provider: nil, operation: nil,
                code: .rateLimited, status: 429))
    }

    @Test(arguments: [0, 1]) func whoReadsNothingIsLeft(takes: Int) async throws {
        let feed = CallFeed()
        let (pieces, taken) = AsyncStream.makeStream(of: String.self)
        do {
            let body = try #require(EventsView(feed: feed, patience: .milliseconds(60)).body)
            #expect(feed.watchers == 1)
            feed.publish(Self.event(1))
            await #expect(throws: EventsView.StalledReader.self) { try await body.write(Reader(takes: takes, taken: taken)) }
        }
        taken.finish()
        #expect(await pieces.reduce(0) { count, _ in count + 1 } == takes)
        // Its place is free.
        #expect(feed.watchers == 0)
    }

    /// Who may no longer watch gets nothing more, and an end.
    @Test func whoIsNotWelcomeAnyMoreIsSentAway() async throws {
        let feed = CallFeed()
        let (pieces, taken) = AsyncStream.makeStream(of: String.self)
        let body = try #require(EventsView(feed: feed, isWelcome: { false }).body)
        feed.publish(Self.event(1))
        try await body.write(Reader(takes: .max, taken: taken))
        taken.finish()
        #expect(await pieces.reduce(into: []) { $0.append($1) } == [": watching\n\n"])
    }

    /// What has come is one piece, however much it is; and there is a piece from time to time where nothing comes.
    @Test func whoReadsGetsWhatComesAndASignOfLife() async throws {
        let feed = CallFeed()
        let (pieces, taken) = AsyncStream.makeStream(of: String.self)
        let body = try #require(EventsView(feed: feed, silence: .milliseconds(500)).body)
        let writing = Task { try await body.write(Reader(takes: .max, taken: taken)) }
        var iterator = pieces.makeAsyncIterator()
        #expect(await iterator.next() == ": watching\n\n")
        for number in 0..<300 { feed.publish(Self.event(number)) }
        var (events, missed, lines) = (0, 0, 0)
        while events + missed < 300, let piece = await iterator.next() {
            lines += 1
            events += piece.matches(of: /event: refusal\ndata: {"workspaceId":"w[0-9]+".*}\n\n/).count
            missed += piece.matches(of: /event: missed\ndata: ([0-9]+)\n\n/).reduce(0) { $0 + (Int($1.1) ?? 0) }
        }
        #expect(events + missed == 300 && missed > 0 && lines <= 3)
        #expect(await iterator.next() == ":\n\n")
        writing.cancel()
        await #expect(throws: CancellationError.self) { try await writing.value }
        #expect(EventsView(feed: CallFeed(capacity: 0)).body == nil)
    }
}
