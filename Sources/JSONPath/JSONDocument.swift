/// A JSON text (RFC 8259), checked as a whole and indexed in one pass.
///
/// Holds the bytes it was given, unchanged, and beside them a tape of eight or sixteen bytes a value through which nodes find their children and
/// skip whole subtrees at once. Parsing takes time linear in the length, whatever the nesting, and no call stack.
///
/// A byte order mark in front is skipped. Where an object repeats a member name, the last member with that name is the one that counts.
package struct JSONDocument: Sendable {
    /// The longest text that is accepted, in bytes: 256 MiB less one.
    package static let maximumByteCount = Tape.maximumOffset

    let storage: JSONStorage

    /// Parses a text and keeps the array as it is.
    ///
    /// - Throws: `JSONError` when the bytes are not exactly one JSON value in UTF-8.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        storage = try JSONStorage(parsing: bytes)
    }

    /// Parses a copy of a text.
    ///
    /// - Throws: `JSONError` when the bytes are not exactly one JSON value in UTF-8.
    package init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
        try self.init(parsing: [UInt8](bytes))
    }

    /// Parses a text that is already a string.
    ///
    /// - Throws: `JSONError` when the text is not exactly one JSON value; its offset counts UTF-8 bytes.
    package init(parsing text: String) throws(JSONError) {
        try self.init(parsing: [UInt8](text.utf8))
    }

    /// The text's one outermost value.
    package var root: JSONNode {
        JSONNode(storage: storage, index: 0)
    }

    /// The text as it was given.
    package var bytes: [UInt8] {
        storage.bytes
    }
}

/// What all nodes of one document share.
///
/// `@unchecked Sendable`: the tape is written before `init` returns and never again, and only `deinit` frees it.
final class JSONStorage: @unchecked Sendable {
    let bytes: [UInt8]
    private let words: UnsafeMutablePointer<UInt64>

    init(parsing bytes: [UInt8]) throws(JSONError) {
        guard bytes.count <= Tape.maximumOffset else { throw JSONError(offset: Tape.maximumOffset, reason: .tooLarge) }
        self.words = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) -> UnsafeMutablePointer<UInt64> in
            guard let base = buffer.baseAddress, !buffer.isEmpty else { throw JSONError(offset: 0, reason: .unexpectedEnd) }
            var parser = JSONParser(bytes: base, count: buffer.count)
            try parser.parse()
            return parser.finish()
        }
        self.bytes = bytes
    }

    deinit {
        words.deallocate()
    }

    /// Lends the tape. The pointers in it are good until `body` returns.
    @inline(__always)
    func withTape<Result, Failure: Error>(_ body: (Tape) throws(Failure) -> Result) throws(Failure) -> Result {
        try bytes.withUnsafeBufferPointer { (buffer) throws(Failure) -> Result in
            // The parser refuses an empty text, so there is a base address; what stands in for it is never read.
            let base = buffer.baseAddress ?? UnsafePointer(UnsafeRawPointer(words).assumingMemoryBound(to: UInt8.self))
            return try body(Tape(bytes: base, words: UnsafePointer(words)))
        }
    }
}
