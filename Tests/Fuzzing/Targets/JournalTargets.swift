import GatewayCore
import Glibc
import LedgerConformance

@testable import Journal

extension FuzzTarget {
    /// One entry: the first byte is its kind, the others its payload. And the same bytes as a line of a log.
    static let entry = FuzzTarget("entry", maximumLength: 1024, shortRun: 4000) { bytes in
        guard let first = bytes.first else { return false }
        let line = String(decoding: bytes, as: UTF8.self)
        if let entry = try? JournalLine.decode(line) {
            try promise(JournalLine.encode(entry).flatMap { try JournalLine.decode($0) } == entry, "an entry's line is another entry")
            return true
        }
        if let header = try SegmentHeader.decode(bytes) {
            try promise(
                header.encoded.elementsEqual(bytes.prefix(SegmentHeader.size)), "a segment's header is another when it is written out")
            return true
        }
        let kind = EntryKind(rawValue: first)
        let payload = bytes.dropFirst()
        let entry: JournalEntry?
        do throws(MalformedEntry) {
            entry = try decode(kind, payload)
        } catch {
            try promise(!error.description.isEmpty, "an error without words")
            return false
        }
        guard let entry else {
            try promise(kind.mayBeSkipped, "an entry of kind \(first) is passed over")
            return false
        }
        try promise(entry.kind == kind, "an entry of another kind")
        try promise(payload.withRawBytes { try EntryCodec.callID(kind, $0) } == entry.callID, "the entry is about another call")
        var writer = ByteWriter(capacity: bytes.count)
        EntryCodec.encode(entry, into: &writer)
        try promise(decode(kind, writer.bytes[...]) == entry, "an entry that is written out is another")
        try promise(writer.bytes.count <= payload.count, "an entry grows when it is written out again")
        return true
    }

    private static func decode(_ kind: EntryKind, _ payload: ArraySlice<UInt8>) throws(MalformedEntry) -> JournalEntry? {
        try payload.withRawBytes { (bytes) throws(MalformedEntry) in try EntryCodec.decode(kind, bytes) }
    }

    /// A segment put together as the input says, good frames among damage: those that a plain search finds are found, the good ones
    /// among them, and each byte is accounted for.
    static let segment = FuzzTarget("segment", maximumLength: 512, shortRun: 3000) { bytes in
        let plan = SegmentPlan(bytes)
        guard let file = tmpfile() else { throw BrokenPromise(description: "there is no room for a file") }
        defer { fclose(file) }
        let written = plan.bytes.withUnsafeBytes { pwrite(fileno(file), $0.baseAddress, $0.count, 0) }
        guard written == plan.bytes.count else { throw BrokenPromise(description: "the file cannot be written") }
        // A window smaller than most frames, and all at once.
        for window in [13, 1 << 18] {
            var cursor = SegmentCursor(
                file: Descriptor(number: dup(fileno(file))), salt: SegmentPlan.salt, from: 0, to: UInt64(plan.bytes.count), window: window)
            var frames: [[UInt8]] = []
            var place = UInt64(SegmentHeader.size)
            reading: while true {
                switch try cursor.next() {
                case .frame(let kind):
                    let payload = cursor.withPayload { Array($0) }
                    frames.append([kind.rawValue] + payload)
                    place += UInt64(Frame.headerSize + payload.count)
                case .damage(let range):
                    try promise(range.lowerBound == place && !range.isEmpty, "damage at \(range), behind \(place)")
                    place = range.upperBound
                case .end:
                    break reading
                }
                try promise(cursor.offset == place, "the cursor is at \(cursor.offset), not at \(place)")
            }
            try promise(place == max(UInt64(plan.bytes.count), UInt64(SegmentHeader.size)), "the segment is read up to \(place)")
            try promise(frames == plan.found, "\(plan.found.count) frames, \(frames.count) found in windows of \(window)")
        }
        var rest = plan.frames[...]
        for frame in plan.found where frame == rest.first { rest.removeFirst() }
        try promise(rest.isEmpty || plan.hasCut, "of \(plan.frames.count) good frames \(rest.count) are lost")
        return !plan.frames.isEmpty
    }
}

/// A segment's bytes, and the frames in it that are good.
private struct SegmentPlan {
    static let salt = Frame.Salt(journal: JournalID(bytes: (0..<16).map { UInt8($0) }))
    private(set) var bytes = [UInt8](repeating: 0, count: SegmentHeader.size)
    private(set) var frames: [[UInt8]] = []
    /// Whether a frame was cut off: with the bytes behind it, which may be a good frame's, it may be whole again.
    private(set) var hasCut = false

    /// Steps of two bytes, what and how much: a record's frame, a frame around bytes of the input, the same with a byte changed or its end cut off,
    /// a frame of another journal, or just bytes.
    init(_ input: [UInt8]) {
        var input = input[...]
        while bytes.count < 4096, let step = input.popFirst(), let amount = input.popFirst() {
            switch step % 8 {
            case 0, 1:
                var maker = RecordMaker(seed: UInt64(amount))
                if let frame = Frame.encode(.settled(maker.record()), salt: Self.salt) { add(frame, isGood: true) }
            case 2, 3:
                add(Self.frame(input.prefix(Int(amount)), kind: step, salt: Self.salt), isGood: true)
                input = input.dropFirst(Int(amount))
            case 4:
                var frame = Self.frame(input.prefix(40), kind: step, salt: Self.salt)
                frame[Int(amount) % frame.count] ^= 1 << (amount & 7)
                add(frame, isGood: false)
            case 5:
                let frame = Self.frame(input.prefix(40), kind: step, salt: Self.salt)
                add(Array(frame.prefix(Int(amount) % frame.count)), isGood: false)
                hasCut = true
            case 6:
                add(Self.frame(input.prefix(Int(amount)), kind: step, salt: .none), isGood: false)
            default:
                bytes += input.prefix(Int(amount))
                input = input.dropFirst(Int(amount))
            }
        }
    }

    /// What stands in the bytes, tried at every place.
    var found: [[UInt8]] {
        var found: [[UInt8]] = []
        bytes.withUnsafeBytes { bytes in
            var place = SegmentHeader.size
            while place + Frame.headerSize <= bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[place...])
                place += 1
                guard let (kind, length, sum) = Frame.header(rest), Frame.headerSize + length <= rest.count else { continue }
                let frame = UnsafeRawBufferPointer(rebasing: rest[..<(Frame.headerSize + length)])
                guard Frame.frameChecksum(frame, salt: Self.salt) == sum else { continue }
                found.append([kind.rawValue] + frame.dropFirst(Frame.headerSize))
                place += frame.count - 1
            }
        }
        return found
    }

    private mutating func add(_ frame: [UInt8], isGood: Bool) {
        bytes += frame
        if isGood { frames.append([frame[2]] + frame.dropFirst(Frame.headerSize)) }
    }

    private static func frame(_ payload: ArraySlice<UInt8>, kind: UInt8, salt: Frame.Salt) -> [UInt8] {
        var writer = ByteWriter(capacity: Frame.headerSize + payload.count)
        writer.append([0xFF, 0xFE, kind, 0])
        writer.little32(UInt32(payload.count))
        writer.little32(0)
        writer.append(payload)
        let sum = writer.bytes.withUnsafeBytes { Frame.frameChecksum($0, salt: salt) }
        writer.overwrite(little32: sum, at: 8)
        return writer.bytes
    }
}
