import Synchronization

/// What becomes of a call, for those who watch.
package enum CallEvent: Sendable {
    /// It was forwarded, or answered from what another had paid for, and this is its row.
    case settled(CostRecord)
    /// The gateway answered it itself.
    case refused(CallRefusal)
}

/// A call that the gateway answered with a problem of its own.
package struct CallRefusal: Sendable, Hashable {
    package var at: Timestamp
    /// As the caller was told it.
    package var id: CallID?
    package var workspace: String?
    package var user: String?
    package var provider: String?
    package var operation: String?
    package var code: Problem.Code
    package var status: Int

    package init(
        at: Timestamp, id: CallID?, workspace: String?, user: String?, provider: String?, operation: String?, code: Problem.Code,
        status: Int
    ) {
        self.at = at
        self.id = id
        self.workspace = workspace
        self.user = user
        self.provider = provider
        self.operation = operation
        self.code = code
        self.status = status
    }
}

/// Calls as they happen, for a few who watch. Nobody watching costs a call one load; somebody watching never makes a call wait.
package final class CallFeed: Sendable {
    /// What one watcher has not fetched yet: the newest events, and how many there was no room for.
    package struct Batch: Sendable {
        package var events: [CallEvent] = []
        package var missed = 0
    }

    /// How many may watch at once.
    package let capacity: Int
    /// How many events wait for each watcher at most.
    package let depth: Int
    private let count = Atomic<Int>(0)
    private let waiting = Mutex<(last: UInt64, batches: [UInt64: Batch])>((0, [:]))

    package init(capacity: Int = 16, depth: Int = 256) {
        self.capacity = capacity
        self.depth = depth
    }

    /// Puts an event, which is made only for somebody, where each watcher finds it.
    package func publish(_ event: @autoclosure () -> CallEvent) {
        guard count.load(ordering: .relaxed) > 0 else { return }
        let event = event()
        waiting.withLock { waiting in
            for watcher in waiting.batches.keys { waiting.batches[watcher]?.add(event, depth: depth) }
        }
    }

    /// Begins to watch, until ``leave(_:)``; nil while as many watch as may.
    package func join() -> UInt64? {
        waiting.withLock { waiting in
            guard waiting.batches.count < capacity else { return nil }
            waiting.last += 1
            waiting.batches[waiting.last] = Batch()
            count.store(waiting.batches.count, ordering: .relaxed)
            return waiting.last
        }
    }

    /// What has come since the last time.
    package func take(_ watcher: UInt64) -> Batch {
        waiting.withLock { waiting in
            guard let batch = waiting.batches[watcher] else { return Batch() }
            waiting.batches[watcher] = Batch()
            return batch
        }
    }

    package func leave(_ watcher: UInt64) {
        waiting.withLock { waiting in
            waiting.batches[watcher] = nil
            count.store(waiting.batches.count, ordering: .relaxed)
        }
    }

    /// How many watch.
    package var watchers: Int { count.load(ordering: .relaxed) }
}

extension CallFeed.Batch {
    /// Of more than there is room for the newer half stays, so that room is made seldom.
    fileprivate mutating func add(_ event: CallEvent, depth: Int) {
        if events.count >= depth {
            let excess = events.count - depth / 2
            events.removeFirst(excess)
            missed += excess
        }
        events.append(event)
    }
}
