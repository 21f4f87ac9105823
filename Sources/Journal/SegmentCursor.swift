import GatewayCore

/// Goes through a segment's frames from an offset on, a window of the file in memory at a time.
struct SegmentCursor {
    /// What stands at the cursor's place.
    enum Step {
        /// A frame that passes its checksum; its payload is ``SegmentCursor/withPayload(_:)``.
        case frame(EntryKind)
        /// Bytes that are no frame, up to the next one that is or to the end.
        case damage(Range<UInt64>)
        case end
    }

    private let file: Descriptor
    private let salt: Frame.Salt
    private let window: Int
    /// Where the segment's last entry ends.
    private let end: UInt64
    private var buffer: [UInt8] = []
    private var bufferStart: UInt64 = 0
    private var payload: Range<Int> = 0..<0
    /// Where the next step begins.
    private(set) var offset: UInt64

    init(file: Descriptor, salt: Frame.Salt, from offset: UInt64, to end: UInt64, window: Int = 1 << 18) {
        self.file = file
        self.salt = salt
        self.window = window
        self.offset = max(offset, UInt64(SegmentHeader.size))
        self.end = end
    }

    /// The step at the cursor, which moves behind it.
    mutating func next() throws(SystemError) -> Step {
        guard offset < end else { return .end }
        if let (kind, size) = try frame(at: offset) {
            offset += size
            return .frame(kind)
        }
        let start = offset
        var probe = start + 1
        while let candidate = try marker(from: probe) {
            if try frame(at: candidate) != nil {
                offset = candidate
                return .damage(start..<candidate)
            }
            probe = candidate + 1
        }
        offset = end
        return .damage(start..<end)
    }

    /// Lends the payload of the frame that ``next()`` has just returned.
    func withPayload<Value, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Value) throws(Failure) -> Value {
        try buffer[...].withRawBytes { bytes throws(Failure) -> Value in
            try body(UnsafeRawBufferPointer(rebasing: bytes[payload]))
        }
    }

    /// A whole frame that passes its checksum.
    private mutating func frame(at place: UInt64) throws(SystemError) -> (EntryKind, UInt64)? {
        guard let head = try load(place, Frame.headerSize) else { return nil }
        guard let (kind, length, sum) = buffer.withUnsafeBytes({ Frame.header(UnsafeRawBufferPointer(rebasing: $0[head])) }) else {
            return nil
        }
        guard let whole = try load(place, Frame.headerSize + length) else { return nil }
        let actual = buffer.withUnsafeBytes { Frame.frameChecksum(UnsafeRawBufferPointer(rebasing: $0[whole]), salt: salt) }
        guard actual == sum else { return nil }
        payload = whole.lowerBound + Frame.headerSize..<whole.upperBound
        return (kind, UInt64(whole.count))
    }

    /// The next place at or after `place` where a frame's marker stands.
    private mutating func marker(from place: UInt64) throws(SystemError) -> UInt64? {
        var place = place
        while let head = try load(place, 2) {
            let found = buffer.withUnsafeBytes { bytes -> Int? in
                var index = head.lowerBound
                while index + 1 < bytes.count {
                    if bytes[index] == 0xFF, bytes[index + 1] == 0xFE { return index }
                    index += 1
                }
                return nil
            }
            if let found { return bufferStart + UInt64(found) }
            // The last byte may be the first half of a marker.
            place = bufferStart + UInt64(buffer.count - 1)
        }
        return nil
    }

    /// Where in the buffer the bytes of `place` stand; nil when the segment ends before they do.
    private mutating func load(_ place: UInt64, _ count: Int) throws(SystemError) -> Range<Int>? {
        guard place <= end, UInt64(count) <= end - place else { return nil }
        if place < bufferStart || place + UInt64(count) > bufferStart + UInt64(buffer.count) {
            let wanted = min(UInt64(max(count, window)), end - place)
            buffer = try file.read(at: place, count: Int(wanted))
            bufferStart = place
        }
        let start = Int(place - bufferStart)
        guard start + count <= buffer.count else { return nil }
        return start..<start + count
    }
}
