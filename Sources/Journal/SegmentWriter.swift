import GatewayCore
import Synchronization

/// The journal's thread: takes all that is queued, writes it at once, makes it durable, runs the completions.
///
/// When writing fails, the segment is cut back to its last good entry, the completions hear of it, and the entries wait in memory to be
/// written first when it heals. A failed `fdatasync` leaves open which bytes are on the disk, and the kernel does not tell again: the
/// segment is given up and its unacknowledged entries are written to a new one.
struct SegmentWriter {
    private typealias Written = (kind: EntryKind, id: CallID?, length: Int)

    private enum Failure: Error {
        /// The segments have as many bytes as they may.
        case full(limit: UInt64)
        case write(SystemError)
        case synchronize(SystemError)
    }

    private let journal: Journal
    private let storage: JournalStorage
    private var active: (number: UInt64, file: Descriptor, size: UInt64)?
    private var retained = RetainedEntries()
    private var pause: Int
    /// Bytes written at once when entries that waited are written at last.
    private let chunk = 1 << 20

    init(journal: Journal) {
        self.journal = journal
        storage = journal.options.storage
        pause = journal.options.retry.lowerBound
    }

    /// Runs until the journal is closed and everything queued has been tried.
    consuming func run() {
        var batch = EntryQueue.Batch()
        while true {
            let closed = take(&batch)
            process(batch)
            let isDone = closed && batch.items.isEmpty
            batch.clear()
            if isDone { return }
        }
    }

    /// Waits for entries, or for the next try while some wait in memory. Returns whether the journal has been closed.
    private func take(_ batch: inout EntryQueue.Batch) -> Bool {
        var mayWait = true
        while true {
            let (done, closed) = journal.queue.withLock { queue in
                if queue.batch.items.isEmpty, !queue.closed, mayWait {
                    queue.asleep = true
                    return (false, false)
                }
                queue.asleep = false
                swap(&queue.batch, &batch)
                return (true, queue.closed)
            }
            if done { return closed }
            journal.wakeup.wait(milliseconds: retained.isEmpty ? nil : pause)
            // With entries in memory, an empty batch is a try as well.
            mayWait = retained.isEmpty
        }
    }

    private mutating func process(_ batch: EntryQueue.Batch) {
        var failure: DurabilityError?
        do throws(DurabilityError) {
            try writeRetained()
            let written: [Written] = batch.items.compactMap { item in
                guard case .entry(let kind, let id, let length) = item.content else { return nil }
                return (kind, id, length)
            }
            if !written.isEmpty { try write(batch.bytes[...], written) }
            pause = journal.options.retry.lowerBound
        } catch {
            failure = error
            retain(batch)
            pause = min(pause * 2, journal.options.retry.upperBound)
        }
        report(failure)
        for item in batch.items {
            if case .refused(let error) = item.content {
                item.completion(.failure(error))
            } else if let failure {
                item.completion(.failure(failure))
            } else {
                item.completion(.success(()))
            }
        }
    }

    private mutating func writeRetained() throws(DurabilityError) {
        while !retained.isEmpty {
            let (bytes, items) = retained.front(bytes: chunk)
            try write(bytes, items)
            retained.removeFront(items.count)
        }
    }

    private mutating func retain(_ batch: EntryQueue.Batch) {
        var start = 0
        var dropped = 0
        for item in batch.items {
            guard case .entry(let kind, let id, let length) = item.content else { continue }
            let frame = batch.bytes[start..<start + length]
            start += length
            if kind == .settled || kind == .priced { journal.replayLine(JournalLine.encode(frame: frame)) }
            let kept = retained.keep(kind, id, frame, limit: journal.options.largestRetention) { id in
                journal.table.withLock { $0.holds[id] != nil }
            }
            if !kept { dropped += 1 }
        }
        journal.table.withLock { $0.droppedEntries += dropped }
    }

    private func report(_ failure: DurabilityError?) {
        // Nothing to say while all is well, which is the path that every batch takes.
        let (entries, bytes) = (retained.count, retained.byteCount)
        journal.table.withLock { table in
            table.retainedEntries = entries
            table.retainedBytes = bytes
            if let failure {
                table.failure = (table.failure?.since ?? journal.clock(), failure)
            } else if table.failure != nil {
                table.failure = nil
            }
        }
    }

    // MARK: Writing

    /// Makes entries durable, in this segment or a new one, and known to the readers.
    private mutating func write(_ bytes: ArraySlice<UInt8>, _ items: [Written]) throws(DurabilityError) {
        do throws(Failure) {
            try put(bytes, items)
        } catch {
            guard case .synchronize = error else { throw description(of: error) }
            do throws(Failure) {
                try put(bytes, items)
            } catch {
                throw description(of: error)
            }
        }
    }

