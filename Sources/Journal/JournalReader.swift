package import GatewayCore

/// Reads a journal's folder without taking it: a copy, or what a lost machine has left.
package struct JournalReader: Sendable {
    /// The journal's name in the ledgers.
    package let id: String
    private let folder: JournalFolder
    private let opened: SegmentTable
    private let found: [JournalDamage]

    /// Goes through the folder once; nothing in it is changed.
    package init(folder path: String) throws(JournalError) {
        folder = JournalFolder(path: path)
        let opening = try JournalOpening.scan(folder, storage: nil)
        id = opening.identity.description
        opened = opening.table
        found = opening.table.damage
    }

    /// Whether there is a journal at all.
    var isEmpty: Bool { opened.segments.isEmpty }

    /// What cannot be read.
    package var damage: [JournalDamage] { found }

    /// Calls `body` with each entry in order, and then with the settlement of each call that was never ended, as its hold says.
    ///
    /// - Parameter malformed: Called with what passes its checksum and is no entry all the same.
    package func forEach(
        malformed: (JournalDamage) -> Void = { _ in }, _ body: (JournalEntry) async throws -> Void
    ) async throws {
        var interrupted: [CostRecord] = []
        for segment in opened.segments {
            let file = try Descriptor(path: folder.path(ofSegment: segment.number), flags: readOnly)
            var cursor = SegmentCursor(file: file, salt: segment.salt, from: 0, to: segment.size)
            steps: while true {
                let place = JournalPosition(segment: segment.number, offset: cursor.offset)
                switch try cursor.next() {
                case .end:
                    break steps
                case .damage:
                    continue
                case .frame(let kind):
                    let entry: JournalEntry?
                    do throws(MalformedEntry) {
                        entry = try cursor.withPayload { bytes throws(MalformedEntry) in try EntryCodec.decode(kind, bytes) }
                    } catch {
                        malformed(JournalDamage(kind: .unreadable, segment: segment.number, range: place.offset..<cursor.offset))
                        continue
                    }
                    guard let entry else { continue }
                    if case .held(let record) = entry, opened.holds[record.id] == place { interrupted.append(record) }
                    try await body(entry)
                }
            }
        }
        for record in interrupted { try await body(.settled(record)) }
    }
}
