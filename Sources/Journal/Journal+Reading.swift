package import GatewayCore
import Synchronization

extension Journal {
    /// One reading gives back no more than about this many bytes of entries.
    private static let largestReading: UInt64 = 8 << 20

    /// Where the last durable entry ends.
    package var durableEnd: JournalPosition {
        table.withLock { $0.end }
    }

    /// Bytes of durable entries after a place.
    package func bytes(after place: JournalPosition) -> UInt64 {
        table.withLock { $0.bytes(after: place) }
    }

    /// Durable entries in order from a place on, which is the journal's start or a `next` of an earlier call, and the place behind them.
    ///
    /// A place in a segment that has been removed stands for the first one that is there. Bytes that cannot be read are passed over and
    /// listed in ``damage``. `next == from` at the end only.
    package func entries(from place: JournalPosition, limit: Int) throws(JournalError) -> (entries: [JournalEntry], next: JournalPosition) {
        try entries(from: place, limit: limit) { _ in true }
    }

    /// The same for entries of the kinds that are wanted: the others are not even decoded.
    func entries(
        from place: JournalPosition, limit: Int, where isWanted: (EntryKind) -> Bool
    ) throws(JournalError) -> (entries: [JournalEntry], next: JournalPosition) {
        var entries: [JournalEntry] = []
        var place = place
        var bytes: UInt64 = 0
        while entries.count < limit, bytes < Self.largestReading {
            let (segment, isLast) = table.withLock { table in
                let segment = table.segments.first { $0.number >= place.segment }
                return (segment, segment?.number == table.segments.last?.number)
            }
            guard let segment else { break }
            let start = segment.number == place.segment ? max(place.offset, UInt64(SegmentHeader.size)) : UInt64(SegmentHeader.size)
            if start >= segment.size {
                // Where a segment that has been begun and not written to will have its first entry: that is the journal's end.
                guard !isLast else {
                    place = JournalPosition(segment: segment.number, offset: start)
                    break
                }
                place = JournalPosition(segment: segment.number + 1, offset: 0)
                continue
            }
            let next = try read(segment, from: start, limit: limit, where: isWanted, into: &entries)
            bytes += next - start
            place = JournalPosition(segment: segment.number, offset: next)
        }
        return (entries, place)
    }

    /// Removes the segments that end at or before a place, the first ones only, and none that a call is still held in.
    /// A segment with unreadable bytes keeps its file under a name that ends in `.damaged`.
    package func removeSegments(before place: JournalPosition) {
        for segment in table.withLock({ $0.takeRemovable(before: place) }) {
            let path = folder.path(ofSegment: segment.number)
            // A file that cannot be removed is found and removed again at the next start.
            if segment.damaged {
                _ = renameFile(path, path + ".damaged")
            } else {
                _ = removeFile(path)
            }
        }
    }

    /// The entry at its exact place.
    func entry(at place: JournalPosition) throws(JournalError) -> JournalEntry? {
        guard let segment = table.withLock({ table in table.index(ofSegment: place.segment).map { table.segments[$0] } }) else {
            return nil
        }
        var entries: [JournalEntry] = []
        _ = try read(segment, from: place.offset, limit: 1, where: { _ in true }, into: &entries)
        return entries.first
    }

    /// Reads up to `limit` entries in all from one segment; returns where the reading ended.
    private func read(
        _ segment: SegmentInfo, from start: UInt64, limit: Int, where isWanted: (EntryKind) -> Bool, into entries: inout [JournalEntry]
    ) throws(JournalError) -> UInt64 {
        let path = folder.path(ofSegment: segment.number)
        do throws(SystemError) {
            let file: Descriptor
            do throws(SystemError) {
                if let open = segment.file { file = open } else { file = try Descriptor(path: path, flags: readOnly) }
            } catch {
                guard error.isMissing else { throw error }
                note(.unreadable, segment.number, start..<segment.size)
                return segment.size
            }
            var cursor = SegmentCursor(file: file, salt: segment.salt, from: start, to: segment.size)
            while entries.count < limit, cursor.offset - start < Self.largestReading {
                let place = cursor.offset
                switch try cursor.next() {
                case .end:
                    return segment.size
                case .damage(let range):
                    note(.unreadable, segment.number, range)
                case .frame(let kind):
                    guard isWanted(kind) else { continue }
                    let entry = cursor.withPayload { payload in Result { () throws(MalformedEntry) in try EntryCodec.decode(kind, payload) }
                    }
                    switch entry {
                    case .success(let entry?): entries.append(entry)
                    case .success(nil): break
                    case .failure: note(.unreadable, segment.number, place..<cursor.offset)
                    }
                }
            }
            return cursor.offset
        } catch {
            throw JournalError("\(path) cannot be read: \(error)")
        }
    }

    private func note(_ kind: JournalDamage.Kind, _ segment: UInt64, _ range: Range<UInt64>) {
        table.withLock { $0.note(JournalDamage(kind: kind, segment: segment, range: range)) }
    }

    /// Runs `body` once, as soon as something is durable behind a place: at once when it is, else on the journal's thread.
    /// There is one such wish at a time; a later one takes the place of an earlier.
    package func whenDurable(beyond place: JournalPosition, run body: @escaping @Sendable () -> Void) {
        let already = table.withLock { table in
            let more = table.bytes(after: place) > 0
            table.listener = more ? nil : body
            return more
        }
        if already { body() }
    }
}