    private func description(of failure: Failure) -> DurabilityError {
        switch failure {
        case .full(let limit):
            DurabilityError(
                "the journal \(journal.folder.path) is full: it has \(limit >> 20) MiB (ledger.journal_max) that are not all in the ledger")
        case .write(let error), .synchronize(let error): DurabilityError("the journal \(journal.folder.path) cannot be written: \(error)")
        }
    }

    private mutating func put(_ bytes: ArraySlice<UInt8>, _ items: [Written]) throws(Failure) {
        if let limit = journal.options.limit, journal.table.withLock({ $0.size }) + UInt64(bytes.count) > limit {
            throw .full(limit: limit)
        }
        let (number, file, start) = try segment(for: bytes.count)
        do throws(SystemError) {
            try bytes.withRawBytes { raw throws(SystemError) in
                var written = 0
                while written < raw.count {
                    let rest = UnsafeRawBufferPointer(rebasing: raw[written...])
                    written += try storage.write(file.number, rest, start + UInt64(written))
                }
            }
        } catch {
            cutBack(file, to: start)
            throw .write(error)
        }
        if journal.options.synchronous == .full {
            do throws(SystemError) {
                try storage.synchronize(file.number)
            } catch {
                cutBack(file, to: start)
                active = nil
                throw .synchronize(error)
            }
        }
        let end = start + UInt64(bytes.count)
        active = (number, file, end)
        publish(items, in: number, from: start, to: end)
    }

    /// Takes away what an unfinished write has left. Where that fails, the segment is given up as it is: readers stop at its last good entry.
    private mutating func cutBack(_ file: Descriptor, to size: UInt64) {
        do throws(SystemError) {
            try storage.truncate(file.number, size)
        } catch {
            active = nil
        }
    }

    private func publish(_ items: [Written], in number: UInt64, from start: UInt64, to end: UInt64) {
        let listener = journal.table.withLock { table in
            var place = JournalPosition(segment: number, offset: start)
            for item in items {
                table.note(item.kind, item.id, at: place)
                place.offset += UInt64(item.length)
            }
            if let index = table.index(ofSegment: number) {
                table.segments[index].size = end
                table.segments[index].entries += items.count
            }
            defer { table.listener = nil }
            return table.listener
        }
        listener?()
    }

    // MARK: Segments

    /// The segment to write so many bytes to: the active one, or a new one where there is none, it is full, or somebody has unlinked it.
    private mutating func segment(for count: Int) throws(Failure) -> (number: UInt64, file: Descriptor, size: UInt64) {
        if let current = active {
            let isLinked = (try? current.file.state().linked) ?? false
            if !isLinked {
                // Its entries can still be read through the descriptor, and the table keeps that.
                active = nil
            } else if current.size > UInt64(SegmentHeader.size), current.size + UInt64(count) > journal.options.segmentSize {
                do throws(SystemError) {
                    return try begin()
                } catch {
                    // Longer than wished is better than not at all.
                    return current
                }
            } else {
                return current
            }
        }
        do throws(SystemError) {
            return try begin()
        } catch {
            throw .write(error)
        }
    }

    /// Begins a segment. Its header and its name are durable before its first entry, whatever "durable" means for entries, so that its
    /// number is never given twice.
    private mutating func begin() throws(SystemError) -> (number: UInt64, file: Descriptor, size: UInt64) {
        let folder = journal.folder
        try folder.create()
        _ = removeFile(folder.newSegmentPath)
        let known = journal.table.withLock { $0.segments.last?.number ?? 0 }
        let number = max(known, try folder.segments().last ?? 0) + 1
        let file = Descriptor(number: try storage.create(folder.newSegmentPath))
        let header = SegmentHeader(journal: journal.identity, segment: number).encoded
        var written = 0
        while written < header.count {
            written += try header[written...].withRawBytes { raw throws(SystemError) in
                try storage.write(file.number, raw, UInt64(written))
            }
        }
        try storage.synchronize(file.number)
        try storage.rename(folder.newSegmentPath, folder.path(ofSegment: number), folder.path)
        let begun = (number: number, file: file, size: UInt64(SegmentHeader.size))
        journal.table.withLock { table in
            // A finished segment is read by its name, unless it has none any more.
            if let last = table.segments.indices.last {
                let isLinked = (try? table.segments[last].file?.state().linked) ?? true
                if isLinked { table.segments[last].file = nil }
            }
            table.segments.append(SegmentInfo(number: number, salt: journal.salt, size: begun.size, file: file))
        }
        active = begun
        return begun
    }
}
