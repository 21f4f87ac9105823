import GatewayCore
import Testing

/// Calls as they happen, for those who watch.
@Suite struct CallFeedTests {
    private static func refusal(_ number: Int) -> CallEvent {
        .refused(
            CallRefusal(
                at: monday, id: nil, workspace: "w\(number)", user: nil, provider: nil, operation: nil, code: .rateLimited, status: 429))
    }

    private static func names(_ batch: CallFeed.Batch) -> [String] {
        batch.events.map { event in
            switch event {
            case .settled(let record): record.workspace
            case .refused(let refusal): refusal.workspace ?? "-"
            }
        }
    }

    @Test func makesNoEventWhileNobodyWatches() throws {
        let feed = CallFeed()
        var made = 0
        func event() -> CallEvent {
            made += 1
            return Self.refusal(made)
        }
        feed.publish(event())
        #expect(made == 0)
        let watcher = try #require(feed.join())
        feed.publish(event())
        #expect(made == 1 && Self.names(feed.take(watcher)) == ["w1"])
        feed.leave(watcher)
        feed.publish(event())
        #expect(made == 1 && feed.watchers == 0)
    }

    @Test func eachWatcherGetsEveryEventOnceAndInOrder() throws {
        let feed = CallFeed()
        let first = try #require(feed.join())
        feed.publish(Self.refusal(1))
        let second = try #require(feed.join())
        feed.publish(Self.refusal(2))
        #expect(Self.names(feed.take(first)) == ["w1", "w2"] && Self.names(feed.take(second)) == ["w2"])
        #expect(feed.take(first).events.isEmpty)
        feed.leave(first)
        feed.publish(Self.refusal(3))
        #expect(feed.take(first).events.isEmpty && Self.names(feed.take(second)) == ["w3"])
    }

    /// What waits for a watcher who fetches nothing is bounded: the newest stay, and what is lost is counted.
    @Test(arguments: [1, 2, 7, 8, 9, 100, 1000]) func whatWaitsIsBounded(published: Int) throws {
        let feed = CallFeed(depth: 8)
        let watcher = try #require(feed.join())
        for number in 0..<published { feed.publish(Self.refusal(number)) }
        let batch = feed.take(watcher)
        #expect(batch.events.count <= 8 && batch.events.count + batch.missed == published)
        #expect(Self.names(batch) == (0..<published).suffix(batch.events.count).map { "w\($0)" })
        #expect(published > 8 || batch.missed == 0)
    }

    @Test func asManyWatchAsMay() throws {
        let feed = CallFeed(capacity: 2)
        let first = try #require(feed.join())
        #expect(feed.join() != nil && feed.join() == nil)
        feed.leave(first)
        #expect(feed.join() != nil && feed.watchers == 2)
    }

    @Test func losesNothingUncountedUnderManyThreads() async throws {
        let feed = CallFeed(depth: 64)
        let watcher = try #require(feed.join())
        let (threads, each) = (4, 2000)
        await withTaskGroup { tasks in
            for _ in 0..<threads {
                tasks.addTask { for number in 0..<each { feed.publish(Self.refusal(number)) } }
            }
            tasks.addTask { for _ in 0..<50 { _ = feed.join().map(feed.leave) } }
        }
        let batch = feed.take(watcher)
        #expect(batch.events.count + batch.missed == threads * each)
    }
}
