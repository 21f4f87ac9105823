import GatewayCore

/// What a folder holds when a journal is opened.
struct JournalOpening {
    var identity: JournalID
    var table: SegmentTable

    /// Goes through all segments: sizes, open holds, damage. Cuts a torn end off the last one when there is a storage to do so with.
    static func scan(_ folder: JournalFolder, storage: JournalStorage?) throws(JournalError) -> JournalOpening {
        do {
            return try scan(folder, numbers: folder.segments(), storage: storage)
        } catch let error as JournalError {
            throw error
        } catch {
            throw JournalError("the journal \(folder.path) cannot be read: \(error)")
        }
    }

    private static func scan(_ folder: JournalFolder, numbers: [UInt64], storage: JournalStorage?) throws -> JournalOpening {
        var table = SegmentTable()
        var headers: [UInt64: SegmentHeader] = [:]
        for number in numbers {
            let file = try Descriptor(path: folder.path(ofSegment: number), flags: readOnly)
            let header = try SegmentHeader.decode(file.read(at: 0, count: SegmentHeader.size))
            if let header, header.segment == number { headers[number] = header }
        }
        let identity = numbers.reversed().lazy.compactMap { headers[$0]?.journal }.first ?? JournalID()
        for number in numbers {
            let salt = Frame.Salt(journal: headers[number]?.journal ?? identity)
            let path = folder.path(ofSegment: number)
            let file = try Descriptor(path: path, flags: storage == nil ? readOnly : readWrite, orReading: true)
            let size = try max(file.state().size, UInt64(SegmentHeader.size))
            table.segments.append(SegmentInfo(number: number, salt: salt, size: size))
            if headers[number] == nil {
                table.note(JournalDamage(kind: .header, segment: number, range: 0..<UInt64(SegmentHeader.size)))
            }
            var found: [JournalDamage] = []
            var entries = 0
            var cursor = SegmentCursor(file: file, salt: salt, from: 0, to: size, window: 1 << 20)
            steps: while true {
                let place = JournalPosition(segment: number, offset: cursor.offset)
                switch try cursor.next() {
                case .end:
                    break steps
                case .damage(let range):
                    found.append(JournalDamage(kind: .unreadable, segment: number, range: range))
                case .frame(let kind):
                    guard kind.isKnown || kind.mayBeSkipped else {
                        throw JournalError("\(path) has entries of kind \(kind.rawValue), made by a newer gateway")
                    }
                    entries += 1
                    let id = cursor.withPayload { try? EntryCodec.callID(kind, $0) }
                    table.note(kind, id ?? nil, at: place)
                }
            }
            let index = table.segments.count - 1
            table.segments[index].entries = entries
            if number == numbers.last, let torn = found.last, torn.range.upperBound == size {
                found.removeLast()
                table.segments[index].size = torn.range.lowerBound
                table.note(JournalDamage(kind: .tornEnd, segment: number, range: torn.range))
                // A disk on which this fails is read to the same place all the same.
                try? storage?.truncate(file.number, torn.range.lowerBound)
            }
            for damage in found { table.note(damage) }
        }
        return JournalOpening(identity: identity, table: table)
    }
}
