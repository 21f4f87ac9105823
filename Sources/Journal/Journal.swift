package import GatewayCore
import Synchronization

/// A folder of append-only segments in which every hold and every settlement is durable before its call goes on.
///
/// Entries queue up from any thread; one thread writes all that is queued with one `write`, makes it durable, and runs the completions in
/// order. A process that opens the folder begins a new segment, so that a place once given to an entry is never given to another, even
/// when a loss of power takes the end of a segment away. `close` must be called: the thread keeps the journal alive until then.
package final class Journal: DurableLog {
    /// What "durable" means.
    package enum Synchronization: Sendable, Hashable {
        /// In the kernel: survives the end of the process.
        case normal
        /// On the disk: survives a loss of power.
        case full
    }

    package struct Options: Sendable {
        package var synchronous: Synchronization
        /// Bytes after which a new segment is begun.
        package var segmentSize: UInt64
        /// The most bytes that the segments may have together, after which writing fails until the ledger has taken some; nil for no bound.
        package var limit: UInt64?
        /// What is kept in memory while the journal cannot be written: entries, and their bytes.
        package var largestRetention: (entries: Int, bytes: Int)
        /// The first and the longest pause between tries to write again, in milliseconds.
        package var retry: ClosedRange<Int>
        package var storage: JournalStorage

        package init(
            synchronous: Synchronization = .normal, segmentSize: UInt64 = 64 << 20, limit: UInt64? = nil,
            largestRetention: (entries: Int, bytes: Int) = (100_000, 64 << 20), retry: ClosedRange<Int> = 250...2000,
            storage: JournalStorage = .system
        ) {
            self.synchronous = synchronous
            // Space comes back by whole segments, and never that of the last one: under a limit they are small beside it.
            self.segmentSize = min(segmentSize, max(1, (limit ?? .max) / 8))
            self.limit = limit
            self.largestRetention = largestRetention
            self.retry = retry
            self.storage = storage
        }
    }

    /// How the writing goes.
    package struct Health: Sendable {
        /// When the journal began to fail; nil while it is well.
        package var failingSince: Timestamp?
        /// Why; nil while it is well.
        package var lastError: DurabilityError?
        /// Entries that wait in memory for the journal to heal.
        package var retainedEntries: Int
        /// Entries for which there was no room in memory either. Those that matter are replayable lines.
        package var droppedEntries: Int
        /// Bytes that are not durable yet.
        package var queuedBytes: Int
        /// Bytes of all segments, and how many they may have.
        package var size: UInt64
        package var limit: UInt64?

        package var isHealthy: Bool { failingSince == nil }
    }

    /// 32 hexadecimal digits that no other journal has: the name under which ledgers keep its position.
    package var id: String { identity.description }

    let identity: JournalID
    let folder: JournalFolder
    let options: Options
    let clock: WallClock
    let replayLine: @Sendable (String) -> Void
    let queue = Mutex(EntryQueue())
    let table: Mutex<SegmentTable>
    let wakeup = Wakeup()
    let salt: Frame.Salt
    private let thread = Mutex<WriterThread?>(nil)
    /// The last segment that an earlier process has left.
    private let lastFound: UInt64
    /// The lock; given back by ``close()``.
    private let owner: Mutex<Descriptor?>

    /// Opens a folder, making it where it is missing, and takes it for this process; cuts off a torn end and finds the calls that an earlier
    /// process has left open.
    ///
    /// - Parameter replayLine: Called on the journal's thread with one line for each settlement and price version that could not be written.
    package convenience init(
        folder path: String, options: Options = Options(), clock: @escaping WallClock, replayLine: @escaping @Sendable (String) -> Void
    ) throws(JournalError) {
        let folder = JournalFolder(path: path)
        do throws(SystemError) {
            try folder.create()
        } catch {
            throw JournalError("the journal \(path) cannot be used: \(error)")
        }
        let owner = try folder.lock()
        let opened = try JournalOpening.scan(folder, storage: options.storage)
        self.init(folder: folder, owner: owner, opened: opened, options: options, clock: clock, replayLine: replayLine)
        let thread = WriterThread { [self] in SegmentWriter(journal: self).run() }
        guard thread.isRunning else { throw JournalError("the journal \(path) cannot be used: no thread could be started") }
        self.thread.withLock { $0 = thread }
    }

    private init(
        folder: JournalFolder, owner: Descriptor, opened: JournalOpening, options: Options, clock: @escaping WallClock,
        replayLine: @escaping @Sendable (String) -> Void
    ) {
        self.folder = folder
        self.owner = Mutex(owner)
        lastFound = opened.table.segments.last?.number ?? 0
        identity = opened.identity
        salt = Frame.Salt(journal: opened.identity)
        table = Mutex(opened.table)
        self.options = options
        self.clock = clock
        self.replayLine = replayLine
    }

    package func append(_ appends: [LogAppend]) {
        // Encoded here, on the caller's thread, so that the lock is held for a copy only.
        enqueue(
            appends.map { append in
                guard let frame = Frame.encode(append.entry, salt: salt) else {
                    let error = DurabilityError("an entry is longer than \(Frame.largestPayload) bytes")
                    return (EntryQueue.Item(content: .refused(error), completion: append.completion), [])
                }
                let content = EntryQueue.Content.entry(append.entry.kind, append.entry.callID, frame.count)
                return (EntryQueue.Item(content: content, completion: append.completion), frame)
            })
    }

    /// Runs `completion` when everything appended before is durable, or with the reason why something is not.
    package func flush(completion: @escaping @Sendable (Result<Void, DurabilityError>) -> Void) {
        enqueue([(EntryQueue.Item(content: .barrier, completion: completion), [])])
    }

    /// One lock and one signal for all of them.
    private func enqueue(_ items: [(item: EntryQueue.Item, frame: [UInt8])]) {
        let (accepted, asleep) = queue.withLock { queue in
            guard !queue.closed else { return (false, false) }
            for (item, frame) in items {
                queue.batch.bytes.append(contentsOf: frame)
                queue.batch.items.append(item)
            }
            defer { queue.asleep = false }
            return (true, queue.asleep)
        }
        if asleep { wakeup.signal() }
        guard !accepted else { return }
        for (item, _) in items { item.completion(.failure(DurabilityError("the journal is closed"))) }
    }

    /// Appends the settlement of every call that an earlier process left open, as its hold says, before anything that is appended later.
    ///
    /// A process that is killed in the middle of this leaves open what it did not reach, and the next one goes on with that.
    /// - Returns: The records, in the order of their holds.
    package func recover() throws(JournalError) -> [CostRecord] {
        let left = table.withLock { table in table.holds.values.filter { $0.segment <= lastFound } }.sorted()
        var records: [CostRecord] = []
        for place in left {
            guard case .held(let record)? = try entry(at: place) else { continue }
            records.append(record)
            append(.settled(record)) { _ in }
        }
        return records
    }

    /// How the writing goes.
    package var health: Health {
        let queued = queue.withLock { $0.batch.bytes.count }
        return table.withLock { table in
            Health(
                failingSince: table.failure?.since, lastError: table.failure?.error, retainedEntries: table.retainedEntries,
                droppedEntries: table.droppedEntries, queuedBytes: queued + table.retainedBytes, size: table.size,
                limit: options.limit)
        }
    }

    /// What could not be read, at opening and since.
    package var damage: [JournalDamage] {
        table.withLock { $0.damage }
    }

    /// Writes what is queued, ends the thread and gives the folder free. Waits for it; appends fail from then on.
    package func close() {
        let asleep = queue.withLock { queue in
            queue.closed = true
            defer { queue.asleep = false }
            return queue.asleep
        }
        if asleep { wakeup.signal() }
        let thread = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        thread?.join()
        owner.withLock { $0 = nil }
    }
}
