/// A request body on its way to the provider: pieces come in, curl takes them out in portions of its own.
///
/// The beginning is kept as long as it may have to be sent again: curl repeats a request whose kept-alive connection turns out to be dead.
struct BodyQueue {
    enum Portion: Equatable {
        case bytes(Int)
        /// Nothing there yet.
        case wait
        /// The body is complete.
        case end
        /// The pieces are more or fewer than the length that was announced.
        case wrongLength
    }

    /// Bytes that curl has not taken yet.
    private(set) var queued = 0
    private(set) var isFinished = false
    private let length: Int64?
    private let replayLimit: Int
    private var pieces: [[UInt8]] = []
    /// Where curl is: a piece, and how far into it.
    private var piece = 0
    private var offset = 0
    private var received: Int64 = 0
    private var taken: Int64 = 0
    /// The beginning has been let go.
    private var hasForgotten = false

    init(length: Int64?, replayLimit: Int = 256 * 1024) {
        self.length = length
        self.replayLimit = replayLimit
    }

    /// A body that is held whole and can be sent again at any time.
    init(whole body: [UInt8]) {
        self.init(length: Int64(body.count), replayLimit: Int.max)
        append(body)
        finish()
    }

    /// Whether curl has taken all there ever will be.
    var isExhausted: Bool { isFinished && queued == 0 || taken == length }

    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty, !isFinished else { return }
        pieces.append(bytes)
        queued += bytes.count
        received += Int64(bytes.count)
    }

    mutating func finish() {
        isFinished = true
    }

    mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Portion {
        if let length, received > length || (isFinished && received < length) { return .wrongLength }
        var copied = 0
        while copied < buffer.count, piece < pieces.count {
            let count = min(buffer.count - copied, pieces[piece].count - offset)
            pieces[piece].withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: buffer[copied..<copied + count]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
            }
            copied += count
            offset += count
            if offset == pieces[piece].count {
                piece += 1
                offset = 0
            }
        }
        queued -= copied
        taken += Int64(copied)
        if taken > replayLimit { forget() }
        if copied > 0 { return .bytes(copied) }
        return isFinished ? .end : .wait
    }

    /// Back to the first byte; false when that is no longer kept.
    mutating func rewind() -> Bool {
        guard taken > 0 else { return true }
        guard !hasForgotten else { return false }
        (piece, offset) = (0, 0)
        queued += Int(taken)
        taken = 0
        return true
    }

    private mutating func forget() {
        hasForgotten = true
        pieces.removeFirst(piece)
        piece = 0
    }
}
