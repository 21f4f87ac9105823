import GatewayCore
internal import Glibc

/// What waits for the journal's thread.
struct EntryQueue: Sendable {
    enum Content: Sendable {
        /// An entry of so many bytes.
        case entry(EntryKind, CallID?, Int)
        /// Nothing to write; done when all before it is.
        case barrier
        /// Cannot be written whatever the disk does.
        case refused(DurabilityError)
    }

    struct Item: Sendable {
        var content: Content
        var completion: @Sendable (Result<Void, DurabilityError>) -> Void
    }

    /// Frames one behind the other, and what they are.
    struct Batch: Sendable {
        var bytes: [UInt8] = []
        var items: [Item] = []

        mutating func clear() {
            // One burst must not keep its memory for good.
            bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
            items.removeAll(keepingCapacity: items.capacity <= 1 << 14)
        }
    }

    var batch = Batch()
    /// The thread waits for a signal.
    var asleep = false
    var closed = false
}

/// A signal that wakes one thread; signals that come while it is awake are remembered.
final class Wakeup: @unchecked Sendable {
    // A POSIX semaphore is made for use from any thread; its address stays the same from init to deinit.
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() {
        sem_post(semaphore)
    }

    /// Returns at a signal, after so many milliseconds, or for no reason.
    func wait(milliseconds: Int?) {
        guard let milliseconds else {
            sem_wait(semaphore)
            return
        }
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += milliseconds / 1000
        deadline.tv_nsec += milliseconds % 1000 * 1_000_000
        if deadline.tv_nsec >= 1_000_000_000 {
            deadline.tv_sec += 1
            deadline.tv_nsec -= 1_000_000_000
        }
        sem_timedwait(semaphore, &deadline)
    }
}

/// A thread of its own for blocking system calls, which the concurrency runtime's few threads must not make.
final class WriterThread: Sendable {
    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    private let handle: pthread_t?

    init(_ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                WriterThread.nameItself("journal")
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        if status == 0 {
            handle = thread
        } else {
            body.release()
            handle = nil
        }
    }

    /// Gives the calling thread a name for whoever looks at the process; without one it works as well.
    private static func nameItself(_ name: StaticString) {
        let file = open("/proc/thread-self/comm", O_WRONLY)
        guard file >= 0 else { return }
        _ = write(file, name.utf8Start, name.utf8CodeUnitCount)
        close(file)
    }

    /// Whether the machine gave a thread.
    var isRunning: Bool { handle != nil }

    /// Waits for the end; to be called once.
    func join() {
        if let handle { pthread_join(handle, nil) }
    }
}
