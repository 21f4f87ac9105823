import Foundation
import Testing

/// A value that threads change and others wait for.
final class Watched<Value>: @unchecked Sendable {
    // Unchecked: `value` is touched under the condition's lock alone.
    private let condition = NSCondition()
    private var value: Value

    init(_ value: Value) {
        self.value = value
    }

    @discardableResult
    func change<Result>(_ body: (inout Value) -> Result) -> Result {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        return body(&value)
    }

    var current: Value { change { $0 } }

    /// Blocks until `take` returns something; throws when that takes absurdly long.
    func wait<Result>(for what: String, _ take: (inout Value) -> Result?) throws -> Result {
        let limit = Date(timeIntervalSinceNow: 30)
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let result = take(&value) {
                condition.broadcast()
                return result
            }
            guard condition.wait(until: limit) else { throw NeverHappened(what: what) }
        }
    }
}

struct NeverHappened: Error, CustomStringConvertible {
    var what: String
    var description: String { "never happened: \(what)" }
}

/// Waits for a condition on state that announces no changes.
func eventually(_ what: String, _ condition: () -> Bool) throws {
    let limit = Date(timeIntervalSinceNow: 30)
    while !condition() {
        guard Date() < limit else { throw NeverHappened(what: what) }
        usleep(1000)
    }
}

/// Runs every job on a thread of its own: a test that blocks keeps nobody else from going on.
final class ThreadExecutor: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        Thread.detachNewThread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
